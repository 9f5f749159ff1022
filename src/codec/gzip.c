/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "core/cleanup.h"

enum {
    CHUNK = 64 << 10,
    WINDOW_GZIP = 15 + 16, /* zlib.h, inflateInit2(): 16 selects the gzip wrapper */
    MEM_LEVEL = 8,
};

bool ol_gzip_is(const void *data, size_t size)
{
    const unsigned char *b = data;

    return size >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

/* Room for the next piece of output, at most what the maximum leaves; 0 = it is used up. */
static size_t room(const struct ol_buf *b)
{
    size_t left = b->max - b->len;

    return left < CHUNK ? left : CHUNK;
}

static int too_large(const struct ol_buf *b, struct ol_err *err)
{
    return ol_err_set(err, EFBIG, "gzip: content has more than %zu bytes", b->max);
}

/* When the maximum is used up a member may still end exactly there: one byte of trial space
 * tells. */
static int inflate_some(z_stream *z, struct ol_buf *ret, struct ol_err *err)
{
    unsigned char trial;
    size_t n = room(ret);
    char *at = n ? ol_buf_reserve(ret, n) : (char *)&trial;
    int status;

    if (!at)
        return ol_err_set(err, -ol_buf_status(ret), "gzip: out of memory");
    z->next_out = (unsigned char *)at;
    z->avail_out = (uInt)(n ? n : 1);
    status = inflate(z, Z_NO_FLUSH);
    if (!n && !z->avail_out)
        return too_large(ret, err);
    if (n)
        ol_buf_commit(ret, n - z->avail_out);
    if (status == Z_STREAM_END)
        return 1;
    if (status == Z_MEM_ERROR)
        return ol_err_set(err, ENOMEM, "gzip: out of memory");
    if (status == Z_BUF_ERROR || (status == Z_OK && !z->avail_in && z->avail_out))
        return ol_err_set(
            err, EINVAL, "gzip: Compressed file ended before the end-of-stream marker was reached");
    if (status != Z_OK)
        return ol_err_set(err, EINVAL, "gzip: %s", z->msg ? z->msg : "invalid data");
    return 0;
}

static int inflate_member(z_stream *z, struct ol_buf *ret, struct ol_err *err)
{
    int r = 0;

    if (!ol_gzip_is(z->next_in, z->avail_in))
        return ol_err_set(err, EINVAL, "gzip: Not a gzipped file");
    if (inflateReset(z) != Z_OK)
        return ol_err_set(err, EINVAL, "gzip: invalid stream state");
    while (!r)
        r = inflate_some(z, ret, err);
    return r;
}

static int inflate_all(z_stream *z, struct ol_buf *ret, struct ol_err *err)
{
    while (z->avail_in) {
        int r = inflate_member(z, ret, err);

        if (r < 0)
            return r;
        while (z->avail_in && !*z->next_in) {
            z->next_in++;
            z->avail_in--;
        }
    }
    return 0;
}

static void end_inflate(z_stream *z)
{
    inflateEnd(z);
}

static void end_deflate(z_stream *z)
{
    deflateEnd(z);
}

int ol_gzip_decompress(const void *data, size_t size, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(end_inflate) z_stream z = {.next_in = (unsigned char *)data, .avail_in = (uInt)size};
    size_t before = ret->len;
    int r;

    if (size > UINT_MAX)
        return ol_err_set(err, EFBIG, "gzip: input has more than %u bytes", UINT_MAX);
    if (inflateInit2(&z, WINDOW_GZIP) != Z_OK)
        return ol_err_set(err, ENOMEM, "gzip: out of memory");
    r = inflate_all(&z, ret, err);
    if (r < 0)
        ol_buf_truncate(ret, before);
    return r;
}

int ol_gzip_compress(const void *data, size_t size, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(end_deflate) z_stream z = {.next_in = (unsigned char *)data, .avail_in = (uInt)size};
    uLong bound;
    char *at;

    if (size > UINT_MAX / 2)
        return ol_err_set(err, EFBIG, "gzip: input has more than %u bytes", UINT_MAX / 2);
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEM_LEVEL, Z_DEFAULT_STRATEGY)
        != Z_OK)
        return ol_err_set(err, ENOMEM, "gzip: out of memory");
    bound = deflateBound(&z, (uLong)size);
    at = ol_buf_reserve(ret, bound);
    if (!at)
        return ol_err_set(err, -ol_buf_status(ret), "gzip: result may have more than %zu bytes",
                          ret->max);
    z.next_out = (unsigned char *)at;
    z.avail_out = (uInt)bound;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        return ol_err_set(err, EINVAL, "gzip: deflate did not finish");
    ol_buf_commit(ret, bound - z.avail_out);
    return 0;
}
