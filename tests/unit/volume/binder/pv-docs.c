/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "pv-cases.h"

#define SKIP_MARK "pv-testing-skip-local-store"
#define HOLD_MARK "orlop.test/hold" /* what is being deleted would vanish without a finalizer */
enum { TEXT_MAX_BYTES = 1 << 20 };

const char *pv_str(const struct ol_val *v, const char *key)
{
    const char *s = ol_val_str(ol_val_get(v, key));

    return s ? s : "";
}

static bool is_null(const struct ol_val *v)
{
    return !v || ol_val_is(v, OL_VAL_NULL);
}

/* A member under another name, when it is there. */
static void copy_as(struct ol_arena *a, struct ol_val *to, const char *name,
                    const struct ol_val *from, const char *key)
{
    const struct ol_val *v = ol_val_get(from, key);

    if (!is_null(v))
        ol_val_set(a, to, name, ol_val_copy(a, v));
}

static void copy(struct ol_arena *a, struct ol_val *to, const struct ol_val *from, const char *key)
{
    copy_as(a, to, key, from, key);
}

static void copy_text(struct ol_arena *a, struct ol_val *to, const char *name,
                      const struct ol_val *from, const char *key)
{
    if (pv_str(from, key)[0])
        ol_val_set_str(a, to, name, pv_str(from, key));
}

static struct ol_val *storage(struct ol_arena *a, const char *amount)
{
    struct ol_val *m = ol_val_new_map(a);

    ol_val_set_str(a, m, "storage", amount);
    return m;
}

static struct ol_val *doc_new(struct ol_arena *a, const char *api, const char *kind,
                              const struct ol_val *v)
{
    struct ol_val *doc = ol_val_new_map(a), *meta = ol_val_new_map(a);

    ol_val_set_str(a, doc, "apiVersion", api);
    ol_val_set_str(a, doc, "kind", kind);
    copy_text(a, meta, "name", v, "name");
    copy_text(a, meta, "namespace", v, "namespace");
    copy_text(a, meta, "uid", v, "uid");
    copy(a, meta, v, "annotations");
    copy(a, meta, v, "labels");
    copy(a, meta, v, "finalizers");
    ol_val_set(a, doc, "metadata", meta);
    return doc;
}

/* A time, or true for "some time". */
static void set_deleted(struct ol_arena *a, struct ol_val *meta, const struct ol_val *v)
{
    const struct ol_val *when = ol_val_get(v, "deletionTimestamp");
    struct ol_val *list = NULL;

    if (!ol_val_is_truthy(when))
        return;
    ol_val_set_str(a, meta, "deletionTimestamp",
                   ol_val_str(when) ? ol_val_str(when) : "2020-02-18T10:30:30Z");
    if (ol_val_count(ol_val_get(meta, "finalizers")))
        return;
    list = ol_val_new_list(a);
    ol_val_append(a, list, ol_val_new_str(a, HOLD_MARK));
    ol_val_set(a, meta, "finalizers", list);
}

static void set_source(struct ol_arena *a, struct ol_val *spec, const struct ol_val *v)
{
    char *name = ol_arena_strdup(a, pv_str(v, "source"));
    struct ol_val *source = ol_val_new_map(a);

    if (!name[0])
        return;
    name[0] = (char)tolower((unsigned char)name[0]);
    if (strcmp(name, "csi") == 0) {
        copy_text(a, source, "driver", v, "csiDriver");
        copy_text(a, source, "volumeHandle", v, "name");
    }
    if (strcmp(name, "local") == 0 || strcmp(name, "hostPath") == 0)
        ol_val_set_str(a, source, "path", "/srv");
    ol_val_set(a, spec, name, source);
}

static void set_affinity(struct ol_arena *a, struct ol_val *spec, const struct ol_val *v)
{
    const struct ol_val *ored = ol_val_at(v, "nodeAffinity/requiredTermsORed");
    struct ol_val *terms = ol_val_new_list(a), *required = ol_val_new_map(a),
                  *affinity = ol_val_new_map(a);

    if (!ored)
        return;
    for (size_t i = 0; i < ol_val_count(ored); i++) {
        struct ol_val *term = ol_val_new_map(a);

        ol_val_set(a, term, "matchExpressions", ol_val_copy(a, ol_val_item(ored, i)));
        ol_val_append(a, terms, term);
    }
    ol_val_set(a, required, "nodeSelectorTerms", terms);
    ol_val_set(a, affinity, "required", required);
    ol_val_set(a, spec, "nodeAffinity", affinity);
}

struct ol_val *pv_volume_doc(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *doc = doc_new(a, "v1", "PersistentVolume", v);
    struct ol_val *spec = ol_val_new_map(a), *status = ol_val_new_map(a);

    set_deleted(a, ol_val_get_mut(doc, "metadata"), v);
    ol_val_set(a, spec, "capacity", storage(a, pv_str(v, "capacity")));
    copy(a, spec, v, "accessModes");
    copy(a, spec, v, "volumeMode");
    copy(a, spec, v, "claimRef");
    copy_text(a, spec, "persistentVolumeReclaimPolicy", v, "reclaimPolicy");
    copy_text(a, spec, "storageClassName", v, "storageClassName");
    copy_text(a, spec, "volumeAttributesClassName", v, "volumeAttributesClassName");
    set_source(a, spec, v);
    set_affinity(a, spec, v);
    copy_text(a, status, "phase", v, "phase");
    copy_text(a, status, "message", v, "message");
    ol_val_set(a, doc, "spec", spec);
    ol_val_set(a, doc, "status", status);
    return doc;
}

struct ol_val *pv_claim_doc(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *doc = doc_new(a, "v1", "PersistentVolumeClaim", v);
    struct ol_val *spec = ol_val_new_map(a), *status = ol_val_new_map(a),
                  *resources = ol_val_new_map(a);

    ol_val_set(a, resources, "requests", storage(a, pv_str(v, "request")));
    ol_val_set(a, spec, "resources", resources);
    copy(a, spec, v, "accessModes");
    copy(a, spec, v, "volumeMode");
    copy(a, spec, v, "storageClassName");
    copy(a, spec, v, "selector");
    copy(a, spec, v, "dataSource");
    copy_text(a, spec, "volumeName", v, "volumeName");
    copy_text(a, spec, "volumeAttributesClassName", v, "volumeAttributesClassName");
    copy_text(a, status, "phase", v, "phase");
    copy_as(a, status, "accessModes", v, "statusAccessModes");
    copy_text(a, status, "currentVolumeAttributesClassName", v,
              "statusCurrentVolumeAttributesClassName");
    if (pv_str(v, "statusCapacity")[0])
        ol_val_set(a, status, "capacity", storage(a, pv_str(v, "statusCapacity")));
    ol_val_set(a, doc, "spec", spec);
    ol_val_set(a, doc, "status", status);
    return doc;
}

struct ol_val *pv_class_doc(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *doc = doc_new(a, "storage.k8s.io/v1", "StorageClass", v);
    struct ol_val *marks = ol_val_new_map(a);

    copy(a, doc, v, "provisioner");
    copy(a, doc, v, "parameters");
    copy(a, doc, v, "mountOptions");
    copy(a, doc, v, "reclaimPolicy");
    copy(a, doc, v, "volumeBindingMode");
    copy_text(a, ol_val_get_mut(doc, "metadata"), "creationTimestamp", v, "creationTimestamp");
    if (!pv_str(v, "creationTimestamp")[0])
        ol_val_set_str(a, ol_val_get_mut(doc, "metadata"), "creationTimestamp",
                       "2020-01-01T00:00:00Z");
    if (ol_val_is_truthy(ol_val_get(v, "default")))
        ol_val_set_str(a, marks, "storageclass.kubernetes.io/is-default-class", "true");
    ol_val_set(a, ol_val_get_mut(doc, "metadata"), "annotations", marks);
    return doc;
}

struct ol_val *pv_pod_doc(struct ol_arena *a, const struct ol_val *v)
{
    struct ol_val *doc = doc_new(a, "v1", "Pod", v);
    struct ol_val *spec = ol_val_new_map(a), *status = ol_val_new_map(a);
    struct ol_val *volumes = ol_val_new_list(a), *volume = ol_val_new_map(a),
                  *claim = ol_val_new_map(a);

    copy_text(a, claim, "claimName", v, "claimName");
    ol_val_set_str(a, volume, "name", "data");
    ol_val_set(a, volume, "persistentVolumeClaim", claim);
    ol_val_append(a, volumes, volume);
    ol_val_set(a, spec, "volumes", volumes);
    copy_text(a, spec, "nodeName", v, "nodeName");
    copy_text(a, status, "phase", v, "phase");
    ol_val_set(a, doc, "spec", spec);
    ol_val_set(a, doc, "status", status);
    return doc;
}

const char *pv_text(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(TEXT_MAX_BYTES);

    if (ol_json_dump(v, &ol_json_compact, &b) < 0)
        return "";
    return ol_arena_strdup(a, b.data);
}

const struct kube_object *pv_decode(struct pv_case *c, const struct ol_val *doc)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode(NULL, doc, &o, &err) < 0)
        pv_case_fail(c, "%s", ol_err_text(&err));
    return o;
}

/* --- comparing --- */
static void drop(struct ol_val *map, const char *const *names)
{
    for (; map && *names; names++)
        ol_val_remove(map, *names);
}

static void drop_if_empty(struct ol_val *map, const char *name)
{
    if (map && !ol_val_count(ol_val_get(map, name)))
        ol_val_remove(map, name);
}

static int compare_items(const void *a, const void *b)
{
    const struct ol_val *const *x = a, *const *y = b;

    return strcmp(ol_val_str(*x), ol_val_str(*y));
}

static void sort_list(struct ol_val *map, const char *name)
{
    struct ol_val *list = map ? ol_val_get_mut(map, name) : NULL;

    if (list && ol_val_count(list) > 1)
        qsort(list->list.items, list->list.n, sizeof(list->list.items[0]), compare_items);
}

static struct ol_val *without(struct ol_arena *a, const struct ol_val *list, const char *what)
{
    struct ol_val *out = ol_val_new_list(a);

    for (size_t i = 0; i < ol_val_count(list); i++) {
        if (strcmp(ol_val_str(ol_val_item(list, i)), what) != 0)
            ol_val_append(a, out, ol_val_copy(a, ol_val_item(list, i)));
    }
    return out;
}

static void trim_meta(struct ol_arena *a, struct ol_val *meta, bool want_uid)
{
    static const char *const own[] = {"resourceVersion", "creationTimestamp", "managedFields",
                                      "selfLink",        "generation",        NULL};
    struct ol_val *annotations = ol_val_get_mut(meta, "annotations");

    drop(meta, own);
    if (!want_uid)
        ol_val_remove(meta, "uid");
    if (annotations)
        ol_val_remove(annotations, SKIP_MARK);
    if (ol_val_get(meta, "finalizers"))
        ol_val_set(a, meta, "finalizers", without(a, ol_val_get(meta, "finalizers"), HOLD_MARK));
    drop_if_empty(meta, "annotations");
    drop_if_empty(meta, "labels");
    drop_if_empty(meta, "finalizers");
}

/* What a comparison is about; sources count by their kind and driver. */
static void trim(struct ol_arena *a, struct ol_val *doc)
{
    static const char *const own_ref[] = {"kind", "apiVersion", "resourceVersion", NULL};
    bool is_claim = strcmp(pv_str(doc, "kind"), "PersistentVolumeClaim") == 0;
    struct ol_val *spec = ol_val_get_mut(doc, "spec"), *status = ol_val_get_mut(doc, "status");
    struct ol_val *ref = ol_val_get_mut(spec, "claimRef");

    trim_meta(a, ol_val_get_mut(doc, "metadata"), is_claim);
    drop(ref, own_ref);
    if (ref && !pv_str(ref, "uid")[0])
        ol_val_remove(ref, "uid");
    sort_list(spec, "accessModes");
    sort_list(status, "accessModes");
    if (ol_val_get(spec, "gcePersistentDisk"))
        ol_val_set(a, spec, "gcePersistentDisk", ol_val_new_map(a));
    if (status) {
        ol_val_remove(status, "lastPhaseTransitionTime");
        drop_if_empty(status, "capacity");
        drop_if_empty(status, "accessModes");
    }
    drop_if_empty(doc, "status");
}

static void compare_one(struct pv_case *c, struct fake_api *api, const struct kube_kind *kind,
                        struct ol_val *want)
{
    const struct ol_val *meta = ol_val_get(want, "metadata");
    const char *ns = pv_str(meta, "namespace");
    const char *key =
        ol_arena_printf(c->arena, "%s%s%s", ns, ns[0] ? "/" : "", pv_str(meta, "name"));
    const char *text = fake_api_text(api, kind, key);
    struct ol_val *has = NULL;

    if (!text || ol_json_load(text, strlen(text), c->arena, &has, NULL) < 0) {
        pv_case_fail(c, "%s %s is not there", kind->singular, key);
        return;
    }
    trim(c->arena, has);
    trim(c->arena, want);
    if (!ol_val_equal(has, want))
        pv_case_fail(c, "%s %s:\n     got %s\n    want %s", kind->singular, key,
                     pv_text(c->arena, has), pv_text(c->arena, want));
}

static void compare_all(struct pv_case *c, struct fake_api *api, const struct kube_kind *kind,
                        const struct ol_val *list)
{
    bool is_claim = kind == &kube_pvc_kind;

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *v = ol_val_item(list, i);

        compare_one(c, api, kind,
                    is_claim ? pv_claim_doc(c->arena, v) : pv_volume_doc(c->arena, v));
    }
    if (fake_api_count(api, kind) != ol_val_count(list))
        pv_case_fail(c, "%zu %s, want %zu", fake_api_count(api, kind), kind->plural,
                     ol_val_count(list));
}

void pv_compare(struct pv_case *c, struct fake_api *api)
{
    compare_all(c, api, &kube_pv_kind, ol_val_at(c->doc, "expected/pvs"));
    compare_all(c, api, &kube_pvc_kind, ol_val_at(c->doc, "expected/pvcs"));
}
