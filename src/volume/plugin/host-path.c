/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/str.h"
#include "volume/plugin/plugin-internal.h"

/* kubernetes.io/host-path: a container gets the directory itself; nothing is mounted. */

static const struct kube_host_path *source_of(const struct volume_spec *spec)
{
    return spec->pv ? spec->pv->spec.host_path : spec->volume->host_path;
}

static bool owns(const struct volume_spec *spec)
{
    return source_of(spec);
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_adds(to, source_of(spec)->path);
}

static int set_up(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    static const char *const types[] = {
        "DirectoryOrCreate", "Directory",   "FileOrCreate", "File", "Socket",
        "CharDevice",        "BlockDevice", NULL,
    };
    const struct kube_host_path *p = source_of(s->spec);
    const char *type = p->type ? p->type : "";

    if (!*type)
        return 0;
    if (!ol_str_in(type, types))
        return ol_err_set(err, EINVAL, "hostPath type check failed: unknown type %s", type);
    volume_plan_add(to, VOLUME_HOST_PATH, type, p->path);
    return 0;
}

static void tear_down(const char *target, bool is_forced, struct volume_plan *to) {}

const struct volume_plugin volume_host_path = {
    .name = "kubernetes.io/host-path",
    .owns = owns,
    .identify = identify,
    .set_up = set_up,
    .tear_down = tear_down,
};
