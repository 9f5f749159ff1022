/* SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/cli/cli.h"
#include "guest/module/fstab.h"
#include "guest/network/network.h"
#include "guest/stage/logging.h"
#include "guest/stage/output.h"
#include "guest/stage/stage.h"

enum { ARENA_MAX = 64 << 20 };

/* What goes wrong with one item is said and the rest is cleaned. */
struct clean {
    struct guest g;
    const struct cli_options *options;
    struct ol_strv kinds; /* --configs, and the words behind it */
    int status;
};

static void note(struct clean *c, int r, const struct ol_err *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "ERROR: Could not remove: %s\n", ol_err_text(err));
    c->status = 1;
}

static void remove_file(struct clean *c, const char *path)
{
    struct ol_err err = OL_ERR_INIT;
    struct stat st;

    if (ol_lstat(c->g.env, path, &st) < 0 || S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
        return;
    note(c, ol_unlink(c->g.env, path, &err), &err);
}

/* Files whose name fits a pattern's last component. */
static void remove_matching(struct clean *c, const char *pattern)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *dir = ol_path_dir(pattern);

    if (!ol_is_dir(c->g.env, dir) || ol_list_dir(c->g.env, dir, &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_path_join(dir, name);

        if (fnmatch(ol_path_base(pattern), name, FNM_PERIOD) == 0)
            remove_file(c, path);
    }
}

static bool wants(const struct clean *c, const char *kind)
{
    return ol_strv_has(&c->kinds, kind) || ol_strv_has(&c->kinds, "all");
}

/* What our renderers write, and upstream's others. */
static void clean_network(struct clean *c)
{
    static const char *const others[] = {
        "/etc/NetworkManager/conf.d/99-cloud-init.conf",
        "/etc/NetworkManager/conf.d/30-cloud-init-ip6-addr-gen-mode.conf",
        "/etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
        "/etc/network/interfaces.d/50-cloud-init.cfg",
    };

    for (size_t i = 0; i < ol_count(others); i++)
        remove_matching(c, others[i]);
    for (size_t i = 0; net_renderers[i]; i++)
        for (const char *const *p = net_renderers[i]->owned; p && *p; p++)
            remove_matching(c, *p);
}

static void clean_logs(struct clean *c)
{
    static const char *const modes[] = {"init", "config", "final"};

    remove_file(c, stage_log_path(c->g.arena, c->g.cfg));
    for (size_t i = 0; i < ol_count(modes); i++) {
        struct output_plan plan = output_decide(c->g.arena, c->g.cfg, modes[i]);
        const char *const targets[] = {plan.out, plan.err};

        for (size_t k = 0; k < ol_count(targets); k++) {
            const char *slash = targets[k] ? strchr(targets[k], '/') : NULL;

            if (slash && !strpbrk(slash, " \t|;&"))
                remove_file(c, slash);
        }
    }
}

static void clean_state(struct clean *c)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    if (!ol_is_dir(c->g.env, c->g.paths.cloud_dir)) {
        fputs("Artifacts already cleaned.\n", stderr);
        return;
    }
    note(c, ol_list_dir(c->g.env, c->g.paths.cloud_dir, &names, &err), &err);
    ol_strv_each (name, &names) {
        if (c->options->seed || strcmp(name, "seed"))
            note(c, ol_remove_tree(c->g.env, guest_cloud_path(&c->g, name), &err), &err);
    }
}

/* What they print is for who cleans: upstream shows it too. */
static bool hook_succeeds(struct clean *c, const char *path)
{
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const char *const argv[] = {path, NULL};
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_INHERIT};
    struct ol_err err = OL_ERR_INIT;

    if (ol_spawn_run(c->g.env, &spawn, &result, &err) < 0) {
        fprintf(stderr, "ERROR: %s\n", ol_err_text(&err));
        return false;
    }
    return result.status == 0;
}

/* /etc/cloud/clean.d: whoever put something there wants to clean too. */
static void run_hooks(struct clean *c)
{
    static const char dir[] = "/etc/cloud/clean.d";
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT, failed = OL_STRV_INIT;
    ol_autofree char *list = NULL;
    size_t n_run = 0;

    if (!ol_is_dir(c->g.env, dir) || ol_list_dir(c->g.env, dir, &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_path_join(dir, name);

        if (!ol_is_executable(c->g.env, path))
            continue;
        n_run++;
        if (!hook_succeeds(c, path))
            ol_strv_add(&failed, name);
    }
    if (!failed.n)
        return;
    list = ol_strv_join(&failed, ",");
    fprintf(stderr,
            "ERROR: Failure during run-parts of %s: Runparts: %zu failures (%s) in %zu attempted"
            " commands\n",
            dir, failed.n, list, n_run);
    c->status = 1;
}

static void clean_machine_id(struct clean *c)
{
    struct ol_err err = OL_ERR_INIT;

    if (!ol_is_dir(c->g.env, "/run/systemd/system") && !ol_exists(c->g.env, "/lib/systemd/systemd"))
        note(c, ol_unlink(c->g.env, "/etc/machine-id", &err), &err);
    else
        note(c, ol_file_puts(c->g.env, "/etc/machine-id", "uninitialized\n", 0444, 0, &err), &err);
}

/* Our lines leave fstab; the others stay as they are. */
static void clean_fstab(struct clean *c)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(1 << 20), text = OL_BUF_INIT(1 << 20);
    ol_auto(ol_strv_done) struct ol_strv changes = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;

    if (!ol_exists(c->g.env, "/etc/fstab"))
        return;
    if (ol_file_read(c->g.env, "/etc/fstab", &old, &err) < 0) {
        note(c, -1, &err);
        return;
    }
    fstab_rewrite(old.data, NULL, 0, &text, &changes);
    if (changes.n)
        note(c, ol_file_write_buf(c->g.env, "/etc/fstab", &text, 0644, OL_WRITE_KEEP_MODE, &err),
             &err);
}

int cmd_clean(struct ol_cli *cli, int argc, char **argv)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(ARENA_MAX);
    static const char *const known[] = {"all",        "ssh_config", "network",
                                        "datasource", "fstab",      NULL};
    static const char *const reboot[] = {"shutdown", "-r", "now", NULL};
    struct cli_context *ctx = cli->ctx;
    struct clean c = {.options = &ctx->options};
    struct ol_err err = OL_ERR_INIT;

    ol_strv_add_all(&c.kinds, (const char *const *)ctx->options.configs.v);
    for (int i = 0; i < argc; i++) {
        if (!c.kinds.n || !ol_str_in(argv[i], known)) {
            fprintf(stderr, "cloud-init: clean does not take '%s'\n", argv[i]);
            ol_strv_done(&c.kinds);
            return cli->program->misuse_status;
        }
        ol_strv_add(&c.kinds, argv[i]);
    }
    stage_open_guest(&c.g, &ctx->env, &arena);
    if (c.options->logs)
        clean_logs(&c);
    if (wants(&c, "network"))
        clean_network(&c);
    if (wants(&c, "ssh_config"))
        remove_file(&c, "/etc/ssh/sshd_config.d/50-cloud-init.conf");
    if (wants(&c, "fstab"))
        clean_fstab(&c);
    clean_state(&c);
    run_hooks(&c);
    if (c.options->machine_id)
        clean_machine_id(&c);
    ol_strv_done(&c.kinds);
    if (c.status == 0 && c.options->reboot && ol_run(&ctx->env, reboot, NULL, &err) < 0) {
        fprintf(stderr, "ERROR: Could not reboot this system: %s\n", ol_err_text(&err));
        c.status = 1;
    }
    return c.status;
}
