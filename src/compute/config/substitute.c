/* SPDX-License-Identifier: Apache-2.0 */
/* oslo.config's string.Template: names match [_a-z][._a-z0-9]* in any case. */
#include <ctype.h>
#include <string.h>

#include "compute/config/option-internal.h"
#include "core/cleanup.h"

enum { MAX_TEXT = 1 << 20 };

static bool is_name_char(char c, bool is_first)
{
    return c == '_' || isalpha((unsigned char)c)
           || (!is_first && (c == '.' || isdigit((unsigned char)c)));
}

static size_t name_length(const char *s)
{
    size_t n = 0;

    while (s[n] && (unsigned char)s[n] < 128 && is_name_char(s[n], n == 0))
        n++;
    return n;
}

static int put_name(const struct option_names *names, const char *name, size_t len,
                    struct ol_arena *a, struct ol_buf *to, struct ol_err *err)
{
    char *copy = ol_arena_memdup(a, name, len), *dot = strchr(copy, '.');
    const char *text = "";
    int r;

    if (dot)
        *dot = '\0';
    r = dot ? names->lookup(names->ctx, copy, dot + 1, &text, err)
            : names->lookup(names->ctx, names->group, copy, &text, err);
    if (r >= 0)
        ol_buf_adds(to, text);
    return r;
}

/* One "$…" at 'p'; *ret_len is what it takes. What is no name stays as it is. */
static int put_dollar(const struct option_names *names, const char *p, struct ol_arena *a,
                      struct ol_buf *to, size_t *ret_len, struct ol_err *err)
{
    bool is_braced = p[1] == '{';
    const char *name = p + (is_braced ? 2 : 1);
    size_t len = name_length(name);

    if (p[1] == '$') {
        ol_buf_addc(to, '$');
        *ret_len = 2;
        return 0;
    }
    if (!len || (is_braced && name[len] != '}')) {
        ol_buf_addc(to, '$');
        *ret_len = 1;
        return 0;
    }
    *ret_len = len + (is_braced ? 3 : 1);
    return put_name(names, name, len, a, to, err);
}

int option_substitute(const struct option_names *names, const char *text, struct ol_arena *a,
                      const char **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf to = OL_BUF_INIT(MAX_TEXT);
    int r = 0;

    if (!strchr(text, '$')) {
        *ret = text;
        return 0;
    }
    for (const char *p = text; *p && r >= 0;) {
        size_t len = 1;

        if (p[0] == '\\' && p[1] == '$') {
            ol_buf_addc(&to, '$');
            len = 2;
        } else if (*p == '$') {
            r = put_dollar(names, p, a, &to, &len, err);
        } else {
            ol_buf_addc(&to, *p);
        }
        p += len;
    }
    if (r >= 0)
        r = ol_buf_status(&to);
    if (r < 0)
        return err && err->code ? r : ol_err_set(err, -r, "the text is too long");
    *ret = ol_arena_memdup(a, to.data, to.len);
    return 0;
}
