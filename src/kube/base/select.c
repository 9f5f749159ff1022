/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

/* "true" and "false" are words of selectors too; an absent flag is false. */
static const char *text_of(const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_BOOL))
        return v->boolean ? "true" : "false";
    return ol_val_str(v);
}

const char *kube_select_path(const struct ol_val *object, const char *path)
{
    ol_autofree char *slashes = ol_str_tr(ol_xstrdup(path), '.', '/');

    return text_of(ol_val_at(object, slashes));
}

const char *kube_select_flag(const struct ol_val *object, const char *path)
{
    const char *text = kube_select_path(object, path);

    if (text)
        return text;
    return !strcmp(path, "spec.unschedulable") || !strcmp(path, "spec.hostNetwork") ? "false"
                                                                                    : NULL;
}

const char *kube_select_event(const struct ol_val *object, const char *path)
{
    const char *component;

    if (strcmp(path, "source") != 0)
        return kube_select_path(object, path);
    component = check_str(ol_val_get(object, "source"), "component");
    return *component ? component : check_str(object, "reportingComponent");
}
