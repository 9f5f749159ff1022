/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/console.h"
#include "guest/module/module.h"

enum { KEYS_MAX = 1 << 20 };

/* The package's script; it knows ssh-keygen's output and people replace it. */
static const char helper[] = "/usr/lib/cloud-init/write-ssh-key-fingerprints";

static char *joined_list(struct guest *g, const struct ol_val *cfg, const char *key)
{
    ol_auto(ol_strv_done) struct ol_strv items = OL_STRV_INIT;

    cfg_list(g->arena, cfg, key, &items);
    return ol_strv_join(&items, ",");
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_autofree char *no_fingerprint = joined_list(g, call->cfg, "ssh_fp_console_blacklist");
    ol_autofree char *no_key = joined_list(g, call->cfg, "ssh_key_console_blacklist");
    const char *const argv[] = {helper, no_fingerprint, no_key, NULL};
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(KEYS_MAX);
    ol_autofree char *keys = NULL;
    int r;

    if (cfg_is_false(ol_val_at(call->cfg, "ssh/emit_keys_to_console"))) {
        ol_debug(g->env, "Skipping module named %s, logging of SSH host keys disabled", call->name);
        return 0;
    }
    if (!ol_exists(g->env, helper)) {
        ol_warn(g->env, "Unable to activate module %s, helper tool not found at %s", call->name,
                helper);
        return 0;
    }
    r = ol_run(g->env, argv, &out, err);
    if (r < 0) {
        ol_warn(g->env, "Writing keys to the system console failed!");
        return r;
    }
    keys = ol_str_stripped(out.data);
    console_write(g, ol_arena_printf(g->arena, "%s\n", keys), CONSOLE_CONSOLE, 0);
    return 0;
}

const struct module module_keys_to_console = {
    .name = "keys_to_console",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
