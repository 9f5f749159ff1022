/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/strv.h"
#include "volume/plugin/plugin-internal.h"

void volume_join_options(const struct volume_spec *spec, const char *own, struct ol_buf *to)
{
    ol_auto(ol_strv_done) struct ol_strv all = OL_STRV_INIT;

    for (uint32_t i = 0; spec->pv && i < spec->pv->spec.mount_options.n; i++)
        ol_strv_add(&all, spec->pv->spec.mount_options.v[i]);
    if (own)
        ol_strv_split(&all, own, ",");
    ol_strv_sort(&all);
    for (size_t i = 0; i < all.n; i++) {
        if (i && !strcmp(all.v[i], all.v[i - 1]))
            continue;
        ol_buf_printf(to, "%s%s", to->len ? "," : "", all.v[i]);
    }
}

void volume_tear_down_mount(const char *target, bool is_forced, struct volume_plan *to)
{
    volume_plan_add(to, VOLUME_UMOUNT, target, is_forced ? "force" : "-");
    volume_plan_add(to, VOLUME_RMDIR, target);
}

void volume_plan_own(const struct volume_setup *s, const char *path, struct volume_plan *to)
{
    char gid[24];

    if (s->fs_group < 0 || volume_spec_is_read_only(s->spec))
        return;
    snprintf(gid, sizeof(gid), "%lld", (long long)s->fs_group);
    volume_plan_add(to, VOLUME_OWN, path, gid,
                    s->fs_group_change_policy ? s->fs_group_change_policy : "Always", "rw");
}
