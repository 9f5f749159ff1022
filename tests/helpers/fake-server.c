/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "codec/json-patch.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "fake-server.h"
#include "kube/document/patch.h"

enum { ARENA_MAX = 256 << 20 };

/* --- what is asked --- */

/* The parts of a path; a query's values are unescaped where they can be escaped. */
struct target {
    const struct kube_kind *kind;
    const char *ns, *name, *sub;
};

static char hex(const char *s)
{
    char digits[3] = {s[0], s[0] ? s[1] : '\0', '\0'};
    int value = 0;

    return ol_parse_int(digits, 16, 0, 255, &value) < 0 ? '?' : (char)value;
}

const char *fake_query(const char *path, const char *key, struct ol_arena *a)
{
    ol_autofree char *marked = ol_xasprintf("%s=", key);
    const char *at = strchr(path, '?'), *end;
    char *out, *to;

    while (at && !ol_str_starts(at + 1, marked))
        at = strchr(at + 1, '&');
    if (!at)
        return NULL;
    at += 1 + strlen(marked);
    end = at + strcspn(at, "&");
    to = out = ol_arena_memdup(a, at, (size_t)(end - at));
    while (at < end) {
        *to++ = *at == '%' ? hex(at + 1) : *at;
        at += *at == '%' ? 3 : 1;
    }
    *to = '\0';
    return out;
}

enum { PARTS = 9 };

static void split_path(const char *path, struct ol_arena *a, const char *ret_parts[PARTS + 3])
{
    struct ol_strv parts = OL_STRV_INIT;
    ol_autofree char *plain = ol_xstrndup(path, strcspn(path, "?"));

    ol_strv_split(&parts, plain, "/");
    for (size_t i = 0; i < parts.n && i < PARTS; i++)
        ret_parts[i] = ol_arena_strdup(a, parts.v[i]);
    ol_strv_done(&parts);
}

static bool read_target(const char *path, struct ol_arena *a, struct target *ret)
{
    const char *p[PARTS + 3] = {0};
    size_t at;
    bool is_core;

    split_path(path, a, p);
    if (!p[0] || !p[1])
        return false;
    is_core = strcmp(p[0], "api") == 0;
    at = is_core ? 2 : 3;
    *ret = (struct target){.ns = ""};
    if (p[at] && p[at + 1] && p[at + 2] && strcmp(p[at], "namespaces") == 0) {
        ret->ns = p[at + 1];
        at += 2;
    }
    if (!p[at])
        return false;
    ret->kind = kube_kind_by_plural(is_core ? "" : p[1], is_core ? p[1] : p[2], p[at]);
    ret->name = p[at + 1];
    ret->sub = ret->name ? p[at + 2] : NULL;
    return ret->kind != NULL;
}

/* --- answers --- */

static void say(struct fake_reply *r, int http, const char *json)
{
    r->http = http;
    ol_buf_clear(&r->body);
    ol_buf_adds(&r->body, json);
}

void fake_fail(struct fake_reply *r, int http, const char *reason, const char *message)
{
    r->http = http;
    ol_buf_clear(&r->body);
    ol_buf_printf(
        &r->body,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"%s\","
        "\"reason\":\"%s\",\"code\":%d}",
        message, reason ? reason : "", http);
}

static void fail_for(struct fake_reply *r, enum kube_reason reason, const struct target *t)
{
    ol_autofree char *message =
        ol_xasprintf("%s \\\"%s\\\" %s", t->kind->plural, t->name ? t->name : "",
                     reason == KUBE_NOT_FOUND ? "not found"
                     : reason == KUBE_ALREADY_EXISTS
                         ? "already exists"
                         : "the object has been modified; please apply your changes to the latest "
                           "version and try again");

    fake_fail(r, kube_reason_http(reason), kube_reason_name(reason), message);
}

static void list(struct fake_api *f, const struct target *t, const char *path, struct fake_reply *r,
                 struct ol_arena *a)
{
    const char *limit = fake_query(path, "limit", a), *token = fake_query(path, "continue", a);
    uint64_t from = 0, version = f->store->version, most = 0;
    ol_autofree struct fake_stored **all = NULL;
    size_t n = 0;

    if (token && sscanf(token, "%" SCNu64 "/%" SCNu64, &version, &from) != 2) {
        fake_fail(r, 400, "BadRequest", "continue key is not valid");
        return;
    }
    if (token && version != f->store->version) {
        /* Simpler than a real one's, and harder on the client. */
        fake_fail(r, 410, "Expired", "The provided continue parameter is too old");
        return;
    }
    if (!limit || ol_parse_u64(limit, 10, &most) < 0 || !most)
        most = UINT64_MAX;
    all = fake_store_list(f->store, t->kind, t->ns, &n);
    r->http = 200;
    ol_buf_printf(&r->body, "{\"kind\":\"%s\",\"apiVersion\":\"v1\",\"items\":[",
                  t->kind->list_kind);
    for (size_t i = from; i < n && i - from < most; i++) {
        ol_buf_adds(&r->body, i > from ? "," : "");
        ol_buf_adds(&r->body, all[i]->json);
    }
    ol_buf_printf(&r->body, "],\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", version);
    if (n - from > most)
        ol_buf_printf(&r->body, ",\"continue\":\"%" PRIu64 "/%" PRIu64 "\"", version, from + most);
    ol_buf_adds(&r->body, "}}");
}

static void commit(struct fake_api *f, const struct target *t, struct ol_val *object, int http,
                   struct fake_reply *r, struct ol_arena *a)
{
    ol_autofree char *json = fake_store_commit(f->store, t->kind, object, a);

    say(r, http, json);
    fake_wake(f);
}

static void bind_pod(struct fake_api *f, struct target *t, const struct ol_val *binding,
                     struct fake_reply *r, struct ol_arena *a)
{
    struct fake_stored *o = fake_store_find(f->store, t->kind, t->ns, t->name);
    const char *node = ol_val_str(ol_val_at(binding, "target/name"));
    struct ol_val *pod, *spec;

    if (!o) {
        fail_for(r, KUBE_NOT_FOUND, t);
        return;
    }
    pod = fake_load(o->json, a);
    spec = ol_val_get_mut(pod, "spec");
    if (!node || !spec || ol_val_str(ol_val_get(spec, "nodeName"))) {
        fake_fail(r, 409, "Conflict", "pod is already assigned to a node");
        return;
    }
    ol_val_set_str(a, spec, "nodeName", node);
    commit(f, t, pod, 201, r, a);
    say(r, 201, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\",\"code\":201}");
}

static void create(struct fake_api *f, struct target *t, struct ol_val *object,
                   struct fake_reply *r, struct ol_arena *a)
{
    const struct ol_val *meta = ol_val_get(object, "metadata");

    if (t->name) {
        bind_pod(f, t, object, r, a);
        return;
    }
    t->name = ol_val_str(ol_val_get(meta, "name"));
    if (!t->name && !ol_val_str(ol_val_get(meta, "generateName"))) {
        fake_fail(r, 422, "Invalid", "name or generateName is required");
        return;
    }
    if (t->name && fake_store_find(f->store, t->kind, t->ns, t->name)) {
        fail_for(r, KUBE_ALREADY_EXISTS, t);
        return;
    }
    if (*t->ns)
        ol_val_set_str(a, fake_meta(object, a), "namespace", t->ns);
    fake_stamp(f, object, a);
    commit(f, t, object, 201, r, a);
}

static bool differs(const struct ol_val *a, const struct ol_val *b, const char *path)
{
    const struct ol_val *wanted = ol_val_at(b, path);

    return ol_val_str(wanted) && !ol_val_equal(ol_val_at(a, path), wanted);
}

/* /status changes status and metadata alone, the main resource all but status. */
static struct ol_val *keep_other_part(const struct target *t, const struct ol_val *old,
                                      struct ol_val *now, struct ol_arena *a)
{
    struct ol_val *base = now, *with = NULL;
    bool is_status = t->sub && strcmp(t->sub, "status") == 0;

    if (!(t->kind->flags & KUBE_HAS_STATUS))
        return now;
    if (is_status) {
        base = ol_val_copy(a, old);
        with = ol_val_get_mut(now, "status");
        ol_val_set(a, base, "metadata", ol_val_get_mut(now, "metadata"));
    } else {
        with = ol_val_copy(a, ol_val_get(old, "status"));
    }
    if (with)
        ol_val_set(a, base, "status", with);
    else
        ol_val_remove(base, "status");
    return base;
}

static int patched(const struct target *t, const char *type, const struct ol_val *old,
                   struct ol_val *patch, struct ol_arena *a, struct ol_val **ret)
{
    if (strstr(type, "/json-patch"))
        return ol_json_patch(patch, old, a, ret, NULL);
    if (strstr(type, "/strategic"))
        return kube_patch_strategic(a, t->kind->schema, old, patch, ret, NULL);
    *ret = kube_patch_merge(a, old, patch);
    return 0;
}

/* PUT and PATCH; 'type' NULL: PUT. */
static void change(struct fake_api *f, const struct target *t, const char *type,
                   struct ol_val *body, struct fake_reply *r, struct ol_arena *a)
{
    struct fake_stored *o = fake_store_find(f->store, t->kind, t->ns, t->name);
    struct ol_val *old, *now = body;

    if (!o) {
        fail_for(r, KUBE_NOT_FOUND, t);
        return;
    }
    old = fake_load(o->json, a);
    if (type && patched(t, type, old, body, a, &now) < 0) {
        fake_fail(r, 400, "BadRequest", "the patch can't be applied");
        return;
    }
    if (differs(old, now, "metadata/resourceVersion") || differs(old, now, "metadata/uid")) {
        fail_for(r, KUBE_CONFLICT, t);
        return;
    }
    now = keep_other_part(t, old, ol_val_copy(a, now), a);
    commit(f, t, now, 200, r, a);
}

static void delete(struct fake_api *f, const struct target *t, const struct ol_val *options,
                   struct fake_reply *r, struct ol_arena *a)
{
    struct fake_stored *o = fake_store_find(f->store, t->kind, t->ns, t->name);
    const struct ol_val *pre = ol_val_get(options, "preconditions");
    struct ol_val *object;
    ol_autofree char *last = NULL;

    if (!o) {
        fail_for(r, KUBE_NOT_FOUND, t);
        return;
    }
    object = fake_load(o->json, a);
    if (differs(ol_val_get(object, "metadata"), pre, "uid")
        || differs(ol_val_get(object, "metadata"), pre, "resourceVersion")) {
        fail_for(r, KUBE_CONFLICT, t);
        return;
    }
    if (ol_val_count(ol_val_at(object, "metadata/finalizers"))) {
        if (!ol_val_at(object, "metadata/deletionTimestamp"))
            ol_val_set_str(a, fake_meta(object, a), "deletionTimestamp", fake_time(f, a));
        commit(f, t, object, 200, r, a);
        return;
    }
    last = fake_store_remove(f->store, o);
    say(r, 200, last);
    fake_wake(f);
}

void fake_answer(struct fake_api *f, const struct fake_request *q, struct fake_reply *r)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    struct ol_val *body = q->body.len ? fake_load(q->body.data, &a) : NULL;
    struct target t;
    struct fake_stored *o;

    if (!read_target(q->path, &a, &t)) {
        fake_fail(r, 404, "NotFound", "the server could not find the requested resource");
        return;
    }
    if (strcmp(q->method, "GET") == 0 && !t.name) {
        list(f, &t, q->path, r, &a);
    } else if (strcmp(q->method, "GET") == 0) {
        o = fake_store_find(f->store, t.kind, t.ns, t.name);
        if (o)
            say(r, 200, o->json);
        else
            fail_for(r, KUBE_NOT_FOUND, &t);
    } else if (strcmp(q->method, "DELETE") == 0) {
        delete (f, &t, body, r, &a);
    } else if (!body) {
        fake_fail(r, 400, "BadRequest", "the body is no JSON");
    } else if (strcmp(q->method, "POST") == 0) {
        create(f, &t, body, r, &a);
    } else {
        change(f, &t, strcmp(q->method, "PATCH") == 0 ? q->content_type : NULL, body, r, &a);
    }
}

bool fake_watch_target(const char *path, const struct kube_kind **ret_kind, char **ret_ns)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    struct target t;

    if (!read_target(path, &a, &t))
        return false;
    *ret_kind = t.kind;
    *ret_ns = ol_xstrdup(t.ns);
    return true;
}
