/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/run-modules.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "guest/distro/distro.h"
#include "guest/module/types.h"
#include "guest/stage/report.h"
#include "guest/stage/semaphore.h"

/* One entry of a section. */
struct entry {
    const char *name; /* as spelled */
    const struct module *module;
    enum frequency frequency;
    const struct ol_val *args;
};

/*
 * Upstream's modules that we do not have, with the keys that make them act. A configuration
 * that gives one of them nothing to do loses nothing, so it is not warned about.
 */
static const struct missing {
    const char *name;
    const char *const keys[4];
} missing_modules[] = {
    {"ansible", {"ansible"}},
    {"apk_configure", {"apk_repos"}},
    {"byobu", {"byobu_by_default"}},
    {"ca_certs", {"ca_certs", "ca-certs"}},
    {"chef", {"chef"}},
    {"disable_ec2_metadata", {"disable_ec2_metadata"}},
    {"disk_setup", {"disk_setup", "fs_setup"}},
    {"fan", {"fan"}},
    {"install_hotplug", {"updates"}},
    {"keyboard", {"keyboard"}},
    {"landscape", {"landscape"}},
    {"lxd", {"lxd"}},
    {"mcollective", {"mcollective"}},
    {"ntp", {"ntp"}},
    {"package_update_upgrade_install",
     {"packages", "package_update", "package_upgrade", "package_reboot_if_required"}},
    {"puppet", {"puppet"}},
    {"resolv_conf", {"manage_resolv_conf"}},
    {"rh_subscription", {"rh_subscription"}},
    {"rsyslog", {"rsyslog"}},
    {"salt_minion", {"salt_minion"}},
    {"snap", {"snap"}},
    {"spacewalk", {"spacewalk"}},
    {"ssh_import_id", {"ssh_import_id"}},
    {"ubuntu_autoinstall", {"autoinstall"}},
    {"ubuntu_drivers", {"drivers"}},
    {"ubuntu_pro", {"ubuntu_pro", "ubuntu_advantage"}},
    {"wireguard", {"wireguard"}},
    {"yum_add_repo", {"yum_repos"}},
    {"zypper_add_repo", {"zypper"}},
};

static bool has_any_key(const struct ol_val *cfg, const char *const *keys, size_t max)
{
    for (size_t i = 0; i < max && keys[i]; i++)
        if (ol_val_get(cfg, keys[i]))
            return true;
    return false;
}

/* True when the module is one that we lack and that would have had nothing to do. */
static bool is_idle(const struct guest *g, const char *name)
{
    for (size_t i = 0; i < ol_count(missing_modules); i++)
        if (!strcmp(missing_modules[i].name, name))
            return !has_any_key(g->cfg, missing_modules[i].keys, 4);
    return false;
}

/* "name", [name, frequency, args…] or {name, frequency, args}; false = not an entry. */
static bool read_entry(struct guest *g, const struct ol_val *item, struct entry *ret,
                       const char **ret_frequency)
{
    const struct ol_val *name = item, *frequency = NULL;
    struct ol_val *args = ol_val_new_list(g->arena);
    size_t len;

    if (ol_val_is(item, OL_VAL_LIST)) {
        name = ol_val_item(item, 0);
        frequency = ol_val_item(item, 1);
        for (size_t i = 2; i < ol_val_count(item); i++)
            ol_val_append(g->arena, args, ol_val_copy(g->arena, ol_val_item(item, i)));
    } else if (ol_val_is(item, OL_VAL_MAP)) {
        const struct ol_val *given = ol_val_get(item, "args");

        name = ol_val_get(item, "name");
        frequency = ol_val_get(item, "frequency");
        if (ol_val_is(given, OL_VAL_LIST))
            args = ol_val_copy(g->arena, given);
    }
    if (!ol_val_str(name))
        return false;
    ret->name = ol_str_strip(ol_val_str(name), strlen(ol_val_str(name)), &len);
    ret->name = ol_arena_memdup(g->arena, ret->name, len);
    ret->args = args;
    *ret_frequency = ol_val_str(frequency);
    return len > 0;
}

static void choose_frequency(struct guest *g, struct entry *e, const char *given)
{
    e->frequency = e->module->frequency;
    if (given && frequency_parse(given, &e->frequency) < 0)
        ol_deprecated(g->env,
                      "Config specified module %s has an unknown frequency %s is deprecated in 22.1"
                      " and scheduled to be removed in 27.1.",
                      e->name, given);
}

/* One line on a module that we do not have, as loud as its absence is for the user. */
static void say_absent(struct guest *g, const char *spelled)
{
    ol_autofree char *name = module_canonical_name(spelled);

    if (module_is_removed(spelled))
        ol_info(g->env,
                "Module `%s` has been removed from cloud-init. It may be removed from"
                " `/etc/cloud/cloud.cfg`.",
                name);
    else if (is_idle(g, name))
        ol_debug(g->env, "Module %s is not available here and has nothing to do", spelled);
    else
        ol_warn(g->env, "Could not find module named cc_%s (searched ['built-in modules'])", name);
}

/* True when the entry names a module that we have. */
static bool resolve(struct guest *g, struct entry *e, const char *frequency)
{
    e->module = module_find(e->name);
    if (!e->module) {
        say_absent(g, e->name);
        return false;
    }
    choose_frequency(g, e, frequency);
    return true;
}

static bool is_for_distro(const struct guest *g, const struct module *m)
{
    return !m->distros || (g->distro && ol_str_in(g->distro->name, m->distros));
}

static bool is_overridden(const struct guest *g, const char *name)
{
    const struct ol_val *names = ol_val_get(g->cfg, "unverified_modules");

    for (size_t i = 0; i < ol_val_count(names); i++) {
        const char *listed = ol_val_str(ol_val_item(names, i));

        if (listed && !strcmp(listed, name))
            return true;
    }
    return false;
}

const char *exception_text(struct ol_arena *a, const struct ol_err *err)
{
    const char *class = err->domain ? err->domain : err->code == EINVAL ? "ValueError" : "OSError";
    const char *text = ol_err_text(err);

    if (!strcmp(class, "ProcessExecutionError") && !ol_str_starts(text, "Unexpected error"))
        text = ol_arena_printf(a, "Unexpected error while running command.\n%s", text);
    return ol_arena_printf(a, "%s(%s)", class, ol_val_to_repr(a, ol_val_new_str(a, text)));
}

/* Runs it if its semaphore lets it; -errno = it failed. */
static int run_locked(struct guest *g, const struct entry *e, const char *run_name,
                      const char **ret_message, struct ol_err *err)
{
    struct module_call call = {
        .name = e->name,
        .args = e->args,
        .frequency = e->frequency,
    };
    ol_time started = ol_now_boot(g->env);
    struct sem sem = {0};
    int r = sem_acquire(g, run_name, e->frequency, e->module->flags, &sem, err);

    if (r < 0)
        return r;
    if (r == SEM_DONE) {
        ol_debug(g->env, "%s already ran (freq=%s)", run_name, frequency_name(e->frequency));
        *ret_message = ol_arena_printf(g->arena, "%s previously ran", run_name);
        return 0;
    }
    ol_debug(g->env, "Running %s using lock (%s)", run_name, sem.path ? sem.path : "none");
    call.cfg = module_typed_config(g, e->module, g->cfg);
    r = e->module->run(g, &call, err);
    sem_release(g, &sem);
    *ret_message = ol_arena_printf(g->arena, "%s ran successfully and took %.3f seconds", run_name,
                                   (double)(ol_now_boot(g->env) - started) / (double)OL_SECOND);
    return r;
}

static int run_entry(struct guest *g, const struct entry *e, const char *event,
                     const char **ret_fail)
{
    const char *run_name = ol_arena_printf(g->arena, "config-%s", e->name);
    const char *name = ol_arena_printf(g->arena, "%s/%s", event, run_name);
    const char *desc = ol_arena_printf(g->arena, "running %s with frequency %s", run_name,
                                       frequency_name(e->frequency));
    const char *message = desc;
    struct report report;
    struct ol_err err = OL_ERR_INIT;
    int r;

    ol_debug(g->env, "Running module %s (built-in) with frequency %s", e->name,
             frequency_name(e->frequency));
    report = report_start(g->env, name, desc);
    r = run_locked(g, e, run_name, &message, &err);
    report_finish(g->env, &report, r < 0 ? "FAIL" : "SUCCESS", r < 0 ? NULL : message);
    if (r < 0) {
        ol_warn(g->env, "Running module %s (built-in) failed", e->name);
        ol_debug(g->env, "Running module %s failed: %s", e->name, ol_err_text(&err));
        *ret_fail = ol_arena_printf(g->arena, "(%s, %s)",
                                    ol_val_to_repr(g->arena, ol_val_new_str(g->arena, e->name)),
                                    exception_text(g->arena, &err));
    }
    return r;
}

static void say_skipped(struct guest *g, const struct ol_strv *idle, const struct ol_strv *foreign)
{
    ol_autofree char *idle_names = ol_strv_join(idle, ",");
    ol_autofree char *foreign_names = ol_strv_join(foreign, ",");

    if (idle->n)
        ol_info(g->env, "Skipping modules '%s' because no applicable config is provided.",
                idle_names);
    if (foreign->n)
        ol_info(g->env,
                "Skipping modules '%s' because they are not verified on distro '%s'.  To run"
                " anyway, add them to 'unverified_modules' in config.",
                foreign_names, g->distro ? g->distro->name : "unknown");
}

/* The entries that are to run, into 'ret' (room for all items of the section). */
static size_t choose(struct guest *g, const struct ol_val *section, struct entry *ret)
{
    ol_auto(ol_strv_done) struct ol_strv idle = OL_STRV_INIT, foreign = OL_STRV_INIT;
    size_t n = 0;

    for (size_t i = 0; i < ol_val_count(section); i++) {
        struct entry e = {0};
        const char *frequency = NULL;

        if (!read_entry(g, ol_val_item(section, i), &e, &frequency)) {
            ol_warn(g->env, "Failed to read item %zu of the modules list: it names no module",
                    i + 1);
            continue;
        }
        if (!resolve(g, &e, frequency))
            continue;
        if (e.module->keys && !has_any_key(g->cfg, e.module->keys, (size_t)-1))
            ol_strv_add(&idle, e.name);
        else if (!is_for_distro(g, e.module) && !is_overridden(g, e.name))
            ol_strv_add(&foreign, e.name);
        else
            ret[n++] = e;
    }
    say_skipped(g, &idle, &foreign);
    return n;
}

void run_modules(struct guest *g, const char *section, const char *event,
                 struct module_failures *failures)
{
    const char *key = ol_arena_printf(g->arena, "cloud_%s_modules", section);
    const struct ol_val *items = ol_val_get(g->cfg, key);
    struct entry *entries;
    size_t n;

    if (!ol_val_is(items, OL_VAL_LIST) || !ol_val_count(items)) {
        ol_warn(g->env, "no modules to run for section '%s': '%s' is empty", section, key);
        return;
    }
    entries = ol_arena_alloc(g->arena, ol_val_count(items) * sizeof(*entries));
    n = choose(g, items, entries);
    for (size_t i = 0; i < n; i++) {
        const char *failure = NULL;

        if (run_entry(g, &entries[i], event, &failure) < 0)
            ol_val_append(g->arena, failures->texts, ol_val_new_str(g->arena, failure));
    }
    ol_debug(g->env, "Ran %zu modules with %zu failures", n, ol_val_count(failures->texts));
}

int run_single_module(struct guest *g, const char *name, const enum frequency *frequency,
                      const struct ol_val *args)
{
    struct entry e = {.name = name, .args = args};
    const char *failure = NULL;

    if (!resolve(g, &e, NULL))
        return -ENOENT;
    if (frequency)
        e.frequency = *frequency;
    return run_entry(g, &e, "single", &failure) < 0 ? -EIO : 0;
}
