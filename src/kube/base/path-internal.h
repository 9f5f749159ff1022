/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "kube/base/scan.h"

/* Where we are in a document: a chain of frames on the stack, the innermost first. A frame is a
 * member (name), an entry of a map (key, or span while decoding), or an item of a list. */
struct kube_path {
    const struct kube_path *up;
    const char *name, *key;
    const struct kube_span *span;
    size_t index;
};

enum { KUBE_PATH_MAX = 1024 };

/* "spec.containers[0].name", "metadata.labels[a/b]"; "<root>" for NULL. Cut off when it is
 * longer. */
void kube_path_text(const struct kube_path *path, char out[KUBE_PATH_MAX]);
