/* SPDX-License-Identifier: Apache-2.0 */
#include <blkid/blkid.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/strv.h"
#include "volume/driver/job-internal.h"

enum { WORDS = 2 << 10, FSCK_UNCORRECTED = 4, NOTHING_FOUND = 1 };

static void free_probe(blkid_probe *p)
{
    if (*p)
        blkid_free_probe(*p);
}

int job_probe(const char *device, char ret_type[16], struct ol_err *err)
{
    ol_auto(free_probe) blkid_probe p = blkid_new_probe_from_filename(device);
    const char *type = NULL;
    int r;

    if (!p)
        return ol_err_set(err, errno, "open %s: %s", device, strerror(errno));
    blkid_probe_enable_superblocks(p, 1);
    blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE);
    blkid_probe_enable_partitions(p, 1);
    r = blkid_do_safeprobe(p);
    if (r < 0)
        return ol_err_set(err, EIO, "%s: what is on it can't be told", device);
    if (r == NOTHING_FOUND)
        type = "";
    else if (blkid_probe_lookup_value(p, "TYPE", &type, NULL) < 0)
        type = "partitions";
    snprintf(ret_type, 16, "%s", type);
    return 0;
}

static int fail_tool(const char *program, int status, const struct ol_buf *words,
                     struct ol_err *err)
{
    return ol_err_set(err, EIO, "%s ended with %d: %s", program, status, words->data);
}

/* Runs a program that has to end below 'bad'. */
static int tool(struct job *j, const char *const *argv, int bad, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf words = OL_BUF_INIT(WORDS);
    int r = job_run(j, argv, &words, err);

    return r < bad ? (r < 0 ? r : 0) : fail_tool(argv[0], r, &words, err);
}

/* "Being made" is recorded before and "made" after it, both before anybody may write to it: so one
 * that was cut off is known and made anew. A thick image keeps its blocks. */
static int make(struct job *j, const char *device, const char *fs, bool is_read_only,
                struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
    int r;

    if (is_read_only)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "the volume is empty: it can't be mounted read-only");
    ol_strv_addf(&argv, "mkfs.%s", fs);
    if (!strcmp(fs, "xfs")) {
        ol_strv_add_all(&argv, (const char *const[]){"-q", "-f", NULL});
        if (j->record.is_thick)
            ol_strv_add(&argv, "-K");
    } else {
        ol_strv_add_all(&argv, (const char *const[]){"-q", "-F", "-m0", NULL});
        if (j->record.is_thick)
            ol_strv_add_all(&argv, (const char *const[]){"-E", "nodiscard", NULL});
    }
    ol_strv_add(&argv, device);
    snprintf(j->record.fs, sizeof(j->record.fs), "%s", fs);
    j->record.is_formatted = false;
    r = job_save(j, err);
    if (r == 0)
        r = tool(j, ol_strv_argv(&argv), 1, err);
    if (r < 0)
        return r;
    j->record.is_formatted = true;
    return job_save(j, err);
}

/* Bytes of the file system by its superblock; 0 when it can't be told. */
static uint64_t size_of_fs(int fd, const char *fs)
{
    uint8_t s[1024];
    uint32_t lo, hi = 0, log, incompat, size32;
    uint64_t n;

    if (!strcmp(fs, "xfs")) {
        if (pread(fd, s, sizeof(s), 0) != sizeof(s))
            return 0;
        memcpy(&size32, s + 4, 4);
        memcpy(&n, s + 8, 8);
        return be64toh(n) * be32toh(size32);
    }
    if (pread(fd, s, sizeof(s), 1024) != sizeof(s))
        return 0;
    memcpy(&lo, s + 4, 4);
    memcpy(&log, s + 24, 4);
    memcpy(&incompat, s + 0x60, 4);
    if (le32toh(incompat) & 0x80) /* 64bit */
        memcpy(&hi, s + 0x150, 4);
    return le32toh(log) > 6 ? 0
                            : ((uint64_t)le32toh(hi) << 32 | le32toh(lo)) << (10 + le32toh(log));
}

bool job_is_too_small(const char *device, const char *fs)
{
    /* mkfs leaves a rest that is smaller than an allocation group or a block group. */
    static const uint64_t slack = 4 << 20;
    ol_autoclose int fd = open(device, O_RDONLY | O_CLOEXEC);
    uint64_t have, size;

    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &have) < 0)
        return false;
    size = size_of_fs(fd, fs);
    return size && size + slack < have;
}

static int check_ext4(struct job *j, const char *device, struct ol_err *err)
{
    bool is_too_small = job_is_too_small(device, "ext4");
    const char *const check[] = {"e2fsck", "-p", is_too_small ? "-f" : device,
                                 is_too_small ? device : NULL, NULL};
    int r = tool(j, check, FSCK_UNCORRECTED, err);

    if (r == 0 && is_too_small)
        r = tool(j, (const char *const[]){"resize2fs", device, NULL}, 1, err);
    return r;
}

int job_grow_xfs(struct job *j, const char *path, struct ol_err *err)
{
    return tool(j, (const char *const[]){"xfs_growfs", path, NULL}, 1, err);
}

/* One of ours, so that the name lives as long as the program. */
static const char *known_fs(const char *fs)
{
    return !strcmp(fs, "xfs") ? "xfs" : !strcmp(fs, "ext4") ? "ext4" : NULL;
}

int job_prepare(struct job *j, const char *device, const char *fs, bool is_read_only,
                const char **ret_fs, struct ol_err *err)
{
    bool is_half = *j->record.fs && !j->record.is_formatted;
    char found[16];
    int r = job_probe(device, found, err);

    if (r < 0)
        return r;
    if (!*found || is_half) {
        *ret_fs = !strcmp(fs, "xfs") ? "xfs" : "ext4";
        return make(j, device, *ret_fs, is_read_only, err);
    }
    if (!known_fs(found) || (*fs && strcmp(fs, found) != 0))
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "the volume holds '%s', not the file system '%s'", found,
                           *fs ? fs : "ext4");
    *ret_fs = known_fs(found);
    return !strcmp(found, "ext4") && !is_read_only ? check_ext4(j, device, err) : 0;
}
