/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

/* The module that an entry of cloud_final_modules names: text, [name, ...] or {name: ...}. */
static const struct module *entry_module(const struct ol_val *entry)
{
    const char *name = ol_val_str(entry);

    if (ol_val_is(entry, OL_VAL_LIST))
        name = ol_val_str(ol_val_item(entry, 0));
    else if (ol_val_is(entry, OL_VAL_MAP))
        name = ol_val_str(ol_val_get(entry, "name"));
    return name ? module_find(name) : NULL;
}

static bool will_run(const struct ol_val *modules)
{
    if (!ol_val_is(modules, OL_VAL_LIST))
        return true;
    for (size_t i = 0; i < ol_val_count(modules); i++)
        if (entry_module(ol_val_item(modules, i)) == &module_scripts_user)
            return true;
    return false;
}

/* cloud-init 26.2 cc_runcmd.py: writes the script that scripts_user runs in the final stage. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf script = OL_BUF_INIT(MODULE_SCRIPT_MAX);
    const struct ol_val *commands = ol_val_get(call->cfg, "runcmd");
    const char *path = guest_instance_path(g, "scripts/runcmd");
    int r = module_shellify(commands, &script, err);

    if (r < 0)
        return ol_err_prefix(err, r, "Failed to shellify 'runcmd' into file %s", path);
    if (ol_val_count(commands) && !will_run(ol_val_get(g->cfg, "cloud_final_modules")))
        ol_warn(g->env,
                "runcmd will never run: 'scripts_user' is missing from cloud_final_modules");
    return ol_file_write_buf(g->env, path, &script, 0700, OL_WRITE_PARENTS, err);
}

static const char *const keys[] = {"runcmd", NULL};

const struct module module_runcmd = {
    .name = "runcmd",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .run = run,
};
