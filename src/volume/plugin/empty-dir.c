/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "volume/plugin/plugin-internal.h"

/* kubernetes.io/empty-dir: a directory of the pod, or memory. */

static bool owns(const struct volume_spec *spec)
{
    return !spec->pv && spec->volume->empty_dir;
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_adds(to, spec->volume->name);
}

static int set_up(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    const struct kube_empty_dir *e = s->spec->volume->empty_dir;
    const char *medium = e->medium ? e->medium : "";
    char options[48] = "";

    if (*medium && strcmp(medium, "Memory") != 0)
        return ol_err_set(err, EINVAL, "unknown storage medium \"%s\"", medium);
    volume_plan_add(to, VOLUME_MKDIR, s->target, "0777");
    if (*medium) {
        if (e->size_limit && !ol_quantity_is_zero(e->size_limit))
            snprintf(options, sizeof(options), "size=%lld",
                     (long long)ol_quantity_value(e->size_limit));
        volume_plan_add(to, VOLUME_MOUNT, "tmpfs", "tmpfs", s->target, options);
    }
    volume_plan_own(s, s->target, to);
    return 0;
}

static void tear_down(const char *target, bool is_forced, struct volume_plan *to)
{
    volume_plan_add(to, VOLUME_UMOUNT, target, "-");
    volume_plan_add(to, VOLUME_REMOVE_TREE, target);
}

const struct volume_plugin volume_empty_dir = {
    .name = "kubernetes.io/empty-dir",
    .flags = VOLUME_TAKES_GROUP,
    .owns = owns,
    .identify = identify,
    .set_up = set_up,
    .tear_down = tear_down,
};
