/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/image-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/exception.h"
#include "compute/cloud/image-tool.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

enum { NAME_LEN = 40 }; /* SHA-1 in hexadecimal digits */

/* An image that is being made. */
struct making {
    struct making *next;
    char name[NAME_LEN + 1];
};

struct image_cache {
    struct ol_env *env;
    const struct compute_config *config;
    struct cloud *cloud;
    char *dir;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* one of 'making' has gone */
    struct making *making;
};

struct image_cache *image_cache_new(struct ol_env *env, const struct compute_config *config,
                                    struct cloud *cloud)
{
    struct image_cache *c = ol_xcalloc(1, sizeof(*c));
    const char *sub = config->image_cache_subdirectory;

    c->env = env;
    c->config = config;
    c->cloud = cloud;
    c->dir = ol_xasprintf("%s/%s", config->instances_path, sub ? sub : "_base");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    return c;
}

void image_cache_free(struct image_cache *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->lock);
    free(c->dir);
    free(c);
}

/* nova 26 virt/libvirt/imagecache.py get_cache_fname(). */
static void name_of(const char *image_id, char ret[NAME_LEN + 1])
{
    unsigned char digest[NAME_LEN / 2] = {0};

    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, image_id, strlen(image_id), digest) < 0)
        abort(); /* it is part of every GnuTLS */
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static bool is_being_made(const struct image_cache *c, const char *name)
{
    for (const struct making *m = c->making; m; m = m->next)
        if (!strcmp(m->name, name))
            return true;
    return false;
}

/* Waits until nobody else makes it. */
static void begin_making(struct image_cache *c, struct making *m)
{
    pthread_mutex_lock(&c->lock);
    while (is_being_made(c, m->name))
        pthread_cond_wait(&c->ended, &c->lock);
    m->next = c->making;
    c->making = m;
    pthread_mutex_unlock(&c->lock);
}

static void end_making(struct image_cache *c, struct making *m)
{
    struct making **at = &c->making;

    pthread_mutex_lock(&c->lock);
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    pthread_cond_broadcast(&c->ended);
    pthread_mutex_unlock(&c->lock);
}

/* One image on its way into the cache. */
struct intake {
    struct image_cache *c;
    const struct nova_context *user;
    const char *id;
    const char *local; /* a file of this host; NULL = glance's */
    char *part, *converted;
    char disk_format[32]; /* as glance says; of a local file what it is */
};

static void intake_done(struct intake *in)
{
    free(in->part);
    free(in->converted);
}

static int refuse(const struct intake *in, const struct ol_err *why, struct ol_err *err)
{
    return nova_fail(err, NOVA_IMAGE_UNACCEPTABLE, "Image %.100s is unacceptable: %s", in->id,
                     ol_err_text(why));
}

/* What is said of a failure: that the image is no good, unless this host is the cause. */
static int judge(const struct intake *in, int r, const struct ol_err *why, struct ol_err *err)
{
    if (r == 0)
        return 0;
    if (r == -EINVAL || r == -EIO)
        return refuse(in, why, err);
    if (err)
        *err = *why;
    return r;
}

static int download(struct intake *in, int fd, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    struct glance_image image;
    int r = glance_show(in->c->cloud, in->user, in->id, &a, &image, err);

    if (r < 0)
        return r;
    if (image.status && strcmp(image.status, "active") != 0)
        return nova_fail(err, NOVA_IMAGE_UNACCEPTABLE,
                         "Image %.100s is unacceptable: its status is %.40s", in->id, image.status);
    snprintf(in->disk_format, sizeof(in->disk_format), "%s",
             image.disk_format ? image.disk_format : "raw");
    return glance_download(in->c->cloud, in->user, &image, fd, err);
}

static int copy(struct intake *in, int fd, struct ol_err *err)
{
    int r = image_copy(in->c->env, in->local, fd, err);

    return r == -ENOENT || r == -ENOTDIR
               ? nova_fail(err, NOVA_IMAGE_NOT_FOUND, "Image %s could not be found.", in->local)
               : r;
}

static int fill_part(struct intake *in, struct ol_err *err)
{
    struct ol_env *env = in->c->env;
    ol_autoclose int fd = -1;
    int r = ol_mkdir_p(env, in->c->dir, 0755, err);

    if (r < 0)
        return r;
    fd = ol_open(env, in->part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", in->part, strerror(-fd));
    r = in->local ? copy(in, fd, err) : download(in, fd, err);
    if (r == 0 && fdatasync(fd) < 0 && !env->is_dry_run)
        r = ol_err_set(err, errno, "write '%s': %s", in->part, strerror(errno));
    return r;
}

/* Makes 'converted' out of 'part', which must not turn into another format by that: the image's
 * content would be read as an image of its own. */
static int convert(struct intake *in, const char *format, struct ol_err *err)
{
    ol_autofree uint8_t *room = ol_xcalloc(1, IMAGE_HEAD + IMAGE_TAIL);
    struct ol_env *env = in->c->env;
    const char *name = "";
    struct image_bytes bytes;
    int64_t size;
    int r = image_to_raw(env, in->part, format, in->converted, err);

    if (r == 0)
        r = image_read(env, in->converted, room, &bytes, &size, err);
    if (r < 0)
        return r;
    image_detect(&bytes, &name);
    if (strcmp(name, "raw") != 0 && strcmp(name, "iso") != 0)
        return ol_err_set(err, EINVAL, "Converted to raw, but format is now %s", name);
    return ol_chmod(env, in->converted, 0644, err);
}

/* Looks at what has come; makes it raw when that is wanted. The file to keep is *ret. */
static int examine(struct intake *in, const char **ret, struct ol_err *err)
{
    ol_autofree uint8_t *room = ol_xcalloc(1, IMAGE_HEAD + IMAGE_TAIL);
    struct image_bytes bytes;
    enum image_format format;
    const char *name = "";
    int64_t size = 0, virtual_size;
    int r = image_read(in->c->env, in->part, room, &bytes, &size, err);

    if (r < 0)
        return r;
    format = image_detect(&bytes, &name);
    r = image_check_claim(format, name, in->local ? name : in->disk_format, err);
    *ret = in->part;
    if (r < 0 || format != IMAGE_QCOW2)
        return r;
    r = image_check_qcow2(&bytes, &virtual_size, err);
    if (r == 0)
        r = image_qemu_info(in->c->env, in->part, name, err);
    if (r == 0 && in->c->config->force_raw_images) {
        r = convert(in, name, err);
        *ret = in->converted;
    }
    return r;
}

static int take_in(struct intake *in, const char *path, struct ol_err *err)
{
    struct ol_env *env = in->c->env;
    struct ol_err why = OL_ERR_INIT;
    const char *keep = NULL;
    int r = fill_part(in, err);

    if (r == 0 && !env->is_dry_run)
        r = judge(in, examine(in, &keep, &why), &why, err);
    /* The rename comes last: once there is a base file nobody looks for leftovers. */
    if (r == 0 && keep == in->converted)
        r = ol_unlink(env, in->part, err);
    if (r == 0 && keep)
        r = ol_rename(env, keep, path, err);
    if (r < 0) {
        (void)!ol_unlink(env, in->part, NULL);
        (void)!ol_unlink(env, in->converted, NULL);
    }
    return r;
}

/* A base file is raw or qcow2 by its bytes: intake makes sure that no raw one looks otherwise. */
static int describe(struct image_cache *c, struct image_base *b, struct ol_err *err)
{
    ol_autofree uint8_t *room = ol_xcalloc(1, IMAGE_HEAD + IMAGE_TAIL);
    struct image_bytes bytes;
    int64_t size;
    int r = image_read(c->env, b->path, room, &bytes, &size, err);

    if (r < 0)
        return r;
    b->is_raw = image_detect(&bytes, NULL) != IMAGE_QCOW2;
    b->virtual_size = size;
    return b->is_raw ? 0 : image_check_qcow2(&bytes, &b->virtual_size, err);
}

/* Its time of change is that of its last use. */
static void touch(struct image_cache *c, const char *path)
{
    ol_autoclose int fd = ol_open(c->env, path, O_RDONLY, 0);

    if (fd >= 0 && ol_change(c->env, "utime", path))
        (void)futimens(fd, NULL);
}

static const char *local_path(const char *id)
{
    if (ol_str_starts(id, "file://"))
        return id + 7;
    return *id == '/' ? id : NULL;
}

static int get_locked(struct intake *in, struct image_base *b, struct ol_err *err)
{
    int r = 0;

    if (!ol_is_file(in->c->env, b->path))
        r = take_in(in, b->path, err);
    if (r == 0 && in->c->env->is_dry_run)
        return 0;
    if (r == 0)
        r = describe(in->c, b, err);
    if (r == 0)
        touch(in->c, b->path);
    return r;
}

int image_cache_get(struct image_cache *c, const struct nova_context *user, const char *image_id,
                    struct image_base *ret, struct ol_err *err)
{
    ol_auto(intake_done) struct intake in = {.c = c, .user = user, .id = image_id};
    struct image_base b = {.is_raw = true};
    struct making m;
    int n, r;

    if (!image_id || !*image_id)
        return nova_fail(err, NOVA_IMAGE_NOT_FOUND, "Image  could not be found.");
    name_of(image_id, m.name);
    n = snprintf(b.path, sizeof(b.path), "%s/%s", c->dir, m.name);
    if (n < 0 || (size_t)n >= sizeof(b.path))
        return ol_err_set(err, ENAMETOOLONG, "'%.200s' is too long for images", c->dir);
    /* In a cloud an image's id comes from its users: a path would give them files of this host. */
    in.local = c->config->standalone ? local_path(image_id) : NULL;
    in.part = ol_xasprintf("%s.part", b.path);
    in.converted = ol_xasprintf("%s.converted", b.path);
    begin_making(c, &m);
    r = get_locked(&in, &b, err);
    end_making(c, &m);
    if (r == 0)
        *ret = b;
    return r;
}

/* --- cleaning --- */

static bool is_base_name(const char *name)
{
    size_t len = strspn(name, "0123456789abcdef");

    return len == NAME_LEN
           && (!name[len] || !strcmp(name + len, ".part") || !strcmp(name + len, ".converted"));
}

static int clean_one(struct image_cache *c, const char *file, ol_time age, struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", c->dir, file);
    struct making m = {.next = NULL};
    struct stat st;
    int r = 0;

    memcpy(m.name, file, NAME_LEN);
    m.name[NAME_LEN] = '\0';
    pthread_mutex_lock(&c->lock);
    r = is_being_made(c, m.name) ? -EBUSY : 0;
    pthread_mutex_unlock(&c->lock);
    if (r < 0)
        return 0; /* somebody wants it right now */
    begin_making(c, &m);
    if (ol_lstat(c->env, path, &st) == 0 && S_ISREG(st.st_mode)
        && ol_now_wall(c->env) - (ol_time)st.st_mtime * OL_SECOND > age)
        r = ol_unlink(c->env, path, err);
    end_making(c, &m);
    return r;
}

int image_cache_clean(struct image_cache *c, const struct ol_strv *used, ol_time age,
                      struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT, keep = OL_STRV_INIT;
    int r;

    if (!ol_is_dir(c->env, c->dir))
        return 0;
    r = ol_list_dir(c->env, c->dir, &names, err);
    for (size_t i = 0; i < used->n; i++) {
        char name[NAME_LEN + 1];

        name_of(used->v[i], name);
        ol_strv_add(&keep, name);
    }
    for (size_t i = 0; i < names.n && r == 0; i++)
        if (is_base_name(names.v[i]) && !ol_strv_has(&keep, names.v[i]))
            r = clean_one(c, names.v[i], age, err);
    return r;
}
