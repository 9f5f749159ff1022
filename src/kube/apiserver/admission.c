/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "codec/quantity.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"

/*
 * The admission plug-ins of kube-apiserver that volumes rely on: StorageObjectInUseProtection,
 * DefaultStorageClass, PersistentVolumeClaimResize; and what registry strategies stamp.
 */

static struct ol_val *map_in(struct ol_arena *a, struct ol_val *map, const char *key)
{
    struct ol_val *inner = ol_val_get_mut(map, key);

    if (!ol_val_is(inner, OL_VAL_MAP)) {
        inner = ol_val_new_map(a);
        ol_val_set(a, map, key, inner);
    }
    return inner;
}

/* --- StorageObjectInUseProtection --- */

static void protect(struct ol_arena *a, struct ol_val *object, const char *finalizer)
{
    struct ol_val *meta = map_in(a, object, "metadata"), *list;
    const struct ol_val *old = ol_val_get(meta, "finalizers");

    list = ol_val_is(old, OL_VAL_LIST) ? ol_val_copy_top(a, old) : ol_val_new_list(a);
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *name = ol_val_str(ol_val_item(list, i));

        if (name && strcmp(name, finalizer) == 0)
            return;
    }
    ol_val_append(a, list, ol_val_new_str(a, finalizer));
    ol_val_set(a, meta, "finalizers", list);
}

/* --- DefaultStorageClass --- */

static const char beta_class[] = "volume.beta.kubernetes.io/storage-class";

struct newest {
    char *name, *created;
};

static bool is_default(const struct ol_val *annotations)
{
    static const char *const keys[] = {"storageclass.kubernetes.io/is-default-class",
                                       "storageclass.beta.kubernetes.io/is-default-class"};

    for (size_t i = 0; i < ol_count(keys); i++) {
        const char *value = ol_val_str(ol_val_get(annotations, keys[i]));

        if (value && strcmp(value, "true") == 0)
            return true;
    }
    return false;
}

static bool on_class(void *ctx, const struct store_row *row)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(API_MAX_TREE);
    struct newest *n = ctx;
    struct ol_val *v;
    const char *created;

    if (ol_json_load(row->json, row->len, &a, &v, NULL) < 0
        || !is_default(ol_val_at(v, "metadata/annotations")))
        return true;
    created = ol_val_str(ol_val_at(v, "metadata/creationTimestamp"));
    /* Rows come by name: of equal age the first stays. */
    if (n->name && strcmp(created ? created : "", n->created) <= 0)
        return true;
    free(n->name);
    free(n->created);
    n->name = ol_xstrdup(row->key.name);
    n->created = ol_xstrdup(created ? created : "");
    return true;
}

static const char *default_class(struct apiserver *s)
{
    const struct store_range range = {.resource = api_resource(&kube_class_kind)};
    struct newest n = {0};
    uint64_t revision;

    if (s->is_default_class_known)
        return s->default_class;
    if (store_list(s->store, &range, on_class, &n, &revision) < 0)
        ol_warn(s->env, "the default storage class can't be looked up");
    free(n.created);
    free(s->default_class);
    s->default_class = n.name;
    s->is_default_class_known = true;
    return s->default_class;
}

static void give_class(struct api_request *q, struct ol_val *claim)
{
    struct ol_val *spec = map_in(&q->arena, claim, "spec");
    const char *name;

    if (ol_val_str(ol_val_get(spec, "storageClassName"))
        || ol_val_get(ol_val_at(claim, "metadata/annotations"), beta_class))
        return;
    name = default_class(q->server);
    if (name)
        ol_val_set_str(&q->arena, spec, "storageClassName", name);
}

/* --- PersistentVolumeClaimResize --- */

static bool can_grow(struct api_request *q, const struct ol_val *claim)
{
    ol_auto(store_text_unref_at) struct store_text *text = NULL;
    const char *name = ol_val_str(ol_val_get(ol_val_at(claim, "metadata/annotations"), beta_class));
    struct store_key key = {.resource = api_resource(&kube_class_kind), .ns = ""};
    const struct ol_val *allow;
    struct ol_val *v;

    if (!name)
        name = ol_val_str(ol_val_at(claim, "spec/storageClassName"));
    if (!name || !*name)
        return false;
    key.name = name;
    if (store_current(q->server->store, &key, &text) < 0
        || ol_json_load(text->data, text->len, &q->arena, &v, NULL) < 0)
        return false;
    allow = ol_val_get(v, "allowVolumeExpansion");
    return ol_val_is(allow, OL_VAL_BOOL) && allow->boolean;
}

static bool has_grown(const struct ol_val *claim, const struct ol_val *old)
{
    const char *now = ol_val_str(ol_val_at(claim, "spec/resources/requests/storage"));
    const char *was = ol_val_str(ol_val_at(old, "spec/resources/requests/storage"));
    struct ol_quantity a, b;

    return now && was && strcmp(now, was) != 0 && ol_quantity_parse(now, &a, NULL) == 0
           && ol_quantity_parse(was, &b, NULL) == 0 && ol_quantity_cmp(&a, &b) > 0;
}

static bool forbid(struct api_request *q, const char *why)
{
    const struct kube_kind *k = q->route.kind;
    struct kube_status st = {
        .reason = KUBE_FORBIDDEN, .group = k->group, .kind = k->plural, .name = q->route.name};

    st.message = ol_arena_printf(&q->arena, "%s \"%s\" is forbidden: %s",
                                 api_qualified(&q->arena, k, k->plural), q->route.name, why);
    api_answer_status(q, &st);
    return false;
}

static bool admit_growth(struct api_request *q, const struct ol_val *claim,
                         const struct ol_val *old)
{
    const char *phase = ol_val_str(ol_val_at(old, "status/phase"));

    if (!has_grown(claim, old))
        return true;
    if (!phase || strcmp(phase, "Bound") != 0)
        return forbid(q, "Only bound persistent volume claims can be expanded");
    if (!can_grow(q, old))
        return forbid(q, "only dynamically provisioned pvc can be resized and the storageclass "
                         "that provisions the pvc must support resize");
    return true;
}

/* --- per kind --- */

static bool admit_claim(struct api_request *q, struct ol_val *object, const struct ol_val *old)
{
    if (old)
        return admit_growth(q, object, old);
    protect(&q->arena, object, "kubernetes.io/pvc-protection");
    give_class(q, object);
    return true;
}

/* pkg/registry/core/persistentvolume: the time follows the phase, unless the client wrote one. */
static void stamp_phase(struct api_request *q, struct ol_val *object, const struct ol_val *old)
{
    static const char key[] = "lastPhaseTransitionTime";
    struct ol_val *status = map_in(&q->arena, object, "status");
    const struct ol_val *was = ol_val_get(old, "status");
    char now[32];

    if (old && ol_val_equal(ol_val_get(status, "phase"), ol_val_get(was, "phase")))
        return;
    if (ol_val_get(status, key) && !ol_val_equal(ol_val_get(status, key), ol_val_get(was, key)))
        return;
    api_time_text(ol_now_wall(q->server->env), now);
    status = ol_val_copy_top(&q->arena, status);
    ol_val_set_str(&q->arena, status, key, now);
    ol_val_set(&q->arena, object, "status", status);
}

static bool admit_volume(struct api_request *q, struct ol_val *object, const struct ol_val *old)
{
    if (!old)
        protect(&q->arena, object, "kubernetes.io/pv-protection");
    stamp_phase(q, object, old);
    return true;
}

static bool admit_attributes_class(struct api_request *q, struct ol_val *object,
                                   const struct ol_val *old)
{
    if (!old)
        protect(&q->arena, object, "kubernetes.io/vac-protection");
    return true;
}

static bool admit_namespace(struct api_request *q, struct ol_val *object, const struct ol_val *old)
{
    struct ol_arena *a = &q->arena;
    struct ol_val *labels = map_in(a, map_in(a, object, "metadata"), "labels"), *list;

    ol_val_set_str(a, labels, "kubernetes.io/metadata.name", q->route.name);
    if (old)
        return true;
    list = ol_val_new_list(a);
    ol_val_append(a, list, ol_val_new_str(a, "kubernetes"));
    ol_val_set(a, map_in(a, object, "spec"), "finalizers", list);
    ol_val_set_str(a, map_in(a, object, "status"), "phase", "Active");
    return true;
}

static const struct {
    const struct kube_kind *kind;
    bool (*admit)(struct api_request *q, struct ol_val *object, const struct ol_val *old);
} rows[] = {
    {&kube_pvc_kind, admit_claim},
    {&kube_pv_kind, admit_volume},
    {&kube_attributes_class_kind, admit_attributes_class},
    {&kube_namespace_kind, admit_namespace},
};

bool api_admit(struct api_request *q, struct ol_val *object, const struct ol_val *old)
{
    for (size_t i = 0; i < ol_count(rows); i++)
        if (rows[i].kind == q->route.kind)
            return rows[i].admit(q, object, old);
    return true;
}
