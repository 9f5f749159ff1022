/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/device.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

static void add_device(struct guest *g, struct source_devices *to, const struct source_device *d)
{
    if (to->n == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 8;

        to->items = ol_arena_grow(g->arena, to->items, to->cap * sizeof(*d), cap * sizeof(*d));
        to->cap = cap;
    }
    to->items[to->n++] = *d;
}

static void free_probe(blkid_probe *probe)
{
    if (*probe)
        blkid_free_probe(*probe);
}

static const char *probed(struct guest *g, blkid_probe probe, const char *name)
{
    const char *value = NULL;

    if (blkid_probe_lookup_value(probe, name, &value, NULL) < 0 || !value)
        return "";
    return ol_arena_strdup(g->arena, value);
}

/* True when the file holds vfat or iso9660 and nothing else that blkid knows. */
static bool probe_file(struct guest *g, int fd, struct source_device *ret)
{
    ol_auto(free_probe) blkid_probe probe = blkid_new_probe();

    if (!probe || blkid_probe_set_device(probe, fd, 0, 0) < 0)
        return false;
    blkid_probe_enable_superblocks(probe, 1);
    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_TYPE);
    if (blkid_do_safeprobe(probe) != 0)
        return false;
    ret->type = probed(g, probe, "TYPE");
    ret->label = probed(g, probe, "LABEL");
    ret->label_fatboot = probed(g, probe, "LABEL_FATBOOT");
    return !strcmp(ret->type, "vfat") || !strcmp(ret->type, "iso9660");
}

/* Device-mapper nodes are known by the name of their table. */
static const char *node_path(struct guest *g, const char *name)
{
    const char *file = ol_arena_printf(g->arena, "/sys/class/block/%s/dm/name", name);
    ol_autofree char *mapped = ol_file_read_line(g->env, file);

    if (mapped && *mapped && !strchr(mapped, '/'))
        return ol_arena_printf(g->arena, "/dev/mapper/%s", mapped);
    /* The kernel writes '!' for the '/' of names like cciss/c0d0. */
    return ol_arena_printf(g->arena, "/dev/%s",
                           ol_str_tr(ol_arena_strdup(g->arena, name), '!', '/'));
}

/* Floppies take seconds to say that they are empty, ram and zram disks hold nothing of this kind,
 * and what has no size has no medium. */
static bool is_worth_a_look(struct guest *g, const char *name)
{
    static const char *const no[] = {"ram", "zram", "fd"};
    const char *file = ol_arena_printf(g->arena, "/sys/class/block/%s/size", name);
    ol_autofree char *size = NULL;

    for (size_t i = 0; i < ol_count(no); i++)
        if (ol_str_starts(name, no[i]))
            return false;
    size = ol_file_read_line(g->env, file);
    return !size || strcmp(size, "0") != 0;
}

void source_devices_scan(struct guest *g, struct source_devices *ret)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    *ret = (struct source_devices){0};
    if (ol_list_dir(g->env, "/sys/class/block", &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        struct source_device d = {.path = node_path(g, name)};
        ol_autoclose int fd = -1;

        if (!is_worth_a_look(g, name))
            continue;
        fd = ol_open(g->env, d.path, O_RDONLY | O_NONBLOCK, 0);
        if (fd < 0 || !probe_file(g, fd, &d))
            continue;
        d.is_partition =
            ol_exists(g->env, ol_arena_printf(g->arena, "/sys/class/block/%s/partition", name));
        add_device(g, ret, &d);
    }
}

/* Adds in reverse order of paths what 'is_wanted' says. */
static void add_reversed(const struct source_devices *all, struct guest *g, const void *ctx,
                         bool (*is_wanted)(const struct source_device *d, const void *ctx),
                         struct source_devices *to)
{
    const char *below = NULL;

    for (;;) {
        const struct source_device *next = NULL;

        for (size_t i = 0; i < all->n; i++) {
            const struct source_device *d = &all->items[i];

            if (!is_wanted(d, ctx) || (below && strcmp(d->path, below) >= 0))
                continue;
            if (!next || strcmp(d->path, next->path) > 0)
                next = d;
        }
        if (!next)
            return;
        add_device(g, to, next);
        below = next->path;
    }
}

static bool has_seed_label(const struct source_device *d, const void *ctx)
{
    const char *label = ctx;
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(4 << 10);
    char *lower = ol_str_lower(ol_arena_strdup(&scratch, label));
    bool is_same = ol_str_eq_nocase(d->label, label);

    /* blkid was asked for the label in upper and in lower case, never in mixed case. */
    if (is_same && strcmp(d->label, lower) != 0)
        for (const char *c = d->label; *c; c++)
            is_same = is_same && !(*c >= 'a' && *c <= 'z');
    return is_same || !strcmp(d->label_fatboot, label);
}

void source_devices_for_nocloud(const struct source_devices *all, const char *label,
                                struct guest *g, struct source_devices *ret)
{
    *ret = (struct source_devices){0};
    add_reversed(all, g, label, has_seed_label, ret);
}

static bool has_drive_label(const struct source_device *d, const void *ctx)
{
    return !strcmp(d->label, "config-2") || !strcmp(d->label, "CONFIG-2");
}

static bool is_other_whole_disk(const struct source_device *d, const void *ctx)
{
    return !has_drive_label(d, ctx) && !d->is_partition;
}

void source_devices_for_configdrive(const struct source_devices *all, struct guest *g,
                                    struct source_devices *ret)
{
    *ret = (struct source_devices){0};
    add_reversed(all, g, NULL, has_drive_label, ret);
    add_reversed(all, g, NULL, is_other_whole_disk, ret);
}
