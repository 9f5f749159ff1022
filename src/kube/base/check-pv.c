/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"
#include "kube/base/schema-internal.h"

static const struct kube_path spec_at = {.name = "spec"};

/* --- volumes --- */
static void check_no_way_up(const char *path, const struct kube_path *at, struct kube_findings *to)
{
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (!strncmp(p, "..", 2) && (p[2] == '/' || p[2] == '\0')) {
            check_invalid_str(to, at, path, "must not contain '..'");
            return;
        }
    }
}

static void check_iscsi(const struct ol_val *iscsi, const struct kube_path *at,
                        struct kube_findings *to)
{
    const char *iqn = check_str(iscsi, "iqn");
    int64_t lun = ol_val_int(ol_val_get(iscsi, "lun"), 0);

    if (*iqn && !ol_str_starts(iqn, "iqn") && !ol_str_starts(iqn, "eui")
        && !ol_str_starts(iqn, "naa"))
        check_invalid_str(to, CHILD(at, "iqn"), iqn, "must be valid format");
    if (lun < 0 || lun > 255)
        check_invalid_int(to, CHILD(at, "lun"), lun, "must be between 0 and 255, inclusive");
    if ((ol_val_is_truthy(ol_val_get(iscsi, "chapAuthDiscovery"))
         || ol_val_is_truthy(ol_val_get(iscsi, "chapAuthSession")))
        && !ol_val_get(iscsi, "secretRef"))
        check_required(to, CHILD(at, "secretRef"), NULL);
}

static void check_csi(const struct ol_val *csi, const struct kube_path *at,
                      struct kube_findings *to)
{
    static const char *const secrets[] = {"controllerPublishSecretRef", "controllerExpandSecretRef",
                                          "nodePublishSecretRef", "nodeExpandSecretRef"};

    check_driver_name(check_str(csi, "driver"), CHILD(at, "driver"), to);
    for (size_t i = 0; i < ol_count(secrets); i++) {
        const struct ol_val *ref = ol_val_get(csi, secrets[i]);
        const struct kube_path *ref_at = CHILD(at, secrets[i]);

        if (ref && !*check_str(ref, "name"))
            check_required(to, CHILD(ref_at, "name"), NULL);
        if (ref && !*check_str(ref, "namespace"))
            check_required(to, CHILD(ref_at, "namespace"), NULL);
    }
}

static void check_source(const struct ol_val *spec, const struct kube_path *at,
                         struct kube_findings *to)
{
    const struct ol_val *nfs = ol_val_get(spec, "nfs");

    if (nfs && *check_str(nfs, "path") != '/')
        check_invalid_str(to, CHILD(CHILD(at, "nfs"), "path"), check_str(nfs, "path"),
                          "must be an absolute path");
    check_no_way_up(check_str(ol_val_get(spec, "hostPath"), "path"),
                    CHILD(CHILD(at, "hostPath"), "path"), to);
    check_no_way_up(check_str(ol_val_get(spec, "local"), "path"), CHILD(CHILD(at, "local"), "path"),
                    to);
    if (ol_val_get(spec, "local") && !ol_val_get(spec, "nodeAffinity"))
        check_required(to, CHILD(at, "nodeAffinity"), "Local volume requires node affinity");
    if (ol_val_get(spec, "iscsi"))
        check_iscsi(ol_val_get(spec, "iscsi"), CHILD(at, "iscsi"), to);
    if (ol_val_get(spec, "csi"))
        check_csi(ol_val_get(spec, "csi"), CHILD(at, "csi"), to);
}

static void check_capacity(const struct ol_val *spec, struct kube_findings *to)
{
    const struct ol_val *capacity = ol_val_get(spec, "capacity");
    const struct kube_path *at = CHILD(&spec_at, "capacity");
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    if (ol_val_count(capacity) == 0)
        check_required(to, at, NULL);
    if (!ol_val_get(capacity, "storage") || ol_val_count(capacity) > 1) {
        if (!capacity || ol_json_dump(capacity, &ol_json_compact, &b) < 0)
            ol_buf_adds(&b, "null");
        kube_find(to, "FieldValueNotSupported", "spec.capacity",
                  "Unsupported value: %s: supported values: \"storage\"", b.data);
    }
    for (size_t i = 0; i < ol_val_count(capacity); i++) {
        const struct ol_pair *pair = ol_val_pair(capacity, i);

        check_quantity(pair->value, ENTRY(at, ol_val_str(pair->key)), true, to);
    }
}

static void check_class_name(const struct ol_val *spec, const char *member,
                             struct kube_findings *to)
{
    const char *name = check_str(spec, member);

    if (*name)
        check_form(to, CHILD(&spec_at, member), name, CHECK_SUBDOMAIN);
}

static void check_affinity(const struct ol_val *affinity, struct kube_findings *to)
{
    const struct kube_path *at = CHILD(CHILD(&spec_at, "nodeAffinity"), "required");

    if (affinity && !ol_val_get(affinity, "required"))
        check_required(to, at, "must specify required node constraints");
    else if (affinity)
        check_node_selector(ol_val_get(affinity, "required"), at, to);
}

static void check_attributes_class(const struct ol_val *spec, const struct ol_val *old,
                                   struct kube_findings *to)
{
    const struct ol_val *name = ol_val_get(spec, "volumeAttributesClassName");
    const struct kube_path *at = CHILD(&spec_at, "volumeAttributesClassName");

    if (name && !*ol_val_str(name))
        check_required(to, at, "an empty string is disallowed");
    else
        check_class_name(spec, "volumeAttributesClassName", to);
    if (name && !ol_val_get(spec, "csi"))
        check_required(to, CHILD(&spec_at, "csi"),
                       "has to be specified when using volumeAttributesClassName");
    if (!name && ol_val_get(old, "volumeAttributesClassName"))
        check_forbidden(to, at, "update from non-nil value to nil is forbidden");
}

/* The spec's members that are volume sources, alone. A secret for expansion may be added later. */
static struct ol_val *source_of(const struct ol_val *spec, bool has_expand_secret,
                                struct ol_arena *a)
{
    struct ol_val *source = ol_val_new_map(a);

    for (const struct kube_field *f = kube_schema_pv_spec.fields; f->name; f++) {
        const struct ol_val *v = ol_val_get(spec, f->name);

        if (!(f->flags & KUBE_ONE_OF) || !v)
            continue;
        ol_val_set(a, source, f->name, ol_val_copy(a, v));
        if (!strcmp(f->name, "csi") && !has_expand_secret)
            ol_val_remove(ol_val_get_mut(source, "csi"), "controllerExpandSecretRef");
    }
    return source;
}

static void add_pretty(const struct ol_val *v, struct ol_buf *to)
{
    static const struct ol_json_style style = {
        .indent = 1, .item_separator = ",", .key_separator = ": ", .sort_keys = true};

    if (ol_json_dump(v, &style, to) < 0)
        ol_buf_clear(to);
}

static void forbid_change(const struct ol_val *now, const struct ol_val *old, const char *words,
                          const struct kube_path *at, struct kube_findings *to)
{
    ol_auto(ol_buf_done) struct ol_buf a = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(8 << 20);

    add_pretty(old, &a);
    add_pretty(now, &b);
    ol_buf_printf(&text, "%s\n", words);
    check_diff(a.data, b.data, &text);
    check_forbidden(to, at, text.data);
}

static void check_source_kept(const struct ol_val *spec, const struct ol_val *old,
                              struct kube_findings *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    bool had_secret = ol_val_at(old, "csi/controllerExpandSecretRef") != NULL;
    struct ol_val *now = source_of(spec, had_secret, &a), *before = source_of(old, had_secret, &a);

    if (!ol_val_equal(now, before))
        forbid_change(now, before, "spec.persistentvolumesource is immutable after creation",
                      CHILD(&spec_at, "persistentvolumesource"), to);
}

void kube_validate_pv(const struct ol_val *object, const struct ol_val *old,
                      struct kube_findings *to)
{
    const struct ol_val *spec = ol_val_get(object, "spec"), *before = ol_val_get(old, "spec");
    const struct ol_val *modes = ol_val_get(spec, "accessModes");
    const char *path = check_str(ol_val_get(spec, "hostPath"), "path");

    if (ol_val_count(modes) == 0)
        check_required(to, CHILD(&spec_at, "accessModes"), NULL);
    check_access_modes(modes, CHILD(&spec_at, "accessModes"), to);
    check_capacity(spec, to);
    check_affinity(ol_val_get(spec, "nodeAffinity"), to);
    check_source(spec, &spec_at, to);
    if (*path && path[strspn(path, "/")] == '\0'
        && !strcmp(check_str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
        check_forbidden(to, CHILD(&spec_at, "persistentVolumeReclaimPolicy"),
                        "may not be 'recycle' for a hostPath mount of '/'");
    check_class_name(spec, "storageClassName", to);
    check_attributes_class(spec, before, to);
    if (!old)
        return;
    check_source_kept(spec, before, to);
    check_immutable(ol_val_get(spec, "volumeMode"), ol_val_get(before, "volumeMode"),
                    CHILD(NULL, "volumeMode"), to);
    if (ol_val_get(before, "nodeAffinity"))
        check_immutable(ol_val_get(spec, "nodeAffinity"), ol_val_get(before, "nodeAffinity"),
                        CHILD(NULL, "nodeAffinity"), to);
}
