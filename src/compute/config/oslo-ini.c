/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/config/oslo-ini.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"

enum { MAX_VALUE = 1 << 20 };

struct reader {
    struct ol_arena *arena;
    struct oslo_ini *ini;
    const char *group; /* NULL before the first section */
    const char *key;   /* of the value that may go on; NULL = none */
    int line, key_line;
    struct ol_buf value;
    struct ol_err *err;
};

struct span {
    const char *at;
    size_t len;
};

static struct span strip(struct span s)
{
    size_t len;
    const char *at = ol_str_strip(s.at, s.len, &len);

    return (struct span){at, len};
}

static int wrong(struct reader *r, int line, const char *what)
{
    return ol_err_set_at(r->err, EINVAL, line, 0, "%s:%d: %s", r->ini->file, line, what);
}

static int flush(struct reader *r)
{
    struct oslo_ini *ini = r->ini;

    if (!r->key)
        return 0;
    if (!r->group)
        return wrong(r, r->key_line, "a section ([DEFAULT]) has to come before the first option");
    if (ol_buf_status(&r->value) < 0)
        return wrong(r, r->key_line, "the value is too long");
    if (ini->n == ini->cap) {
        size_t cap = ini->cap ? ini->cap * 2 : 64;

        ini->entries = ol_arena_grow(r->arena, ini->entries, ini->cap * sizeof(*ini->entries),
                                     cap * sizeof(*ini->entries));
        ini->cap = cap;
    }
    ini->entries[ini->n++] = (struct oslo_entry){
        .group = r->group,
        .key = r->key,
        .value = ol_arena_memdup(r->arena, r->value.data, r->value.len),
        .line = r->key_line,
    };
    r->key = NULL;
    return 0;
}

static int section(struct reader *r, struct span line)
{
    char *name;

    if (line.at[line.len - 1] != ']')
        return wrong(r, r->line, "a section has to end with ']'");
    if (line.len <= 2)
        return wrong(r, r->line, "a section has to have a name");
    name = ol_arena_memdup(r->arena, line.at + 1, line.len - 2);
    /* oslo.config: groups are found without case, all but DEFAULT. */
    r->group = strcmp(name, "DEFAULT") ? ol_str_lower(name) : name;
    return 0;
}

static struct span unquoted(struct span v)
{
    if (v.len && v.at[0] == v.at[v.len - 1] && (v.at[0] == '"' || v.at[0] == '\''))
        return (struct span){v.at + 1, v.len < 2 ? 0 : v.len - 2};
    return v;
}

static int assignment(struct reader *r, struct span line)
{
    struct span key, value;
    size_t at = 0;

    while (at < line.len && line.at[at] != '=' && line.at[at] != ':')
        at++;
    if (at == line.len)
        return wrong(r, r->line, "an option is written \"name = value\": no '=' or ':' found");
    key = strip((struct span){line.at, at});
    value = unquoted(strip((struct span){line.at + at + 1, line.len - at - 1}));
    if (!key.len)
        return wrong(r, r->line, "an option has to have a name before '='");
    r->key = ol_arena_memdup(r->arena, key.at, key.len);
    r->key_line = r->line;
    ol_buf_clear(&r->value);
    ol_buf_add(&r->value, value.at, value.len);
    return 0;
}

static int read_line(struct reader *r, struct span line)
{
    int n;

    r->line++;
    while (line.len && ol_is_space(line.at[line.len - 1]))
        line.len--;
    if (line.len && (line.at[0] == ' ' || line.at[0] == '\t')) {
        struct span rest = strip(line);

        if (!r->key)
            return wrong(r, r->line,
                         "this line begins with a blank, as one that goes on with the "
                         "option above it, but there is none");
        ol_buf_addc(&r->value, '\n');
        ol_buf_add(&r->value, rest.at, rest.len);
        return 0;
    }
    n = flush(r);
    if (n < 0 || !line.len || line.at[0] == '#' || line.at[0] == ';')
        return n;
    return line.at[0] == '[' ? section(r, line) : assignment(r, line);
}

/* Lines end as Python's text files do: \n, \r\n or \r. */
static size_t line_length(const char *text, size_t len, size_t *ret_skip)
{
    size_t n = 0;

    while (n < len && text[n] != '\n' && text[n] != '\r')
        n++;
    *ret_skip = n;
    if (n < len)
        *ret_skip += text[n] == '\r' && n + 1 < len && text[n + 1] == '\n' ? 2 : 1;
    return n;
}

int oslo_ini_parse(struct ol_arena *a, const char *file, const char *text, size_t len,
                   struct oslo_ini *ret, struct ol_err *err)
{
    struct oslo_ini ini = {.file = ol_arena_strdup(a, file)};
    struct reader r = {.arena = a, .ini = &ini, .value = OL_BUF_INIT(MAX_VALUE), .err = err};
    int n = 0;

    if (memchr(text, '\0', len) || !ol_utf8_is_valid(text, len))
        return ol_err_set(err, EINVAL, "%s: this is not a text in UTF-8", file);
    while (n >= 0 && len) {
        size_t skip, length = line_length(text, len, &skip);

        n = read_line(&r, (struct span){text, length});
        text += skip;
        len -= skip;
        if (n >= 0 && ol_arena_is_over(a))
            n = wrong(&r, r.line, "the configuration is too large");
    }
    if (n >= 0)
        n = flush(&r);
    ol_buf_done(&r.value);
    if (n >= 0)
        *ret = ini;
    return n;
}

const struct oslo_entry *oslo_ini_find(const struct oslo_ini *ini, const char *group,
                                       const char *key)
{
    for (size_t i = ini->n; i > 0; i--) {
        const struct oslo_entry *e = &ini->entries[i - 1];

        if (!strcmp(e->key, key) && !strcmp(e->group, group))
            return e;
    }
    return NULL;
}
