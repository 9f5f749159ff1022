/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kube/client/client.h"

/*
 * A cache of all objects of a kind, kept by list and watch and shared by all controllers of a
 * process. After a lost watch it goes on where it was, after 410 it lists anew and tells the
 * difference. Handlers are told after the cache has changed.
 */
struct kube_informers; /* at most one informer per kind */
struct kube_informer;

struct kube_handler {
    /* old NULL: it is new; now NULL: it was deleted (old is the last that was seen). Both
     * are borrowed. */
    void (*changed)(void *ctx, const struct kube_object *old, const struct kube_object *now);
    void *ctx;
};

struct kube_informers *kube_informers_new(struct kube_client *client)
    __attribute__((warn_unused_result));
void kube_informers_free(struct kube_informers *all);
/* The informer of a kind, made with the first call; it starts with kube_informers_start(). */
struct kube_informer *kube_informer_of(struct kube_informers *all, const struct kube_kind *kind);
/* Lists and watches. 'synced' is called once, when every informer has its first list. */
void kube_informers_start(struct kube_informers *all, void (*synced)(void *ctx), void *ctx);
/* The first step of stopping: ends lists and watches, and from now on no handler is told of
 * anything, not even of own writes. What is in the caches stays. Not to be called by a handler. */
void kube_informers_stop(struct kube_informers *all);
bool kube_informer_has_synced(const struct kube_informer *i);

/* Before or after the start; a late one is told of all that is there. */
void kube_informer_add_handler(struct kube_informer *i, const struct kube_handler *h);
/* Borrowed until the next turn of the loop; NULL = not there. ns "" for kinds without. */
const struct kube_object *kube_informer_get(const struct kube_informer *i, const char *ns,
                                            const char *name);
/* By key "ns/name" or "name". */
const struct kube_object *kube_informer_get_key(const struct kube_informer *i, const char *key);
size_t kube_informer_count(const struct kube_informer *i);
/* All objects, in no order: *at starts with 0; NULL ends. The cache must not change meanwhile. */
const struct kube_object *kube_informer_each(const struct kube_informer *i, size_t *at);

/* An index: 'keys' calls emit() with each key under which the object is to be found. Before the
 * start. */
typedef void (*kube_emit_fn)(void *to, const char *key);
typedef void (*kube_index_fn)(const struct kube_object *o, kube_emit_fn emit, void *to);
struct kube_index;
struct kube_index *kube_informer_add_index(struct kube_informer *i, kube_index_fn keys);
/* Objects under a key as kube_informer_each() gives them. */
const struct kube_object *kube_index_each(const struct kube_index *x, const char *key, size_t *at);

/* Takes the result of an own write into the cache at once; an older resource version than the
 * cached one is ignored. Handlers are told. */
void kube_informer_store(struct kube_informer *i, const struct kube_object *o);
