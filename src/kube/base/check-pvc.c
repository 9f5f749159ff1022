/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

static const struct kube_path spec_at = {.name = "spec"};
static const char beta_class[] = "volume.beta.kubernetes.io/storage-class";

static void check_data_source(const struct ol_val *source, const struct kube_path *at,
                              struct kube_findings *to)
{
    const char *group = check_str(source, "apiGroup"), *kind = check_str(source, "kind");
    const char *ns = check_str(source, "namespace");

    if (!*group && strcmp(kind, "PersistentVolumeClaim") != 0)
        check_invalid_str(to, at, kind,
                          "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    if (*group)
        check_form(to, CHILD(at, "apiGroup"), group, CHECK_SUBDOMAIN);
    if (*ns)
        check_form(to, CHILD(at, "namespace"), ns, CHECK_LABEL);
}

static void check_data_sources(const struct ol_val *spec, const struct kube_path *at,
                               struct kube_findings *to)
{
    static const char *const members[] = {"apiGroup", "kind", "name"};
    const struct ol_val *source = ol_val_get(spec, "dataSource");
    const struct ol_val *ref = ol_val_get(spec, "dataSourceRef");

    if (source)
        check_data_source(source, CHILD(at, "dataSource"), to);
    if (ref)
        check_data_source(ref, CHILD(at, "dataSourceRef"), to);
    if (!source || !ref)
        return;
    if (*check_str(ref, "namespace")) {
        check_invalid_str(to, at, "spec.dataSource",
                          "may not be specified when dataSourceRef.namespace is specified");
        return;
    }
    for (size_t i = 0; i < ol_count(members); i++)
        if (strcmp(check_str(source, members[i]), check_str(ref, members[i])) != 0) {
            check_invalid_str(to, at, "spec.dataSource", "must match dataSourceRef");
            return;
        }
}

/* Also of a pod's volumes with a template. */
void check_claim_spec(const struct ol_val *spec, const struct kube_path *at,
                      struct kube_findings *to)
{
    const struct ol_val *modes = ol_val_get(spec, "accessModes");
    const struct ol_val *size = ol_val_at(spec, "resources/requests/storage");
    const struct kube_path *size_at = ENTRY(CHILD(at, "resources"), "storage");

    if (ol_val_count(modes) == 0)
        check_required(to, CHILD(at, "accessModes"), "at least 1 access mode is required");
    check_access_modes(modes, CHILD(at, "accessModes"), to);
    check_label_selector(ol_val_get(spec, "selector"), CHILD(at, "selector"), to);
    if (size)
        check_quantity(size, size_at, true, to);
    else
        check_required(to, size_at, NULL);
    if (*check_str(spec, "storageClassName"))
        check_form(to, CHILD(at, "storageClassName"), check_str(spec, "storageClassName"),
                   CHECK_SUBDOMAIN);
    if (*check_str(spec, "volumeAttributesClassName"))
        check_form(to, CHILD(at, "volumeAttributesClassName"),
                   check_str(spec, "volumeAttributesClassName"), CHECK_SUBDOMAIN);
    check_data_sources(spec, at, to);
}

/* --- what may change of a claim --- */
static const char *annotated_class(const struct ol_val *object)
{
    return ol_val_str(
        ol_val_get(ol_val_get(ol_val_get(object, "metadata"), "annotations"), beta_class));
}

/* A class may be set once: where there was none, or to what the beta annotation said. */
static bool is_class_upgrade(const struct ol_val *now, const struct ol_val *old)
{
    const char *fresh = ol_val_str(ol_val_get(ol_val_get(now, "spec"), "storageClassName"));
    const char *said = annotated_class(old);

    return fresh && !ol_val_get(ol_val_get(old, "spec"), "storageClassName")
           && (!said || !strcmp(fresh, said));
}

/* The annotation may go when the field says the same. */
static bool is_annotation_upgrade(const struct ol_val *now, const struct ol_val *old)
{
    const char *said = annotated_class(old), *says = annotated_class(now);

    return said && is_class_upgrade(now, old) && (!says || !strcmp(says, said));
}

static void keep(struct ol_arena *a, struct ol_val *spec, const struct ol_val *old,
                 const char *member)
{
    const struct ol_val *v = ol_val_get(old, member);

    ol_val_remove(spec, member);
    if (v)
        ol_val_set(a, spec, member, ol_val_copy(a, v));
}

/* The new spec with what may change put back to what it was. */
static struct ol_val *frozen_spec(const struct ol_val *object, const struct ol_val *old,
                                  struct ol_arena *a)
{
    struct ol_val *spec = ol_val_copy(a, ol_val_get(object, "spec")), *requests;
    const struct ol_val *before = ol_val_get(old, "spec");
    const struct ol_val *size = ol_val_at(before, "resources/requests/storage");
    bool is_bound = !strcmp(check_str(ol_val_get(object, "status"), "phase"), "Bound");

    if (!*check_str(before, "volumeName"))
        keep(a, spec, before, "volumeName");
    if (is_class_upgrade(object, old))
        keep(a, spec, before, "storageClassName");
    requests = ol_val_get_mut(ol_val_get_mut(spec, "resources"), "requests");
    if (is_bound && requests && size)
        ol_val_set(a, requests, "storage", ol_val_copy(a, size));
    if (is_bound)
        keep(a, spec, before, "volumeAttributesClassName");
    return spec;
}

static void check_size(const struct ol_val *object, const struct ol_val *old,
                       struct kube_findings *to)
{
    const struct ol_val *size = ol_val_at(object, "spec/resources/requests/storage");
    const struct ol_val *before = ol_val_at(old, "spec/resources/requests/storage");
    const struct ol_val *have = ol_val_at(old, "status/capacity/storage");

    if (check_quantity_cmp(size, before) < 0 && check_quantity_cmp(size, have) <= 0)
        check_forbidden(to, CHILD(CHILD(CHILD(&spec_at, "resources"), "requests"), "storage"),
                        "field can not be less than status.capacity");
}

static void check_attributes_kept(const struct ol_val *object, const struct ol_val *old,
                                  struct kube_findings *to)
{
    const struct ol_val *name = ol_val_at(object, "spec/volumeAttributesClassName");
    const struct kube_path *at = CHILD(&spec_at, "volumeAttributesClassName");

    if (check_same(name, ol_val_at(old, "spec/volumeAttributesClassName"))
        || !ol_val_at(old, "status/currentVolumeAttributesClassName"))
        return;
    if (!name)
        check_forbidden(
            to, at,
            "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil");
    else if (!*ol_val_str(name))
        check_forbidden(to, at,
                        "update to empty string is forbidden when "
                        "status.currentVolumeAttributesClassName is not nil");
}

static void check_update(const struct ol_val *object, const struct ol_val *old,
                         struct kube_findings *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    const struct ol_val *before = ol_val_get(old, "spec"), *spec;
    const char *said = annotated_class(old), *says = annotated_class(object);

    if (!is_annotation_upgrade(object, old) && strcmp(said ? said : "", says ? says : "") != 0)
        check_invalid_str(to, CHILD(CHILD(CHILD(NULL, "metadata"), "annotations"), beta_class),
                          says ? says : "", "field is immutable");
    spec = frozen_spec(object, old, &a);
    if (!ol_val_equal(spec, before))
        check_forbid_claim_change(spec, before, to);
    check_size(object, old, to);
    check_immutable(ol_val_at(object, "spec/volumeMode"), ol_val_get(before, "volumeMode"),
                    CHILD(NULL, "volumeMode"), to);
    check_attributes_kept(object, old, to);
}

void kube_validate_pvc(const struct ol_val *object, const struct ol_val *old,
                       struct kube_findings *to)
{
    check_claim_spec(ol_val_get(object, "spec"), &spec_at, to);
    if (old)
        check_update(object, old, to);
}
