/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/path.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/module/block.h"

#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

static int bad_size(struct ol_err *err, const char *format, const char *text)
{
    return ol_err_set_domain(err, EINVAL, "ValueError", 0, format, text);
}

/* The square root to the nearest integer. */
static int64_t rounded_root(double x)
{
    int64_t root = 0;

    while (((double)root + 0.5) * ((double)root + 0.5) < x)
        root++;
    return root;
}

/* Cuts "iB" or "B" and then the letter of the unit; its factor. */
static double cut_unit(char *text)
{
    static const char letters[] = "BKMGT";
    size_t len = strlen(text);
    const char *letter;

    if (ol_str_ends(text, "iB"))
        len -= 2;
    else if (ol_str_ends(text, "B"))
        len -= 1;
    text[len] = '\0';
    letter = len ? strchr(letters, text[len - 1]) : NULL;
    if (!letter)
        return 1;
    text[len - 1] = '\0';
    return (double)((int64_t)1 << (10 * (letter - letters)));
}

int swap_parse_size(const struct ol_val *v, int64_t *ret, struct ol_err *err)
{
    ol_autofree char *text = NULL;
    double factor, number;
    char *end;

    if (ol_val_is(v, OL_VAL_INT)) {
        number = (double)ol_val_int(v, INT64_MAX);
        if (number < 0)
            return ol_err_set_domain(err, EINVAL, "ValueError", 0, "'%lld': cannot be negative",
                                     (long long)ol_val_int(v, 0));
        *ret = ol_val_int(v, INT64_MAX);
        return 0;
    }
    if (ol_val_is(v, OL_VAL_FLOAT) && fabs(v->number) < 9e18) {
        *ret = (int64_t)v->number;
        return 0;
    }
    if (!ol_val_str(v))
        return bad_size(err, "a size cannot be a %s", ol_val_type_name(v));
    text = ol_str_stripped(ol_val_str(v));
    factor = cut_unit(text);
    number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number * factor >= 9e18)
        return bad_size(err, "'%s' is not valid input.", ol_val_str(v));
    if (number < 0)
        return bad_size(err, "'%s': cannot be negative", ol_val_str(v));
    *ret = (int64_t)(number * factor);
    return 0;
}

int64_t swap_suggest(int64_t memory, int64_t disk_free, int64_t max)
{
    int64_t wanted;

    if (max < 0)
        max = disk_free / 4 < memory * 2 ? disk_free / 4 : memory * 2;
    else if ((double)max > (double)disk_free * 0.9)
        max = (int64_t)((double)disk_free * 0.9);
    if (memory < 4 * GIB)
        wanted = memory;
    else if (memory < 16 * GIB)
        wanted = 4 * GIB;
    else
        wanted = rounded_root((double)memory / (double)GIB) * GIB;
    return wanted < max ? wanted : max;
}

/* Bytes of "MemTotal:  1024 kB"; -1 when it cannot be told. */
static int64_t read_memory(struct ol_env *env)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
    int64_t kib;

    if (ol_file_read(env, "/proc/meminfo", &b, NULL) < 0)
        return -1;
    ol_strv_split(&words, b.data, " \t\n");
    for (size_t i = 0; i + 1 < words.n; i++)
        if (!strcmp(words.v[i], "MemTotal:") && ol_parse_i64(words.v[i + 1], 10, &kib) == 0)
            return kib * 1024;
    return -1;
}

static int stat_fs(struct ol_env *env, const char *dir, struct statfs *ret, struct ol_err *err)
{
    ol_autoclose int fd = ol_open(env, dir, O_RDONLY | O_DIRECTORY, 0);

    if (fd < 0)
        return ol_err_set(err, -fd, "open directory '%s': %s", dir, strerror(-fd));
    if (fstatfs(fd, ret) < 0)
        return ol_err_set(err, errno, "stat file system of '%s': %s", dir, strerror(errno));
    return 0;
}

static bool is_in_use(struct ol_env *env, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);
    ol_autofree char *wanted = ol_xasprintf("\n%s ", path);

    return ol_file_read(env, "/proc/swaps", &b, NULL) < 0 || strstr(b.data, wanted);
}

/* dd is slow, but works where the file system knows no fallocate. */
static int make_file(struct ol_env *env, const char *path, int64_t mib, struct ol_err *err)
{
    ol_autofree char *length = ol_xasprintf("%lldM", (long long)mib);
    ol_autofree char *of = ol_xasprintf("of=%s", path);
    ol_autofree char *count = ol_xasprintf("count=%lld", (long long)mib);
    const char *const fallocate_argv[] = {"fallocate", "-l", length, path, NULL};
    const char *const dd_argv[] = {"dd", "if=/dev/zero", of, "bs=1M", count, NULL};
    struct ol_err why = OL_ERR_INIT;
    int r = ol_run(env, fallocate_argv, NULL, &why);

    if (r == 0)
        return 0;
    ol_info(env, "fallocate swap creation failed, will attempt with dd: %s", ol_err_text(&why));
    r = ol_unlink(env, path, err);
    if (r == 0)
        r = ol_run(env, dd_argv, NULL, err);
    return r;
}

/* btrfs swaps only to files that are never copied on write. */
static int forbid_copies(struct ol_env *env, const char *path, struct ol_err *err)
{
    const char *const truncate_argv[] = {"truncate", "-s", "0", path, NULL};
    const char *const chattr_argv[] = {"chattr", "+C", path, NULL};
    int r = ol_run(env, truncate_argv, NULL, err);

    return r < 0 ? r : ol_run(env, chattr_argv, NULL, err);
}

static int make_swap(struct ol_env *env, const char *path, int64_t size, const struct statfs *fs,
                     struct ol_err *err)
{
    const char *const mkswap_argv[] = {"mkswap", path, NULL};
    int r = fs->f_type == BTRFS_SUPER_MAGIC ? forbid_copies(env, path, err) : 0;

    if (r == 0)
        r = make_file(env, path, size / MIB, err);
    if (r == 0 && ol_exists(env, path))
        r = ol_chmod(env, path, 0600, err);
    if (r == 0)
        r = ol_run(env, mkswap_argv, NULL, err);
    if (r < 0 && ol_unlink(env, path, NULL) < 0)
        ol_debug(env, "%s stays behind", path);
    return r;
}

/* The size in bytes; 0 = none is wanted. */
static int find_size(struct ol_env *env, const struct ol_val *swap, const struct statfs *fs,
                     int64_t *ret, struct ol_err *err)
{
    const struct ol_val *size = ol_val_get(swap, "size");
    const struct ol_val *limit = ol_val_get(swap, "maxsize");
    int64_t memory, max = -1;
    int r = 0;

    if (!ol_val_str(size) || !ol_str_eq_nocase(ol_val_str(size), "auto"))
        return swap_parse_size(size, ret, err);
    if (limit && !ol_val_is(limit, OL_VAL_NULL))
        r = swap_parse_size(limit, &max, err);
    if (r < 0)
        return r;
    memory = read_memory(env);
    if (memory < 0)
        ol_debug(env, "Not creating swap: failed to read meminfo");
    *ret = memory < 0 ? 0 : swap_suggest(memory, (int64_t)fs->f_bfree * (int64_t)fs->f_frsize, max);
    return 0;
}

/* What is there already is only written over when it is a swap file. */
static int check_place(struct ol_env *env, const char *path, struct ol_err *err)
{
    struct block_facts facts = {0};
    struct stat st;

    if (path[0] != '/')
        return ol_err_set(err, EINVAL, "'filename' has to be an absolute path, not '%.200s'", path);
    if (ol_stat(env, path, &st) < 0)
        return 0;
    if (!S_ISREG(st.st_mode))
        return ol_err_set(err, EEXIST, "'%s' is no file: choose another 'filename'", path);
    if (!st.st_size || (block_probe(env, path, &facts) == 0 && !strcmp(facts.type, "swap")))
        return 0;
    return ol_err_set(err, EEXIST,
                      "'%s' exists and holds something else: choose another"
                      " 'filename' or remove it",
                      path);
}

/* The directory is there and the size is known; 0 in *ret_size: there is no room for one. */
static int prepare(struct ol_env *env, const struct ol_val *swap, const char *path,
                   struct statfs *ret_fs, int64_t *ret_size, struct ol_err *err)
{
    ol_autofree char *dir = ol_path_dir(path);
    int r = check_place(env, path, err);

    if (r == 0)
        r = ol_mkdir_p(env, dir, 0755, err);
    if (r == 0)
        r = stat_fs(env, dir, ret_fs, err);
    if (r == 0)
        r = find_size(env, swap, ret_fs, ret_size, err);
    if (r == 0 && *ret_size > 0 && *ret_size < MIB)
        r = ol_err_set(err, EINVAL,
                       "a size of %lld bytes is too small: write it with its unit, as '512M'",
                       (long long)*ret_size);
    return r;
}

int swap_set_up(struct ol_env *env, struct ol_arena *a, const struct ol_val *swap,
                const char **ret_path, struct ol_err *err)
{
    const struct ol_val *filename = ol_val_get(swap, "filename");
    const char *path = filename ? ol_val_to_text(a, filename) : "/swap.img";
    struct statfs fs = {0};
    int64_t size = 0;
    int r = 0;

    *ret_path = NULL;
    if (!ol_val_is_truthy(ol_val_get(swap, "size")) || (filename && !ol_val_is_truthy(filename))) {
        ol_debug(env, "no need to setup swap");
        return 0;
    }
    if (!ol_exists(env, path) || !is_in_use(env, path)) {
        r = prepare(env, swap, path, &fs, &size, err);
        if (r < 0 || size <= 0)
            return r;
        r = make_swap(env, path, size, &fs, err);
    }
    if (r == 0)
        *ret_path = path;
    return r;
}
