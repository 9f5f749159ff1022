/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/cli/boot-status.h"
#include "guest/cli/cli.h"
#include "guest/stage/stage.h"

enum {
    ARENA_MAX = 64 << 20,
    DATA_MAX = 16 << 20,
};

int cmd_features(struct ol_cli *cli, int argc, char **argv)
{
    puts("NETWORK_CONFIG_V1\nNETWORK_CONFIG_V2");
    return 0;
}

static const char *key_or(const struct ol_val *v1, const char *key)
{
    const char *text = ol_val_str(ol_val_get(v1, key));

    return text && *text ? text : "unknown";
}

static int print_cloud_id(struct ol_arena *a, struct ol_val *v1, const struct cli_options *o)
{
    static const struct ol_json_style style = {.indent = 1,
                                               .sort_keys = true,
                                               .item_separator = ",",
                                               .key_separator = ": ",
                                               .escape_non_ascii = true};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    const char *name = key_or(v1, "cloud_name");
    const char *id = strcmp(name, "unknown") ? name : key_or(v1, "platform");

    if (!o->json) {
        const struct ol_val *region = ol_val_get(v1, "region");

        /* Python's None is what a cloud without regions has always shown. */
        printf(o->is_long ? "%s\t%s\n" : "%s\n", id,
               region ? ol_val_to_text(a, region) : "unknown");
        return 0;
    }
    fputs("DEPRECATED: Use: cloud-init query v1\n", stderr);
    ol_val_set_str(a, v1, "cloud_id", id);
    if (ol_json_dump(v1, &style, &text) < 0)
        return 1;
    puts(text.data);
    return 0;
}

int cmd_cloud_id(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    struct cli_context *ctx = cli->ctx;
    const char *path = ctx->options.instance_data;
    struct boot_status status;
    struct ol_val *data = NULL, *v1;
    struct guest g;

    stage_open_guest_paths(&g, &ctx->env, &arena);
    boot_status_read(&g, &status);
    if (status.running == BOOT_DISABLED || status.running == BOOT_NOT_STARTED) {
        puts(boot_running_name(status.running));
        return status.running == BOOT_DISABLED ? 2 : 3;
    }
    path = path ? path : guest_run_path(&g, "instance-data.json");
    if (ol_file_read(&ctx->env, path, &text, NULL) < 0) {
        fprintf(stderr,
                "Error:\nFile not found '%s'. Provide a path to instance data json file using"
                " --instance-data\n",
                path);
        return 1;
    }
    if (ol_json_load(text.data, text.len, &arena, &data, NULL) < 0) {
        fprintf(stderr, "Error:\nFile '%s' is not valid json.\n", path);
        return 1;
    }
    v1 = ol_val_get_mut(data, "v1");
    return print_cloud_id(&arena, v1 ? v1 : ol_val_new_map(&arena), &ctx->options);
}

/* Runs the command and notes its status; upstream's file and content. */
static int run_and_note(struct ol_env *env, char **command, const char *sem)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = (const char *const *)command, .flags = OL_SPAWN_INHERIT};
    ol_autofree char *line = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r = ol_spawn_run(env, &spawn, &result, &err);

    if (r < 0) {
        fprintf(stderr, "cloud-init-per: %s\n", ol_err_text(&err));
        result.status = r == -ENOENT ? 127 : 126;
    }
    line = ol_xasprintf("%d\t%lld\n", result.status, (long long)(ol_now_wall(env) / OL_SECOND));
    if (ol_file_puts(env, sem, line, 0644, OL_WRITE_PARENTS, &err) < 0) {
        fprintf(stderr, "cloud-init-per: %s\n", ol_err_text(&err));
        return 1;
    }
    return result.status;
}

int cmd_per(struct ol_cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name, *dir;
    } frequencies[] = {{"once", "/var/lib/cloud/sem"},
                       {"always", "/var/lib/cloud/sem"},
                       {"instance", "/var/lib/cloud/instance/sem"}};
    struct cli_context *ctx = cli->ctx;
    ol_autofree char *name = NULL, *sem = NULL;

    if (argc < 3) {
        fputs("Usage: cloud-init-per frequency name cmd [ arg1 [ arg2 [ ... ] ]\n", stderr);
        return 1;
    }
    name = ol_str_tr(ol_xstrdup(argv[1]), '-', '_');
    if (strchr(name, '/')) {
        fputs("cloud-init-per: name cannot contain a /\n", stderr);
        return 1;
    }
    if (geteuid()) {
        fputs("cloud-init-per: must be root\n", stderr);
        return 1;
    }
    for (size_t i = 0; i < ol_count(frequencies); i++)
        if (!strcmp(frequencies[i].name, argv[0]))
            sem = ol_xasprintf("%s/bootper.%s.%s", frequencies[i].dir, name, argv[0]);
    if (!sem) {
        fprintf(stderr, "cloud-init-per: invalid frequency: %s\n", argv[0]);
        return 1;
    }
    if (strcmp(argv[0], "always") && ol_exists(&ctx->env, sem))
        return 0;
    return run_and_note(&ctx->env, argv + 2, sem);
}
