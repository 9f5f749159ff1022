/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"

enum {
    IDLE_S = 60,                /* a download ends when nothing comes for so long */
    DOWNLOAD_MAX_S = 24 * 3600, /* and whatever comes */
    HASH_MAX = 128,             /* hexadecimal digits of a checksum */
};

static const char *text(const struct ol_val *v, const char *key)
{
    const char *s = ol_val_str(ol_val_get(v, key));

    return s && *s ? s : NULL;
}

static int64_t number(const struct ol_val *v, const char *key)
{
    int64_t n = ol_val_int(ol_val_get(v, key), 0);

    return n > 0 ? n : 0;
}

/* nova 26 image/glance.py _translate_image_exception(). */
static int translate(const struct ol_err *failure, int r, const char *id, struct ol_err *err)
{
    if (cloud_is(failure, 404))
        return nova_fail(err, NOVA_IMAGE_NOT_FOUND, "Image %s could not be found.", id);
    if (cloud_is(failure, 403) || cloud_is(failure, 401))
        return nova_fail(err, NOVA_IMAGE_NOT_AUTHORIZED, "Not authorized for image %s.", id);
    if (err)
        *err = *failure;
    return r;
}

int glance_show(struct cloud *c, const struct nova_context *user, const char *id,
                struct ol_arena *a, struct glance_image *ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_GLANCE,
        .method = "GET",
        .path = ol_arena_printf(a, "/v2/images/%s", id),
        .user = user,
    };
    struct ol_err failure = OL_ERR_INIT;
    const struct ol_val *v = NULL;
    int r;

    if (cloud_check_id("an image", id, NULL) < 0)
        return nova_fail(err, NOVA_IMAGE_NOT_FOUND, "Image %.100s could not be found.", id);
    r = cloud_call(c, &q, a, &v, &failure);
    if (r < 0)
        return translate(&failure, r, id, err);
    *ret = (struct glance_image){
        .id = ol_arena_strdup(a, id),
        .name = text(v, "name"),
        .status = text(v, "status"),
        .disk_format = text(v, "disk_format"),
        .container_format = text(v, "container_format"),
        .checksum = text(v, "checksum"),
        .hash_algo = text(v, "os_hash_algo"),
        .hash_value = text(v, "os_hash_value"),
        .size = number(v, "size"),
        .min_disk = number(v, "min_disk"),
        .min_ram = number(v, "min_ram"),
        .virtual_size = number(v, "virtual_size"),
        .all = v,
    };
    return 0;
}

/* --- download --- */

struct download {
    const struct glance_image *image;
    gnutls_digest_algorithm_t algorithm; /* GNUTLS_DIG_UNKNOWN = nothing to compare with */
    const char *want;                    /* hexadecimal digits */
    gnutls_hash_hd_t hash;
    int fd;
    int64_t size; /* so far */
};

/* The strongest checksum that glance has and that we know. */
static void choose_checksum(struct download *d)
{
    static const struct {
        const char *name;
        gnutls_digest_algorithm_t algorithm;
    } known[] = {
        {"sha512", GNUTLS_DIG_SHA512}, {"sha384", GNUTLS_DIG_SHA384}, {"sha256", GNUTLS_DIG_SHA256},
        {"sha1", GNUTLS_DIG_SHA1},     {"md5", GNUTLS_DIG_MD5},
    };
    const struct glance_image *i = d->image;

    d->algorithm = GNUTLS_DIG_UNKNOWN;
    for (size_t n = 0; i->hash_algo && i->hash_value && n < ol_count(known); n++)
        if (!strcmp(known[n].name, i->hash_algo)) {
            d->algorithm = known[n].algorithm;
            d->want = i->hash_value;
        }
    if (d->algorithm == GNUTLS_DIG_UNKNOWN && i->checksum) {
        d->algorithm = GNUTLS_DIG_MD5;
        d->want = i->checksum;
    }
}

static void end_hash(struct download *d, unsigned char *digest)
{
    unsigned char unused[HASH_MAX / 2];

    if (d->hash)
        gnutls_hash_deinit(d->hash, digest ? digest : unused);
    d->hash = NULL;
}

static int begin(void *ctx)
{
    struct download *d = ctx;

    end_hash(d, NULL);
    d->size = 0;
    if (ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0)
        return -errno;
    if (d->algorithm != GNUTLS_DIG_UNKNOWN && gnutls_hash_init(&d->hash, d->algorithm) < 0)
        return -ENOTSUP;
    return 0;
}

static int take(void *ctx, const char *piece, size_t size)
{
    struct download *d = ctx;

    d->size += (int64_t)size;
    if (d->image->size && d->size > d->image->size)
        return -EOVERFLOW;
    if (d->hash && gnutls_hash(d->hash, piece, size) < 0)
        return -EIO;
    while (size) {
        ssize_t n = write(d->fd, piece, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        piece += n;
        size -= (size_t)n;
    }
    return 0;
}

static bool is_same_digest(struct download *d)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[HASH_MAX / 2];
    size_t size = gnutls_hash_get_len(d->algorithm);
    char hex[HASH_MAX + 1];

    end_hash(d, digest);
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    return !strcasecmp(hex, d->want);
}

static int check_download(struct download *d, struct ol_err *err)
{
    const struct glance_image *i = d->image;

    if (i->size && d->size != i->size)
        return nova_fail(err, NOVA_IMAGE_CORRUPT,
                         "Image %s: glance sent %lld bytes, and says that it has %lld", i->id,
                         (long long)d->size, (long long)i->size);
    if (d->hash && !is_same_digest(d))
        return nova_fail(err, NOVA_IMAGE_CORRUPT,
                         "Image %s: what glance sent does not have its checksum", i->id);
    return 0;
}

int glance_download(struct cloud *c, const struct nova_context *user,
                    const struct glance_image *image, int fd, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct cloud_ask q = {
        .service = CLOUD_GLANCE,
        .method = "GET",
        .path = ol_arena_printf(&a, "/v2/images/%s/file", image->id),
        .user = user,
        .timeout = DOWNLOAD_MAX_S * OL_SECOND,
    };
    struct download d = {.image = image, .fd = fd};
    const struct cloud_send s = {
        .ask = &q, .idle = IDLE_S * OL_SECOND, .begin = begin, .take = take, .ctx = &d};
    struct ol_http_response answer = {.body = OL_BUF_INIT(1 << 20)};
    struct ol_err failure = OL_ERR_INIT;
    int r;

    /* Whoever asks for signatures must not get images without. */
    if (c->config->glance_verify)
        return nova_fail(err, NOVA_IMAGE_UNACCEPTABLE,
                         "Image %s is unacceptable: [glance]verify_glance_signatures is set, and "
                         "signatures cannot be verified here",
                         image->id);
    choose_checksum(&d);
    r = cloud_send(c, &s, &answer, &failure);
    ol_buf_done(&answer.body);
    if (r == 0 && (answer.status < 200 || answer.status > 299))
        r = cloud_fail(&q, (int)answer.status, NULL, &failure);
    if (r == -EOVERFLOW)
        r = check_download(&d, err);
    else if (r < 0)
        r = translate(&failure, r, image->id, err);
    else
        r = check_download(&d, err);
    end_hash(&d, NULL);
    return r;
}

int glance_delete(struct cloud *c, const struct nova_context *user, const char *id,
                  struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct cloud_ask q = {
        .service = CLOUD_GLANCE,
        .method = "DELETE",
        .path = ol_arena_printf(&a, "/v2/images/%s", id),
        .user = user,
    };
    struct ol_err failure = OL_ERR_INIT;
    int r = cloud_check_id("an image", id, err);

    if (r < 0)
        return r;
    r = cloud_call(c, &q, &a, NULL, &failure);
    if (r < 0 && cloud_is(&failure, 404))
        return 0;
    if (r < 0 && err)
        *err = failure;
    return r;
}
