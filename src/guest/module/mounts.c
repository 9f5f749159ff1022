/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/module/block.h"
#include "guest/module/fstab.h"
#include "guest/module/module.h"
#include "guest/module/swap.h"

enum { FSTAB_MAX = 16 << 20 };

static const char fstab_path[] = "/etc/fstab";

/* One run of the module. */
struct mounting {
    struct guest *g;
    const char *old_text; /* of fstab */
    bool has_systemd;
    const char *options; /* what entries get that name none */
    const struct ol_val *aliases;
    struct fstab_entry defaults;
    struct fstab_entry *entries; /* in the arena; field[1] NULL: this device is not wanted */
    size_t n, cap;
};

static bool has_unit(struct guest *g, const char *unit)
{
    static const char *const dirs[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
                                       "/lib/systemd/system"};

    for (size_t i = 0; i < ol_count(dirs); i++)
        if (ol_exists(g->env, ol_arena_printf(g->arena, "%s/%s", dirs[i], unit)))
            return true;
    return false;
}

/* The unit that mounts wait for has had two names; a mount must name the one that exists:
 * 22.4.2's text where only its unit is there, else 26.2's. */
static const char *default_options(struct guest *g, bool has_systemd)
{
    if (!has_systemd)
        return "defaults,nobootwait";
    if (!has_unit(g, "cloud-init-network.service") && has_unit(g, "cloud-init.service"))
        return "defaults,nofail,x-systemd.requires=cloud-init.service,_netdev";
    return "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev";
}

static void read_defaults(struct mounting *m, const struct ol_val *cfg)
{
    const struct ol_val *given = ol_val_get(cfg, "mount_default_fields");

    m->defaults = (struct fstab_entry){{NULL, NULL, "auto", m->options, "0", "2"}};
    for (size_t i = 0; i < FSTAB_FIELDS && i < ol_val_count(given); i++) {
        const struct ol_val *v = ol_val_item(given, i);

        if (v && !ol_val_is(v, OL_VAL_NULL))
            m->defaults.field[i] = ol_val_to_text(m->g->arena, v);
        else if (i < 2)
            m->defaults.field[i] = NULL;
    }
}

static void add_entry(struct mounting *m, const struct fstab_entry *e)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 8;

        m->entries = ol_arena_grow(m->g->arena, m->entries, m->cap * sizeof(*e), cap * sizeof(*e));
        m->cap = cap;
    }
    m->entries[m->n++] = *e;
}

/* A disk that the cloud hands out is only mounted when there is something to mount: a line for an
 * empty one stops the next boot. */
static bool has_filesystem(struct mounting *m, const char *device)
{
    struct block_facts facts;

    return block_probe(m->g->env, device, &facts) == 0 && facts.type[0];
}

/* Why an entry must not enter fstab; NULL = it may. 'device' is what 'name' means, NULL = nothing;
 * 'point' is where it is to be mounted, NULL = nowhere. */
static const char *objection(struct mounting *m, const char *name, const char *device,
                             const char *point)
{
    bool is_scratch = ol_str_starts(name, "ephemeral") && !strchr(name, ':');

    if (device && strcmp(device, name) != 0 && fstab_has_device(m->old_text, device))
        return "it is already defined in fstab";
    if (!is_scratch || !point)
        return NULL;
    if (!device)
        return "there is no such device";
    return has_filesystem(m, device) ? NULL : "there is no file system on it";
}

/* One of the configuration's 'mounts'. */
static void add_wanted(struct mounting *m, const struct ol_val *line)
{
    const char *name = ol_val_to_text(m->g->arena, ol_val_item(line, 0));
    const char *device = block_resolve(m->g, name, m->aliases);
    struct fstab_entry e = m->defaults;
    const char *why_not;

    for (size_t i = 0; i < FSTAB_FIELDS && i < ol_val_count(line); i++) {
        const char *text = ol_val_to_text(m->g->arena, ol_val_item(line, i));

        /* An empty field would move those behind it. */
        if (!ol_val_is(ol_val_item(line, i), OL_VAL_NULL) && *text)
            e.field[i] = text;
    }
    e.field[0] = device ? device : name;
    why_not = objection(m, name, device, e.field[1]);
    if (why_not)
        ol_info(m->g->env, "Ignoring mount of %s: %s", name, why_not);
    else
        add_entry(m, &e);
}

static bool has_entry(const struct mounting *m, const char *device)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->entries[i].field[0], device))
            return true;
    return false;
}

/* What is mounted without being asked for: the cloud's first scratch disk and its swap. */
static void add_automatic(struct mounting *m)
{
    const struct fstab_entry automatic[] = {
        {{"ephemeral0", "/mnt", "auto", m->options, "0", "2"}},
        {{"swap", "none", "swap", "sw", "0", "0"}},
    };

    for (size_t i = 0; i < ol_count(automatic); i++) {
        struct fstab_entry e = automatic[i];
        const char *device = block_resolve(m->g, e.field[0], m->aliases);

        if (!device) {
            ol_debug(m->g->env, "Ignoring nonexistent default named mount %s", e.field[0]);
            continue;
        }
        if (fstab_has_device(m->old_text, device) || has_entry(m, device))
            continue;
        if (!has_filesystem(m, device)) {
            ol_info(m->g->env, "Ignoring mount of %s: there is no file system on %s", e.field[0],
                    device);
            continue;
        }
        e.field[0] = device;
        add_entry(m, &e);
    }
}

/* An entry without mount point takes back itself and those before it for the same device. */
static void remove_unwanted(struct mounting *m)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        bool is_wanted = m->entries[i].field[1] != NULL;

        for (size_t j = i + 1; j < m->n; j++)
            if (!m->entries[j].field[1] && !strcmp(m->entries[j].field[0], m->entries[i].field[0]))
                is_wanted = false;
        if (is_wanted)
            m->entries[kept++] = m->entries[i];
        else
            ol_debug(m->g->env, "Skipping nonexistent device named %s", m->entries[i].field[0]);
    }
    m->n = kept;
}

static void add_swap_file(struct mounting *m, const struct ol_val *swap)
{
    struct ol_err err = OL_ERR_INIT;
    const char *path = NULL;

    if (!swap)
        return;
    if (!ol_val_is(swap, OL_VAL_MAP)) {
        ol_warn(m->g->env, "input for swap config was not a dict.");
        return;
    }
    if (swap_set_up(m->g->env, m->g->arena, swap, &path, &err) < 0)
        ol_warn(m->g->env, "failed to setup swap: %s", ol_err_text(&err));
    else if (path && !fstab_has_device(m->old_text, path))
        add_entry(m, &(struct fstab_entry){{path, "none", "swap", "sw", "0", "0"}});
}

static void collect(struct mounting *m, const struct ol_val *cfg)
{
    const struct ol_val *mounts = ol_val_get(cfg, "mounts");

    for (size_t i = 0; i < ol_val_count(mounts); i++) {
        const struct ol_val *line = ol_val_item(mounts, i);

        if (ol_val_is(line, OL_VAL_LIST) && ol_val_is_truthy(ol_val_item(line, 0)))
            add_wanted(m, line);
        else if (ol_val_count(line))
            ol_warn(m->g->env, "Mount option %zu of 'mounts' names no device, ignoring it", i + 1);
        else
            ol_warn(m->g->env, "Mount option not a list, ignoring: %s",
                    ol_val_to_text(m->g->arena, line));
    }
    add_automatic(m);
    remove_unwanted(m);
    add_swap_file(m, ol_val_get(cfg, "swap"));
}

static bool is_mounted(struct guest *g, const char *dir)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(FSTAB_MAX);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (ol_file_read(g->env, "/proc/mounts", &b, NULL) < 0)
        return false;
    ol_strv_split(&lines, b.data, "\n");
    ol_strv_each (line, &lines) {
        ol_auto(ol_strv_done) struct ol_strv fields = OL_STRV_INIT;

        ol_strv_split(&fields, line, " ");
        if (fields.n > 1 && !strcmp(fstab_unescape(fields.v[1]), dir))
            return true;
    }
    return false;
}

/* Makes the mount points; true when one of them is not mounted yet. */
static bool make_mount_points(struct mounting *m)
{
    bool is_missing = false;

    for (size_t i = 0; i < m->n; i++) {
        const char *dir = m->entries[i].field[1];
        struct ol_err err = OL_ERR_INIT;

        if (dir[0] != '/')
            continue;
        if (ol_mkdir_p(m->g->env, dir, 0755, &err) < 0)
            ol_warn(m->g->env, "Failed to make '%s' config-mount: %s", dir, ol_err_text(&err));
        is_missing = is_missing || !is_mounted(m->g, dir);
    }
    return is_missing;
}

static bool has_swap(const struct mounting *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->entries[i].field[2], "swap"))
            return true;
    return false;
}

/* What cannot be activated is warned about, as 22.4.2 does: fstab is right all the same, and the
 * next boot mounts it (26.2 fails the module at the first command that fails). */
static void activate(struct mounting *m, bool want_mount)
{
    const struct {
        bool is_wanted;
        const char *argv[4];
    } commands[] = {
        {has_swap(m), {"swapon", "-a"}},
        {want_mount, {"mount", "-a"}},
        {want_mount && m->has_systemd, {"systemctl", "daemon-reload"}},
    };

    for (size_t i = 0; m->g->env->is_live && i < ol_count(commands); i++) {
        const char *const *argv = commands[i].argv;
        struct ol_err err = OL_ERR_INIT;

        if (commands[i].is_wanted && ol_run(m->g->env, argv, NULL, &err) < 0)
            ol_warn(m->g->env, "Activate mounts: FAIL:%s %s: %s", argv[0], argv[1],
                    ol_err_text(&err));
    }
}

static int write_and_activate(struct mounting *m, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FSTAB_MAX);
    ol_auto(ol_strv_done) struct ol_strv changes = OL_STRV_INIT;
    ol_autofree char *told = NULL;
    bool is_missing;
    int r;

    fstab_rewrite(m->old_text, m->entries, m->n, &text, &changes);
    if (!m->n && !changes.n) {
        ol_debug(m->g->env, "No modifications to fstab needed");
        return 0;
    }
    is_missing = make_mount_points(m);
    r = ol_buf_status(&text);
    if (r == 0)
        r = ol_file_write_buf(m->g->env, fstab_path, &text, 0644, 0, err);
    if (r < 0)
        return r;
    told = ol_strv_join(&changes, "; ");
    ol_debug(m->g->env, "Changes to fstab: %s", changes.n ? told : "none");
    activate(m, is_missing || changes.n);
    return 0;
}

/* cloud-init 26.2 cc_mounts.py. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(FSTAB_MAX);
    struct mounting m = {.g = g, .aliases = ol_val_get(call->cfg, "device_aliases")};
    int r = ol_exists(g->env, fstab_path) ? ol_file_read(g->env, fstab_path, &old, err) : 0;

    if (r < 0)
        return r;
    m.old_text = old.data;
    m.has_systemd = ol_is_dir(g->env, "/run/systemd/system");
    m.options = default_options(g, m.has_systemd);
    read_defaults(&m, call->cfg);
    collect(&m, call->cfg);
    return write_and_activate(&m, err);
}

const struct module module_mounts = {
    .name = "mounts",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
