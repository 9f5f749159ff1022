/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/decode-internal.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "kube/base/time.h"

enum { QUANTITY_TEXT_MAX = 512 };

int decode_fail(struct decoder *d, const char *what)
{
    char text[KUBE_PATH_MAX];

    kube_path_text(d->path, text);
    return ol_err_set(d->err, EINVAL, "%s: %s", text, what);
}

int decode_not_json(struct decoder *d)
{
    return decode_fail(d, "not JSON, or nested too deep");
}

void *decode_give(struct decoder *d, size_t size, enum decode_region r)
{
    char *p = d->next[r];

    if (r == DECODE_NARROW)
        size = (size + 7) & ~(size_t)7;
    d->used[r] += size;
    if (!d->is_filling)
        return NULL;
    d->next[r] = p + size;
    return p;
}

void *decode_give_structs(struct decoder *d, size_t n, size_t size)
{
    return decode_give(d, n * size, size % 16 ? DECODE_NARROW : DECODE_WIDE);
}

const char *decode_give_span(struct decoder *d, const struct kube_span *span)
{
    const char *word = decode_word(span);
    size_t n = kube_span_len(span);
    char *p;

    if (word || n == 0)
        return word ? word : "";
    p = decode_give(d, n + 1, DECODE_CHARS);
    if (p)
        kube_span_copy(span, p);
    return p;
}

bool decode_skip_null(struct decoder *d)
{
    struct kube_span span;

    return kube_scan_peek(&d->s) == KUBE_TOKEN_NULL && kube_scan_word(&d->s, &span) == 0;
}

static int read_string(struct decoder *d, struct kube_span *ret)
{
    if (kube_scan_peek(&d->s) != KUBE_TOKEN_STR)
        return decode_fail(d, "a string was expected");
    return kube_scan_string(&d->s, ret) < 0 ? decode_not_json(d) : 0;
}

int decode_str(struct decoder *d, char *at)
{
    struct kube_span span;
    const char *text;

    if (read_string(d, &span) < 0)
        return -EINVAL;
    text = decode_give_span(d, &span);
    if (at)
        *(const char **)(void *)at = text;
    return 0;
}

static int read_int(struct decoder *d, int64_t *ret)
{
    struct kube_span span;
    char digits[24];

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_NUMBER)
        return decode_fail(d, "a number was expected");
    if (kube_scan_word(&d->s, &span) < 0)
        return decode_not_json(d);
    if (span.len >= sizeof(digits))
        return decode_fail(d, "the number does not fit");
    memcpy(digits, span.at, span.len);
    digits[span.len] = '\0';
    if (ol_parse_i64(digits, 10, ret) < 0)
        return decode_fail(d, "a whole number of 64 bits was expected");
    return 0;
}

int decode_int(struct decoder *d, char *at)
{
    int64_t v;

    if (read_int(d, &v) < 0)
        return -EINVAL;
    if (at)
        *(int64_t *)(void *)at = v;
    return 0;
}

int decode_bool(struct decoder *d, const struct kube_field *f, char *at)
{
    struct kube_span span;
    bool v;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_BOOL)
        return decode_fail(d, "true or false was expected");
    if (kube_scan_word(&d->s, &span) < 0)
        return decode_not_json(d);
    v = *span.at == 't';
    if (at && (f->flags & KUBE_TRISTATE))
        *(int8_t *)at = v;
    else if (at)
        *(bool *)(void *)at = v;
    return 0;
}

/* A quantity is a string or a number. */
int decode_read_quantity(struct decoder *d, struct ol_quantity *ret)
{
    struct kube_span span;
    struct ol_err why = OL_ERR_INIT;
    char text[QUANTITY_TEXT_MAX];
    const char *stripped;
    size_t len;

    if (kube_scan_peek(&d->s) == KUBE_TOKEN_NUMBER) {
        if (kube_scan_word(&d->s, &span) < 0)
            return decode_not_json(d);
    } else if (read_string(d, &span) < 0) {
        return -EINVAL;
    }
    if (kube_span_len(&span) >= sizeof(text))
        return decode_fail(d, "the quantity is too long");
    kube_span_copy(&span, text);
    stripped = ol_str_strip(text, strlen(text), &len);
    text[(size_t)(stripped - text) + len] = '\0';
    if (ol_quantity_parse(stripped, ret, &why) < 0)
        return decode_fail(d, why.msg);
    return 0;
}

int decode_quantity(struct decoder *d, const struct kube_field *f, char *at)
{
    struct ol_quantity q, *to = (struct ol_quantity *)(void *)at;

    if (decode_read_quantity(d, &q) < 0)
        return -EINVAL;
    if (f->flags & KUBE_NULLABLE) {
        to = decode_give(d, sizeof(*to), DECODE_WIDE);
        if (at)
            *(struct ol_quantity **)(void *)at = to;
    }
    if (to)
        *to = q;
    return 0;
}

int decode_time(struct decoder *d, char *at)
{
    struct kube_span span;
    ol_time t = 0;

    if (read_string(d, &span) < 0)
        return -EINVAL;
    if (span.len && kube_time_parse(span.at, span.len, &t) < 0)
        return decode_fail(d, "a time as in RFC 3339 was expected");
    if (at)
        *(ol_time *)(void *)at = t;
    return 0;
}

int decode_int_or_str(struct decoder *d, char *at)
{
    struct kube_span span;
    const char *text;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_NUMBER)
        return decode_str(d, at);
    if (kube_scan_word(&d->s, &span) < 0)
        return decode_not_json(d);
    text = decode_give_span(d, &span);
    if (at)
        *(const char **)(void *)at = text;
    return 0;
}

int decode_bytes(struct decoder *d, char *at)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(DECODE_TEXT_MAX);
    ol_autofree char *text = NULL;
    struct kube_span span;
    struct kube_bytes *to = (struct kube_bytes *)(void *)at;
    char *data;

    if (read_string(d, &span) < 0)
        return -EINVAL;
    text = ol_xcalloc(1, kube_span_len(&span) + 1);
    kube_span_copy(&span, text);
    if (ol_base64_decode(text, strlen(text), OL_BASE64_STRICT, &bytes, NULL) < 0)
        return decode_fail(d, "base64 was expected");
    data = decode_give(d, bytes.len, DECODE_CHARS);
    if (data)
        memcpy(data, bytes.data, bytes.len);
    if (to)
        *to = (struct kube_bytes){(const uint8_t *)data, (uint32_t)bytes.len};
    return 0;
}

const char **decode_enum_text(char *at)
{
    return (const char **)(((uintptr_t)at + sizeof(void *)) & ~(sizeof(void *) - 1));
}

int decode_enum(struct decoder *d, const struct kube_field *f, char *at)
{
    struct kube_span span;
    const char *text = NULL;

    if (read_string(d, &span) < 0)
        return -EINVAL;
    if (f->flags & KUBE_WITH_TEXT)
        text = decode_give_span(d, &span);
    if (!at)
        return 0;
    if (text)
        *decode_enum_text(at) = text;
    *(uint8_t *)at = 0;
    for (size_t i = 0; f->names[i]; i++)
        if (*f->names[i] && kube_span_is(&span, f->names[i]))
            *(uint8_t *)at = (uint8_t)(i + 1);
    return 0;
}

int decode_enum_set(struct decoder *d, const struct kube_field *f, char *at)
{
    struct kube_path path = {.up = d->path};
    struct kube_span span;
    bool is_first = true;
    unsigned set = 0;
    int r;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_LIST)
        return decode_fail(d, "a list was expected");
    r = kube_scan_open(&d->s);
    for (; r >= 0 && (r = kube_scan_next(&d->s, ']', &is_first)) > 0; path.index++) {
        if (decode_skip_null(d))
            continue;
        d->path = &path;
        r = read_string(d, &span);
        d->path = path.up;
        if (r < 0)
            return r;
        for (unsigned i = 0; f->names[i]; i++)
            if (kube_span_is(&span, f->names[i]))
                set |= 1u << i;
    }
    if (r < 0)
        return decode_not_json(d);
    if (at)
        *(unsigned *)(void *)at = set;
    return 0;
}
