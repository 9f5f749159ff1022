/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "fake-api.h"

/* The objects of a fake API and what happened to them (fake-store.c); requests are in
 * fake-server.c. */

struct fake_stored {
    const char *key; /* "persistentvolumeclaims./default/data"; first, for the table */
    const struct kube_kind *kind;
    char *own_key, *ns, *name, *json;
    uint64_t version;
};

struct fake_event {
    uint64_t version;
    const char *type; /* "ADDED" … */
    const struct kube_kind *kind;
    char *ns, *json;
};

struct fake_store {
    struct ol_table objects;
    struct fake_event *events;
    size_t n_events, cap_events;
    uint64_t version, expired; /* events up to 'expired' are forgotten */
    uint64_t n_made;
};

struct fake_store *fake_store_new(void);
void fake_store_free(struct fake_store *s);
struct fake_stored *fake_store_find(const struct fake_store *s, const struct kube_kind *kind,
                                    const char *ns, const char *name);
/* Sorted by namespace and name, of one namespace or (ns "") all; the array is the caller's. */
struct fake_stored **fake_store_list(const struct fake_store *s, const struct kube_kind *kind,
                                     const char *ns, size_t *ret_n);
/* Makes the object what it is to be: a new version with its event, or nothing when nothing is
 * different. One that is being deleted goes when it has no finalizers. Returns the JSON as stored
 * (or as it was when it went), heap. */
char *fake_store_commit(struct fake_store *s, const struct kube_kind *kind, struct ol_val *object,
                        struct ol_arena *a);
/* Removes it, whatever its finalizers say. Returns its last state, heap. */
char *fake_store_remove(struct fake_store *s, struct fake_stored *o);
/* RFC 3339, into the arena. */
const char *fake_time(const struct fake_api *f, struct ol_arena *a);
struct ol_val *fake_load(const char *json, struct ol_arena *a);
/* metadata, made when it is missing. */
struct ol_val *fake_meta(struct ol_val *object, struct ol_arena *a);
/* uid and creationTimestamp. */
void fake_stamp(struct fake_api *f, struct ol_val *object, struct ol_arena *a);
/* Something happened: watches will tell. */
void fake_wake(struct fake_api *f);
