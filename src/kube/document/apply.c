/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/document/managed-internal.h"

enum { LARGEST_CONFIG = 64 << 20, LARGEST_ANNOTATIONS = 256 << 10 };

static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";

/* One try to apply. */
struct applying {
    struct ol_arena *arena;
    const struct kube_kind *kind;
    const struct kube_manager *m;
    struct typed root;
    const struct ol_val *live, *config; /* live: without managedFields */
    const struct ol_val *allowed;       /* conflicts in this set don't count; NULL = none */
    struct ol_val *to;
    struct managed managed;
};

/* --- what the applier no longer tells --- */
static const struct ol_val *everybodys(const struct managed *g)
{
    const struct ol_val *set = NULL;

    for (size_t i = 0; i < g->n; i++)
        set = fset_combine(g->arena, FSET_UNION, set, g->v[i].set);
    return set;
}

/*
 * Removes what the manager had applied last and applies no more, unless somebody else has it too
 * (structured-merge-diff merge/update.go, prune: first everything of 'last' goes, then what others
 * have comes back, then what stood in nobody's set).
 */
static const struct ol_val *prune(struct applying *p, const struct ol_val *merged,
                                  const struct ol_val *last)
{
    struct ol_arena *a = p->arena;
    const struct typed *t = &p->root;
    const struct ol_val *of_merged, *of_pruned, *owned, *pruned, *kept, *gone;

    if (fset_is_empty(last))
        return merged;
    last = typed_with_parents(a, t, last);
    of_merged = typed_with_parents(a, t, typed_set(a, t, merged));
    pruned = typed_remove(a, t, merged, last);
    of_pruned = typed_with_parents(a, t, typed_set(a, t, pruned));
    owned = typed_with_parents(a, t, everybodys(&p->managed));
    kept = fset_combine(a, FSET_UNION, of_pruned, owned);
    gone = fset_combine(a, FSET_DIFFERENCE, of_merged, kept);
    pruned = typed_remove(a, t, merged, gone);
    of_pruned = typed_with_parents(a, t, typed_set(a, t, pruned));
    gone = fset_combine(a, FSET_DIFFERENCE, of_merged, of_pruned);
    gone = fset_combine(a, FSET_INTERSECTION, gone, last);
    return typed_remove(a, t, merged, gone);
}

/* --- conflicts --- */
struct telling {
    struct kube_findings *to;
    const char *message;
};

static void tell_conflict(void *ctx, const char *path)
{
    struct telling *t = ctx;

    kube_find(t->to, "FieldManagerConflict", path, "%s", t->message);
}

/* "x" using v1, "x" with subresource "status" using v1; who applies has no version. */
static void tell_conflicts(struct applying *p, const struct managed_entry *e,
                           const struct ol_val *set, struct kube_findings *to)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    struct telling t = {.to = to};

    ol_buf_printf(&text, "conflict with \"%s\"", e->manager);
    if (*e->subresource)
        ol_buf_printf(&text, " with subresource \"%s\"", e->subresource);
    if (!e->is_apply)
        ol_buf_printf(&text, " using %s", e->api_version);
    t.message = text.data;
    fset_each(p->arena, set, tell_conflict, &t);
}

static int by_manager(const void *pa, const void *pb)
{
    return managed_compare(pa, pb);
}

/* What others hold and the configuration changes: conflicts, or theirs no more. */
static size_t settle(struct applying *p, const struct managed_entry *own,
                     const struct typed_changes *c, struct kube_findings *conflicts)
{
    struct managed *g = &p->managed;
    size_t n = 0;

    qsort(g->v, g->n, sizeof(*g->v), by_manager);
    for (size_t i = 0; i < g->n; i++) {
        struct managed_entry *e = &g->v[i];
        const struct ol_val *both;

        if (managed_find(g, own) == e)
            continue;
        both = fset_combine(p->arena, FSET_INTERSECTION, e->set, c->changed);
        both = fset_combine(p->arena, FSET_DIFFERENCE, both, p->allowed);
        if (!fset_is_empty(both) && !p->m->is_forced) {
            tell_conflicts(p, e, both, conflicts);
            n++;
        }
        managed_set(e, fset_combine(p->arena, FSET_DIFFERENCE, e->set, c->changed));
        managed_set(e, fset_combine(p->arena, FSET_DIFFERENCE, e->set, c->removed));
    }
    return n;
}

/* --- the annotation of client-side apply --- */
static bool is_kubectl(const struct kube_manager *m)
{
    return m->name && !strcmp(m->name, "kubectl");
}

static const char *annotation_of(const struct ol_val *object)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");

    return ol_val_str(ol_val_get(ol_val_get(meta, "annotations"), last_applied));
}

/* What client-side apply had set and nobody has changed since: kubectl may take it over when it
 * goes to the server's side. NULL = nothing. */
static const struct ol_val *client_side_set(struct applying *p)
{
    const char *text = annotation_of(p->live), *version = NULL;
    struct ol_val *v = NULL;
    struct typed_changes c;
    const struct ol_val *set;
    char want[96];

    if (!text || !is_kubectl(p->m))
        return NULL;
    if (ol_json_load(text, strlen(text), p->arena, &v, NULL) < 0 || v->type != OL_VAL_MAP)
        return NULL;
    kube_api_version(p->kind, want);
    version = ol_val_str(ol_val_get(v, "apiVersion"));
    if (!version || strcmp(version, want) != 0)
        return NULL;
    c = typed_compare(p->arena, &p->root, v, p->live);
    set = typed_set(p->arena, &p->root, v);
    set = fset_combine(p->arena, FSET_DIFFERENCE, set, c.changed);
    return fset_combine(p->arena, FSET_DIFFERENCE, set, c.removed);
}

/* 'object' with one annotation more, or without it when value is NULL; a copy as far as needed. */
static struct ol_val *with_annotation(struct ol_arena *a, const struct ol_val *object,
                                      const char *value)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");
    struct ol_val *to = doc_map_clone(a, object, 0), *new_meta = NULL, *all = NULL;

    if (!ol_val_get(ol_val_get(meta, "annotations"), last_applied))
        return to;
    new_meta = doc_map_clone(a, meta, 0);
    all = doc_map_clone(a, ol_val_get(meta, "annotations"), 0);
    if (value)
        ol_val_set_str(a, all, last_applied, value);
    else
        (void)ol_val_remove(all, last_applied);
    ol_val_set(a, new_meta, "annotations", all);
    ol_val_set(a, to, "metadata", new_meta);
    return to;
}

static size_t annotations_size(const struct ol_val *object)
{
    const struct ol_val *all = ol_val_get(ol_val_get(object, "metadata"), "annotations");
    size_t size = 0;

    for (size_t i = 0; i < ol_val_count(all); i++) {
        const char *value = ol_val_str(all->map.pairs[i].value);

        size += all->map.pairs[i].key->str.len + (value ? strlen(value) : 0);
    }
    return size;
}

/* kubectl --server-side keeps the annotation up to date where there is one. */
static void renew_annotation(struct applying *p)
{
    static const struct ol_json_style sorted = {
        .indent = -1, .sort_keys = true, .item_separator = ",", .key_separator = ":"};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(LARGEST_CONFIG);
    const char *old = annotation_of(p->to);

    if (!old || !*old || !is_kubectl(p->m))
        return;
    if (ol_json_dump(with_annotation(p->arena, p->config, NULL), &sorted, &text) < 0)
        return;
    ol_buf_addc(&text, '\n');
    p->to = with_annotation(p->arena, p->to, text.data);
    if (annotations_size(p->to) > LARGEST_ANNOTATIONS)
        p->to = with_annotation(p->arena, p->to, NULL);
}

/* --- the whole --- */
/* An object that nobody manages belongs to whoever was there before. */
static void manage_what_was_there(struct applying *p)
{
    struct kube_manager before = *p->m;
    struct managed_entry like, *e;
    struct typed_changes c;

    if (p->managed.n)
        return;
    before.name = "before-first-apply";
    c = typed_compare(p->arena, &p->root, NULL, p->live);
    like = managed_entry_of(p->arena, p->kind, &before, false);
    like.set = managed_strip(p->arena, c.changed);
    if (fset_is_empty(like.set))
        return;
    e = managed_get(&p->managed, &like);
    e->time = p->m->time;
}

static int apply(struct applying *p, struct kube_findings *conflicts)
{
    const struct managed_entry like = managed_entry_of(p->arena, p->kind, p->m, true);
    struct managed_entry *own = managed_get(&p->managed, &like);
    const struct ol_val *merged = typed_merge(p->arena, &p->root, p->live, p->config);
    const struct ol_val *last = own->set;
    struct typed_changes c;

    own->set = typed_set(p->arena, &p->root, p->config);
    own->source = NULL;
    own->api_version = like.api_version;
    merged = prune(p, merged, last);
    c = typed_compare(p->arena, &p->root, p->live, merged);
    if (settle(p, &like, &c, conflicts))
        return -EEXIST;
    own = managed_find(&p->managed, &like);
    own->set = managed_strip(p->arena, own->set);
    if (!ol_val_equal(p->live, merged))
        own->time = p->m->time;
    p->to = doc_map_clone(p->arena, merged, 1);
    return 0;
}

/* YAML knows more than JSON: bytes, dates, sets, keys of any type. */
static bool is_json(const struct ol_val *v)
{
    bool is_fine = v->type != OL_VAL_BYTES && v->type != OL_VAL_TIME && v->type != OL_VAL_SET;

    for (size_t i = 0; is_fine && v->type == OL_VAL_LIST && i < v->list.n; i++)
        is_fine = is_json(v->list.items[i]);
    for (size_t i = 0; is_fine && v->type == OL_VAL_MAP && i < v->map.n; i++)
        is_fine = v->map.pairs[i].key->type == OL_VAL_STR && is_json(v->map.pairs[i].value);
    return is_fine;
}

/* It says of itself that it is of this kind and version. */
static bool is_of_kind(const struct ol_val *config, const struct kube_kind *kind)
{
    const char *version = ol_val_str(ol_val_get(config, "apiVersion"));
    const char *name = ol_val_str(ol_val_get(config, "kind"));
    char want[96];

    kube_api_version(kind, want);
    return name && version && !strcmp(name, kind->kind) && !strcmp(version, want);
}

static int check_config(const struct kube_kind *kind, const struct ol_val *config,
                        struct ol_err *err)
{
    const struct ol_val *meta = ol_val_get(config, "metadata");

    if (!ol_val_is_within(config, LARGEST_CONFIG))
        return ol_err_set(err, EINVAL, "the configuration is too large or nested too deep");
    if (!ol_val_is(config, OL_VAL_MAP) || (meta && meta->type != OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "the configuration is not an object");
    if (!is_json(config))
        return ol_err_set(err, EINVAL, "the configuration has values that JSON can't hold");
    if (!is_of_kind(config, kind))
        return ol_err_set(err, EINVAL, "invalid object type: the configuration is no %s",
                          kind->kind);
    if (ol_val_get(meta, "managedFields"))
        return ol_err_set(err, EINVAL, "metadata.managedFields must be nil");
    return 0;
}

/* The configuration fits the kind's table. */
static int check_types(const struct applying *p, struct ol_err *err)
{
    const struct ol_val *meta = ol_val_get(p->config, "metadata");
    const char *ns = ol_val_str(ol_val_get(meta, "namespace"));
    const char *name = ol_val_str(ol_val_get(meta, "name"));
    int r = typed_check(p->arena, &p->root, p->config, err);

    return r < 0 ? ol_err_prefix(
               err, r, "failed to create typed patch object (%s/%s; %s/%s, Kind=%s)", ns ? ns : "",
               name ? name : "", p->kind->group, p->kind->version, p->kind->kind)
                 : 0;
}

int kube_apply(struct ol_arena *a, const struct kube_kind *kind, const struct ol_val *doc,
               const struct ol_val *config, const struct kube_manager *m, struct ol_val **ret,
               struct kube_findings *conflicts, struct ol_err *err)
{
    const struct ol_val *meta = ol_val_get(doc, "metadata");
    struct ol_val *live = doc_map_clone(a, doc, 1);
    struct applying p = {.arena = a,
                         .kind = kind,
                         .m = m,
                         .root = typed_root(kind, m->subresource),
                         .config = config};
    int r = check_config(kind, config, err);

    if (r >= 0)
        r = check_types(&p, err);
    if (r < 0)
        return r;
    managed_put(a, live, NULL);
    p.live = live;
    if (managed_load(&p.managed, a, ol_val_get(meta, "managedFields")) < 0)
        return ol_err_set(err, EINVAL, "failed to decode managed fields");
    manage_what_was_there(&p);
    p.allowed = client_side_set(&p);
    r = apply(&p, conflicts);
    if (r < 0)
        return ol_err_set(err, EEXIST, "%s", kube_apply_conflict_text(a, conflicts));
    renew_annotation(&p);
    managed_put(a, p.to, managed_store(&p.managed));
    *ret = p.to;
    return 0;
}

const char *kube_apply_conflict_text(struct ol_arena *a, const struct kube_findings *conflicts)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    const char *before = NULL;

    if (conflicts->n == 1)
        return ol_arena_printf(a, "Apply failed with 1 conflict: %s: %s", conflicts->v[0].message,
                               conflicts->v[0].path);
    ol_buf_printf(&text, "Apply failed with %zu conflicts: ", conflicts->n);
    for (size_t i = 0; i < conflicts->n; i++) {
        const struct kube_finding *f = &conflicts->v[i];

        if (!before || strcmp(before, f->message) != 0)
            ol_buf_printf(&text, "%sconflicts%s:", i ? "\n" : "", f->message + strlen("conflict"));
        before = f->message;
        ol_buf_printf(&text, "\n- %s", f->path);
    }
    return ol_arena_strdup(a, text.data);
}
