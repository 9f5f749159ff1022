/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "codec/merge.h"
#include "core/cleanup.h"
#include "core/str.h"

const char ol_merge_parts_default[] = "dict(replace)+list()+str()";

/* Python's "option in options" for what a configuration may hold there. */
static bool has_option(const struct ol_val *options, const char *name)
{
    const struct ol_val key = {.type = OL_VAL_STR, .str = {.data = name, .len = strlen(name)}};

    if (ol_val_is(options, OL_VAL_STR))
        return strstr(options->str.data, name) != NULL;
    if (!ol_val_is(options, OL_VAL_LIST))
        return ol_val_get_key(options, &key) != NULL;
    for (size_t i = 0; i < ol_val_count(options); i++)
        if (ol_val_equal(ol_val_item(options, i), &key))
            return true;
    return false;
}

struct option_name {
    const char *name;
    unsigned bit;
};

/* The first method that is given counts, else the last of the table. */
static unsigned method_of(const struct ol_val *options, const struct option_name *methods)
{
    while (methods[1].name && !has_option(options, methods->name))
        methods++;
    return methods->bit;
}

static unsigned recursion_of(const struct ol_val *options)
{
    static const struct option_name names[] = {
        {"recurse_str", OL_MERGE_RECURSE_STR},   {"recurse_array", OL_MERGE_RECURSE_LIST},
        {"recurse_list", OL_MERGE_RECURSE_LIST}, {"recurse_dict", OL_MERGE_RECURSE_DICT},
        {"allow_delete", OL_MERGE_ALLOW_DELETE},
    };
    unsigned bits = OL_MERGE_IS_SET;

    for (size_t i = 0; i < ol_count(names); i++)
        if (has_option(options, names[i].name))
            bits |= names[i].bit;
    return bits;
}

static unsigned dict_bits(const struct ol_val *options)
{
    static const struct option_name methods[] = {
        {"replace", OL_MERGE_REPLACE}, {"no_replace", OL_MERGE_NO_REPLACE}, {NULL, 0}};

    return recursion_of(options) | method_of(options, methods) | OL_MERGE_RECURSE_DICT;
}

static unsigned list_bits(const struct ol_val *options)
{
    static const struct option_name methods[] = {
        {"append", OL_MERGE_APPEND},   {"prepend", OL_MERGE_PREPEND},
        {"replace", OL_MERGE_REPLACE}, {"no_replace", OL_MERGE_NO_REPLACE},
        {"", OL_MERGE_REPLACE},        {NULL, 0}};

    return recursion_of(options) | method_of(options, methods);
}

static unsigned str_bits(const struct ol_val *options)
{
    return OL_MERGE_IS_SET | (has_option(options, "append") ? OL_MERGE_APPEND : 0);
}

static int add_one(struct ol_merger *m, const char *name, const struct ol_val *options,
                   struct ol_err *err)
{
    const char *kind = ol_str_starts(name, "m_") ? name + 2 : name;

    if (!ol_val_is(options, OL_VAL_LIST) && !ol_val_is(options, OL_VAL_MAP)
        && !ol_val_is(options, OL_VAL_SET) && !ol_val_is(options, OL_VAL_STR))
        return ol_err_set(err, EINVAL, "settings of merger '%s' are a %s, not a list", name,
                          ol_val_type_name(options));
    if (!strcmp(kind, "dict"))
        m->dict = m->dict ? m->dict : dict_bits(options);
    else if (!strcmp(kind, "list"))
        m->list = m->list ? m->list : list_bits(options);
    else if (!strcmp(kind, "str"))
        m->str = m->str ? m->str : str_bits(options);
    else
        return ol_err_set(err, EINVAL,
                          "Could not find merger module named 'm_%s': there are dict, list and str",
                          kind);
    return 0;
}

/* Length of the name in front of "(…)", 0 when it has not that form. */
static size_t span_name(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && (isalnum((unsigned char)s[n]) || s[n] == '_'))
        n++;
    if (n == 0 || isdigit((unsigned char)*s) || len < n + 2 || s[n] != '(' || s[len - 1] != ')'
        || memchr(s, '\n', len))
        return 0;
    return n;
}

/* One "name(option,option)", already lower case. */
static int add_term(struct ol_merger *m, const char *s, size_t len, struct ol_err *err)
{
    struct ol_arena *a = m->arena;
    struct ol_val *options = ol_val_new_list(a);
    const char *term = ol_str_strip(s, len, &len), *end;
    char *name;
    size_t n;

    if (len == 0)
        return 0;
    name = ol_str_tr(ol_arena_memdup(a, term, len), '-', '_');
    n = span_name(name, len);
    if (n == 0)
        return ol_err_set(err, EINVAL, "Matcher identifier '%s' is not in the right format", name);
    end = name + len - 1;
    for (const char *p = name + n + 1; p <= end; p++) {
        size_t span = strcspn(p, ","), option_len;
        const char *option;

        if (p + span > end)
            span = (size_t)(end - p);
        option = ol_str_strip(p, span, &option_len);
        if (option_len > 0)
            ol_val_append(a, options, ol_val_new_strn(a, option, option_len));
        p += span;
    }
    name[n] = '\0';
    return add_one(m, name, options, err);
}

int ol_merger_add_text(struct ol_merger *m, const char *how, struct ol_err *err)
{
    const char *lower = ol_str_lower(ol_arena_strdup(m->arena, how));
    struct ol_merger added = *m;

    for (const char *p = lower;; p++) {
        size_t len = strcspn(p, "+");
        int r = add_term(&added, p, len, err);

        if (r < 0)
            return r;
        p += len;
        if (!*p)
            break;
    }
    *m = added;
    return 0;
}

/* {name: dict, settings: [replace]} */
static int add_map(struct ol_merger *m, const struct ol_val *how, struct ol_err *err)
{
    const char *name = ol_val_str(ol_val_get(how, "name"));
    const struct ol_val *settings = ol_val_get(how, "settings");
    size_t len;

    if (!name || !settings)
        return ol_err_set(err, EINVAL, "a merger needs 'name' and 'settings'");
    name = ol_str_strip(name, strlen(name), &len);
    name = ol_str_tr(ol_arena_memdup(m->arena, name, len), '-', '_');
    return *name ? add_one(m, name, settings, err) : 0;
}

/* [dict, replace] */
static int add_list(struct ol_merger *m, const struct ol_val *how, struct ol_err *err)
{
    const char *name = ol_val_str(ol_val_item(how, 0));
    struct ol_val *options = ol_val_new_list(m->arena);

    if (!name)
        return ol_err_set(err, EINVAL, "a merger starts with its name");
    for (size_t i = 1; i < ol_val_count(how); i++)
        ol_val_append(m->arena, options, how->list.items[i]);
    return *name ? add_one(m, name, options, err) : 0;
}

int ol_merger_add(struct ol_merger *m, const struct ol_val *how, struct ol_err *err)
{
    struct ol_merger added = *m;

    if (ol_val_is(how, OL_VAL_STR))
        return ol_merger_add_text(m, how->str.data, err);
    if (!ol_val_is(how, OL_VAL_LIST))
        return ol_err_set(err, EINVAL, "merge_how is a %s, not text or a list",
                          ol_val_type_name(how));
    for (size_t i = 0; i < ol_val_count(how); i++) {
        const struct ol_val *one = ol_val_item(how, i);
        int r = ol_val_is(one, OL_VAL_MAP) ? add_map(&added, one, err) : add_list(&added, one, err);

        if (r < 0)
            return r;
    }
    *m = added;
    return 0;
}

int ol_merger_take(struct ol_merger *m, const struct ol_val *cfg, struct ol_val **ret_cfg,
                   struct ol_err *err)
{
    static const char *const names[] = {"merge_how", "merge_type"};
    struct ol_val *rest;

    if (!ol_val_is(cfg, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "configuration is a %s, not a map", ol_val_type_name(cfg));
    rest = ol_val_copy_top(m->arena, cfg);
    for (size_t i = 0; i < ol_count(names); i++) {
        const struct ol_val *how = ol_val_get(cfg, names[i]);
        int r;

        (void)ol_val_remove(rest, names[i]);
        if (!how || how->type == OL_VAL_NULL)
            continue;
        r = ol_merger_add(m, how, err);
        if (r < 0)
            return r;
        break;
    }
    *ret_cfg = rest;
    return 0;
}

bool ol_merger_is_empty(const struct ol_merger *m)
{
    return !m->dict && !m->list && !m->str;
}
