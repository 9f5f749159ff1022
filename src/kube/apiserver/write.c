/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json-patch.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"
#include "kube/document/patch.h"

enum { NAME_TRIES = 8 };

bool api_load_current(struct api_request *q, const struct store_key *key, struct api_current *ret)
{
    struct ol_err err = OL_ERR_INIT;
    int r;

    *ret = (struct api_current){0};
    r = store_current(q->server->store, key, &ret->text);
    if (r == -ENOENT)
        return true;
    if (r < 0) {
        api_fail_store(q, r);
        return false;
    }
    if (ol_json_load(ret->text->data, ret->text->len, &q->arena, &ret->tree, &err) == 0)
        return true;
    store_text_unref(ret->text);
    *ret = (struct api_current){0};
    api_fail(q, KUBE_INTERNAL_ERROR, "the stored object is damaged: %s", ol_err_text(&err));
    return false;
}

static void current_done(struct api_current *c)
{
    store_text_unref(c->text);
}

/* --- create --- */

static bool check_place(struct api_request *q, const struct ol_val *object)
{
    const char *name = ol_val_str(ol_val_at(object, "metadata/name"));
    int r = *q->route.ns ? api_namespace_check(q->server, q->route.ns) : 0;
    struct kube_status st = {.reason = r == -ENOENT ? KUBE_NOT_FOUND : KUBE_FORBIDDEN};
    const char *what = api_qualified(&q->arena, q->route.kind, q->route.kind->plural);

    if (r == 0)
        return true;
    if (r == -ENOENT) {
        st.kind = "namespaces";
        st.name = q->route.ns;
        st.message = ol_arena_printf(&q->arena, "namespaces \"%s\" not found", q->route.ns);
    } else {
        static const struct kube_finding cause = {"NamespaceTerminating", "metadata.namespace",
                                                  "namespace is being terminated"};

        st.group = q->route.kind->group;
        st.kind = q->route.kind->plural;
        st.name = name;
        st.causes = &cause;
        st.n_causes = 1;
        st.message = ol_arena_printf(
            &q->arena,
            "%s \"%s\" is forbidden: unable to create new content in namespace %s because it is "
            "being terminated",
            what, name ? name : "", q->route.ns);
    }
    api_answer_status(q, &st);
    return false;
}

/* The kinds whose status comes with their creation (registry strategies). */
static bool has_status_at_birth(const struct kube_kind *kind)
{
    return kind == &kube_node_kind || !(kind->flags & KUBE_HAS_STATUS);
}

/* A generated name may be taken by chance: then another one is made. */
static bool find_free_name(struct api_request *q, struct ol_val *object,
                           struct api_current *current)
{
    for (int i = 0; current->text && i < NAME_TRIES; i++) {
        struct store_key key;

        current_done(current);
        *current = (struct api_current){0};
        q->route.name = "";
        ol_val_remove(ol_val_get_mut(object, "metadata"), "name");
        if (!api_meta_create(q, object))
            return false;
        key = api_key(q);
        if (!api_load_current(q, &key, current))
            return false;
    }
    return true;
}

static void create_object(struct api_request *q, struct ol_val *object, bool is_managed)
{
    ol_auto(current_done) struct api_current current = {0};
    const char *base = ol_val_str(ol_val_at(object, "metadata/generateName"));
    const char *given = ol_val_str(ol_val_at(object, "metadata/name"));
    bool is_generated = base && *base && (!given || !*given);
    struct store_key key;

    if (!check_place(q, object) || !api_meta_create(q, object))
        return;
    key = api_key(q);
    if (!api_load_current(q, &key, &current)
        || (is_generated && !find_free_name(q, object, &current)))
        return;
    if (current.text) {
        api_fail_named(q, KUBE_ALREADY_EXISTS, q->route.name);
        return;
    }
    if (!has_status_at_birth(q->route.kind))
        ol_val_remove(object, "status");
    q->success = 201;
    api_commit(
        q, &(struct api_change){.object = object, .current = &current, .is_managed = is_managed});
}

void api_create(struct api_request *q)
{
    struct ol_val *object;

    if (api_body(q, &object))
        create_object(q, object, false);
}

/* --- update --- */

/* Kinds whose updates have to say upon which version they build (AllowUnconditionalUpdate). */
static bool needs_version(const struct kube_kind *kind)
{
    return kind == &kube_lease_kind || kind == &kube_va_kind || kind == &kube_csinode_kind
           || kind == &kube_csidriver_kind || kind == &kube_capacity_kind
           || kind == &kube_service_account_kind;
}

static bool check_version(struct api_request *q, const struct ol_val *object,
                          const struct api_current *c, bool is_put)
{
    const char *wanted = ol_val_str(ol_val_at(object, "metadata/resourceVersion"));
    const char *have = ol_val_str(ol_val_at(c->tree, "metadata/resourceVersion"));

    if (wanted && *wanted) {
        if (have && strcmp(wanted, have) == 0)
            return true;
        api_fail_conflict(q, q->route.name,
                          "the object has been modified; please apply your changes to the latest "
                          "version and try again");
        return false;
    }
    if (is_put && needs_version(q->route.kind)) {
        struct kube_finding f = {.reason = "FieldValueInvalid",
                                 .path = "metadata.resourceVersion",
                                 .message = "Invalid value: 0x0: must be specified for an update"};
        struct kube_findings all = {.v = &f, .n = 1};

        api_fail_invalid(q, q->route.name, &all);
        return false;
    }
    return true;
}

static bool load_existing(struct api_request *q, struct api_current *ret)
{
    struct store_key key = api_key(q);

    if (!api_load_current(q, &key, ret))
        return false;
    if (ret->text)
        return true;
    api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
    return false;
}

static void change_object(struct api_request *q, struct ol_val *object,
                          const struct api_current *current, bool is_managed)
{
    const char *sub = q->route.subresource;

    if (!api_meta_update(q, object, current))
        return;
    if (sub && strcmp(sub, "status") != 0)
        sub = NULL;
    if (q->route.kind->flags & KUBE_HAS_STATUS)
        api_keep_half(&q->arena, object, current->tree, sub != NULL, q->route.kind);
    q->success = 200;
    api_commit(
        q, &(struct api_change){
               .object = object, .current = current, .subresource = sub, .is_managed = is_managed});
}

void api_update(struct api_request *q)
{
    ol_auto(current_done) struct api_current current = {0};
    struct ol_val *object;

    if (!api_body(q, &object) || !load_existing(q, &current)
        || !check_version(q, object, &current, true))
        return;
    change_object(q, object, &current, false);
}

/* --- patch --- */

typedef int (*patch_fn)(struct api_request *q, const struct ol_val *doc, const struct ol_val *patch,
                        struct ol_val **ret, struct ol_err *err);

static int patch_merge(struct api_request *q, const struct ol_val *doc, const struct ol_val *patch,
                       struct ol_val **ret, struct ol_err *err)
{
    if (!ol_val_is(patch, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "a merge patch is an object");
    *ret = kube_patch_merge(&q->arena, doc, patch);
    return 0;
}

static int patch_strategic(struct api_request *q, const struct ol_val *doc,
                           const struct ol_val *patch, struct ol_val **ret, struct ol_err *err)
{
    return kube_patch_strategic(&q->arena, q->route.kind->schema, doc, patch, ret, err);
}

static int patch_json(struct api_request *q, const struct ol_val *doc, const struct ol_val *patch,
                      struct ol_val **ret, struct ol_err *err)
{
    return ol_json_patch(patch, doc, &q->arena, ret, err);
}

static const struct patch_row {
    const char *type;
    patch_fn patch; /* NULL: server-side apply */
    enum kube_reason failure;
} patches[] = {
    {"application/merge-patch+json", patch_merge, KUBE_BAD_REQUEST},
    {"application/strategic-merge-patch+json", patch_strategic, KUBE_BAD_REQUEST},
    {"application/json-patch+json", patch_json, KUBE_INVALID},
    {"application/apply-patch+yaml", NULL, KUBE_BAD_REQUEST},
};

static const struct patch_row *find_patch(struct api_request *q)
{
    const char *type = q->content_type ? q->content_type : "";
    size_t len = strcspn(type, ";, ");

    for (size_t i = 0; i < ol_count(patches); i++)
        if (strlen(patches[i].type) == len && strncmp(patches[i].type, type, len) == 0)
            return &patches[i];
    api_fail(q, KUBE_UNSUPPORTED_MEDIA_TYPE,
             "the body of the request was in an unknown format - accepted media types include: "
             "application/json-patch+json, application/merge-patch+json, "
             "application/apply-patch+yaml, application/strategic-merge-patch+json");
    return NULL;
}

static void fail_apply(struct api_request *q, int r, const struct kube_findings *conflicts,
                       const struct ol_err *err)
{
    struct kube_status st = {.reason = KUBE_CONFLICT,
                             .message = ol_err_text(err),
                             .causes = conflicts->v,
                             .n_causes = conflicts->n};

    if (r == -EEXIST)
        api_answer_status(q, &st);
    else
        api_fail(q, KUBE_BAD_REQUEST, "%s", ol_err_text(err));
}

static void apply(struct api_request *q, const struct ol_val *config, struct api_current *current)
{
    struct kube_findings conflicts = {.arena = &q->arena};
    struct kube_manager m = {.name = q->query.field_manager,
                             .subresource = q->route.subresource,
                             .is_apply = true,
                             .is_forced = q->query.is_forced};
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *object;
    char now[32];
    int r;

    if (!*m.name) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                 "required for apply patch");
        return;
    }
    if (!ol_val_is(config, OL_VAL_MAP)) {
        api_fail(q, KUBE_BAD_REQUEST, "the body is not an object");
        return;
    }
    if (ol_val_at(config, "metadata/managedFields")) {
        api_fail(q, KUBE_BAD_REQUEST, "metadata.managedFields must be nil");
        return;
    }
    api_time_text(ol_now_wall(q->server->env), now);
    m.time = now;
    r = kube_apply(&q->arena, q->route.kind, current->tree, config, &m, &object, &conflicts, &err);
    if (r < 0) {
        fail_apply(q, r, &conflicts, &err);
        return;
    }
    object = ol_val_copy_top(&q->arena, object);
    if (!current->text)
        create_object(q, object, true);
    else if (check_version(q, object, current, false))
        change_object(q, object, current, true);
}

static bool is_force_wrong(struct api_request *q, const struct patch_row *row)
{
    if (!row->patch || !q->query.has_force)
        return false;
    api_fail(q, KUBE_INVALID,
             "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not "
             "be specified for non-apply patch");
    return true;
}

void api_patch(struct api_request *q)
{
    ol_auto(current_done) struct api_current current = {0};
    struct ol_err err = OL_ERR_INIT;
    struct store_key key = api_key(q);
    const struct patch_row *row = find_patch(q);
    struct ol_val *patch, *object;
    int r;

    if (!row || is_force_wrong(q, row) || !api_body_any(q, row->type, &patch)
        || !api_load_current(q, &key, &current))
        return;
    if (!row->patch) {
        if (!current.text && q->route.subresource)
            api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
        else
            apply(q, patch, &current);
        return;
    }
    if (!current.text) {
        api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
        return;
    }
    r = row->patch(q, current.tree, patch, &object, &err);
    if (r < 0) {
        api_fail(q, row->failure, "%s", ol_err_text(&err));
        return;
    }
    if (!ol_val_is(object, OL_VAL_MAP)) {
        api_fail(q, KUBE_BAD_REQUEST, "the patched document is not an object");
        return;
    }
    object = ol_val_copy_top(&q->arena, object);
    if (check_version(q, object, &current, false))
        change_object(q, object, &current, false);
}
