/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "guest/base/guest.h"

/* How often something runs; names as cloud-init's users write them. */
enum frequency {
    FREQ_INSTANCE, /* "once-per-instance", "instance" */
    FREQ_ALWAYS,   /* "always" */
    FREQ_ONCE,     /* "once" */
};

/* Bits of module.flags */
enum module_flag {
    /* Runs what the user wrote: after a crash that took the machine with it, it counts as run
     * (a script that reboots must not run again); see docs/design/semaphores.md. */
    MODULE_USER_CODE = 1 << 0,
};

/* One call of a module. */
struct module_call {
    const char *name;          /* as spelled in cloud.cfg, "write-files" */
    const struct ol_val *cfg;  /* merged configuration; what the module reads (map) */
    const struct ol_val *args; /* list: further items of its entry in cloud.cfg; may be empty */
    enum frequency frequency;  /* in force for this call */
};

/*
 * One configuration module (cloud-init's cc_*.py). Implementations are const, live in
 * guest/module/<name>.c and keep no state.
 */
struct module {
    const char *name; /* "write_files": with underscores, without cc_ */
    enum frequency frequency;
    /* The module is skipped, leaving no semaphore, when the configuration has none of these
     * top-level keys (activate_by_schema_keys); NULL = it always applies. */
    const char *const *keys;
    const char *const *distros; /* only on these, NULL-terminated; NULL = on all */
    unsigned flags;             /* enum module_flag */

    /*
     * Does the work. What is wrong with a single item is warned about and the rest is done.
     * 0, or -errno with err: the module failed, the next one runs. err->domain names the
     * Python exception that users know from status.json ("RuntimeError", "ValueError",
     * "ProcessExecutionError", "TypeError"); NULL means OSError or RuntimeError by err->code.
     */
    int (*run)(struct guest *g, const struct module_call *call, struct ol_err *err);
};

extern const struct module module_bootcmd, module_final_message, module_keys_to_console,
    module_locale, module_mounts, module_phone_home, module_power_state_change, module_runcmd,
    module_scripts_per_boot, module_scripts_per_instance, module_scripts_per_once,
    module_scripts_user, module_scripts_vendor, module_set_hostname, module_set_passwords,
    module_ssh, module_ssh_authkey_fingerprints, module_timezone, module_update_etc_hosts,
    module_update_hostname, module_users_groups, module_write_files, module_write_files_deferred;

/* By any spelling ("write-files", "cc_write_files", "write_files"); NULL = we lack it. */
const struct module *module_find(const char *name);
/* "write_files" from any spelling (modules.py, form_module_name()); heap. */
char *module_canonical_name(const char *name) __attribute__((warn_unused_result));
/* The new name of a module that upstream renamed, else NULL; module_find() follows it. */
const char *module_renamed(const char *name);
/* Upstream had it once: a notice, not a warning, when a configuration still names it. */
bool module_is_removed(const char *name);
/* "always" …; NULL when it is not one of upstream's names. */
const char *frequency_name(enum frequency f);
/* 0 or -EINVAL. Takes the long and the short names. */
int frequency_parse(const char *name, enum frequency *ret) __attribute__((warn_unused_result));
