/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mount.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "core/cleanup.h"

static int stat_mount(const char *target, struct statvfs *ret, struct ol_err *err)
{
    return statvfs(target, ret) < 0
               ? ol_err_set(err, errno, "statfs '%s': %s", target, strerror(errno))
               : 0;
}

/* What a remount does not name, it takes away. */
static unsigned long kept_flags(const struct statvfs *st)
{
    static const struct {
        unsigned long has, flag;
    } kept[] = {{ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},
                {ST_NOEXEC, MS_NOEXEC},         {ST_NOATIME, MS_NOATIME},
                {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    unsigned long flags = 0;

    for (size_t i = 0; i < ol_count(kept); i++)
        flags |= (st->f_flag & kept[i].has) ? kept[i].flag : 0;
    return flags;
}

static int remount(struct ol_env *env, const char *target, const struct statvfs *st,
                   struct ol_err *err)
{
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | kept_flags(st);

    if (ol_change(env, "mount", target) && mount(NULL, target, NULL, flags, NULL) < 0)
        return ol_err_set(err, errno, "remount '%s' read-only: %s", target, strerror(errno));
    return 0;
}

int ol_bind(struct ol_env *env, const char *source, const char *target, struct ol_err *err)
{
    if (ol_change(env, "mount", target) && mount(source, target, NULL, MS_BIND, NULL) < 0)
        return ol_err_set(err, errno, "bind '%s' to '%s': %s", source, target, strerror(errno));
    return 0;
}

int ol_bind_read_only(struct ol_env *env, const char *source, const char *target,
                      struct ol_err *err)
{
    struct statvfs st;
    int r = ol_bind(env, source, target, err);

    if (r < 0 || env->is_dry_run)
        return r;
    r = stat_mount(target, &st, err);
    if (r == 0)
        r = remount(env, target, &st, err);
    if (r < 0)
        (void)umount2(target, UMOUNT_NOFOLLOW);
    return r;
}

int ol_bind_protect(struct ol_env *env, const char *target, struct ol_err *err)
{
    struct statvfs st;
    int r = stat_mount(target, &st, err);

    return r < 0 || (st.f_flag & ST_RDONLY) ? r : remount(env, target, &st, err);
}
