/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/plugin/plugin.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

const struct volume_plugin *const volume_plugins[] = {
    &volume_csi,       &volume_nfs,        &volume_host_path, &volume_local, &volume_iscsi,
    &volume_empty_dir, &volume_config_map, &volume_secret,    NULL,
};

const struct volume_plugin *volume_plugin_of(const struct volume_spec *spec)
{
    for (size_t i = 0; volume_plugins[i]; i++) {
        if (volume_plugins[i]->owns(spec))
            return volume_plugins[i];
    }
    return NULL;
}

const struct volume_plugin *volume_plugin_by_name(const char *name)
{
    ol_autofree char *wanted = ol_str_tr(ol_xstrdup(name), '~', '/');

    for (size_t i = 0; volume_plugins[i]; i++) {
        if (!strcmp(volume_plugins[i]->name, wanted))
            return volume_plugins[i];
    }
    return NULL;
}

const char *volume_spec_name(const struct volume_spec *spec)
{
    return spec->pv ? spec->pv->o.meta.name : spec->volume->name;
}

static bool source_is_read_only(const struct kube_csi_source *csi,
                                const struct kube_nfs_source *nfs,
                                const struct kube_iscsi_source *iscsi)
{
    return (csi && csi->is_read_only) || (nfs && nfs->is_read_only)
           || (iscsi && iscsi->is_read_only);
}

bool volume_spec_is_read_only(const struct volume_spec *spec)
{
    const struct kube_volume *v = spec->volume;

    if (spec->pv)
        return spec->is_read_only
               || source_is_read_only(spec->pv->spec.csi, spec->pv->spec.nfs, spec->pv->spec.iscsi);
    return spec->is_read_only || (v->csi && v->csi->is_read_only)
           || source_is_read_only(NULL, v->nfs, v->iscsi);
}

enum kube_volume_mode volume_spec_mode(const struct volume_spec *spec)
{
    return spec->pv && spec->pv->spec.volume_mode == KUBE_MODE_BLOCK ? KUBE_MODE_BLOCK
                                                                     : KUBE_MODE_FILESYSTEM;
}

int volume_unique_name(const struct volume_spec *spec, const char *pod_uid, struct ol_buf *to)
{
    const struct volume_plugin *p = volume_plugin_of(spec);

    if (!p)
        return -EINVAL;
    ol_buf_printf(to, "%s/", p->name);
    /* An inline CSI volume has no device of its own (operationexecutor, 1.3x: not mountable). */
    if ((p->flags & (VOLUME_ATTACHABLE | VOLUME_HAS_DEVICE)) && (spec->pv || p != &volume_csi))
        p->identify(spec, to);
    else
        ol_buf_printf(to, "%s-%s", pod_uid, volume_spec_name(spec));
    return ol_buf_status(to);
}
