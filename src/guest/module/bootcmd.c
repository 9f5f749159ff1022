/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

/* A script of our own in a directory that anybody may write to: never through what is there. */
static int write_script(struct guest *g, const char *path, const struct ol_buf *script,
                        struct ol_err *err)
{
    int r = ol_mkdir_p(g->env, guest_run_path(g, "tmp"), 01777, err);

    if (r == 0)
        r = ol_unlink(g->env, path, err);
    if (r == 0)
        r = ol_file_write_buf(g->env, path, script, 0600, OL_WRITE_EXCL, err);
    return r;
}

/* cloud-init 26.2 cc_bootcmd.py: one script of all commands, run at once. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf script = OL_BUF_INIT(MODULE_SCRIPT_MAX);
    const char *path = ol_arena_printf(g->arena, "%s/tmp%d.sh", guest_run_path(g, "tmp"), getpid());
    const char *const argv[] = {"/bin/sh", path, NULL};
    const char *const env[] = {
        ol_arena_printf(g->arena, "INSTANCE_ID=%s", guest_instance_id(g)),
        NULL,
    };
    int r = module_shellify(ol_val_get(call->cfg, "bootcmd"), &script, err);

    if (r < 0)
        return ol_err_prefix(err, r, "Failed to shellify bootcmd");
    r = write_script(g, path, &script, err);
    if (r < 0)
        return r;
    r = module_run_shown(g->env, argv, env, err);
    /* Users search the log for this sentence; the failure itself is told by the caller. */
    if (r < 0)
        ol_warn(g->env, "Failed to run bootcmd module %s", call->name);
    if (ol_unlink(g->env, path, NULL) < 0)
        ol_debug(g->env, "%s stays behind", path);
    return r;
}

static const char *const keys[] = {"bootcmd", NULL};

const struct module module_bootcmd = {
    .name = "bootcmd",
    .frequency = FREQ_ALWAYS,
    .keys = keys,
    .flags = MODULE_USER_CODE,
    .run = run,
};
