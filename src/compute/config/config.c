/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/config/config.h"

#include <errno.h>
#include <string.h>

#include "compute/config/option-internal.h"
#include "compute/config/sources.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum { MAX_MEMORY = 32 << 20, MAX_DEPTH = 16 };

struct compute_config_private {
    struct ol_arena arena;
    struct config_sources sources;
    struct compute_config_args args; /* a copy, for reload */
    char *program, *home;
    const char **texts; /* of each row as it was found, before names were put in; NULL = not set */
};

/* One reading of all rows. */
struct reading {
    struct ol_env *env;
    struct compute_config *c;
    bool has_warnings; /* tells old names */
    int depth;         /* of "$name" in "$name" */
};

static const char *auth_group(const struct reading *r, const struct option_row *row)
{
    const char *where, *section = NULL;

    if (row->flags & OPTION_AUTH)
        section = config_sources_find(&r->c->own->sources, row->group, "auth_section", &where);
    return section && *section ? section : row->group;
}

static void tell_old_name(const struct reading *r, const struct option_row *row, const char *old)
{
    const char *dot = strchr(old, '.');

    if (r->has_warnings && !r->depth)
        ol_deprecated(r->env,
                      "Deprecated: Option \"%s\" from group \"%.*s\" is deprecated. Use option "
                      "\"%s\" from group \"%s\".",
                      dot + 1, (int)(dot - old), old, row->name, row->group);
}

/* oslo.config looks for all names of an option in one file before it turns to the older one. */
static const char *find_in(const struct reading *r, const struct option_row *row,
                           const struct config_sources *s, const char **ret_where)
{
    const char *text = config_sources_find(s, auth_group(r, row), row->name, ret_where);

    for (size_t i = 0; i < OPTION_OLD_NAMES && row->old[i] && !text; i++) {
        const char *dot = strchr(row->old[i], '.');
        char *group = ol_arena_memdup(s->arena, row->old[i], (size_t)(dot - row->old[i]));

        if (!strcmp(group, row->group))
            text = config_sources_find(s, auth_group(r, row), dot + 1, ret_where);
        else
            text = config_sources_find(s, group, dot + 1, ret_where);
        if (text)
            tell_old_name(r, row, row->old[i]);
    }
    return text;
}

static const char *find_text(const struct reading *r, const struct option_row *row,
                             const char **ret_where)
{
    const struct config_sources *all = &r->c->own->sources;
    struct config_sources one = {.arena = all->arena, .lines = all->lines};
    const char *text = find_in(r, row, &one, ret_where);

    one.lines = NULL;
    one.n = 1;
    for (size_t i = all->n; i > 0 && !text; i--) {
        one.files = &all->files[i - 1];
        text = find_in(r, row, &one, ret_where);
    }
    return text;
}

static int lookup(void *ctx, const char *group, const char *name, const char **ret,
                  struct ol_err *err);

static int substitute(struct reading *r, const char *group, const char *text, const char **ret,
                      struct ol_err *err)
{
    const struct option_names names = {.lookup = lookup, .ctx = r, .group = group};
    int n;

    if (r->depth == MAX_DEPTH)
        return ol_err_set(err, EINVAL, "names in \"$name\" lead to each other without end");
    r->depth++;
    n = option_substitute(&names, text, &r->c->own->arena, ret, err);
    r->depth--;
    return n;
}

static const char *row_default(struct reading *r, const struct option_row *row)
{
    ol_autofree char *made = row->make ? row->make(&r->c->own->args) : NULL;

    return made ? ol_arena_strdup(&r->c->own->arena, made) : row->fallback;
}

/* "$name" is looked for in the option's own group, then in [DEFAULT]; also among what the files say
 * of options that we have no row for. */
static int lookup(void *ctx, const char *group, const char *name, const char **ret,
                  struct ol_err *err)
{
    struct reading *r = ctx;
    const char *groups[] = {group, "DEFAULT"};

    for (size_t i = 0; i < ol_count(groups); i++) {
        const struct option_row *row = option_find(groups[i], name);
        const char *where = NULL, *text = NULL;

        if (row)
            text = find_text(r, row, &where);
        else
            text = config_sources_find(&r->c->own->sources, groups[i], name, &where);
        if (row && !text)
            text = row_default(r, row);
        if (text)
            return substitute(r, groups[i], text, ret, err);
        if (row) {
            *ret = "";
            return 0;
        }
    }
    return ol_err_set(err, EINVAL, "\"$%s\" names no option that is known or set", name);
}

static int read_row(struct reading *r, size_t at, struct ol_err *err)
{
    const struct option_row *row = &option_rows[at];
    struct compute_config_private *own = r->c->own;
    const char *where = NULL, *text = find_text(r, row, &where);
    struct ol_err cause = OL_ERR_INIT;
    int n = 0;

    own->texts[at] = text;
    if (!text)
        text = row_default(r, row);
    if (text)
        n = substitute(r, row->group, text, &text, &cause);
    if (n >= 0)
        n = option_put(row, text, &own->arena, r->c, &cause);
    if (n >= 0)
        return n;
    /* Whatever the sentence quotes may be the secret. */
    return ol_err_set(err, EINVAL, "%s: [%s] %s: %s", where ? where : "default", row->group,
                      row->name, row->flags & OPTION_SECRET ? "the value is not valid" : cause.msg);
}

static struct compute_config *config_new(const struct compute_config_args *args)
{
    struct compute_config *c = ol_xcalloc(1, sizeof(*c));
    struct compute_config_private *own = ol_xcalloc(1, sizeof(*own));

    c->own = own;
    ol_arena_init(&own->arena, MAX_MEMORY);
    own->sources.arena = &own->arena;
    own->program = args->program ? ol_xstrdup(args->program) : NULL;
    own->home = args->home ? ol_xstrdup(args->home) : NULL;
    own->args.program = own->program;
    own->args.home = own->home;
    ol_strv_each (file, &args->files)
        ol_strv_add(&own->args.files, file);
    ol_strv_each (line, &args->set)
        ol_strv_add(&own->args.set, line);
    own->texts = ol_xcalloc(option_n_rows, sizeof(*own->texts));
    return c;
}

static int load(struct ol_env *env, const struct compute_config_args *args, bool has_warnings,
                struct compute_config **ret, struct ol_err *err)
{
    struct compute_config *c = config_new(args);
    struct reading r = {.env = env, .c = c, .has_warnings = has_warnings};
    int n = config_sources_read(env, &c->own->args, &c->own->sources, err);

    for (size_t i = 0; i < option_n_rows && n >= 0; i++)
        n = read_row(&r, i, err);
    if (n < 0)
        compute_config_free(c);
    else
        *ret = c;
    return n;
}

int compute_config_load(struct ol_env *env, const struct compute_config_args *args,
                        struct compute_config **ret, struct ol_err *err)
{
    return load(env, args, true, ret, err);
}

void compute_config_free(struct compute_config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < option_n_rows; i++)
        option_release(&option_rows[i], c);
    config_sources_done(&c->own->sources);
    ol_strv_done(&c->own->args.files);
    ol_strv_done(&c->own->args.set);
    free(c->own->program);
    free(c->own->home);
    free(c->own->texts);
    ol_arena_done(&c->own->arena);
    free(c->own);
    free(c);
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void take_change(struct compute_config *c, const struct compute_config *now, size_t at,
                        struct ol_env *env)
{
    const struct option_row *row = &option_rows[at];
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(4096), new = OL_BUF_INIT(4096);

    if (!(row->flags & OPTION_MUTABLE)) {
        ol_warn(env, "Ignoring change to immutable option %s.%s", row->group, row->name);
        return;
    }
    option_show(row, c, &old);
    option_show(row, now, &new);
    option_copy(row, now, c);
    c->own->texts[at] =
        now->own->texts[at] ? ol_arena_strdup(&c->own->arena, now->own->texts[at]) : NULL;
    ol_info(env, "Option %s.%s changed from [%s] to [%s]", row->group, row->name, old.data,
            new.data);
}

int compute_config_reload(struct compute_config *c, struct ol_env *env, struct ol_err *err)
{
    struct compute_config *now = NULL;
    int n = load(env, &c->own->args, false, &now, err);

    if (n < 0)
        return n;
    for (size_t i = 0; i < option_n_rows; i++)
        if (!is_same_text(c->own->texts[i], now->own->texts[i]))
            take_change(c, now, i, env);
    compute_config_free(now);
    return 0;
}

void compute_config_each(const struct compute_config *c,
                         void (*each)(void *ctx, const char *group, const char *name,
                                      const char *value),
                         void *ctx)
{
    for (size_t i = 0; i < option_n_rows; i++) {
        ol_auto(ol_buf_done) struct ol_buf value = OL_BUF_INIT(1 << 16);

        option_show(&option_rows[i], c, &value);
        each(ctx, option_rows[i].group, option_rows[i].name, value.data);
    }
}

const char *compute_config_where(const struct compute_config *c, const char *group,
                                 const char *name)
{
    const char *where = NULL;

    return config_sources_find(&c->own->sources, group, name, &where) ? where : NULL;
}

const struct ol_strv *compute_config_files(const struct compute_config *c)
{
    return &c->own->sources.names;
}
