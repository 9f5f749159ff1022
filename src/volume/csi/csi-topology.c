/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/num.h"

/* A class can multiply its values; more terms than this are nobody's topology. */
enum { TERMS_MAX = 10000 };

/* --- terms --- */
int csi_term_cmp(const struct kube_map *a, const struct kube_map *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (uint32_t i = 0; i < a->n; i++) {
        int r = strcmp(a->v[i].key, b->v[i].key);

        if (r == 0)
            r = strcmp(a->v[i].value, b->v[i].value);
        if (r != 0)
            return r;
    }
    return 0;
}

bool csi_term_is_within(const struct kube_map *term, const struct kube_map *labels)
{
    for (uint32_t i = 0; i < term->n; i++) {
        const char *value = kube_map_get(labels, term->v[i].key);

        if (!value || strcmp(value, term->v[i].value) != 0)
            return false;
    }
    return true;
}

static int pair_cmp(const void *a, const void *b)
{
    const struct kube_pair *x = a, *y = b;
    int r = strcmp(x->key, y->key);

    return r != 0 ? r : strcmp(x->value, y->value);
}

static int term_cmp(const void *a, const void *b)
{
    return csi_term_cmp(a, b);
}

static int add_term(struct csi_terms *t, struct ol_arena *a, const struct kube_map *term)
{
    if (t->n >= TERMS_MAX)
        return -E2BIG;
    if ((t->n & (t->n - 1)) == 0) /* room doubles: 1, 2, 4 … */
        t->v = ol_arena_grow(a, t->v, t->n * sizeof(*t->v), (t->n ? 2 * t->n : 1) * sizeof(*t->v));
    t->v[t->n++] = *term;
    return 0;
}

static void sort_unique(struct csi_terms *t)
{
    uint32_t n = 0;

    if (t->n == 0)
        return;
    qsort(t->v, t->n, sizeof(*t->v), term_cmp);
    for (uint32_t i = 1; i < t->n; i++)
        if (csi_term_cmp(&t->v[n], &t->v[i]) != 0)
            t->v[++n] = t->v[i];
    t->n = n + 1;
}

/* The node's values of all keys; false when a label lacks. */
static bool term_of_labels(const struct kube_map *labels, const struct kube_strs *keys,
                           struct ol_arena *a, struct kube_map *ret)
{
    struct kube_map term = {.v = ol_arena_alloc(a, (keys->n + 1) * sizeof(*term.v)), .n = 0};

    for (uint32_t i = 0; i < keys->n; i++) {
        const char *value = kube_map_get(labels, keys->v[i]);

        if (!value)
            return false;
        term.v[term.n++] = (struct kube_pair){keys->v[i], value};
    }
    if (term.n > 0)
        qsort(term.v, term.n, sizeof(*term.v), pair_cmp);
    *ret = term;
    return true;
}

void csi_map_copy(struct ol_arena *a, const struct kube_map *from, struct kube_map *ret)
{
    struct kube_map m = {.v = ol_arena_alloc(a, (from->n + 1) * sizeof(*m.v)), .n = from->n};

    for (uint32_t i = 0; i < from->n; i++)
        m.v[i] = (struct kube_pair){ol_arena_strdup(a, from->v[i].key),
                                    ol_arena_strdup(a, from->v[i].value)};
    *ret = m;
}

/* --- the cluster --- */
static const struct kube_strs *keys_of(const struct kube_csinode *n, const char *driver)
{
    const struct kube_csinode_driver *d = n->drivers.v;

    for (uint32_t i = 0; i < n->drivers.n; i++)
        if (strcmp(d[i].name, driver) == 0)
            return &d[i].topology_keys;
    return NULL;
}

static const struct kube_csinode *csinode_of(const struct csi_topology_ask *ask, const char *name)
{
    for (uint32_t i = 0; i < ask->n_csinodes; i++)
        if (strcmp(ask->csinodes[i]->o.meta.name, name) == 0)
            return ask->csinodes[i];
    return NULL;
}

static const struct kube_node *node_of(const struct csi_topology_ask *ask, const char *name)
{
    for (uint32_t i = 0; i < ask->n_nodes; i++)
        if (strcmp(ask->nodes[i]->o.meta.name, name) == 0)
            return ask->nodes[i];
    return NULL;
}

/* Keys of any node that has some. */
static const struct kube_strs *any_keys(const struct csi_topology_ask *ask)
{
    for (uint32_t i = 0; i < ask->n_csinodes; i++) {
        const struct kube_strs *keys = keys_of(ask->csinodes[i], ask->driver);

        if (keys && keys->n > 0)
            return keys;
    }
    return NULL;
}

static void terms_of_nodes(const struct csi_topology_ask *ask, const struct kube_strs *keys,
                           struct ol_arena *a, struct csi_terms *to)
{
    for (uint32_t i = 0; i < ask->n_nodes; i++) {
        struct kube_map term;

        if (term_of_labels(&ask->nodes[i]->o.meta.labels, keys, a, &term) && term.n > 0
            && add_term(to, a, &term) < 0)
            return;
    }
}

void csi_topology_segments(const struct csi_topology_ask *ask, struct ol_arena *a,
                           struct csi_terms *ret)
{
    struct csi_terms t = {NULL, 0};

    for (uint32_t i = 0; i < ask->n_csinodes; i++) {
        const struct kube_strs *keys = keys_of(ask->csinodes[i], ask->driver);
        const struct kube_node *node = node_of(ask, ask->csinodes[i]->o.meta.name);
        struct kube_map term;

        if (keys && node && term_of_labels(&node->o.meta.labels, keys, a, &term) && term.n > 0
            && add_term(&t, a, &term) < 0)
            break;
    }
    sort_unique(&t);
    *ret = t;
}

/* --- allowedTopologies --- */
/* Each old term with each value of the expression. */
static int multiply(const struct csi_terms *old, const struct kube_requirement *e,
                    struct ol_arena *a, struct csi_terms *to)
{
    struct kube_map nothing = {NULL, 0};

    for (uint32_t i = 0; i < e->values.n; i++) {
        for (uint32_t k = 0; k < (old->n ? old->n : 1); k++) {
            const struct kube_map *from = old->n ? &old->v[k] : &nothing;
            struct kube_map term = {.v = ol_arena_alloc(a, (from->n + 1) * sizeof(*term.v)),
                                    .n = from->n + 1};

            if (from->n > 0)
                memcpy(term.v, from->v, from->n * sizeof(*term.v));
            term.v[from->n] = (struct kube_pair){e->key, e->values.v[i]};
            if (add_term(to, a, &term) < 0)
                return -E2BIG;
        }
    }
    return 0;
}

static int flatten(const struct kube_list *allowed, struct ol_arena *a, struct csi_terms *ret)
{
    const struct kube_topology_term *t = allowed->v;
    struct csi_terms all = {NULL, 0};

    for (uint32_t i = 0; i < allowed->n; i++) {
        const struct kube_requirement *e = t[i].expressions.v;
        struct csi_terms terms = {NULL, 0};

        for (uint32_t k = 0; k < t[i].expressions.n; k++) {
            struct csi_terms next = {NULL, 0};

            if (multiply(&terms, &e[k], a, &next) < 0)
                return -E2BIG;
            terms = next;
        }
        for (uint32_t k = 0; k < terms.n; k++) {
            qsort(terms.v[k].v, terms.v[k].n, sizeof(struct kube_pair), pair_cmp);
            if (add_term(&all, a, &terms.v[k]) < 0)
                return -E2BIG;
        }
    }
    *ret = all;
    return 0;
}

/* --- requirements --- */
static int selected_term(const struct csi_topology_ask *ask, struct ol_arena *a,
                         const struct kube_strs **ret_keys, struct kube_map *ret,
                         struct ol_err *err)
{
    const struct kube_csinode *csinode = csinode_of(ask, ask->selected_node);
    const struct kube_node *node = node_of(ask, ask->selected_node);
    const struct kube_strs *keys = csinode ? keys_of(csinode, ask->driver) : NULL;

    if (!csinode)
        return ol_err_set(err, ENOENT,
                          "failed to get selected CSINode %s: csinode.storage.k8s.io \"%s\" not "
                          "found",
                          ask->selected_node, ask->selected_node);
    if (!keys || keys->n == 0)
        return ol_err_set(err, EAGAIN, "no topology key found for node %s", ask->selected_node);
    if (!node || !term_of_labels(&node->o.meta.labels, keys, a, ret))
        return ol_err_set(err, node ? EAGAIN : ENOENT,
                          "topology labels from selected node %s does not match topology keys "
                          "from CSINode",
                          ask->selected_node);
    *ret_keys = keys;
    return 0;
}

static int strict_requisite(const struct csi_topology_ask *ask, const struct kube_map *selected,
                            const struct csi_terms *allowed, struct ol_arena *a,
                            struct csi_terms *to, struct ol_err *err)
{
    bool is_allowed = allowed->n == 0;

    for (uint32_t i = 0; i < allowed->n; i++)
        is_allowed |= csi_term_is_within(&allowed->v[i], selected);
    if (!is_allowed)
        return ol_err_set(err, EINVAL, "selected node '%s' is not in allowed topologies",
                          ask->selected_node);
    return add_term(to, a, selected);
}

/* All segments of the cluster, when the class allows any. */
static int wide_requisite(const struct csi_topology_ask *ask, const struct kube_strs *keys,
                          struct ol_arena *a, struct csi_terms *to, struct ol_err *err)
{
    if (!keys)
        keys = any_keys(ask);
    if (!keys)
        return ol_err_set(err, EAGAIN,
                          "error generating accessibility requirements: no available topology "
                          "found");
    terms_of_nodes(ask, keys, a, to);
    if (to->n == 0)
        return ol_err_set(err, EAGAIN,
                          "error generating accessibility requirements: topologyKeys were not "
                          "found on any nodes");
    return 0;
}

/* Claims of a StatefulSet ("data-web-2") begin at neighbouring terms: hash of the set's name plus
 * the ordinal (FNV-1 as Go's fnv.New32). */
static uint32_t first_of(const char *claim)
{
    const char *dash = strrchr(claim, '-');
    size_t from = 0, len = strlen(claim);
    uint32_t hash = 2166136261u;
    uint64_t ordinal = 0;

    if (dash && ol_parse_u64(dash + 1, 10, &ordinal) == 0 && ordinal <= UINT32_MAX) {
        len = (size_t)(dash - claim);
        for (size_t i = len; i > 0 && from == 0; i--)
            if (claim[i - 1] == '-')
                from = i;
    } else {
        ordinal = 0;
    }
    for (size_t i = from; i < len; i++)
        hash = (hash * 16777619u) ^ (uint8_t)claim[i];
    return hash + (uint32_t)ordinal;
}

static void rotate(const struct csi_terms *from, uint32_t first, struct ol_arena *a,
                   struct csi_terms *ret)
{
    ret->v = ol_arena_alloc(a, from->n * sizeof(*ret->v));
    ret->n = from->n;
    for (uint32_t i = 0; i < from->n; i++)
        ret->v[i] = from->v[(first + i) % from->n];
}

static int prefer(const struct csi_topology_ask *ask, const struct kube_map *selected,
                  struct ol_arena *a, struct csi_requirement *r, struct ol_err *err)
{
    if (!ask->selected_node) {
        rotate(&r->requisite, first_of(ask->claim) % r->requisite.n, a, &r->preferred);
        return 0;
    }
    for (uint32_t i = 0; i < r->requisite.n; i++) {
        if (!csi_term_is_within(&r->requisite.v[i], selected))
            continue;
        rotate(&r->requisite, i, a, &r->preferred);
        return 0;
    }
    return ol_err_set(err, EINVAL, "topology from selected node '%s' is not in requisite",
                      ask->selected_node);
}

static int require(const struct csi_topology_ask *ask, struct ol_arena *a,
                   struct kube_map *selected, struct csi_terms *to, struct ol_err *err)
{
    const struct kube_strs *keys = NULL;
    struct csi_terms allowed = {NULL, 0};
    int r = ask->selected_node ? selected_term(ask, a, &keys, selected, err) : 0;

    if (r == 0 && flatten(ask->allowed, a, &allowed) < 0)
        r = ol_err_set(err, EINVAL, "allowedTopologies make more than %d terms", TERMS_MAX);
    if (r < 0)
        return r;
    if (ask->selected_node && (ask->flags & CSI_TOPOLOGY_STRICT))
        return strict_requisite(ask, selected, &allowed, a, to, err);
    if (allowed.n > 0)
        *to = allowed;
    else if (ask->selected_node || (ask->flags & CSI_TOPOLOGY_IMMEDIATE))
        r = wide_requisite(ask, keys, a, to, err);
    return r;
}

int csi_topology_require(const struct csi_topology_ask *ask, struct ol_arena *a,
                         struct csi_requirement *ret, struct ol_err *err)
{
    struct csi_requirement r = {{NULL, 0}, {NULL, 0}};
    struct kube_map selected = {NULL, 0};
    int e = require(ask, a, &selected, &r.requisite, err);

    if (e < 0)
        return e;
    sort_unique(&r.requisite);
    if (r.requisite.n > 0)
        e = prefer(ask, &selected, a, &r, err);
    if (e < 0)
        return e;
    *ret = r;
    return 0;
}
