/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"
#include "kube/base/check.h"
#include "kube/document/patch.h"

static void on_stored(void *ctx, int r)
{
    struct api_request *q = ctx;

    if (r < 0)
        api_fail_store(q, r);
    else
        api_answer_text(q, q->success, q->result);
}

void api_store(struct api_request *q, struct ol_val *object, struct store_text *old, bool is_delete)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(API_MAX_BODY * 2);
    struct ol_val *meta = ol_val_copy_top(&q->arena, ol_val_get(object, "metadata"));
    struct store_write w = {
        .key = api_key(q), .old = old, .is_delete = is_delete, .done = on_stored, .ctx = q};
    uint64_t revision = store_next_revision(q->server->store);
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)revision);
    ol_val_set_str(&q->arena, meta, "resourceVersion", text);
    ol_val_set(&q->arena, object, "metadata", meta);
    if (ol_json_dump(object, &ol_json_compact, &json) < 0) {
        api_fail(q, KUBE_TOO_LARGE, "Request entity too large: limit is %d", (int)API_MAX_BODY);
        return;
    }
    w.now = store_text_new(revision, json.data, json.len);
    q->result = w.now;
    store_write(q->server->store, &w);
}

/* --- before --- */

static bool is_strict(const struct api_request *q)
{
    return strcmp(q->query.field_validation, "Strict") == 0;
}

/* Names of members that we don't know: an error, a warning or nothing. */
static bool check_fields(struct api_request *q, const struct ol_val *object)
{
    ol_auto(ol_buf_done) struct ol_buf all = OL_BUF_INIT(65536);
    struct kube_findings f = {.arena = &q->arena};
    const struct kube_kind *k = q->route.kind;

    if (strcmp(q->query.field_validation, "Ignore") == 0)
        return true;
    kube_check_unknown(k, object, &f);
    for (size_t i = 0; i < f.n; i++) {
        if (is_strict(q))
            ol_buf_printf(&all, "%s%s", i ? ", " : "", f.v[i].message);
        else
            api_warn(q, f.v[i].message);
    }
    if (!is_strict(q) || f.n == 0)
        return true;
    api_fail(q, KUBE_BAD_REQUEST,
             "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", k->kind,
             k->version, k->kind, all.data);
    return false;
}

static bool normalize(struct api_request *q, struct ol_val *object)
{
    const struct kube_kind *k = q->route.kind;
    struct ol_err err = OL_ERR_INIT;

    if (kube_normalize(k, object, &q->arena, &err) == 0)
        return true;
    api_fail(q, KUBE_BAD_REQUEST, "%s in version \"%s\" cannot be handled as a %s: %s", k->kind,
             k->version, k->kind, ol_err_text(&err));
    return false;
}

static bool validate(struct api_request *q, const struct api_change *c)
{
    struct kube_findings f = {.arena = &q->arena};

    kube_validate(q->route.kind, c->object, c->current->tree, c->subresource != NULL, &f);
    if (f.n == 0)
        return true;
    api_fail_invalid(q, q->route.name, &f);
    return false;
}

/* --- the bookkeeping of fields --- */

static const char *manager_of(const struct api_request *q)
{
    const char *agent = q->user_agent ? q->user_agent : "";

    if (*q->query.field_manager)
        return q->query.field_manager;
    return *agent ? ol_arena_memdup((struct ol_arena *)(uintptr_t)&q->arena, agent,
                                    strcspn(agent, "/"))
                  : "unknown";
}

static void manage(struct api_request *q, const struct api_change *c)
{
    struct kube_manager m = {.name = manager_of(q), .subresource = c->subresource};
    char now[32];

    if (c->is_managed)
        return;
    api_time_text(ol_now_wall(q->server->env), now);
    m.time = now;
    kube_managed_update(&q->arena, q->route.kind, c->current->tree, c->object, &m);
}

/* --- what has changed --- */

/* The entries of managedFields without their times. */
static bool is_same_managers(const struct ol_val *a, const struct ol_val *b)
{
    if (ol_val_count(a) != ol_val_count(b))
        return false;
    for (size_t i = 0; i < ol_val_count(a); i++) {
        const struct ol_val *x = ol_val_item(a, i), *y = ol_val_item(b, i);

        if (ol_val_count(x) != ol_val_count(y))
            return false;
        for (size_t j = 0; j < ol_val_count(x); j++) {
            const char *key = ol_val_str(ol_val_pair(x, j)->key);

            if (key && strcmp(key, "time") != 0
                && !ol_val_equal(ol_val_pair(x, j)->value, ol_val_get(y, key)))
                return false;
        }
    }
    return true;
}

/* Equal maps but for one member; a missing one equals an empty map or list, as Go omits these. */
static bool is_same_but(const struct ol_val *a, const struct ol_val *b, const char *skipped)
{
    size_t n = 0;

    for (size_t i = 0; i < ol_val_count(a); i++) {
        const char *key = ol_val_str(ol_val_pair(a, i)->key);

        if (!key || strcmp(key, skipped) == 0)
            continue;
        if (!ol_val_equal(ol_val_pair(a, i)->value, ol_val_get(b, key)))
            return false;
        n++;
    }
    for (size_t i = 0; i < ol_val_count(b); i++) {
        const char *key = ol_val_str(ol_val_pair(b, i)->key);

        n -= key && strcmp(key, skipped) != 0;
    }
    return n == 0;
}

static bool is_unchanged(const struct api_change *c)
{
    const struct ol_val *old = c->current->tree, *now = c->object;
    const struct ol_val *old_meta = ol_val_get(old, "metadata"),
                        *now_meta = ol_val_get(now, "metadata");

    return old && is_same_but(old, now, "metadata")
           && is_same_but(old_meta, now_meta, "managedFields");
}

static bool is_managed_the_same(const struct api_change *c)
{
    return is_same_managers(ol_val_at(c->current->tree, "metadata/managedFields"),
                            ol_val_at(c->object, "metadata/managedFields"));
}

/* The last finalizer has gone from what is being deleted. */
static bool is_end(const struct ol_val *object)
{
    return api_is_deleted(object) && !api_has_finalizers(object)
           && ol_val_int(ol_val_at(object, "metadata/deletionGracePeriodSeconds"), 0) == 0;
}

/* Kinds whose generation counts changes of the spec (their registry strategies). */
static void count_generation(struct api_request *q, const struct api_change *c)
{
    const struct ol_val *old = c->current->tree;
    int64_t n = ol_val_int(ol_val_at(old, "metadata/generation"), 0);

    if (q->route.kind == &kube_csidriver_kind && old
        && !ol_val_equal(ol_val_get(old, "spec"), ol_val_get(c->object, "spec")))
        ol_val_set_int(&q->arena, ol_val_get_mut(c->object, "metadata"), "generation", n + 1);
}

/* Nothing to write; what is answered may still be on its way to the disk. */
static void keep_current(struct api_request *q, const struct api_change *c)
{
    q->result = store_text_ref(c->current->text);
    store_wait(q->server->store, on_stored, q);
}

void api_commit(struct api_request *q, const struct api_change *c)
{
    const struct ol_val *old = c->current->tree;

    if (!check_fields(q, c->object) || !normalize(q, c->object))
        return;
    kube_default(q->route.kind, c->object, old, &q->arena);
    if (!api_admit(q, c->object, old) || !validate(q, c))
        return;
    if (is_unchanged(c) && (!c->is_managed || is_managed_the_same(c))) {
        if (is_end(c->object) && !q->query.is_dry_run)
            api_store(q, c->object, c->current->text, true);
        else
            keep_current(q, c);
        return;
    }
    count_generation(q, c);
    manage(q, c);
    if (q->query.is_dry_run)
        api_answer_val(q, q->success, c->object);
    else
        api_store(q, c->object, c->current->text, is_end(c->object));
}
