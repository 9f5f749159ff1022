/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/client/informer-internal.h"

/* --- objects by name --- */

static uint32_t hash_name(const char *ns, const char *name)
{
    /* The NUL of ns as well: "a" "bc" is not "ab" "c". */
    return ol_hash_str(ol_hash(OL_HASH_SEED, ns, strlen(ns) + 1), name);
}

static uint32_t hash_object(const void *item)
{
    const struct kube_object *o = item;

    return hash_name(o->meta.ns, o->meta.name);
}

static bool is_object(const void *item, const void *key)
{
    const struct kube_object *o = item;
    const struct object_name *want = key;

    return strcmp(o->meta.name, want->name) == 0 && strcmp(o->meta.ns, want->ns) == 0;
}

const struct ol_table_type object_table_type = {hash_object, is_object};

const struct kube_object *object_find(const struct ol_table *t, const char *ns, const char *name)
{
    return ol_table_find(t, hash_name(ns, name), &(struct object_name){ns, name});
}

static const struct kube_object *same_name(const struct ol_table *t, const struct kube_object *o)
{
    return object_find(t, o->meta.ns, o->meta.name);
}

/* --- indexes --- */

struct bucket {
    const char *key; /* 'text'; first, for the table */
    struct ol_table objects;
    char text[];
};

struct kube_index {
    kube_index_fn keys;
    struct ol_table buckets;
    struct kube_index *next;
};

struct emission {
    struct kube_index *index;
    const struct kube_object *o;
};

static struct bucket *bucket_of(struct kube_index *x, const char *key)
{
    struct bucket *b = ol_table_find_str(&x->buckets, key);
    size_t size = strlen(key) + 1;

    if (b)
        return b;
    b = ol_xcalloc(1, sizeof(*b) + size);
    memcpy(b->text, key, size);
    b->key = b->text;
    b->objects = (struct ol_table)OL_TABLE_INIT(&object_table_type);
    ol_table_put(&x->buckets, b);
    return b;
}

static void index_emit_add(void *to, const char *key)
{
    struct emission *e = to;
    struct bucket *b = bucket_of(e->index, key);

    if (!same_name(&b->objects, e->o)) /* an object may name a key twice */
        ol_table_put(&b->objects, (void *)e->o);
}

static void index_emit_remove(void *to, const char *key)
{
    struct emission *e = to;
    struct bucket *b = ol_table_find_str(&e->index->buckets, key);

    if (!b || same_name(&b->objects, e->o) != e->o)
        return;
    ol_table_remove(&b->objects, e->o);
    if (b->objects.n)
        return;
    ol_table_remove(&e->index->buckets, b);
    ol_table_done(&b->objects);
    free(b);
}

static void index_change(struct cache *c, const struct kube_object *o, kube_emit_fn emit)
{
    for (struct kube_index *x = c->indexes; x; x = x->next)
        x->keys(o, emit, &(struct emission){x, o});
}

static void index_free(struct kube_index *x)
{
    struct bucket *b;
    size_t at = 0;

    while ((b = ol_table_each(&x->buckets, &at))) {
        ol_table_done(&b->objects);
        free(b);
    }
    ol_table_done(&x->buckets);
    free(x);
}

const struct kube_object *kube_index_each(const struct kube_index *x, const char *key, size_t *at)
{
    const struct bucket *b = ol_table_find_str(&x->buckets, key);

    return b ? ol_table_each(&b->objects, at) : NULL;
}

struct kube_index *cache_add_index(struct cache *c, kube_index_fn keys)
{
    struct kube_index *x = ol_xcalloc(1, sizeof(*x));
    const struct kube_object *o;
    size_t at = 0;

    x->keys = keys;
    x->buckets = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    while ((o = ol_table_each(&c->objects, &at)))
        keys(o, index_emit_add, &(struct emission){x, o});
    x->next = c->indexes;
    c->indexes = x;
    return x;
}

/* --- the cache --- */

void cache_init(struct cache *c, struct ol_timer *buried_by)
{
    *c = (struct cache){.objects = OL_TABLE_INIT(&object_table_type),
                        .unseen = OL_TABLE_INIT(&object_table_type),
                        .version = ol_xstrdup(""),
                        .buried_by = buried_by};
}

static void release_all(struct ol_table *t)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = ol_table_each(t, &at)))
        kube_object_unref(o);
    ol_table_done(t);
}

void cache_done(struct cache *c)
{
    cache_bury(c);
    free(c->leaving);
    release_all(&c->unseen);
    release_all(&c->objects);
    while (c->indexes) {
        struct kube_index *next = c->indexes->next;

        index_free(c->indexes);
        c->indexes = next;
    }
    cache_drop_handlers(c);
    free(c->version);
}

void cache_drop_handlers(struct cache *c)
{
    while (c->handlers) {
        struct cache_handler *next = c->handlers->next;

        free(c->handlers);
        c->handlers = next;
    }
}

void cache_bury(struct cache *c)
{
    for (size_t i = 0; i < c->n_leaving; i++)
        kube_object_unref(c->leaving[i]);
    c->n_leaving = 0;
}

/* Who got it from the cache in this turn may go on using it. Takes the cache's reference. */
static void leave(struct cache *c, const struct kube_object *o)
{
    if (c->n_leaving == c->cap_leaving) {
        c->cap_leaving = c->cap_leaving ? c->cap_leaving * 2 : 16;
        c->leaving = ol_xrealloc(c->leaving, c->cap_leaving, sizeof(*c->leaving));
    }
    if (!c->n_leaving)
        ol_timer_set(c->buried_by, 0);
    c->leaving[c->n_leaving++] = o;
}

static void tell(struct cache *c, const struct kube_object *old, const struct kube_object *now)
{
    for (struct cache_handler *h = c->handlers; h; h = h->next)
        h->h.changed(h->h.ctx, old, now);
}

static void insert(struct cache *c, const struct kube_object *o)
{
    ol_table_put(&c->objects, (void *)kube_object_ref(o));
    index_change(c, o, index_emit_add);
    tell(c, NULL, o);
}

static void take_out(struct cache *c, const struct kube_object *old, const struct kube_object *last)
{
    index_change(c, old, index_emit_remove);
    ol_table_remove(&c->objects, old);
    leave(c, old);
    tell(c, last, NULL);
}

static void exchange(struct cache *c, const struct kube_object *old, const struct kube_object *now)
{
    index_change(c, old, index_emit_remove);
    ol_table_replace(&c->objects, old, (void *)kube_object_ref(now));
    index_change(c, now, index_emit_add);
    leave(c, old);
    tell(c, old, now);
}

/* What can't be compared, since a foreign server counts otherwise, is neither older nor newer. */
static bool is_older(const char *a, const char *b)
{
    int order = 0;

    return kube_version_cmp(a, b, &order) == 0 && order < 0;
}

static bool is_same_or_older(const struct kube_object *o, const struct kube_object *than)
{
    const char *a = o->meta.resource_version, *b = than->meta.resource_version;

    return strcmp(a, b) == 0 || is_older(a, b);
}

void cache_put(struct cache *c, const struct kube_object *o)
{
    const struct kube_object *old = same_name(&c->objects, o);

    if (!old) {
        insert(c, o);
        return;
    }
    if (is_same_or_older(o, old))
        return;
    if (strcmp(old->meta.uid, o->meta.uid) == 0) {
        exchange(c, old, o);
        return;
    }
    /* The name was used again while we didn't look: the old object's end is a fact of its own. */
    take_out(c, old, old);
    if (!same_name(&c->objects, o))
        insert(c, o);
}

void cache_put_own(struct cache *c, const struct kube_object *o)
{
    const char *version = o->meta.resource_version;

    /* The watch is past this state and the object isn't there: it was deleted meanwhile. */
    if (!same_name(&c->objects, o) && *c->version
        && (strcmp(version, c->version) == 0 || is_older(version, c->version)))
        return;
    /* The list that is under way may know better. */
    if (c->is_listing && !same_name(&c->objects, o) && !same_name(&c->unseen, o))
        ol_table_put(&c->unseen, (void *)kube_object_ref(o));
    cache_put(c, o);
}

void cache_delete(struct cache *c, const struct kube_object *last)
{
    const struct kube_object *old = same_name(&c->objects, last);

    if (!old || is_older(last->meta.resource_version, old->meta.resource_version))
        return;
    take_out(c, old, last);
}

void cache_set_version(struct cache *c, const char *version)
{
    if (strcmp(c->version, version) == 0)
        return;
    free(c->version);
    c->version = ol_xstrdup(version);
}

void cache_list_begin(struct cache *c)
{
    const struct kube_object *o;
    size_t at = 0;

    release_all(&c->unseen);
    c->is_listing = true;
    while ((o = ol_table_each(&c->objects, &at)))
        ol_table_put(&c->unseen, (void *)kube_object_ref(o));
}

void cache_list_put(struct cache *c, const struct kube_object *o)
{
    const struct kube_object *known = same_name(&c->unseen, o);

    if (known) {
        ol_table_remove(&c->unseen, known);
        kube_object_unref(known);
    }
    cache_put(c, o);
}

void cache_list_end(struct cache *c, const char *version)
{
    struct ol_table unseen = c->unseen;
    const struct kube_object *o;
    size_t at = 0;

    c->unseen = (struct ol_table)OL_TABLE_INIT(&object_table_type);
    c->is_listing = false;
    cache_set_version(c, version);
    while ((o = ol_table_each(&unseen, &at))) {
        const struct kube_object *now = same_name(&c->objects, o);

        /* An own write that is younger than the list speaks of something that the list couldn't
         * know; the watch will tell its end. */
        if (now && !is_older(version, now->meta.resource_version))
            take_out(c, now, now);
    }
    release_all(&unseen);
}

void cache_add_handler(struct cache *c, const struct kube_handler *h)
{
    struct cache_handler **last = &c->handlers;
    const struct kube_object *o;
    size_t at = 0, n = 0, count = c->objects.n;
    ol_autofree const struct kube_object **all = NULL;

    while (*last)
        last = &(*last)->next;
    *last = ol_xcalloc(1, sizeof(**last));
    (*last)->h = *h;
    /* The handler may change the cache, and is told of that by the way. */
    all = ol_xcalloc(count, sizeof(*all));
    while ((o = ol_table_each(&c->objects, &at)))
        all[n++] = kube_object_ref(o);
    for (size_t i = 0; i < n; i++) {
        if (same_name(&c->objects, all[i]) == all[i])
            h->changed(h->ctx, NULL, all[i]);
        kube_object_unref(all[i]);
    }
}
