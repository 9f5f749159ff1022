/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "kube/client/client-internal.h"
#include "kube/client/envelope.h"
#include "kube/client/informer.h"

/*
 * An informer is a cache (informer-cache.c), which knows what comes before what, and a stream of
 * lists and watches that fills it (informer-stream.c), which knows no objects.
 */

/* --- the cache --- */

/* Objects by namespace and name; the key of a search is a struct object_name. */
struct object_name {
    const char *ns, *name;
};
extern const struct ol_table_type object_table_type;
const struct kube_object *object_find(const struct ol_table *t, const char *ns, const char *name);

struct cache_handler {
    struct kube_handler h;
    struct cache_handler *next;
};

struct cache {
    struct ol_table objects;
    struct kube_index *indexes;
    struct cache_handler *handlers;
    /* Resource version up to which the watch has told everything; "" = nothing yet. */
    char *version;
    /* While a list is read: what it has not named so far. Each with a reference. */
    struct ol_table unseen;
    bool is_listing;
    /* Replaced and removed objects live until the next turn of the loop. */
    const struct kube_object **leaving;
    size_t n_leaving, cap_leaving;
    struct ol_timer *buried_by;
};

void cache_init(struct cache *c, struct ol_timer *buried_by);
void cache_done(struct cache *c);
/* Releases what was replaced. */
void cache_bury(struct cache *c);
/* The newer one wins; handlers are told. Takes a reference of its own. */
void cache_put(struct cache *c, const struct kube_object *o);
/* The same for the result of an own write: what has been deleted since does not come back. */
void cache_put_own(struct cache *c, const struct kube_object *o);
/* 'last' is the state in which it was deleted. */
void cache_delete(struct cache *c, const struct kube_object *last);
void cache_set_version(struct cache *c, const char *version);

/* A list begins, names what is there (which is then put), and ends at 'version': what was there
 * before and was not named is gone. */
void cache_list_begin(struct cache *c);
void cache_list_put(struct cache *c, const struct kube_object *o);
void cache_list_end(struct cache *c, const char *version);

struct kube_index *cache_add_index(struct cache *c, kube_index_fn keys);
void cache_add_handler(struct cache *c, const struct kube_handler *h);
void cache_drop_handlers(struct cache *c);

/* --- lists and watches --- */

/* What a page or a line of the server gave; objects are JSON text. */
struct stream_target {
    void (*list_begin)(void *ctx);
    void (*list_item)(void *ctx, const char *object, size_t len);
    void (*list_end)(void *ctx, const char *version);
    /* ADDED, MODIFIED, DELETED or BOOKMARK. Returns the version up to which all is told now,
     * borrowed until the next call. */
    const char *(*event)(void *ctx, enum envelope_type type, const char *object, size_t len);
    void *ctx;
};

struct stream;
struct stream *stream_new(struct kube_client *client, const struct kube_kind *kind,
                          const struct stream_target *target, uint64_t seed);
void stream_free(struct stream *s);
void stream_start(struct stream *s);
