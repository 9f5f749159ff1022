/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/instance-vars.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"

enum { DATA_MAX = 64 << 20 };

const char *instance_var_alias(struct ol_arena *a, const char *key)
{
    static const char *const long_ones[] = {"//", "**", "==", "!=", ">=", "<="};
    char *alias = ol_arena_strdup(a, key), *to = alias;
    bool has_changed = false;

    for (const char *from = key; *from;) {
        size_t len = strchr("+-/*%~[](){}><=.:|,;", *from) ? 1 : 0;

        for (size_t i = 0; i < ol_count(long_ones); i++)
            if (!strncmp(from, long_ones[i], 2))
                len = 2;
        *to++ = len ? '_' : *from;
        has_changed |= len > 0;
        from += len ? len : 1;
    }
    *to = '\0';
    return has_changed ? alias : NULL;
}

static bool is_version_key(const char *key)
{
    return key[0] == 'v' && key[1] && strspn(key + 1, "0123456789") == strlen(key + 1);
}

static struct ol_val *convert(struct ol_arena *a, const struct ol_val *data, unsigned flags,
                              int depth)
{
    ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;
    struct ol_val *result = ol_val_new_map(a);

    for (size_t i = 0; i < ol_val_count(data); i++)
        if (ol_val_str(ol_val_pair(data, i)->key))
            ol_strv_add(&keys, ol_val_str(ol_val_pair(data, i)->key));
    ol_strv_sort(&keys);
    ol_strv_each (key, &keys) {
        const struct ol_val *value = ol_val_get(data, key);
        const char *alias = flags & VARS_ALIASES ? instance_var_alias(a, key) : NULL;
        struct ol_val *converted = ol_val_copy(a, value);

        if (ol_val_is(value, OL_VAL_MAP) && depth < OL_VAL_MAX_DEPTH)
            converted = convert(a, value, flags, depth + 1);
        ol_val_set(a, result, key, converted);
        for (size_t i = 0; is_version_key(key) && i < ol_val_count(converted); i++)
            ol_val_set_key(a, result, ol_val_pair(converted, i)->key,
                           ol_val_pair(converted, i)->value);
        if (alias)
            ol_val_set(a, result, alias, converted);
    }
    return result;
}

struct ol_val *instance_vars(struct ol_arena *a, const struct ol_val *instance_data, unsigned flags)
{
    return convert(a, instance_data, flags, 0);
}

static void warn_missing(struct guest *g, const char *name, const char *rendered)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *list = NULL;

    ol_template_missing(rendered, &names);
    if (!names.n)
        return;
    list = ol_strv_join(&names, "', '");
    ol_warn(g->env, "Could not render jinja template variables in file '%s': '%s'", name, list);
}

int instance_vars_render(struct guest *g, const char *name, const char *text, size_t len,
                         struct ol_buf *to, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(DATA_MAX);
    const char *path = guest_run_path(g, "instance-data-sensitive.json");
    struct ol_val *data = NULL;
    size_t before = to->len;
    int r = ol_file_read(g->env, path, &json, err);

    if (r == -ENOENT)
        return ol_err_set(err, ENOENT,
                          "Cannot render jinja template vars. Instance data not yet present at %s",
                          path);
    if (r == 0)
        r = ol_json_load(json.data, json.len, g->arena, &data, err);
    if (r == 0)
        r = ol_template_render(text, len, instance_vars(g->arena, data, VARS_ALIASES), to, err);
    if (r == 0)
        warn_missing(g, name, to->data + before);
    return r;
}
