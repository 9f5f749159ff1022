/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/path-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

static size_t add(char out[KUBE_PATH_MAX], size_t at, const char *format, const char *text,
                  size_t n)
{
    int written = snprintf(out + at, KUBE_PATH_MAX - at, format, (int)n, text);

    if (written < 0 || at + (size_t)written >= KUBE_PATH_MAX)
        return KUBE_PATH_MAX - 1;
    return at + (size_t)written;
}

static size_t add_frame(const struct kube_path *path, char out[KUBE_PATH_MAX], size_t at)
{
    char number[24];

    if (path->name)
        return add(out, at, at ? ".%.*s" : "%.*s", path->name, strlen(path->name));
    if (path->key)
        return add(out, at, "[%.*s]", path->key, strlen(path->key));
    if (path->span) {
        ol_autofree char *text = ol_xcalloc(1, kube_span_len(path->span) + 1);

        kube_span_copy(path->span, text);
        return add(out, at, "[%.*s]", text, strlen(text));
    }
    snprintf(number, sizeof(number), "%zu", path->index);
    return add(out, at, "[%.*s]", number, strlen(number));
}

static size_t add_all(const struct kube_path *path, char out[KUBE_PATH_MAX])
{
    return path ? add_frame(path, out, add_all(path->up, out)) : 0;
}

void kube_path_text(const struct kube_path *path, char out[KUBE_PATH_MAX])
{
    out[0] = '\0';
    if (path)
        add_all(path, out);
    else
        snprintf(out, KUBE_PATH_MAX, "<root>");
}
