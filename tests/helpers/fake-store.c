/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "fake-store.h"
#include "kube/base/time.h"

enum { TEXT_MAX = 64 << 20 };

struct fake_store *fake_store_new(void)
{
    struct fake_store *s = ol_xcalloc(1, sizeof(*s));

    s->objects = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    s->version = 100;
    return s;
}

static void free_stored(struct fake_stored *o)
{
    free(o->own_key);
    free(o->ns);
    free(o->name);
    free(o->json);
    free(o);
}

void fake_store_free(struct fake_store *s)
{
    struct fake_stored *o;
    size_t at = 0;

    while ((o = ol_table_each(&s->objects, &at)))
        free_stored(o);
    ol_table_done(&s->objects);
    for (size_t i = 0; i < s->n_events; i++) {
        free(s->events[i].ns);
        free(s->events[i].json);
    }
    free(s->events);
    free(s);
}

static char *key_of(const struct kube_kind *kind, const char *ns, const char *name)
{
    return ol_xasprintf("%s.%s/%s/%s", kind->plural, kind->group, ns ? ns : "", name);
}

struct fake_stored *fake_store_find(const struct fake_store *s, const struct kube_kind *kind,
                                    const char *ns, const char *name)
{
    ol_autofree char *key = key_of(kind, ns, name);

    return ol_table_find_str(&s->objects, key);
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct fake_stored *const *)a)->key, (*(struct fake_stored *const *)b)->key);
}

struct fake_stored **fake_store_list(const struct fake_store *s, const struct kube_kind *kind,
                                     const char *ns, size_t *ret_n)
{
    struct fake_stored **all = ol_xcalloc(s->objects.n, sizeof(struct fake_stored *)), *o;
    size_t at = 0, n = 0;

    while ((o = ol_table_each(&s->objects, &at)))
        if (o->kind == kind && (!*ns || strcmp(o->ns, ns) == 0))
            all[n++] = o;
    qsort(all, n, sizeof(struct fake_stored *), by_key);
    *ret_n = n;
    return all;
}

static void add_event(struct fake_store *s, const char *type, const struct kube_kind *kind,
                      const char *ns, const char *json)
{
    if (s->n_events == s->cap_events) {
        s->cap_events = s->cap_events ? s->cap_events * 2 : 64;
        s->events = ol_xrealloc(s->events, s->cap_events, sizeof(*s->events));
    }
    s->events[s->n_events++] = (struct fake_event){
        .version = s->version,
        .type = type,
        .kind = kind,
        .ns = ol_xstrdup(ns),
        .json = ol_xstrdup(json),
    };
}

static char *text_of(const struct ol_val *v)
{
    struct ol_buf b = OL_BUF_INIT(TEXT_MAX);
    int r = ol_json_dump(v, &ol_json_compact, &b);

    assert(r == 0);
    return ol_buf_take(&b);
}

struct ol_val *fake_load(const char *json, struct ol_arena *a)
{
    struct ol_val *v = NULL;

    return ol_json_load(json, strlen(json), a, &v, NULL) < 0 ? NULL : v;
}

struct ol_val *fake_meta(struct ol_val *object, struct ol_arena *a)
{
    struct ol_val *meta = ol_val_get_mut(object, "metadata");

    if (!meta) {
        meta = ol_val_new_map(a);
        ol_val_set(a, object, "metadata", meta);
    }
    return meta;
}

static void set_version(struct fake_store *s, struct ol_val *object, struct ol_arena *a)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, ++s->version);
    ol_val_set_str(a, fake_meta(object, a), "resourceVersion", text);
}

static const char *meta_str(const struct ol_val *object, const char *member)
{
    const char *s = ol_val_str(ol_val_get(ol_val_get(object, "metadata"), member));

    return s ? s : "";
}

/* Takes 'json'. */
static void store(struct fake_store *s, const struct kube_kind *kind, const struct ol_val *object,
                  char *json)
{
    const char *ns = meta_str(object, "namespace"), *name = meta_str(object, "name");
    struct fake_stored *o = fake_store_find(s, kind, ns, name);

    add_event(s, o ? "MODIFIED" : "ADDED", kind, ns, json);
    if (!o) {
        o = ol_xcalloc(1, sizeof(*o));
        o->own_key = key_of(kind, ns, name);
        o->key = o->own_key;
        o->kind = kind;
        o->ns = ol_xstrdup(ns);
        o->name = ol_xstrdup(name);
        ol_table_put(&s->objects, o);
    }
    free(o->json);
    o->json = json;
    o->version = s->version;
}

static void forget(struct fake_store *s, struct fake_stored *o)
{
    ol_table_remove(&s->objects, o);
    free_stored(o);
}

char *fake_store_remove(struct fake_store *s, struct fake_stored *o)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(TEXT_MAX);
    struct ol_val *last = fake_load(o->json, &a);
    char *json;

    set_version(s, last, &a);
    json = text_of(last);
    add_event(s, "DELETED", o->kind, o->ns, json);
    forget(s, o);
    return json;
}

char *fake_store_commit(struct fake_store *s, const struct kube_kind *kind, struct ol_val *object,
                        struct ol_arena *a)
{
    struct fake_stored *old =
        fake_store_find(s, kind, meta_str(object, "namespace"), meta_str(object, "name"));
    const struct ol_val *finalizers = ol_val_at(object, "metadata/finalizers");
    const struct ol_val *before = old ? fake_load(old->json, a) : NULL;
    char *json;

    if (before) {
        ol_val_set_str(a, fake_meta(object, a), "resourceVersion",
                       meta_str(before, "resourceVersion"));
        if (ol_val_equal(before, object))
            return ol_xstrdup(old->json);
    }
    set_version(s, object, a);
    json = text_of(object);
    if (old && *meta_str(object, "deletionTimestamp") && !ol_val_count(finalizers)) {
        add_event(s, "DELETED", kind, old->ns, json);
        forget(s, old);
        return json;
    }
    store(s, kind, object, json);
    return ol_xstrdup(json);
}

const char *fake_time(const struct fake_api *f, struct ol_arena *a)
{
    char text[KUBE_TIME_SIZE];

    kube_time_format(f->time.now + f->time.wall_offset, text);
    return ol_arena_strdup(a, text);
}

void fake_stamp(struct fake_api *f, struct ol_val *object, struct ol_arena *a)
{
    struct ol_val *meta = fake_meta(object, a);
    uint64_t n = ++f->store->n_made;

    if (!*meta_str(object, "uid"))
        ol_val_set_str(a, meta, "uid",
                       ol_arena_printf(a, "00000000-0000-4000-8000-%012" PRIx64, n));
    if (!*meta_str(object, "creationTimestamp"))
        ol_val_set_str(a, meta, "creationTimestamp", fake_time(f, a));
    if (!*meta_str(object, "name"))
        ol_val_set_str(a, meta, "name",
                       ol_arena_printf(a, "%s%05" PRIx64, meta_str(object, "generateName"), n));
}
