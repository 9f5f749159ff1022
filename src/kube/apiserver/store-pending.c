/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/store-internal.h"

static uint32_t hash_of_key(const struct store_key *key)
{
    uint32_t h = ol_hash(OL_HASH_SEED, &key->resource, sizeof(key->resource));

    return ol_hash_str(ol_hash_str(h, key->ns), key->name);
}

static uint32_t hash_of(const void *item)
{
    return hash_of_key(&((const struct store_pending *)item)->key);
}

static bool is_of(const void *item, const void *key)
{
    return store_key_cmp(&((const struct store_pending *)item)->key, key) == 0;
}

const struct ol_table_type store_pending_type = {.hash = hash_of, .is = is_of};

int store_key_cmp(const struct store_key *a, const struct store_key *b)
{
    int r;

    if (a->resource != b->resource)
        return a->resource < b->resource ? -1 : 1;
    r = strcmp(a->ns, b->ns);
    return r ? r : strcmp(a->name, b->name);
}

struct store_pending *store_pending_find(struct store *s, const struct store_key *key)
{
    return ol_table_find(&s->pending, hash_of_key(key), key);
}

void store_pending_add(struct store *s, const struct store_op *op)
{
    const struct store_event *e = &op->event;
    struct store_pending *p = store_pending_find(s, &e->key);
    size_t ns_size = strlen(e->key.ns) + 1, name_size = strlen(e->key.name) + 1;

    if (!p) {
        char *key;

        p = ol_xcalloc(1, sizeof(*p) + ns_size + name_size);
        key = (char *)(p + 1);
        memcpy(key, e->key.ns, ns_size);
        memcpy(key + ns_size, e->key.name, name_size);
        p->key = (struct store_key){e->key.resource, key, key + ns_size};
        ol_table_put(&s->pending, p);
    }
    store_text_unref(p->text);
    p->text = e->change == STORE_DELETED ? NULL : store_text_ref(e->now);
    p->n_ops++;
}

void store_pending_end(struct store *s, const struct store_op *op)
{
    struct store_pending *p = store_pending_find(s, &op->event.key);

    if (!p || --p->n_ops > 0)
        return;
    ol_table_remove(&s->pending, p);
    store_text_unref(p->text);
    free(p);
}
