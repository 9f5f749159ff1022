/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/match.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "kube/base/kind.h"
#include "volume/binder/index-internal.h"

static uint32_t shelf_hash(const void *item)
{
    const struct shelf_key *k = item;
    uint32_t h = OL_HASH_SEED;
    unsigned char bits[2] = {(unsigned char)k->modes, k->is_block};

    h = ol_hash(h, bits, sizeof(bits));
    h = ol_hash(h, k->class_name, strlen(k->class_name) + 1);
    return ol_hash_str(h, k->attributes_class);
}

static bool shelf_is(const void *item, const void *key)
{
    const struct shelf_key *a = item, *b = key;

    return a->modes == b->modes && a->is_block == b->is_block
           && strcmp(a->class_name, b->class_name) == 0
           && strcmp(a->attributes_class, b->attributes_class) == 0;
}

static const struct ol_table_type shelf_type = {shelf_hash, shelf_is};

static uint32_t chain_hash(const void *item)
{
    const struct chain_key *k = item;

    return ol_hash_str(ol_hash(OL_HASH_SEED, k->ns, strlen(k->ns) + 1), k->name);
}

static bool chain_is(const void *item, const void *key)
{
    const struct chain_key *a = item, *b = key;

    return strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0;
}

static const struct ol_table_type chain_type = {chain_hash, chain_is};

struct binder_index *binder_index_new(void)
{
    struct binder_index *x = ol_xcalloc(1, sizeof(*x));

    x->entries = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    x->shelves = (struct ol_table)OL_TABLE_INIT(&shelf_type);
    x->chains = (struct ol_table)OL_TABLE_INIT(&chain_type);
    x->random = 2463534242u;
    return x;
}

static void entry_free(struct entry *e)
{
    kube_object_unref(&e->pv->o);
    free(e);
}

static void shelf_free(struct shelf *s)
{
    free((char *)s->key.class_name);
    free((char *)s->key.attributes_class);
    free(s);
}

static void chain_free(struct chain *c)
{
    free((char *)c->key.ns);
    free((char *)c->key.name);
    free(c);
}

void binder_index_free(struct binder_index *x)
{
    void *item = NULL;

    if (!x)
        return;
    for (size_t at = 0; (item = ol_table_each(&x->entries, &at));)
        entry_free(item);
    for (size_t at = 0; (item = ol_table_each(&x->shelves, &at));)
        shelf_free(item);
    for (size_t at = 0; (item = ol_table_each(&x->chains, &at));)
        chain_free(item);
    ol_table_done(&x->entries);
    ol_table_done(&x->shelves);
    ol_table_done(&x->chains);
    free(x);
}

/* --- shelves --- */
const struct shelf *binder_shelf_find(const struct binder_index *x, const struct shelf_key *key)
{
    return ol_table_find(&x->shelves, shelf_hash(key), key);
}

static struct shelf *shelf_get(struct binder_index *x, const struct shelf_key *key)
{
    struct shelf *s = ol_table_find(&x->shelves, shelf_hash(key), key);

    if (s)
        return s;
    s = ol_xcalloc(1, sizeof(*s));
    s->key = *key;
    s->key.class_name = ol_xstrdup(key->class_name);
    s->key.attributes_class = ol_xstrdup(key->attributes_class);
    ol_table_put(&x->shelves, s);
    return s;
}

static bool is_before(const struct entry *a, __int128 size, const char *name)
{
    if (a->size != size)
        return a->size < size;
    return strcmp(a->name, name) < 0;
}

const struct entry *binder_shelf_from(const struct shelf *s, __int128 size)
{
    struct entry *const *links = s->first;

    for (unsigned level = INDEX_LEVELS; level-- > 0;) {
        while (links[level] && links[level]->size < size)
            links = links[level]->next;
    }
    return links[0];
}

/* Where the links to an entry of this size and name are, or are to be. */
static void find_links(struct shelf *s, const struct entry *e, struct entry **at[INDEX_LEVELS])
{
    struct entry **links = s->first;

    for (unsigned level = INDEX_LEVELS; level-- > 0;) {
        while (links[level] && is_before(links[level], e->size, e->name))
            links = links[level]->next;
        at[level] = &links[level];
    }
}

static void shelf_add(struct shelf *s, struct entry *e)
{
    struct entry **at[INDEX_LEVELS];

    find_links(s, e, at);
    for (unsigned level = 0; level < e->n_levels; level++) {
        e->next[level] = *at[level];
        *at[level] = e;
    }
    e->shelf = s;
}

static void shelf_remove(struct binder_index *x, struct entry *e)
{
    struct entry **at[INDEX_LEVELS];
    struct shelf *s = e->shelf;

    if (!s)
        return;
    find_links(s, e, at);
    for (unsigned level = 0; level < e->n_levels; level++)
        *at[level] = e->next[level];
    e->shelf = NULL;
    if (!s->first[0]) {
        ol_table_remove(&x->shelves, s);
        shelf_free(s);
    }
}

/* --- chains --- */
const struct chain *binder_chain_find(const struct binder_index *x, const char *ns,
                                      const char *name)
{
    struct chain_key key = {.ns = ns, .name = name};

    return ol_table_find(&x->chains, chain_hash(&key), &key);
}

static void chain_add(struct binder_index *x, struct entry *e)
{
    const struct kube_ref *ref = e->pv->spec.claim;
    struct chain *c = NULL;

    if (!ref)
        return;
    c = (struct chain *)binder_chain_find(x, ref->ns, ref->name);
    if (!c) {
        c = ol_xcalloc(1, sizeof(*c));
        c->key.ns = ol_xstrdup(ref->ns);
        c->key.name = ol_xstrdup(ref->name);
        ol_table_put(&x->chains, c);
    }
    e->chain_next = c->first;
    c->first = e;
    e->chain = c;
}

static void chain_remove(struct binder_index *x, struct entry *e)
{
    struct chain *c = e->chain;
    struct entry **at = NULL;

    if (!c)
        return;
    for (at = &c->first; *at != e; at = &(*at)->chain_next) {
    }
    *at = e->chain_next;
    e->chain = NULL;
    if (!c->first) {
        ol_table_remove(&x->chains, c);
        chain_free(c);
    }
}

/* --- volumes --- */
/* A quarter of the entries of a level are also in the one above. */
static unsigned random_levels(struct binder_index *x)
{
    unsigned n = 1;

    x->random ^= x->random << 13;
    x->random ^= x->random >> 17;
    x->random ^= x->random << 5;
    for (uint32_t r = x->random; n < INDEX_LEVELS && (r & 3) == 0; r >>= 2)
        n++;
    return n;
}

/* Puts the entry on its shelf, or takes it off, as it is now. */
static void place(struct binder_index *x, struct entry *e)
{
    const struct kube_pv *pv = e->pv;
    bool is_free = pv->status.phase == KUBE_PV_AVAILABLE && !pv->spec.claim
                   && pv->o.meta.deleted == 0 && !e->is_held;
    struct shelf_key key = {
        .modes = pv->spec.access_modes,
        .is_block = pv->spec.volume_mode == KUBE_MODE_BLOCK,
        .class_name = kube_pv_class(pv),
        .attributes_class = pv->spec.attributes_class ? pv->spec.attributes_class : "",
    };

    if (is_free && !e->shelf)
        shelf_add(shelf_get(x, &key), e);
    else if (!is_free)
        shelf_remove(x, e);
}

static void take_out(struct binder_index *x, struct entry *e)
{
    shelf_remove(x, e);
    chain_remove(x, e);
    ol_table_remove(&x->entries, e);
    x->n_of_set[e->pv->spec.access_modes & 15]--;
}

void binder_index_put(struct binder_index *x, const struct kube_pv *pv)
{
    struct entry *old = ol_table_find_str(&x->entries, pv->o.meta.name);
    unsigned n_levels = random_levels(x);
    struct entry *e = ol_xcalloc(1, sizeof(*e) + n_levels * sizeof(e->next[0]));

    e->pv = kube_as_pv(kube_object_ref(&pv->o));
    e->name = pv->o.meta.name;
    e->size = binder_pv_size(pv).nano;
    e->n_levels = n_levels;
    if (old) {
        e->is_held = old->is_held;
        take_out(x, old);
        entry_free(old);
    }
    ol_table_put(&x->entries, e);
    x->n_of_set[pv->spec.access_modes & 15]++;
    chain_add(x, e);
    place(x, e);
}

void binder_index_remove(struct binder_index *x, const char *name)
{
    struct entry *e = ol_table_find_str(&x->entries, name);

    if (!e)
        return;
    take_out(x, e);
    entry_free(e);
}

static void set_held(struct binder_index *x, const char *name, bool is_held)
{
    struct entry *e = ol_table_find_str(&x->entries, name);

    if (!e)
        return;
    e->is_held = is_held;
    place(x, e);
}

void binder_index_hold(struct binder_index *x, const char *name)
{
    set_held(x, name, true);
}

void binder_index_release(struct binder_index *x, const char *name)
{
    set_held(x, name, false);
}

const struct kube_pv *binder_index_get(const struct binder_index *x, const char *name)
{
    const struct entry *e = ol_table_find_str(&x->entries, name);

    return e ? e->pv : NULL;
}

bool binder_index_is_free(const struct binder_index *x, const char *name)
{
    const struct entry *e = ol_table_find_str(&x->entries, name);

    return e && e->shelf;
}

const struct kube_pv *binder_index_each(const struct binder_index *x, size_t *at)
{
    const struct entry *e = ol_table_each(&x->entries, at);

    return e ? e->pv : NULL;
}

size_t binder_index_count(const struct binder_index *x)
{
    return x->entries.n;
}

size_t binder_index_sets(const struct binder_index *x, unsigned modes, unsigned ret_sets[16])
{
    size_t n = 0;

    for (int n_modes = 0; n_modes <= 4; n_modes++) {
        for (unsigned set = 0; set < 16; set++) {
            if (x->n_of_set[set] && (set & modes) == modes && __builtin_popcount(set) == n_modes)
                ret_sets[n++] = set;
        }
    }
    return n;
}
