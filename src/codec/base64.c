/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ol_base64_encode(const void *data, size_t size, size_t columns, struct ol_buf *ret)
{
    const unsigned char *in = data;
    size_t column = 0;

    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16;
        char quad[4];

        bits |= have > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        bits |= have > 2 ? in[i + 2] : 0;
        for (int k = 0; k < 4; k++)
            quad[k] = alphabet[bits >> (18 - 6 * k) & 63];
        if (have < 3)
            quad[3] = '=';
        if (have < 2)
            quad[2] = '=';
        ol_buf_add(ret, quad, 4);
        column += 4;
        if (columns && column >= columns) {
            ol_buf_addc(ret, '\n');
            column = 0;
        }
    }
    if (columns && column)
        ol_buf_addc(ret, '\n');
}

static int digit_value(char c)
{
    const char *at = c ? memchr(alphabet, c, 64) : NULL;

    return at ? (int)(at - alphabet) : -1;
}

struct decoder {
    struct ol_buf *out;
    uint32_t bits;
    unsigned quad_pos, pads;
    size_t digits;
    bool is_strict, has_padding, is_done;
};

static int take_pad(struct decoder *d, bool is_last, struct ol_err *err)
{
    if (d->is_strict && !d->digits)
        return ol_err_set(err, EINVAL, "Leading padding not allowed");
    d->has_padding = true;
    if (d->quad_pos < 2 || d->quad_pos + ++d->pads < 4)
        return 0;
    if (d->is_strict && !is_last)
        return ol_err_set(err, EINVAL, "Excess data after padding");
    d->is_done = true;
    return 0;
}

static int take(struct decoder *d, char c, struct ol_err *err)
{
    int value = digit_value(c);

    if (value < 0 && d->is_strict)
        return ol_err_set(err, EINVAL, "Only base64 data is allowed");
    if (value < 0)
        return 0;
    if (d->is_strict && d->has_padding)
        return ol_err_set(err, EINVAL, "Discontinuous padding not allowed");
    d->pads = 0;
    d->digits++;
    d->bits = d->bits << 6 | (uint32_t)value;
    if (d->quad_pos)
        ol_buf_addc(d->out, (char)(d->bits >> (6 - 2 * d->quad_pos)));
    d->quad_pos = (d->quad_pos + 1) % 4;
    return 0;
}

static int decode(struct decoder *d, const char *text, size_t len, struct ol_err *err)
{
    for (size_t i = 0; i < len && !d->is_done; i++) {
        int r = text[i] == '=' ? take_pad(d, i + 1 == len, err) : take(d, text[i], err);

        if (r < 0)
            return r;
    }
    if (d->is_done || !d->quad_pos)
        return 0;
    if (d->quad_pos == 1)
        return ol_err_set(err, EINVAL,
                          "Invalid base64-encoded string: number of data characters (%zu) cannot "
                          "be 1 more than a multiple of 4",
                          d->digits);
    return ol_err_set(err, EINVAL, "Incorrect padding");
}

int ol_base64_decode(const char *text, size_t len, unsigned flags, struct ol_buf *ret,
                     struct ol_err *err)
{
    struct decoder d = {.out = ret, .is_strict = flags & OL_BASE64_STRICT};
    size_t before = ret->len;
    int r = decode(&d, text, len, err);

    if (r >= 0 && ol_buf_status(ret) < 0)
        r = ol_err_set(err, -ol_buf_status(ret), "base64: more than %zu bytes", ret->max);
    if (r < 0)
        ol_buf_truncate(ret, before);
    return r < 0 ? r : 0;
}
