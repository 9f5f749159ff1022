/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "guest/cli/boot-status.h"
#include "guest/cli/cli.h"
#include "guest/stage/stage.h"

enum {
    ARENA_MAX = 64 << 20,
    OUTPUT_MAX = 4 << 20,
    LOOK_MS = 1000, /* a change that inotify missed is seen after this */
};

static void names_of(const struct boot_status *s, const char **ret_status,
                     const char **ret_extended, struct ol_arena *a)
{
    const char *running = boot_running_name(s->running);
    bool is_shown = s->running == BOOT_DONE || s->running == BOOT_RUNNING;

    *ret_status = s->condition == BOOT_ERROR ? "error" : running;
    *ret_extended = running;
    if (s->condition == BOOT_ERROR)
        *ret_extended = ol_arena_printf(a, "error - %s", running);
    else if (s->condition == BOOT_DEGRADED && is_shown)
        *ret_extended = ol_arena_printf(a, "degraded %s", running);
}

static struct ol_val *as_value(struct ol_arena *a, const struct boot_status *s)
{
    struct ol_val *v = ol_val_new_map(a);
    const char *status, *extended;

    names_of(s, &status, &extended, a);
    ol_val_set_str(a, v, "datasource", s->datasource);
    ol_val_set_str(a, v, "boot_status_code", s->code);
    ol_val_set_str(a, v, "status", status);
    ol_val_set_str(a, v, "extended_status", extended);
    ol_val_set_str(a, v, "detail", s->detail);
    ol_val_set(a, v, "errors", s->errors);
    ol_val_set(a, v, "recoverable_errors", s->recoverable);
    ol_val_set_str(a, v, "last_update", s->last_update);
    for (size_t i = 0; i < ol_val_count(s->v1); i++) {
        const struct ol_pair *pair = ol_val_pair(s->v1, i);
        const char *key = ol_val_str(pair->key);

        if (key && strcmp(key, "datasource"))
            ol_val_set(a, v, key, pair->value);
    }
    return v;
}

static void print_list(struct ol_arena *a, const struct ol_val *items)
{
    for (size_t i = 0; i < ol_val_count(items); i++) {
        char *text = ol_arena_strdup(a, ol_val_to_text(a, ol_val_item(items, i)));

        for (char *p = text; *p; p++)
            if (*p == '\n')
                *p = ' ';
        printf("\n\t- %s", text);
    }
}

static void print_long(struct ol_arena *a, const struct boot_status *s, const char *extended)
{
    printf("extended_status: %s\nboot_status_code: %s\n", extended, s->code);
    if (*s->last_update)
        printf("last_update: %s\n", s->last_update);
    printf("detail: %s\nerrors:", s->detail);
    print_list(a, s->errors);
    fputs(ol_val_count(s->errors) ? "" : " []", stdout);
    fputs("\nrecoverable_errors:", stdout);
    for (size_t i = 0; i < ol_val_count(s->recoverable); i++) {
        const struct ol_pair *pair = ol_val_pair(s->recoverable, i);

        printf("\n%s:", ol_val_to_text(a, pair->key));
        print_list(a, pair->value);
    }
    puts(ol_val_count(s->recoverable) ? "" : " {}");
}

static int print_document(struct ol_arena *a, const struct boot_status *s, const char *format)
{
    static const struct ol_json_style pretty = {.indent = 2,
                                                .sort_keys = true,
                                                .item_separator = ",",
                                                .key_separator = ": ",
                                                .escape_non_ascii = true};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(OUTPUT_MAX);
    const struct ol_val *v = as_value(a, s);
    int r = strcmp(format, "json") ? ol_yaml_dump(v, &ol_yaml_cloud_init, &text)
                                   : ol_json_dump(v, &pretty, &text);

    if (r < 0) {
        fputs("cloud-init: the status cannot be shown\n", stderr);
        return 1;
    }
    puts(text.data);
    return 0;
}

static int print_status(struct ol_arena *a, const struct boot_status *s,
                        const struct cli_options *o)
{
    const char *status, *extended;

    if (o->status_format && strcmp(o->status_format, "tabular"))
        return print_document(a, s, o->status_format);
    names_of(s, &status, &extended, a);
    printf("status: %s\n", status);
    if (o->is_long)
        print_long(a, s, extended);
    return 0;
}

static int exit_status(const struct boot_status *s)
{
    static const int statuses[] = {[BOOT_PEACHY] = 0, [BOOT_ERROR] = 1, [BOOT_DEGRADED] = 2};

    return statuses[s->condition];
}

/* Sleeps until something changes in the run directory, without asking again and again. */
static void await_change(int watch, const char *dir)
{
    struct pollfd p = {.fd = watch, .events = POLLIN};
    char events[4096];

    if (watch >= 0 && inotify_add_watch(watch, dir, IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0)
        p.fd = -1; /* the directory is not there yet */
    if (poll(&p, 1, LOOK_MS) > 0 && read(watch, events, sizeof(events)) < 0)
        return;
}

int cmd_status(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    struct cli_context *ctx = cli->ctx;
    bool is_tabular = !ctx->options.status_format || !strcmp(ctx->options.status_format, "tabular");
    ol_autoclose int watch = -1;
    struct boot_status status;
    struct guest g;

    stage_open_guest_paths(&g, &ctx->env, &arena);
    boot_status_read(&g, &status);
    if (ctx->options.wait)
        watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    while (ctx->options.wait
           && (status.running == BOOT_NOT_STARTED || status.running == BOOT_RUNNING)) {
        ol_autofree char *dir = ol_path_join(ctx->env.root, g.paths.run_dir + 1);

        if (is_tabular) {
            fputc('.', stdout);
            fflush(stdout);
        }
        await_change(watch, dir);
        ol_arena_done(&arena);
        stage_open_guest_paths(&g, &ctx->env, &arena);
        boot_status_read(&g, &status);
    }
    if (print_status(&arena, &status, &ctx->options))
        return 1;
    return exit_status(&status);
}
