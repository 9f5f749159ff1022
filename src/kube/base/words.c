/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/decode-internal.h"

/* Sorted by length, then by bytes. */
static const char *const words[] = {
    "v1",
    "yes",
    "true",
    "Bound",
    "default",
    "storage",
    "ReadWriteOnce",
    "csi-provisioner",
    "PersistentVolumeClaim",
    "kubernetes.io/hostname",
    "kubernetes.io/pv-controller",
    "kubernetes.io/pv-protection",
    "kubernetes.io/pvc-protection",
    "pv.kubernetes.io/migrated-to",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/provisioned-by",
    "volume.kubernetes.io/selected-node",
    "pv.kubernetes.io/bound-by-controller",
    "volume.kubernetes.io/storage-resizer",
    "volume.beta.kubernetes.io/storage-class",
    "volume.kubernetes.io/storage-provisioner",
    "storage.kubernetes.io/csiProvisionerIdentity",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubectl.kubernetes.io/last-applied-configuration",
    "external-provisioner.volume.kubernetes.io/finalizer",
    "volume.kubernetes.io/provisioner-deletion-secret-name",
    "volume.kubernetes.io/provisioner-deletion-secret-namespace",
};

static int compare(const void *a, const void *b)
{
    const struct kube_span *span = a;
    const char *word = *(const char *const *)b;
    size_t n = strlen(word);

    if (span->len != n)
        return span->len < n ? -1 : 1;
    return memcmp(span->at, word, n);
}

const char *decode_word(const struct kube_span *span)
{
    const char *const *found = NULL;

    if (!span->has_escapes)
        found = bsearch(span, words, ol_count(words), sizeof(words[0]), compare);
    return found ? *found : NULL;
}
