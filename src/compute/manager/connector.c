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
    int (*connect)(struct work *w, const struct ol_val *data, const char **ret, struct ol_err *err);
};

static const char *text(const struct ol_val *data, const char *name)
{
    const char *s = ol_val_str(ol_val_get(data, name));

    return s ? s : "";
}

static int lacks(const char *kind, const char *what, struct ol_err *err)
{
    return nova_fail(err, NOVA_INVALID_VOLUME,
                     "Invalid volume: connection_info of type %s has no %s", kind, what);
}

static int connect_file(struct work *w, const struct ol_val *data, const char **ret,
                        struct ol_err *err)
{
    *ret = text(data, "device_path");
    if (!**ret)
        return lacks("local", "device_path", err);
    if (!ol_exists(w->m->env, *ret))
        return nova_fail(err, NOVA_INVALID_VOLUME, "Invalid volume: there is no %s on this host",
                         *ret);
    return 0;
}

static int connect_nfs(struct work *w, const struct ol_val *data, const char **ret,
                       struct ol_err *err)
{
    const char *export = text(data, "export"), *name = text(data, "name");
    const char *path = strstr(export, ":/");

    if (!path)
        return lacks("nfs", "export SERVER:/PATH", err);
    if (!*name || strchr(name, '/'))
        return lacks("nfs", "name of a file", err);
    *ret =
        ol_arena_printf(w->arena, "nfs://%.*s%s/%s", (int)(path - export), export, path + 1, name);
    return 0;
}

static int connect_iscsi(struct work *w, const struct ol_val *data, const char **ret,
                         struct ol_err *err)
{
    const char *portal = text(data, "target_portal"), *iqn = text(data, "target_iqn");

    if (!*portal || !*iqn)
        return lacks("iscsi", "target_portal and target_iqn", err);
    if (*text(data, "auth_method"))
        return nova_fail(err, NOVA_VOLUME_UNSUPPORTED,
                         "iSCSI targets that ask for a password are not supported");
    *ret = ol_arena_printf(w->arena, "iscsi://%s/%s/%lld", portal, iqn,
                           (long long)ol_val_int(ol_val_get(data, "target_lun"), 0));
    return 0;
}

static const struct kind kinds[] = {
    {"local", connect_file},
    {"file", connect_file},
    {"nfs", connect_nfs},
    {"iscsi", connect_iscsi},
};

struct ol_val *connector_of(struct work *w)
{
    const struct compute_config *c = w->m->config;
    struct ol_val *v = ol_val_new_map(w->arena);

    ol_val_set_str(w->arena, v, "host", c->host);
    ol_val_set_str(w->arena, v, "ip", c->my_ip);
    ol_val_set_str(w->arena, v, "initiator",
                   ol_arena_printf(w->arena, "iqn.2026-11.org.orlop:%s", c->host));
    ol_val_set_bool(w->arena, v, "multipath", false);
    ol_val_set_str(w->arena, v, "os_type", "linux");
    ol_val_set_str(w->arena, v, "platform", "x86_64");
    return v;
}

int connector_connect(struct work *w, const struct ol_val *info, const char **ret_path,
                      struct ol_err *err)
{
    const char *name = text(info, "driver_volume_type");

    for (size_t i = 0; i < ol_count(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].connect(w, ol_val_get(info, "data"), ret_path, err);
    return nova_fail(err, NOVA_VOLUME_UNSUPPORTED,
                     "Could not find a handler for %s volume: this host has local, file, nfs and "
                     "iscsi.",
                     *name ? name : "None");
}

/* Nothing of the host stands for a volume: it went with the machine's disk. */
int connector_disconnect(struct work *w, const struct ol_val *info, struct ol_err *err)
{
    return 0;
}
