/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "kube/client/informer.h"
#include "kube/document/patch.h"
#include "pv-cases.h"
#include "volume/binder/component-internal.h"
#include "volume/binder/patch.h"

static const struct binder_options defaults;
static const struct binder_rules rules = {.options = &defaults};

/* The object's document after the step's patch. */
static struct ol_val *patched(struct pv_case *c, struct ol_val *doc, const struct binder_step *s)
{
    struct ol_val *patch = NULL;

    if (ol_json_load(s->body.data, s->body.len, c->arena, &patch, NULL) < 0)
        return doc;
    return kube_patch_merge(c->arena, doc, patch);
}

static void want_equal(struct pv_case *c, const struct ol_val *has, const struct ol_val *want)
{
    bool is_empty = !ol_val_count(has) && !ol_val_count(want);

    if (!is_empty && !ol_val_equal(has, want))
        pv_case_fail(c, "got %s, want %s", pv_text(c->arena, has), pv_text(c->arena, want));
}

static struct ol_val *annotated(struct pv_case *c, const char *kind, const char *key)
{
    struct ol_val *doc = ol_val_new_map(c->arena), *meta = ol_val_new_map(c->arena);
    const struct ol_val *annotations = ol_val_get(c->doc, key);

    ol_val_set_str(c->arena, doc, "apiVersion", "v1");
    ol_val_set_str(c->arena, doc, "kind", kind);
    ol_val_set_str(c->arena, meta, "name", "x");
    if (annotations)
        ol_val_set(c->arena, meta, "annotations", ol_val_copy(c->arena, annotations));
    ol_val_set(c->arena, doc, "metadata", meta);
    return doc;
}

void pv_run_finalizer(struct pv_case *c)
{
    struct ol_val *doc = annotated(c, "PersistentVolume", "annotations");
    struct ol_val *short_form = ol_val_copy_top(c->arena, c->doc);
    const struct ol_val *want = ol_val_get(c->doc, "expectedFinalizers");
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    struct binder_step s;
    bool is_modified = false;

    ol_val_set_str(c->arena, short_form, "name", "x");
    ol_val_set_str(c->arena, short_form, "capacity", "1Gi");
    doc = pv_volume_doc(c->arena, short_form);
    o = pv_decode(c, doc);
    binder_step_init(&s);
    if (binder_patch_migrated_pv(&s, &rules, kube_as_pv(o))) {
        is_modified = strstr(s.body.data, "\"finalizers\"") != NULL;
        doc = patched(c, doc, &s);
    }
    binder_step_done(&s);
    if (is_modified != ol_val_is_truthy(ol_val_get(c->doc, "expectedModified")))
        pv_case_fail(c, is_modified ? "changed" : "not changed");
    want_equal(c, ol_val_at(doc, "metadata/finalizers"), want);
}

void pv_run_migration(struct pv_case *c)
{
    struct ol_val *pv = annotated(c, "PersistentVolume", "pvAnnotations");
    struct ol_val *claim = annotated(c, "PersistentVolumeClaim", "pvcAnnotations");
    ol_auto(kube_object_unref_at) const struct kube_object *o = pv_decode(c, pv),
                                                           *p = pv_decode(c, claim);
    struct binder_step s;

    binder_step_init(&s);
    if (binder_patch_migrated_pv(&s, &rules, kube_as_pv(o)))
        pv = patched(c, pv, &s);
    binder_step_clear(&s);
    if (binder_patch_migrated_claim(&s, &rules, kube_as_pvc(p)))
        claim = patched(c, claim, &s);
    binder_step_done(&s);
    want_equal(c, ol_val_at(pv, "metadata/annotations"),
               ol_val_get(c->doc, "expectedPvAnnotations"));
    want_equal(c, ol_val_at(claim, "metadata/annotations"),
               ol_val_get(c->doc, "expectedPvcAnnotations"));
}

/* --- the cache --- */
static const struct kube_object *versioned(struct pv_case *c, const char *version)
{
    struct ol_val *doc = annotated(c, "PersistentVolume", "");

    ol_val_set_str(c->arena, ol_val_get_mut(doc, "metadata"), "resourceVersion", version);
    return pv_decode(c, doc);
}

static bool has_version(struct kube_informer *pvs, const char *version)
{
    const struct kube_object *has = kube_informer_get(pvs, "", "x");

    return has && strcmp(has->meta.resource_version, version) == 0;
}

/* 'stored' is the version in the cache, "" = none. */
static void run_store(struct pv_case *c, struct ol_buf *stored, const char *version)
{
    struct fake_api *api = fake_api_new();
    struct kube_client *client = fake_api_client(api);
    struct kube_informers *all = kube_informers_new(client);
    struct kube_informer *pvs = kube_informer_of(all, &kube_pv_kind);
    ol_auto(kube_object_unref_at) const struct kube_object *o = versioned(c, version),
                                                           *old = versioned(c, stored->data);
    const struct ol_val *want = ol_val_get(c->doc, "expectedStored");
    bool want_error = ol_val_is_truthy(ol_val_get(c->doc, "expectedError"));
    int r = 0;

    if (stored->len)
        kube_informer_store(pvs, old);
    r = binder_cache_store(pvs, o, NULL);
    if (want_error != (r < 0))
        pv_case_fail(c, "%s", want_error ? "no error" : "an error");
    if (want && (r > 0) != ol_val_is_truthy(want))
        pv_case_fail(c, r > 0 ? "stored" : "not stored");
    if ((r > 0) != has_version(pvs, version))
        pv_case_fail(c, "the cache does not have what it was said to have");
    if (r > 0) {
        ol_buf_clear(stored);
        ol_buf_adds(stored, version);
    }
    kube_informers_free(all);
    kube_client_free(client);
    fake_api_free(api);
}

/* Provisioning is switched off: the claim is left as it is. */
static void run_without_provisioning(struct pv_case *c)
{
    static const struct binder_options off = {.off = BINDER_OFF_PROVISIONING};
    struct binder_rules r = {.options = &off, .index = binder_index_new()};
    struct ol_val *short_form = ol_val_new_map(c->arena);
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    struct binder_view view = {.class_of = pv_no_class};
    struct binder_learnt learnt = {0};
    struct binder_step s;

    ol_val_set_str(c->arena, short_form, "name", "claim");
    ol_val_set_str(c->arena, short_form, "namespace", "default");
    ol_val_set_str(c->arena, short_form, "request", "1Gi");
    ol_val_set_str(c->arena, short_form, "storageClassName", "gold");
    o = pv_decode(c, pv_claim_doc(c->arena, short_form));
    r.view = &view;
    binder_step_init(&s);
    binder_decide_claim(&r, kube_as_pvc(o), &learnt, &s);
    if (s.act != BINDER_NOTHING || s.n_events)
        pv_case_fail(c, "something is done");
    binder_step_done(&s);
    binder_index_free((struct binder_index *)r.index);
}

const struct kube_class *pv_no_class(void *self, const char *name)
{
    return NULL;
}

void pv_run_cache(struct pv_case *c, struct ol_buf *stored)
{
    const char *version = pv_str(c->doc, "storeResourceVersion");

    if (version[0])
        run_store(c, stored, version);
    else
        run_without_provisioning(c);
}
