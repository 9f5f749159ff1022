/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json-writer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "codec/json-internal.h"
#include "codec/json.h"

void ol_jw_init(struct ol_jw *w, struct ol_buf *to)
{
    *w = (struct ol_jw){.to = to};
}

/* What JSON escapes: the letter after the backslash, 'u' for a number, 0 for none. */
static char escape_of(unsigned char c)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
    };

    if (c == '"' || c == '\\')
        return (char)c;
    if (c >= 32)
        return 0;
    return letters[c] ? letters[c] : 'u';
}

bool ol_json_add_plain(struct ol_buf *to, const char *s, size_t len, unsigned least_foreign)
{
    size_t n = 0;
    char *at;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < 0x20 || c >= least_foreign)
            return false;
        n += (c == '"') | (c == '\\');
    }
    at = ol_buf_reserve(to, len + n + 2);
    if (!at)
        return false;
    *at++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"' || s[i] == '\\')
            *at++ = '\\';
        *at++ = s[i];
    }
    *at = '"';
    ol_buf_commit(to, len + n + 2);
    return true;
}

void ol_json_add_string(struct ol_buf *to, const char *s, size_t len)
{
    size_t begin = 0;

    if (ol_json_add_plain(to, s, len, UCHAR_MAX + 1))
        return;
    ol_buf_addc(to, '"');
    for (size_t i = 0; i < len; i++) {
        char escape = escape_of((unsigned char)s[i]);

        if (!escape)
            continue;
        ol_buf_add(to, s + begin, i - begin);
        begin = i + 1;
        if (escape == 'u')
            ol_buf_printf(to, "\\u%04x", (unsigned char)s[i]);
        else
            ol_buf_add(to, (const char[]){'\\', escape}, 2);
    }
    ol_buf_add(to, s + begin, len - begin);
    ol_buf_addc(to, '"');
}

static void comma(struct ol_jw *w)
{
    if (w->has_item[w->depth])
        ol_buf_addc(w->to, ',');
    w->has_item[w->depth] = true;
}

static void any_key(struct ol_jw *w, const char *key)
{
    comma(w);
    if (!key)
        return;
    ol_json_add_string(w->to, key, strlen(key));
    ol_buf_addc(w->to, ':');
}

static void plain_key(struct ol_jw *w, const char *key)
{
    comma(w);
    if (!key)
        return;
    ol_buf_addc(w->to, '"');
    ol_buf_adds(w->to, key);
    ol_buf_add(w->to, "\":", 2);
}

static void begin(struct ol_jw *w, const char *key, char open, char close)
{
    assert(w->depth < OL_JW_DEPTH);
    plain_key(w, key);
    ol_buf_addc(w->to, open);
    w->closing[w->depth++] = close;
    w->has_item[w->depth] = false;
}

void ol_jw_map(struct ol_jw *w, const char *key)
{
    begin(w, key, '{', '}');
}

void ol_jw_list(struct ol_jw *w, const char *key)
{
    begin(w, key, '[', ']');
}

void ol_jw_end(struct ol_jw *w)
{
    assert(w->depth > 0);
    ol_buf_addc(w->to, w->closing[--w->depth]);
}

void ol_jw_str(struct ol_jw *w, const char *key, const char *value)
{
    if (!value)
        return;
    plain_key(w, key);
    ol_json_add_string(w->to, value, strlen(value));
}

void ol_jw_any(struct ol_jw *w, const char *key, const char *value)
{
    any_key(w, key);
    ol_json_add_string(w->to, value, strlen(value));
}

void ol_jw_int(struct ol_jw *w, const char *key, int64_t value)
{
    plain_key(w, key);
    ol_buf_printf(w->to, "%" PRId64, value);
}

void ol_jw_bool(struct ol_jw *w, const char *key, bool value)
{
    plain_key(w, key);
    ol_buf_adds(w->to, value ? "true" : "false");
}

void ol_jw_null(struct ol_jw *w, const char *key)
{
    plain_key(w, key);
    ol_buf_adds(w->to, "null");
}

void ol_jw_any_null(struct ol_jw *w, const char *key)
{
    any_key(w, key);
    ol_buf_adds(w->to, "null");
}

void ol_jw_val(struct ol_jw *w, const char *key, const struct ol_val *value)
{
    plain_key(w, key);
    if (ol_json_dump(value, &ol_json_compact, w->to) < 0 && !w->to->failed)
        w->to->failed = EINVAL;
}

void ol_jw_raw(struct ol_jw *w, const char *key, const char *json, size_t len)
{
    plain_key(w, key);
    ol_buf_add(w->to, json, len);
}
