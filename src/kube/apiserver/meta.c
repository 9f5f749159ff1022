/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"

/* Length of what generateName is cut to, and of the random end (apiserver names/generate.go). */
enum { BASE_MAX = 58, SUFFIX = 5 };

static const char *generate(struct ol_arena *a, const char *base)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    uint8_t b[SUFFIX];
    char suffix[SUFFIX + 1] = "";

    api_random(b, sizeof(b));
    for (int i = 0; i < SUFFIX; i++)
        suffix[i] = letters[b[i] % (sizeof(letters) - 1)];
    return ol_arena_printf(a, "%.*s%s", (int)BASE_MAX, base, suffix);
}

/* metadata as a map of its own; what is no map counts as absent. */
static struct ol_val *meta_of(struct ol_arena *a, struct ol_val *object)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");
    struct ol_val *own = ol_val_is(meta, OL_VAL_MAP) ? ol_val_copy_top(a, meta) : ol_val_new_map(a);

    ol_val_set(a, object, "metadata", own);
    return own;
}

static void set_type(struct api_request *q, struct ol_val *object)
{
    char api_version[96];

    kube_api_version(q->route.kind, api_version);
    ol_val_set_str(&q->arena, object, "kind", q->route.kind->kind);
    ol_val_set_str(&q->arena, object, "apiVersion", api_version);
}

static bool check_type(struct api_request *q, const struct ol_val *object)
{
    const char *kind = ol_val_str(ol_val_get(object, "kind"));
    const char *api_version = ol_val_str(ol_val_get(object, "apiVersion"));
    char expected[96];

    kube_api_version(q->route.kind, expected);
    if (kind && *kind && strcmp(kind, q->route.kind->kind) != 0) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "%s in version \"%s\" cannot be handled as a %s: converting (%s) to (%s): unknown "
                 "conversion",
                 kind, q->route.kind->version, q->route.kind->kind, kind, q->route.kind->kind);
        return false;
    }
    if (api_version && *api_version && strcmp(api_version, expected) != 0) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "the API version in the data (%s) does not match the expected API version (%s)",
                 api_version, expected);
        return false;
    }
    return true;
}

static bool check_namespace(struct api_request *q, struct ol_val *meta)
{
    const char *ns = ol_val_str(ol_val_get(meta, "namespace"));

    if (ns && *ns && strcmp(ns, q->route.ns) != 0) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "the namespace of the provided object does not match the namespace sent on the "
                 "request");
        return false;
    }
    if (*q->route.ns)
        ol_val_set_str(&q->arena, meta, "namespace", q->route.ns);
    else
        ol_val_remove(meta, "namespace");
    return true;
}

static bool name_it(struct api_request *q, struct ol_val *meta)
{
    const char *name = ol_val_str(ol_val_get(meta, "name"));
    const char *base = ol_val_str(ol_val_get(meta, "generateName"));

    if ((!name || !*name) && base && *base) {
        name = generate(&q->arena, base);
        ol_val_set_str(&q->arena, meta, "name", name);
    }
    if (!name || !*name) {
        struct kube_finding f = {.reason = "FieldValueRequired",
                                 .path = "metadata.name",
                                 .message = "Required value: name or generateName is required"};
        struct kube_findings all = {.v = &f, .n = 1};

        api_fail_invalid(q, "", &all);
        return false;
    }
    if (*q->route.name && strcmp(name, q->route.name) != 0) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "the name of the object (%s) does not match the name on the URL (%s)", name,
                 q->route.name);
        return false;
    }
    q->route.name = name;
    return true;
}

bool api_meta_create(struct api_request *q, struct ol_val *object)
{
    static const char *const servers[] = {"deletionTimestamp", "deletionGracePeriodSeconds",
                                          "selfLink", "generation"};
    struct ol_val *meta = meta_of(&q->arena, object);
    const char *version = ol_val_str(ol_val_get(meta, "resourceVersion"));
    char uid[37], now[32];

    if (!check_type(q, object) || !check_namespace(q, meta) || !name_it(q, meta))
        return false;
    if (version && *version) {
        api_fail(q, KUBE_BAD_REQUEST, "resourceVersion should not be set on objects to be created");
        return false;
    }
    set_type(q, object);
    ol_val_remove(meta, "resourceVersion");
    for (size_t i = 0; i < ol_count(servers); i++)
        ol_val_remove(meta, servers[i]);
    api_uuid(uid);
    api_time_text(ol_now_wall(q->server->env), now);
    ol_val_set_str(&q->arena, meta, "uid", uid);
    ol_val_set_str(&q->arena, meta, "creationTimestamp", now);
    return true;
}

static bool check_finalizers(struct api_request *q, const struct ol_val *now,
                             const struct ol_val *old)
{
    const struct ol_val *had = ol_val_at(old, "metadata/finalizers");
    const struct ol_val *has = ol_val_get(now, "finalizers");

    if (!api_is_deleted(old))
        return true;
    for (size_t i = 0; i < ol_val_count(has); i++) {
        bool is_known = false;

        for (size_t j = 0; j < ol_val_count(had); j++)
            is_known = is_known || ol_val_equal(ol_val_item(has, i), ol_val_item(had, j));
        if (!is_known) {
            const char *name = ol_val_str(ol_val_item(has, i));
            struct kube_finding f = {.reason = "FieldValueForbidden",
                                     .path = "metadata.finalizers"};
            struct kube_findings all = {.v = &f, .n = 1};

            f.message = ol_arena_printf(&q->arena,
                                        "Forbidden: no new finalizers can be added if the object "
                                        "is being deleted, found new finalizers []string{\"%s\"}",
                                        name ? name : "");
            api_fail_invalid(q, q->route.name, &all);
            return false;
        }
    }
    return true;
}

bool api_meta_update(struct api_request *q, struct ol_val *object, const struct api_current *c)
{
    static const char *const kept[] = {
        "uid",        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "generation", "selfLink",          "generateName",      "resourceVersion"};
    struct ol_val *meta = meta_of(&q->arena, object);
    const struct ol_val *old = ol_val_get(c->tree, "metadata");
    const char *uid = ol_val_str(ol_val_get(meta, "uid"));
    const char *old_uid = ol_val_str(ol_val_get(old, "uid"));

    if (!check_type(q, object) || !check_namespace(q, meta) || !name_it(q, meta))
        return false;
    if (uid && *uid && old_uid && strcmp(uid, old_uid) != 0) {
        api_fail_conflict(q, q->route.name,
                          ol_arena_printf(&q->arena,
                                          "Precondition failed: UID in precondition: %s, UID in "
                                          "object meta: %s",
                                          uid, old_uid));
        return false;
    }
    if (!check_finalizers(q, meta, c->tree))
        return false;
    set_type(q, object);
    for (size_t i = 0; i < ol_count(kept); i++) {
        const struct ol_val *value = ol_val_get(old, kept[i]);

        if (value)
            ol_val_set(&q->arena, meta, kept[i], ol_val_copy(&q->arena, value));
        else
            ol_val_remove(meta, kept[i]);
    }
    return true;
}

static void keep(struct ol_arena *a, struct ol_val *object, const struct ol_val *old,
                 const char *name)
{
    const struct ol_val *value = ol_val_get(old, name);

    if (value)
        ol_val_set(a, object, name, ol_val_copy(a, value));
    else
        ol_val_remove(object, name);
}

void api_keep_half(struct ol_arena *a, struct ol_val *object, const struct ol_val *old,
                   bool is_status, const struct kube_kind *kind)
{
    if (!is_status) {
        keep(a, object, old, "status");
        return;
    }
    for (size_t i = 0; i < ol_val_count(object);) {
        const char *key = ol_val_str(ol_val_pair(object, i)->key);

        if (key && !ol_val_get(old, key) && strcmp(key, "status") != 0)
            ol_val_remove(object, key);
        else
            i++;
    }
    for (size_t i = 0; i < ol_val_count(old); i++) {
        const char *key = ol_val_str(ol_val_pair(old, i)->key);

        if (key && strcmp(key, "status") != 0 && strcmp(key, "metadata") != 0)
            keep(a, object, old, key);
    }
    /* volumeattachment's status strategy resets metadata, the older kinds' don't. */
    if (kind == &kube_va_kind) {
        static const char *const fixed[] = {"labels", "annotations", "finalizers",
                                            "ownerReferences"};
        struct ol_val *meta = meta_of(a, object);

        for (size_t i = 0; i < ol_count(fixed); i++)
            keep(a, meta, ol_val_get(old, "metadata"), fixed[i]);
    }
}

bool api_has_finalizers(const struct ol_val *object)
{
    return ol_val_count(ol_val_at(object, "metadata/finalizers")) > 0;
}

bool api_is_deleted(const struct ol_val *object)
{
    return ol_val_str(ol_val_at(object, "metadata/deletionTimestamp")) != NULL;
}
