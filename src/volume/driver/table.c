/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/table.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

size_t driver_table_seek(const struct driver_table *t, const char *id)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(t->v[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct driver_record *driver_table_find(const struct driver_table *t, const char *id)
{
    size_t at = driver_table_seek(t, id);

    return at < t->n && !strcmp(t->v[at].id, id) ? &t->v[at] : NULL;
}

void driver_table_put(struct driver_table *t, const struct driver_record *r)
{
    size_t at = driver_table_seek(t, r->id);

    if (at < t->n && !strcmp(t->v[at].id, r->id)) {
        t->v[at] = *r;
        return;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->v = ol_xrealloc(t->v, t->cap, sizeof(*t->v));
    }
    memmove(t->v + at + 1, t->v + at, (t->n - at) * sizeof(*t->v));
    t->v[at] = *r;
    t->n++;
}

void driver_table_drop(struct driver_table *t, const char *id)
{
    size_t at = driver_table_seek(t, id);

    if (at == t->n || strcmp(t->v[at].id, id) != 0)
        return;
    t->n--;
    memmove(t->v + at, t->v + at + 1, (t->n - at) * sizeof(*t->v));
}

void driver_table_refresh(struct driver_table *t, struct ol_env *env, const char *state_dir,
                          const char *id)
{
    struct driver_record record;
    int r = driver_record_load(env, state_dir, id, &record, NULL);

    if (r == 0)
        driver_table_put(t, &record);
    else if (r == -ENOENT)
        driver_table_drop(t, id);
}

void driver_table_done(struct driver_table *t)
{
    free(t->v);
    *t = (struct driver_table){.v = NULL};
}

static void load_one(struct ol_env *env, const char *state_dir, const char *file,
                     struct driver_table *to)
{
    ol_autofree char *id = ol_xstrndup(file, strlen(file) - strlen(".json"));
    struct ol_err err = OL_ERR_INIT;
    struct driver_record record;

    if (driver_record_load(env, state_dir, id, &record, &err) < 0)
        ol_warn(env, "%s", err.msg);
    else
        driver_table_put(to, &record);
}

int driver_table_load(struct ol_env *env, const char *state_dir, struct driver_table *ret,
                      struct ol_err *err)
{
    ol_autofree char *dir = ol_xasprintf("%s/records", state_dir);
    ol_auto(ol_strv_done) struct ol_strv files = OL_STRV_INIT;
    struct driver_table t = {.v = NULL};
    int r = ol_list_dir(env, dir, &files, err);

    if (r < 0)
        return r;
    ol_strv_each (file, &files) {
        if (ol_str_ends(file, ".json"))
            load_one(env, state_dir, file, &t);
    }
    *ret = t;
    return 0;
}
