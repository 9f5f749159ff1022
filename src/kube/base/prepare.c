/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

/* Defaults that need more than a row: kube-apiserver's pkg/apis/core/v1/defaults.go and the
 * strategies in pkg/registry. */

static struct ol_val *ensure_map(struct ol_arena *a, struct ol_val *object, const char *member)
{
    struct ol_val *map = ol_val_get_mut(object, member);

    if (!ol_val_is(map, OL_VAL_MAP)) {
        map = ol_val_new_map(a);
        ol_val_set(a, object, member, map);
    }
    return map;
}

static void ensure_str(struct ol_arena *a, struct ol_val *object, const char *member,
                       const char *value)
{
    if (!*check_str(object, member))
        ol_val_set_str(a, object, member, value);
}

static void ensure_phase(struct ol_arena *a, struct ol_val *object, const char *phase)
{
    ensure_str(a, ensure_map(a, object, "status"), "phase", phase);
}

void kube_prepare_pv(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    struct ol_val *spec = ensure_map(a, object, "spec");

    ensure_phase(a, object, "Pending");
    ensure_str(a, spec, "persistentVolumeReclaimPolicy", "Retain");
    if (!ol_val_get(spec, "volumeMode"))
        ol_val_set_str(a, spec, "volumeMode", "Filesystem");
}

/* Each of the two fields stands for the other, but a reference to another namespace. */
static void normalize_data_sources(struct ol_val *spec, struct ol_arena *a)
{
    struct ol_val *source = ol_val_get_mut(spec, "dataSource");
    struct ol_val *ref = ol_val_get_mut(spec, "dataSourceRef");
    bool is_claim, is_snapshot;

    if (*check_str(ref, "namespace"))
        return;
    if (source && !ref)
        ol_val_set(a, spec, "dataSourceRef", ol_val_copy(a, source));
    if (!ref || source)
        return;
    is_claim =
        !*check_str(ref, "apiGroup") && !strcmp(check_str(ref, "kind"), "PersistentVolumeClaim");
    is_snapshot = !strcmp(check_str(ref, "apiGroup"), "snapshot.storage.k8s.io")
                  && !strcmp(check_str(ref, "kind"), "VolumeSnapshot");
    if (is_claim || is_snapshot)
        ol_val_set(a, spec, "dataSource", ol_val_copy(a, ref));
}

void kube_prepare_pvc(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    ensure_phase(a, object, "Pending");
    if (!old)
        normalize_data_sources(ensure_map(a, object, "spec"), a);
}

void kube_prepare_namespace(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    struct ol_val *meta = ensure_map(a, object, "metadata"), *spec, *list;

    if (*check_str(meta, "name"))
        ol_val_set_str(a, ensure_map(a, meta, "labels"), "kubernetes.io/metadata.name",
                       check_str(meta, "name"));
    ensure_phase(a, object, "Active");
    spec = ensure_map(a, object, "spec");
    if (!old && !ol_val_get(spec, "finalizers")) {
        list = ol_val_new_list(a);
        ol_val_append(a, list, ol_val_new_str(a, "kubernetes"));
        ol_val_set(a, spec, "finalizers", list);
    }
}

void kube_prepare_node(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    struct ol_val *status = ensure_map(a, object, "status");
    const struct ol_val *capacity = ol_val_get(status, "capacity");

    ensure_map(a, object, "spec");
    if (capacity && !ol_val_get(status, "allocatable"))
        ol_val_set(a, status, "allocatable", ol_val_copy(a, capacity));
}

void kube_prepare_secret(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    const struct ol_val *text = ol_val_get(object, "stringData");

    for (size_t i = 0; i < ol_val_count(text); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(16 << 20);
        const struct ol_pair *pair = ol_val_pair(text, i);

        if (pair->value->type != OL_VAL_STR)
            continue;
        ol_base64_encode(pair->value->str.data, pair->value->str.len, 0, &b);
        ol_val_set_key(a, ensure_map(a, object, "data"), pair->key,
                       ol_val_new_strn(a, b.data, b.len));
    }
    ol_val_remove(object, "stringData");
}
