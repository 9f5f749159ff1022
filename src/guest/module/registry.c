/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "guest/module/module.h"

/* Every module that we have, in the order of their names. */
/* clang-format off */
static const struct module *const modules[] = {
    &module_bootcmd,
    &module_final_message,
    &module_keys_to_console,
    &module_locale,
    &module_mounts,
    &module_phone_home,
    &module_power_state_change,
    &module_runcmd,
    &module_scripts_per_boot,
    &module_scripts_per_instance,
    &module_scripts_per_once,
    &module_scripts_user,
    &module_scripts_vendor,
    &module_set_hostname,
    &module_set_passwords,
    &module_ssh,
    &module_ssh_authkey_fingerprints,
    &module_timezone,
    &module_update_etc_hosts,
    &module_update_hostname,
    &module_users_groups,
    &module_write_files,
    &module_write_files_deferred,
};
/* clang-format on */

/* cloud-init 26.2 config/modules.py, RENAMED_MODULES. */
static const struct {
    const char *from, *to;
} renamed[] = {
    {"ubuntu_advantage", "ubuntu_pro"},
};

/* cloud-init 26.2 config/modules.py, REMOVED_MODULES. */
static const char *const removed[] = {
    "emit_upstart", "migrator", "refresh_rmc_and_interface", "rightscale_userdata", NULL,
};

char *module_canonical_name(const char *name)
{
    ol_autofree char *canonical = ol_str_tr(ol_str_stripped(name), '-', '_');
    size_t len = strlen(canonical);

    if (len > 3 && ol_str_eq_nocase(canonical + len - 3, ".py"))
        canonical[len - 3] = '\0';
    return ol_str_stripped(ol_str_starts(canonical, "cc_") ? canonical + 3 : canonical);
}

const struct module *module_find(const char *name)
{
    ol_autofree char *canonical = module_canonical_name(name);
    const char *renamed_to = module_renamed(canonical);
    const char *wanted = renamed_to ? renamed_to : canonical;

    for (size_t i = 0; i < ol_count(modules); i++)
        if (!strcmp(modules[i]->name, wanted))
            return modules[i];
    return NULL;
}

const char *module_renamed(const char *name)
{
    ol_autofree char *canonical = module_canonical_name(name);

    for (size_t i = 0; i < ol_count(renamed); i++)
        if (!strcmp(renamed[i].from, canonical))
            return renamed[i].to;
    return NULL;
}

bool module_is_removed(const char *name)
{
    ol_autofree char *canonical = module_canonical_name(name);

    return ol_str_in(canonical, removed);
}

/* cloud-init 26.2 settings.py: FREQUENCIES, and the short names that "single" takes. */
static const struct {
    enum frequency frequency;
    const char *name, *short_name;
} frequencies[] = {
    {FREQ_INSTANCE, "once-per-instance", "instance"},
    {FREQ_ALWAYS, "always", "always"},
    {FREQ_ONCE, "once", "once"},
};

const char *frequency_name(enum frequency f)
{
    for (size_t i = 0; i < ol_count(frequencies); i++)
        if (frequencies[i].frequency == f)
            return frequencies[i].name;
    return NULL;
}

int frequency_parse(const char *name, enum frequency *ret)
{
    for (size_t i = 0; i < ol_count(frequencies); i++) {
        if (strcmp(frequencies[i].name, name) && strcmp(frequencies[i].short_name, name))
            continue;
        *ret = frequencies[i].frequency;
        return 0;
    }
    return -EINVAL;
}
