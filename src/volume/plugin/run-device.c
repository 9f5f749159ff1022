/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/spawn.h"
#include "core/str.h"
#include "core/strv.h"
#include "volume/plugin/run-internal.h"

/* Block devices: a file system if there is none, and mounting (mount-utils' SafeFormatAndMount). */

enum { BLKID_NOTHING = 2, FSCK_CORRECTED = 1, FSCK_UNCORRECTED = 4 };

/* What is on the device: "" for nothing at all. blkid's probe reads the device, not a cache. */
static int probe(struct ol_env *env, const char *device, struct ol_buf *to, struct ol_err *err)
{
    const char *const argv[] = {"blkid",  "-p", "-s",    "TYPE", "-s",
                                "PTTYPE", "-o", "value", device, NULL};
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_BOUND};
    int r = ol_spawn_run(env, &spawn, &result, err);
    size_t len = 0;
    const char *text = ol_str_strip(result.out.data, result.out.len, &len);

    if (r == 0 && result.status != 0 && result.status != BLKID_NOTHING)
        r = ol_err_set(err, EIO, "blkid failed: exit status %d, output: %s", result.status,
                       result.err.data);
    if (r == 0)
        ol_buf_add(to, text, len);
    ol_spawn_result_done(&result);
    return r;
}

static int make_file_system(struct ol_env *env, const char *device, const char *type,
                            struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    int r;

    ol_strv_addf(&argv, "mkfs.%s", type);
    if (ol_str_starts(type, "ext")) {
        ol_strv_add(&argv, "-F");
        ol_strv_add(&argv, "-m0");
    } else if (!strcmp(type, "xfs")) {
        ol_strv_add(&argv, "-f");
    }
    ol_strv_add(&argv, device);
    r = volume_tool(env, ol_strv_argv(&argv), err);
    return ol_err_prefix(err, r, "format of disk \"%s\" failed: type:(\"%s\")", device, type);
}

/* Errors that fsck can't repair keep the volume from being mounted; no fsck at all does not. */
static int check_file_system(struct ol_env *env, const char *device, struct ol_err *err)
{
    const char *const argv[] = {"fsck", "-a", device, NULL};
    struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = argv, .flags = OL_SPAWN_MERGE_ERR | OL_SPAWN_BOUND};
    int r = ol_spawn_run(env, &spawn, &result, NULL);

    if (r == 0 && result.status == FSCK_UNCORRECTED)
        r = ol_err_set(err, EIO, "'fsck' found errors on device %s but could not correct them: %s",
                       device, result.out.data);
    else
        r = 0;
    ol_spawn_result_done(&result);
    return r;
}

static int prepare(struct ol_env *env, const char *device, const char *type, bool is_read_only,
                   struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf found = OL_BUF_INIT(4096);
    int r = probe(env, device, &found, err);

    if (r < 0)
        return r;
    if (!found.len && is_read_only)
        return ol_err_set(err, EINVAL,
                          "cannot mount unformatted disk %s as it is in read-only mode", device);
    if (!found.len)
        return make_file_system(env, device, type, err);
    return is_read_only ? 0 : check_file_system(env, device, err);
}

int volume_run_format_mount(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *device = VOLUME_ARG(s, 0), *dir = VOLUME_ARG(s, 1), *type = VOLUME_ARG(s, 2);
    ol_auto(ol_strv_done) struct ol_strv options = OL_STRV_INIT;
    ol_auto(ol_buf_done) struct ol_buf all = OL_BUF_INIT(64 << 10);
    int result;

    if (volume_is_mounted(r->env, dir))
        return 0;
    ol_strv_split(&options, VOLUME_ARG(s, 3), ",");
    ol_buf_printf(&all, "%s%sdefaults", VOLUME_ARG(s, 3), *VOLUME_ARG(s, 3) ? "," : "");
    result = prepare(r->env, device, type, ol_strv_has(&options, "ro"), err);
    if (result == 0)
        result = volume_make_dir(r->env, dir, 0750, err);
    if (result < 0)
        return result;
    result = volume_mount_by(r->env, type, device, dir, all.data, err);
    if (result < 0)
        (void)rmdir(dir);
    return result;
}

int volume_run_local_device(struct volume_run *r, const struct volume_step *s, struct ol_err *err)
{
    const char *path = VOLUME_ARG(s, 0);
    struct stat st;
    int result = ol_stat(r->env, path, &st);

    if (result < 0)
        return ol_err_set(err, -result, "path \"%s\" does not exist", path);
    if (S_ISDIR(st.st_mode))
        return 0;
    if (!S_ISBLK(st.st_mode))
        return ol_err_set(err, EINVAL,
                          "only directory and block device are supported for local volume, not %s",
                          path);
    return volume_run_format_mount(r, s, err);
}
