/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/mime-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

/* Content-Transfer-Encodings undone as Python's binascii and email.message do it. Only
 * uuencode can give more than it was given (a short line stands for up to 63 zeros): the
 * arena's maximum bounds it. */

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)((at - digits) % 16) : -1;
}

/* binascii.a2b_qp(): what follows a '=' at s; returns how much of it was used. */
static size_t take_qp_escape(const char *s, size_t len, struct ol_buf *out)
{
    if (!len)
        return 0;
    if (*s == '\n' || *s == '\r') {
        const char *newline = memchr(s, '\n', len);

        return newline ? (size_t)(newline - s) + 1 : len;
    }
    if (len > 1 && hex_value(s[0]) >= 0 && hex_value(s[1]) >= 0) {
        ol_buf_addc(out, (char)(hex_value(s[0]) << 4 | hex_value(s[1])));
        return 2;
    }
    ol_buf_addc(out, '=');
    return *s == '=';
}

static int decode_qp(const char *text, size_t len, struct ol_buf *out)
{
    size_t i = 0;

    while (i < len) {
        const char *eq = memchr(text + i, '=', len - i);
        size_t plain = eq ? (size_t)(eq - text) - i : len - i;

        ol_buf_add(out, text + i, plain);
        i += plain + 1;
        if (eq)
            i += take_qp_escape(text + i, len - i, out);
    }
    return 0;
}

/* email._encoded_words.decode_b(): as strict as possible, then with ever more mercy. */
static int decode_base64(const char *text, size_t len, struct ol_buf *out)
{
    ol_auto(ol_buf_done) struct ol_buf joined = OL_BUF_INIT(len + 4);
    size_t whole, missing;

    for (size_t i = 0; i < len; i++)
        if (text[i] != '\n' && text[i] != '\r')
            ol_buf_addc(&joined, text[i]);
    whole = joined.len;
    missing = (4 - whole % 4) % 4;
    ol_buf_addn(&joined, '=', missing);
    if (ol_base64_decode(joined.data, joined.len, OL_BASE64_STRICT, out, NULL) == 0)
        return 0;
    if (ol_base64_decode(joined.data, whole, 0, out, NULL) == 0)
        return 0;
    ol_buf_truncate(&joined, whole);
    ol_buf_adds(&joined, "==");
    if (ol_base64_decode(joined.data, joined.len, 0, out, NULL) == 0)
        return 0;
    ol_buf_add(out, joined.data, whole);
    return 0;
}

/* binascii.a2b_uu() of one line without its line end. */
static int decode_uu_line(const char *line, size_t len, struct ol_buf *out)
{
    size_t want = len ? (size_t)(line[0] - ' ') & 63 : 0, at = 1, before = out->len;
    unsigned bits = 0, n_bits = 0;

    for (; out->len - before < want; at++) {
        unsigned c = at < len ? (unsigned char)line[at] : ' ';

        if (c < ' ' || c > ' ' + 64) {
            ol_buf_truncate(out, before);
            return -EINVAL;
        }
        bits = (bits << 6 | ((c - ' ') & 63)) & 0xffff;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        ol_buf_addc(out, (char)(bits >> n_bits));
        if (ol_buf_status(out) < 0)
            return ol_buf_status(out);
    }
    for (; at < len; at++) {
        if (line[at] != ' ' && line[at] != '`') {
            ol_buf_truncate(out, before);
            return -EINVAL;
        }
    }
    return 0;
}

static bool is_uu_begin(const char *line, size_t len)
{
    const char *mode;
    size_t mode_len;

    if (len < 6 || strncmp(line, "begin ", 6) != 0)
        return false;
    mode = memchr(line + 6, ' ', len - 6);
    mode_len = mode ? (size_t)(mode - line) - 6 : len - 6;
    for (size_t i = 0; i < mode_len; i++)
        if (line[6 + i] < '0' || line[6 + i] > '7')
            return false;
    return mode_len > 0;
}

static bool is_uu_end(const char *line, size_t len)
{
    while (len && strchr(" \t\f", line[len - 1]))
        len--;
    while (len && *line && strchr(" \t\f", *line)) {
        line++;
        len--;
    }
    return len == 3 && !memcmp(line, "end", 3);
}

static int take_uu_line(const char *line, size_t len, struct ol_buf *out)
{
    size_t enough;

    if (!len)
        return -EINVAL;
    if (decode_uu_line(line, len, out) == 0)
        return 0;
    /* Some encoders add garbage: what the length byte asks for is looked at alone. */
    enough = (((size_t)(line[0] - ' ') & 63) * 4 + 5) / 3;
    return decode_uu_line(line, enough < len ? enough : len, out);
}

static int decode_uu(const char *text, size_t len, struct ol_buf *out)
{
    bool is_inside = false;

    while (len) {
        size_t n = ol_mime_line_len(text, len), bare = n - ol_mime_eol_len(text, n);
        int r = 0;

        if (is_inside && is_uu_end(text, bare))
            return 0;
        if (is_inside)
            r = take_uu_line(text, bare, out);
        else
            is_inside = is_uu_begin(text, bare);
        if (r < 0)
            return r;
        text += n;
        len -= n;
    }
    return is_inside ? 0 : -EINVAL;
}

static const struct {
    const char *name;
    int (*decode)(const char *text, size_t len, struct ol_buf *out);
} encodings[] = {
    {"base64", decode_base64}, {"quoted-printable", decode_qp},
    {"x-uuencode", decode_uu}, {"uuencode", decode_uu},
    {"uue", decode_uu},        {"x-uue", decode_uu},
};

const char *ol_mime_payload(struct ol_arena *a, const struct ol_mime_part *part, size_t *ret_size)
{
    const char *encoding = ol_mime_get(part, "Content-Transfer-Encoding");
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(a->max);

    if (part->n_parts || !part->body)
        return NULL;
    for (size_t i = 0; encoding && i < ol_count(encodings); i++) {
        if (!ol_str_eq_nocase(encoding, encodings[i].name))
            continue;
        if (encodings[i].decode(part->body, part->body_len, &out) < 0 || ol_buf_status(&out) < 0)
            break;
        *ret_size = out.len;
        return ol_arena_memdup(a, out.data, out.len);
    }
    *ret_size = part->body_len;
    return ol_arena_memdup(a, part->body, part->body_len);
}
