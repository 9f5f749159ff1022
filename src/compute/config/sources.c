/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/config/sources.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

enum { MAX_FILE = 4 << 20 };

static int read_file(struct ol_env *env, struct config_sources *s, const char *path,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_FILE);
    struct oslo_ini ini;
    int r = ol_file_read(env, path, &text, err);

    if (r >= 0)
        r = oslo_ini_parse(s->arena, path, text.data, text.len, &ini, err);
    if (r < 0)
        return r;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;

        s->files = ol_arena_grow(s->arena, s->files, s->cap * sizeof(ini), cap * sizeof(ini));
        s->cap = cap;
    }
    s->files[s->n++] = ini;
    ol_strv_add(&s->names, path);
    return 0;
}

static int read_dir(struct ol_env *env, struct config_sources *s, const char *path,
                    struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r = ol_list_dir(env, path, &names, err);

    if (r < 0)
        return ol_err_prefix(err, r, "configuration directory");
    for (size_t i = 0; i < names.n && r >= 0; i++) {
        ol_autofree char *file = NULL;

        /* glob()'s "*.conf" leaves out names that begin with a dot. */
        if (names.v[i][0] == '.' || !ol_str_ends(names.v[i], ".conf"))
            continue;
        file = ol_path_join(path, names.v[i]);
        r = read_file(env, s, file, err);
    }
    return r;
}

/* The first directory of the search that has it; heap, or NULL. */
static char *search(struct ol_env *env, const char *home, const char *name, const char *suffix)
{
    ol_auto(ol_strv_done) struct ol_strv dirs = OL_STRV_INIT;

    if (home) {
        ol_strv_addf(&dirs, "%s/.nova", home);
        ol_strv_add(&dirs, home);
    }
    ol_strv_add(&dirs, "/etc/nova");
    ol_strv_add(&dirs, "/etc");
    ol_strv_each (dir, &dirs) {
        char *path = ol_xasprintf("%s/%s%s", dir, name, suffix);

        if (ol_exists(env, path))
            return path;
        free(path);
    }
    return NULL;
}

static int read_defaults(struct ol_env *env, const struct compute_config_args *args, bool is_dir,
                         struct config_sources *s, struct ol_err *err)
{
    const char *names[] = {"nova", args->program ? args->program : "nova-compute"};
    int r = 0;

    for (size_t i = 0; i < ol_count(names) && r >= 0; i++) {
        ol_autofree char *path = search(env, args->home, names[i], is_dir ? ".conf.d" : ".conf");

        if (path)
            r = is_dir ? read_dir(env, s, path, err) : read_file(env, s, path, err);
    }
    return r;
}

int config_sources_read(struct ol_env *env, const struct compute_config_args *args,
                        struct config_sources *s, struct ol_err *err)
{
    bool has_file = false, has_dir = false;
    int r = 0;

    s->lines = &args->set;
    ol_strv_each (name, &args->files) {
        if (ol_str_ends(name, "/"))
            has_dir = true;
        else
            has_file = true;
    }
    if (!has_file)
        r = read_defaults(env, args, false, s, err);
    if (r >= 0 && !has_dir)
        r = read_defaults(env, args, true, s, err);
    for (size_t i = 0; i < args->files.n && r >= 0; i++) {
        const char *name = args->files.v[i];
        ol_autofree char *path = ol_path_absolute(name);

        r = ol_str_ends(name, "/") ? read_dir(env, s, path, err) : read_file(env, s, path, err);
    }
    return r;
}

void config_sources_done(struct config_sources *s)
{
    ol_strv_done(&s->names);
}

/* The value of "group.name=value" when that is what is asked for. */
static const char *line_value(const char *line, const char *group, const char *name)
{
    size_t g = strlen(group), n = strlen(name);

    if (strncmp(line, group, g) || line[g] != '.' || strncmp(line + g + 1, name, n))
        return NULL;
    line += g + 1 + n;
    return *line == '=' ? line + 1 : NULL;
}

const char *config_sources_find(const struct config_sources *s, const char *group, const char *name,
                                const char **ret_where)
{
    for (size_t i = s->lines ? s->lines->n : 0; i > 0; i--) {
        const char *value = line_value(s->lines->v[i - 1], group, name);

        if (!value)
            continue;
        *ret_where = "command line";
        return value;
    }
    for (size_t i = s->n; i > 0; i--) {
        const struct oslo_entry *e = oslo_ini_find(&s->files[i - 1], group, name);

        if (!e)
            continue;
        *ret_where = ol_arena_printf(s->arena, "%s:%d", s->files[i - 1].file, e->line);
        return e->value;
    }
    return NULL;
}
