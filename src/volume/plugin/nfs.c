/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "volume/plugin/plugin-internal.h"

/* kubernetes.io/nfs: no attach and no device; each pod has a mount of its own. */

static const struct kube_nfs_source *source_of(const struct volume_spec *spec)
{
    return spec->pv ? spec->pv->spec.nfs : spec->volume->nfs;
}

static bool owns(const struct volume_spec *spec)
{
    return source_of(spec);
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_printf(to, "%s/%s", source_of(spec)->server, source_of(spec)->path);
}

static int set_up(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    const struct kube_nfs_source *nfs = source_of(s->spec);
    ol_auto(ol_buf_done) struct ol_buf options = OL_BUF_INIT(64 << 10);
    ol_auto(ol_buf_done) struct ol_buf source = OL_BUF_INIT(64 << 10);
    bool is_ipv6 = strchr(nfs->server, ':') && *nfs->server != '[';

    volume_join_options(s->spec, volume_spec_is_read_only(s->spec) ? "ro" : NULL, &options);
    ol_buf_printf(&source, is_ipv6 ? "[%s]:%s" : "%s:%s", nfs->server, nfs->path);
    volume_plan_add(to, VOLUME_UNLESS_MOUNTED, s->target);
    volume_plan_add(to, VOLUME_MKDIR, s->target, "0750");
    volume_plan_add(to, VOLUME_MOUNT, "nfs", source.data, s->target, options.data);
    return 0;
}

const struct volume_plugin volume_nfs = {
    .name = "kubernetes.io/nfs",
    .flags = VOLUME_TAKES_OPTIONS | VOLUME_IS_REMOTE,
    .owns = owns,
    .identify = identify,
    .set_up = set_up,
    .tear_down = volume_tear_down_mount,
};
