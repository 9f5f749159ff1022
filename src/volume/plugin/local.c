/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "volume/plugin/plugin-internal.h"

/*
 * kubernetes.io/local-volume: a directory that is bound into the pod, or a block device that is
 * mounted for all pods first, and formatted if it is empty.
 */

static bool owns(const struct volume_spec *spec)
{
    return spec->pv && spec->pv->spec.local;
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_adds(to, spec->pv->o.meta.name);
}

static void device_dir(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_printf(to, "kubernetes.io/local-volume/mounts/%s", spec->pv->o.meta.name);
}

static int mount_device(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    const struct kube_local_source *local = s->spec->pv->spec.local;
    ol_auto(ol_buf_done) struct ol_buf options = OL_BUF_INIT(64 << 10);

    volume_join_options(s->spec, NULL, &options);
    volume_plan_add(to, VOLUME_LOCAL_DEVICE, local->path, s->device_dir,
                    local->fs_type && *local->fs_type ? local->fs_type : "ext4", options.data);
    return 0;
}

static void unmount_device(const char *dir, struct volume_plan *to)
{
    volume_tear_down_mount(dir, false, to);
}

static int set_up(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    const char *path = s->spec->pv->spec.local->path;

    if (!*path)
        return ol_err_set(err, EINVAL, "LocalVolume volume \"%s\" path is empty",
                          s->spec->pv->o.meta.name);
    if (strstr(path, ".."))
        return ol_err_set(err, EINVAL, "invalid path: %s must not contain '..'", path);
    volume_plan_add(to, VOLUME_BIND_LOCAL, path, s->device_dir, s->target,
                    volume_spec_is_read_only(s->spec) ? "ro" : "rw");
    volume_plan_own(s, s->target, to);
    return 0;
}

const struct volume_plugin volume_local = {
    .name = "kubernetes.io/local-volume",
    .flags = VOLUME_HAS_DEVICE | VOLUME_TAKES_GROUP | VOLUME_TAKES_OPTIONS,
    .owns = owns,
    .identify = identify,
    .device_dir = device_dir,
    .mount_device = mount_device,
    .unmount_device = unmount_device,
    .set_up = set_up,
    .tear_down = volume_tear_down_mount,
};
