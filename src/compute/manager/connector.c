/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/manager/connector.h"

#include <stdio.h>
#include <string.h>

#include "compute/base/exception.h"
#include "core/file.h"

/*
 * QEMU opens NFS and iSCSI by itself (libnfs, libiscsi): no mount, no session of the host's kernel,
 * so a dead server hangs one machine's disk and nothing of ours, and nothing is left to clean up.
 */
struct kind {
    const char *name; /* driver_volume_type */
    int (*fill)(const struct work *w, const struct ol_val *data, struct virt_disk *d,
                struct ol_err *err);
};

static const char *text(const struct ol_val *data, const char *name)
{
    const char *s = ol_val_str(ol_val_get(data, name));

    return s ? s : "";
}

static const char *initiator(const struct work *w)
{
    return ol_arena_printf(w->arena, "iqn.2026-11.org.orlop:%s", w->m->config->host);
}

static int lacks(const char *kind, const char *what, struct ol_err *err)
{
    return nova_fail(err, NOVA_INVALID_VOLUME,
                     "Invalid volume: connection_info of type %s has no %s", kind, what);
}

static int fill_file(const struct work *w, const struct ol_val *data, struct virt_disk *d,
                     struct ol_err *err)
{
    (void)w;
    d->path = text(data, "device_path");
    return *d->path == '/' ? 0 : lacks("local", "device_path", err);
}

static int fill_nfs(const struct work *w, const struct ol_val *data, struct virt_disk *d,
                    struct ol_err *err)
{
    const char *export = text(data, "export"), *name = text(data, "name");
    const char *path = strstr(export, ":/");

    if (!path || path == export)
        return lacks("nfs", "export SERVER:/PATH", err);
    if (!*name || strchr(name, '/'))
        return lacks("nfs", "name of a file", err);
    d->path =
        ol_arena_printf(w->arena, "nfs://%.*s%s/%s", (int)(path - export), export, path + 1, name);
    return 0;
}

static int fill_iscsi(const struct work *w, const struct ol_val *data, struct virt_disk *d,
                      struct ol_err *err)
{
    const char *portal = text(data, "target_portal"), *iqn = text(data, "target_iqn");
    const char *method = text(data, "auth_method");

    if (!*portal || !*iqn)
        return lacks("iscsi", "target_portal and target_iqn", err);
    d->path = ol_arena_printf(w->arena, "iscsi://%s/%s/%lld", portal, iqn,
                              (long long)ol_val_int(ol_val_get(data, "target_lun"), 0));
    d->initiator = initiator(w);
    if (!*method)
        return 0;
    if (strcmp(method, "CHAP") != 0)
        return nova_fail(err, NOVA_VOLUME_UNSUPPORTED, "iSCSI auth_method %s is not supported",
                         method);
    d->user = text(data, "auth_username");
    d->password = text(data, "auth_password");
    return *d->user && *d->password ? 0 : lacks("iscsi", "auth_username and auth_password", err);
}

static const struct kind kinds[] = {
    {"local", fill_file},
    {"file", fill_file},
    {"nfs", fill_nfs},
    {"iscsi", fill_iscsi},
};

struct ol_val *connector_of(struct work *w, const char *device)
{
    const struct compute_config *c = w->m->config;
    const char *ip =
        c->my_block_storage_ip && *c->my_block_storage_ip ? c->my_block_storage_ip : c->my_ip;
    struct ol_val *v = ol_val_new_map(w->arena);

    ol_val_set_str(w->arena, v, "host", c->host);
    ol_val_set_str(w->arena, v, "ip", ip);
    ol_val_set_str(w->arena, v, "initiator", initiator(w));
    ol_val_set_bool(w->arena, v, "multipath", false);
    ol_val_set_str(w->arena, v, "os_type", "linux");
    ol_val_set_str(w->arena, v, "platform", "x86_64");
    if (device)
        ol_val_set_str(w->arena, v, "mountpoint", device);
    return v;
}

int connector_disk(const struct work *w, const struct ol_val *info, struct virt_disk *d,
                   struct ol_err *err)
{
    const struct ol_val *data = ol_val_get(info, "data");
    const char *name = text(info, "driver_volume_type");

    /* Its bytes mean nothing without the key: a guest would find an empty disk and format it. */
    if (ol_val_is_truthy(ol_val_get(data, "encrypted")))
        return nova_fail(err, NOVA_VOLUME_UNSUPPORTED, "encrypted volumes are not supported");
    d->format = strcmp(text(data, "format"), "qcow2") == 0 ? VIRT_QCOW2 : VIRT_RAW;
    d->is_read_only = strcmp(text(data, "access_mode"), "ro") == 0;
    for (size_t i = 0; i < ol_count(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].fill(w, data, d, err);
    return nova_fail(err, NOVA_VOLUME_UNSUPPORTED,
                     "Could not find a handler for %s volume: this host has local, file, nfs and "
                     "iscsi.",
                     *name ? name : "None");
}

int connector_check(struct work *w, const struct ol_val *info, struct ol_err *err)
{
    struct virt_disk d = {.path = NULL};
    int r = connector_disk(w, info, &d, err);

    if (r >= 0 && *d.path == '/' && !ol_exists(w->m->env, d.path))
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: there is no %s on this host",
                         d.path);
    return r;
}
