/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"
#include "guest/base/guest.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

/* The modules that run the scripts of one directory; cloud-init 26.2 cc_scripts_*.py. */

static int run_dir(struct guest *g, const struct module_call *call, const char *dir,
                   const struct ol_val *prefix, struct ol_err *err)
{
    int r = module_run_parts(g, dir, prefix, err);

    if (r < 0) /* beside the error that says which: the line that users look for */
        ol_warn(g->env, "Failed to run module %s (%s in %s)", call->name, ol_path_base(dir), dir);
    return r;
}

static int run_per_boot(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return run_dir(g, call, guest_cloud_path(g, "scripts/per-boot"), NULL, err);
}

static int run_per_instance(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return run_dir(g, call, guest_cloud_path(g, "scripts/per-instance"), NULL, err);
}

static int run_per_once(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return run_dir(g, call, guest_cloud_path(g, "scripts/per-once"), NULL, err);
}

static int run_user(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return run_dir(g, call, guest_instance_path(g, "scripts"), NULL, err);
}

static int run_vendor(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return run_dir(g, call, guest_instance_path(g, "scripts/vendor"),
                   ol_val_at(call->cfg, "vendor_data/prefix"), err);
}

const struct module module_scripts_per_boot = {
    .name = "scripts_per_boot",
    .frequency = FREQ_ALWAYS,
    .flags = MODULE_USER_CODE,
    .run = run_per_boot,
};

const struct module module_scripts_per_instance = {
    .name = "scripts_per_instance",
    .frequency = FREQ_INSTANCE,
    .flags = MODULE_USER_CODE,
    .run = run_per_instance,
};

const struct module module_scripts_per_once = {
    .name = "scripts_per_once",
    .frequency = FREQ_ONCE,
    .flags = MODULE_USER_CODE,
    .run = run_per_once,
};

const struct module module_scripts_user = {
    .name = "scripts_user",
    .frequency = FREQ_INSTANCE,
    .flags = MODULE_USER_CODE,
    .run = run_user,
};

const struct module module_scripts_vendor = {
    .name = "scripts_vendor",
    .frequency = FREQ_INSTANCE,
    .flags = MODULE_USER_CODE,
    .run = run_vendor,
};
