/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/scan.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/cleanup.h"

enum kube_token kube_scan_peek(struct kube_scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
    if (s->p >= s->end)
        return KUBE_TOKEN_NONE;
    switch (*s->p) {
    case '{': return KUBE_TOKEN_MAP;
    case '[': return KUBE_TOKEN_LIST;
    case '"': return KUBE_TOKEN_STR;
    case 't':
    case 'f': return KUBE_TOKEN_BOOL;
    case 'n': return KUBE_TOKEN_NULL;
    case '-': return KUBE_TOKEN_NUMBER;
    default: return *s->p >= '0' && *s->p <= '9' ? KUBE_TOKEN_NUMBER : KUBE_TOKEN_NONE;
    }
}

int kube_scan_open(struct kube_scan *s)
{
    if (++s->depth > KUBE_SCAN_DEPTH)
        return -EINVAL;
    s->p++;
    return 0;
}

int kube_scan_next(struct kube_scan *s, char closing, bool *is_first)
{
    bool is_begun = !*is_first;

    *is_first = false;
    kube_scan_peek(s);
    if (s->p < s->end && *s->p == closing) {
        s->p++;
        s->depth--;
        return 0;
    }
    if (!is_begun)
        return 1;
    if (s->p >= s->end || *s->p != ',')
        return -EINVAL;
    s->p++;
    return 1;
}

static bool is_escape_good(const char *p, const char *end)
{
    if (p >= end)
        return false;
    if (*p != 'u')
        return memchr("\"\\/bfnrt", *p, 8) != NULL;
    for (int i = 1; i <= 4; i++)
        if (p + i >= end
            || !((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')
                 || (p[i] >= 'A' && p[i] <= 'F')))
            return false;
    return true;
}

int kube_scan_string(struct kube_scan *s, struct kube_span *ret)
{
    const char *p = s->p + 1;
    bool has_escapes = false;

    if (kube_scan_peek(s) != KUBE_TOKEN_STR)
        return -EINVAL;
    for (p = s->p + 1; p < s->end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20)
            return -EINVAL;
        if (*p == '\\') {
            has_escapes = true;
            if (!is_escape_good(++p, s->end))
                return -EINVAL;
        }
    }
    if (p >= s->end)
        return -EINVAL;
    *ret = (struct kube_span){s->p + 1, (size_t)(p - s->p - 1), has_escapes};
    s->p = p + 1;
    return 0;
}

int kube_scan_key(struct kube_scan *s, struct kube_span *ret)
{
    if (kube_scan_string(s, ret) < 0)
        return -EINVAL;
    kube_scan_peek(s);
    if (s->p >= s->end || *s->p != ':')
        return -EINVAL;
    s->p++;
    return 0;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* At least one digit, or NULL. */
static const char *skip_some_digits(const char *p, const char *end)
{
    const char *q = skip_digits(p, end);

    return q > p ? q : NULL;
}

static const char *skip_exponent(const char *p, const char *end)
{
    p += p < end && (*p == '+' || *p == '-');
    return skip_some_digits(p, end);
}

/* RFC 8259, section 6; NULL when it is no number. */
static const char *skip_number(const char *p, const char *end)
{
    const char *first = p + (p < end && *p == '-');

    p = skip_some_digits(first, end);
    if (!p || (*first == '0' && p > first + 1))
        return NULL;
    if (p < end && *p == '.')
        p = skip_some_digits(p + 1, end);
    return p && p < end && (*p == 'e' || *p == 'E') ? skip_exponent(p + 1, end) : p;
}

int kube_scan_word(struct kube_scan *s, struct kube_span *ret)
{
    static const char *const words[] = {"true", "false", "null"};
    enum kube_token token = kube_scan_peek(s);
    const char *p = s->p, *end = NULL;

    if (token == KUBE_TOKEN_NUMBER)
        end = skip_number(p, s->end);
    for (size_t i = 0; token != KUBE_TOKEN_NUMBER && i < ol_count(words); i++) {
        size_t n = strlen(words[i]);

        if ((size_t)(s->end - p) >= n && !memcmp(p, words[i], n))
            end = p + n;
    }
    if (!end)
        return -EINVAL;
    *ret = (struct kube_span){p, (size_t)(end - p), false};
    s->p = end;
    return 0;
}

static int skip_items(struct kube_scan *s, enum kube_token token)
{
    char closing = token == KUBE_TOKEN_MAP ? '}' : ']';
    struct kube_span key;
    bool is_first = true;
    int r = kube_scan_open(s);

    while (r >= 0 && (r = kube_scan_next(s, closing, &is_first)) > 0) {
        if (token == KUBE_TOKEN_MAP && kube_scan_key(s, &key) < 0)
            return -EINVAL;
        r = kube_scan_skip(s);
    }
    return r;
}

int kube_scan_skip(struct kube_scan *s)
{
    enum kube_token token = kube_scan_peek(s);
    struct kube_span span;

    switch (token) {
    case KUBE_TOKEN_NONE: return -EINVAL;
    case KUBE_TOKEN_MAP:
    case KUBE_TOKEN_LIST: return skip_items(s, token);
    case KUBE_TOKEN_STR: return kube_scan_string(s, &span);
    default: return kube_scan_word(s, &span);
    }
}

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

static bool is_between(uint32_t c, uint32_t from, uint32_t until)
{
    return c >= from && c < until;
}

/* The code point of the escape at p (behind its backslash), which is left behind it. */
static uint32_t escaped(const char **p, const char *end)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *q = *p, *found;
    uint32_t c, low;

    *p = q + 1;
    if (*q != 'u') {
        found = strchr(from, *q);
        return (unsigned char)(found ? to[found - from] : *q);
    }
    c = hex4(q + 1);
    *p = q + 5;
    if (is_between(c, 0xd800, 0xdc00) && end - *p >= 6 && !memcmp(*p, "\\u", 2)) {
        low = hex4(*p + 2);
        if (is_between(low, 0xdc00, 0xe000)) {
            *p += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c == 0 || is_between(c, 0xd800, 0xe000) ? 0xfffd : c;
}

static size_t utf8_len(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static char *put_utf8(char *out, uint32_t c)
{
    size_t n = utf8_len(c);

    if (n == 1) {
        *out = (char)c;
        return out + 1;
    }
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n) | c);
    return out + n;
}

size_t kube_span_len(const struct kube_span *s)
{
    const char *p = s->at, *end = p + s->len;
    size_t n = 0;

    if (!s->has_escapes)
        return s->len;
    while (p < end) {
        if (*p++ == '\\')
            n += utf8_len(escaped(&p, end));
        else
            n++;
    }
    return n;
}

void kube_span_copy(const struct kube_span *s, char *out)
{
    const char *p = s->at, *end = p + s->len;

    if (!s->has_escapes) {
        memcpy(out, p, s->len);
        out[s->len] = '\0';
        return;
    }
    while (p < end) {
        if (*p == '\\') {
            p++;
            out = put_utf8(out, escaped(&p, end));
        } else {
            *out++ = *p++;
        }
    }
    *out = '\0';
}

bool kube_span_is(const struct kube_span *s, const char *text)
{
    char small[64];
    size_t n = strlen(text);

    if (!s->has_escapes)
        return s->len == n && !memcmp(s->at, text, n);
    if (n >= sizeof(small) || kube_span_len(s) != n)
        return false;
    kube_span_copy(s, small);
    return !memcmp(small, text, n);
}
