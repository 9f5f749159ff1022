/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"

enum { ANNOTATIONS_MAX = 256 << 10 };

static const struct kube_path metadata = {.name = "metadata"};

static void check_name(const struct kube_kind *kind, const struct ol_val *meta,
                       struct kube_findings *to)
{
    enum check_form form = kind == &kube_namespace_kind ? CHECK_LABEL : CHECK_SUBDOMAIN;
    const char *prefix = check_str(meta, "generateName"), *name = check_str(meta, "name");

    if (*prefix) {
        ol_autofree char *masked = ol_xstrdup(prefix);
        size_t n = strlen(masked);

        /* What the server adds begins behind the dash. */
        if (n > 1 && masked[n - 1] == '-')
            memcpy(masked + n - 2, "a", 2);
        check_form(to, CHILD(&metadata, "generateName"), masked, form);
    }
    if (!*name)
        check_required(to, CHILD(&metadata, "name"), "name or generateName is required");
    else
        check_form(to, CHILD(&metadata, "name"), name, form);
}

static void check_namespace(const struct kube_kind *kind, const struct ol_val *meta,
                            struct kube_findings *to)
{
    const char *ns = check_str(meta, "namespace");
    const struct kube_path *at = CHILD(&metadata, "namespace");

    if (!(kind->flags & KUBE_NAMESPACED)) {
        if (*ns)
            check_forbidden(to, at, "not allowed on this type");
    } else if (!*ns) {
        check_required(to, at, NULL);
    } else {
        check_form(to, at, ns, CHECK_LABEL);
    }
}

static void check_labels(const struct ol_val *labels, const struct kube_path *at,
                         struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(labels); i++) {
        const struct ol_pair *pair = ol_val_pair(labels, i);

        check_form(to, at, ol_val_str(pair->key), CHECK_KEY);
        if (ol_val_str(pair->value))
            check_form(to, at, ol_val_str(pair->value), CHECK_LABEL_VALUE);
    }
}

static void check_annotations(const struct ol_val *annotations, struct kube_findings *to)
{
    const struct kube_path *at = CHILD(&metadata, "annotations");
    size_t size = 0;

    for (size_t i = 0; i < ol_val_count(annotations); i++) {
        const struct ol_pair *pair = ol_val_pair(annotations, i);
        ol_autofree char *key = ol_xstrdup(ol_val_str(pair->key));

        check_form(to, at, ol_str_lower(key), CHECK_KEY);
        size += pair->key->str.len + pair->value->str.len;
    }
    if (size > ANNOTATIONS_MAX)
        check_too_long(to, at, ANNOTATIONS_MAX);
}

static void check_owners(const struct ol_val *owners, struct kube_findings *to)
{
    static const char *const parts[] = {"apiVersion", "kind", "name", "uid"};
    const struct kube_path *at = CHILD(&metadata, "ownerReferences");
    const struct ol_val *first = NULL;

    for (size_t i = 0; i < ol_val_count(owners); i++) {
        const struct ol_val *owner = ol_val_item(owners, i);

        for (size_t k = 0; k < ol_count(parts); k++)
            if (!*check_str(owner, parts[k]))
                check_invalid_str(to, CHILD(at, parts[k]), "",
                                  k == 0 ? "version must not be empty" : "must not be empty");
        if (!ol_val_is_truthy(ol_val_get(owner, "controller")))
            continue;
        if (first) {
            ol_autofree char *text = ol_xasprintf(
                "Only one reference can have Controller set to true. Found \"true\" in references "
                "for %s/%s and %s/%s",
                check_str(first, "kind"), check_str(first, "name"), check_str(owner, "kind"),
                check_str(owner, "name"));

            check_invalid(to, at, owners, text);
        } else {
            first = owner;
        }
    }
}

static bool has_item(const struct ol_val *list, const char *text)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *item = ol_val_str(ol_val_item(list, i));

        if (item && !strcmp(item, text))
            return true;
    }
    return false;
}

static void check_finalizers(const struct ol_val *meta, const struct ol_val *old,
                             struct kube_findings *to)
{
    ol_auto(ol_buf_done) struct ol_buf fresh = OL_BUF_INIT(64 << 10);
    const struct ol_val *list = ol_val_get(meta, "finalizers"),
                        *before = ol_val_get(old, "finalizers");
    const struct kube_path *at = CHILD(&metadata, "finalizers");

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const char *name = ol_val_str(ol_val_item(list, i));

        if (!name)
            continue;
        if (!old)
            check_form(to, at, name, CHECK_KEY);
        else if (!has_item(before, name))
            ol_buf_printf(&fresh, "%s\"%s\"", fresh.len ? ", " : "", name);
    }
    if (old && fresh.len && ol_val_get(old, "deletionTimestamp")) {
        ol_autofree char *text =
            ol_xasprintf("no new finalizers can be added if the object is being "
                         "deleted, found new finalizers []string{%s}",
                         fresh.data);

        check_forbidden(to, at, text);
    }
}

/* What a client left out is the server's to keep. */
static void check_unchanged(const struct ol_val *meta, const struct ol_val *old,
                            struct kube_findings *to)
{
    static const char *const names[] = {"name",
                                        "namespace",
                                        "uid",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds"};

    for (size_t i = 0; i < ol_count(names); i++)
        if (ol_val_get(meta, names[i]))
            check_immutable(ol_val_get(meta, names[i]), ol_val_get(old, names[i]),
                            CHILD(&metadata, names[i]), to);
}

void check_meta(const struct kube_kind *kind, const struct ol_val *object, const struct ol_val *old,
                struct kube_findings *to)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");
    const struct ol_val *before = ol_val_get(old, "metadata");

    check_name(kind, meta, to);
    check_namespace(kind, meta, to);
    check_labels(ol_val_get(meta, "labels"), CHILD(&metadata, "labels"), to);
    check_annotations(ol_val_get(meta, "annotations"), to);
    check_owners(ol_val_get(meta, "ownerReferences"), to);
    check_finalizers(meta, before, to);
    if (before)
        check_unchanged(meta, before, to);
}

void check_label_selector(const struct ol_val *selector, const struct kube_path *at,
                          struct kube_findings *to)
{
    const struct ol_val *list = ol_val_get(selector, "matchExpressions");

    check_labels(ol_val_get(selector, "matchLabels"), CHILD(at, "matchLabels"), to);
    for (size_t i = 0; i < ol_val_count(list); i++)
        check_requirement(ol_val_item(list, i), ITEM(CHILD(at, "matchExpressions"), i), false, to);
}
