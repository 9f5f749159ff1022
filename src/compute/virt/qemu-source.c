/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/virt/qemu-argv.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

/*
 * What a disk is read from: a file, a device, or a server that QEMU speaks to by itself (its block
 * drivers nfs and iscsi, of the package qemu-block-extra). Files are locked by QEMU's "locking:
 * auto"; over NFS 3 nothing is, and what a server says is written is written: no cache of ours.
 */
struct protocol {
    const char *scheme;
    int (*split)(const char *rest, struct qemu_remote *ret); /* -EINVAL */
    struct ol_val *(*node)(struct ol_arena *a, const struct qemu_remote *r,
                           const struct virt_disk *d);
};

static int split_nfs(const char *rest, struct qemu_remote *ret)
{
    const char *path = strchr(rest, '/');

    if (!path || path == rest || !path[1] || path[strlen(path) - 1] == '/')
        return -EINVAL;
    ret->host = rest;
    ret->host_len = (int)(path - rest);
    if (*rest == '[' && path[-1] == ']') {
        ret->host++;
        ret->host_len -= 2;
    }
    ret->path = path;
    return 0;
}

static struct ol_val *nfs_node(struct ol_arena *a, const struct qemu_remote *r,
                               const struct virt_disk *d)
{
    struct ol_val *node = ol_val_new_map(a), *server = ol_val_new_map(a);

    (void)d;
    ol_val_set_str(a, server, "type", "inet");
    ol_val_set_str(a, server, "host", ol_arena_printf(a, "%.*s", r->host_len, r->host));
    ol_val_set_str(a, node, "driver", "nfs");
    ol_val_set(a, node, "server", server);
    ol_val_set_str(a, node, "path", r->path);
    return node;
}

static int split_iscsi(const char *rest, struct qemu_remote *ret)
{
    const char *target = strchr(rest, '/'), *lun = target ? strchr(target + 1, '/') : NULL;

    if (!lun || target == rest || lun == target + 1 || ol_parse_i64(lun + 1, 10, &ret->lun) < 0
        || ret->lun < 0 || ret->lun > INT32_MAX)
        return -EINVAL;
    ret->portal = rest;
    ret->portal_len = (int)(target - rest);
    ret->target = target + 1;
    ret->target_len = (int)(lun - target - 1);
    return 0;
}

static struct ol_val *iscsi_node(struct ol_arena *a, const struct qemu_remote *r,
                                 const struct virt_disk *d)
{
    struct ol_val *node = ol_val_new_map(a);

    ol_val_set_str(a, node, "driver", "iscsi");
    ol_val_set_str(a, node, "transport", "tcp");
    ol_val_set_str(a, node, "portal", ol_arena_printf(a, "%.*s", r->portal_len, r->portal));
    ol_val_set_str(a, node, "target", ol_arena_printf(a, "%.*s", r->target_len, r->target));
    ol_val_set_int(a, node, "lun", r->lun);
    if (d->initiator)
        ol_val_set_str(a, node, "initiator-name", d->initiator);
    if (d->user)
        ol_val_set_str(a, node, "user", d->user);
    return node;
}

static const struct protocol protocols[] = {
    {"nfs://", split_nfs, nfs_node},
    {"iscsi://", split_iscsi, iscsi_node},
};

static const struct protocol *protocol_of(const char *path)
{
    for (size_t i = 0; i < ol_count(protocols); i++)
        if (ol_str_starts(path, protocols[i].scheme))
            return &protocols[i];
    return NULL;
}

bool qemu_is_remote(const char *path)
{
    return protocol_of(path) != NULL;
}

bool qemu_source_split(const char *path, struct qemu_remote *ret)
{
    const struct protocol *p = protocol_of(path);
    struct qemu_remote r = {.lun = 0};

    if (!p || p->split(path + strlen(p->scheme), &r) < 0)
        return false;
    *ret = r;
    return true;
}

int qemu_source_check(const struct virt_disk *d, struct ol_err *err)
{
    const struct protocol *p = d->path ? protocol_of(d->path) : NULL;
    struct qemu_remote r = {.lun = 0};

    if (p && p->split(d->path + strlen(p->scheme), &r) < 0)
        return ol_err_set(err, EINVAL, "disk '%s': '%s' is no %sADDRESS", d->role, d->path,
                          p->scheme);
    return 0;
}

/* Files of the instance are named from its directory, QEMU's working directory: those above it may
 * be closed to its user. */
static const char *file_name(const struct qemu_def *d, const char *path)
{
    size_t len = strlen(d->m.directory);

    return !strncmp(path, d->m.directory, len) && path[len] == '/' ? path + len + 1 : path;
}

static struct ol_val *no_cache(struct ol_arena *a)
{
    struct ol_val *map = ol_val_new_map(a);

    ol_val_set_bool(a, map, "direct", true);
    ol_val_set_bool(a, map, "no-flush", false);
    return map;
}

struct ol_val *qemu_source(struct ol_arena *a, const struct qemu_def *d,
                           const struct virt_disk *disk, struct ol_val *cache)
{
    const struct protocol *p = protocol_of(disk->path);
    struct qemu_remote r = {.lun = 0};
    struct ol_val *node;

    if (p && p->split(disk->path + strlen(p->scheme), &r) == 0) {
        node = p->node(a, &r, disk);
        ol_val_set(a, node, "cache", no_cache(a));
        return node;
    }
    node = ol_val_new_map(a);
    ol_val_set_str(a, node, "driver", ol_str_starts(disk->path, "/dev/") ? "host_device" : "file");
    ol_val_set_str(a, node, "filename", file_name(d, disk->path));
    ol_val_set(a, node, "cache", cache);
    return node;
}

const char *qemu_secret_id(struct ol_arena *a, const struct qemu_disk *disk)
{
    if (!disk->d.user || !disk->d.password || !ol_str_starts(disk->d.path, "iscsi://"))
        return NULL;
    return ol_arena_printf(a, "secret-%s", qemu_disk_id(a, disk));
}
