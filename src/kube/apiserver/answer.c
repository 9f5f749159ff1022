/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/apiserver/api-internal.h"
#include "kube/document/describe.h"

enum { MAX_HEADERS = 36, MAX_SMALL = 4 << 20 };

static void finish(struct api_request *q, const struct ol_http_answer *a)
{
    api_metrics_count(q->server->metrics, q, a->status);
    q->sink->answer(q->self, a);
    api_request_free(q);
}

/* The warnings, and what a Status asks the client to do. */
static void headers_of(const struct api_request *q, const char *extra, const char *ret[MAX_HEADERS])
{
    const char *line = q->warnings.data;
    size_t n = 0;

    ret[n++] = "Cache-Control: no-cache, private";
    if (extra)
        ret[n++] = extra;
    for (size_t i = 0; i < q->n_warnings && n < MAX_HEADERS - 1; i++) {
        ret[n++] = line;
        line += strlen(line) + 1;
    }
    ret[n] = NULL;
}

void api_answer_bytes(struct api_request *q, int status, const char *type, const struct ol_buf *b)
{
    const char *headers[MAX_HEADERS];
    struct ol_http_answer a = {.status = status,
                               .content_type = type,
                               .headers = headers,
                               .body = b->data,
                               .size = b->len};

    headers_of(q, NULL, headers);
    finish(q, &a);
}

int api_include(const struct api_request *q)
{
    if (strcmp(q->query.include_object, "None") == 0)
        return KUBE_INCLUDE_NONE;
    return strcmp(q->query.include_object, "Object") == 0 ? KUBE_INCLUDE_OBJECT
                                                          : KUBE_INCLUDE_METADATA;
}

static void answer_object(struct api_request *q, int status, const char *json, size_t len)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(API_MAX_ANSWER);
    struct api_render r = {
        .kind = q->route.kind, .include = api_include(q), .now = ol_now_wall(q->server->env)};

    if (api_form_of(q->accept, &r.form) < 0) {
        api_fail(q, KUBE_NOT_ACCEPTABLE,
                 "only the following media types are accepted: application/json, application/yaml");
        return;
    }
    if (r.form >= API_DISCOVERY_V2 || (!r.kind && r.form != API_YAML))
        r.form = API_JSON;
    if (api_render_object(&r, json, len, &b) < 0) {
        api_fail(q, KUBE_INTERNAL_ERROR, "the object can't be shown: its text is damaged");
        return;
    }
    api_answer_bytes(q, status, api_form_type(r.form), &b);
}

void api_answer_text(struct api_request *q, int status, const struct store_text *text)
{
    answer_object(q, status, text->data, text->len);
}

void api_answer_val(struct api_request *q, int status, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(API_MAX_ANSWER);

    if (ol_json_dump(v, &ol_json_compact, &b) < 0) {
        api_fail(q, KUBE_INTERNAL_ERROR, "the object can't be written as JSON");
        return;
    }
    answer_object(q, status, b.data, b.len);
}

void api_answer_status(struct api_request *q, const struct kube_status *st)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_SMALL);
    const char *headers[MAX_HEADERS];
    char retry[48];
    struct ol_http_answer a = {.status = st->reason ? kube_reason_http(st->reason) : 200,
                               .content_type = "application/json",
                               .headers = headers};

    kube_status_write(st, &b);
    snprintf(retry, sizeof(retry), "Retry-After: %d", st->retry_after_seconds);
    headers_of(q, st->retry_after_seconds ? retry : NULL, headers);
    a.body = b.data;
    a.size = b.len;
    finish(q, &a);
}

void api_fail(struct api_request *q, enum kube_reason reason, const char *fmt, ...)
{
    char message[1024];
    struct kube_status st = {.reason = reason, .message = message};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    if (reason == KUBE_TOO_MANY_REQUESTS || reason == KUBE_SERVICE_UNAVAILABLE)
        st.retry_after_seconds = 1;
    api_answer_status(q, &st);
}

const char *api_qualified(struct ol_arena *a, const struct kube_kind *kind, const char *word)
{
    return *kind->group ? ol_arena_printf(a, "%s.%s", word, kind->group) : word;
}

void api_fail_named(struct api_request *q, enum kube_reason reason, const char *name)
{
    const struct kube_kind *k = q->route.kind;
    struct kube_status st = {.reason = reason, .group = k->group, .kind = k->plural, .name = name};
    const char *what = api_qualified(&q->arena, k, k->plural);

    if (reason == KUBE_ALREADY_EXISTS)
        st.message = ol_arena_printf(&q->arena, "%s \"%s\" already exists", what, name);
    else
        st.message = ol_arena_printf(&q->arena, "%s \"%s\" not found", what, name);
    api_answer_status(q, &st);
}

void api_fail_conflict(struct api_request *q, const char *name, const char *why)
{
    const struct kube_kind *k = q->route.kind;
    struct kube_status st = {
        .reason = KUBE_CONFLICT, .group = k->group, .kind = k->plural, .name = name};

    st.message = ol_arena_printf(&q->arena, "Operation cannot be fulfilled on %s \"%s\": %s",
                                 api_qualified(&q->arena, k, k->plural), name, why);
    api_answer_status(q, &st);
}

void api_fail_invalid(struct api_request *q, const char *name, const struct kube_findings *f)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_SMALL);
    const struct kube_kind *k = q->route.kind;
    struct kube_status st = {.reason = KUBE_INVALID,
                             .group = k->group,
                             .kind = k->kind,
                             .name = name,
                             .causes = f->v,
                             .n_causes = f->n};

    ol_buf_printf(&b, "%s \"%s\" is invalid: %s", api_qualified(&q->arena, k, k->kind), name,
                  f->n > 1 ? "[" : "");
    for (size_t i = 0; i < f->n; i++)
        ol_buf_printf(&b, "%s%s: %s", i ? ", " : "", f->v[i].path, f->v[i].message);
    ol_buf_adds(&b, f->n > 1 ? "]" : "");
    st.message = b.data;
    api_answer_status(q, &st);
}

void api_fail_store(struct api_request *q, int r)
{
    if (r == -ENOSPC)
        api_fail(q, KUBE_INTERNAL_ERROR,
                 "the store can't be written: no space left on the device; nothing was changed");
    else
        api_fail(q, KUBE_INTERNAL_ERROR, "the store can't be used: %s", strerror(-r));
}

void api_answer_deleted(struct api_request *q, const char *name, const char *uid)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_SMALL);
    struct ol_jw w;

    ol_jw_init(&w, &b);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "Status");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_map(&w, "metadata");
    ol_jw_end(&w);
    ol_jw_str(&w, "status", "Success");
    ol_jw_map(&w, "details");
    ol_jw_str(&w, "name", name);
    ol_jw_str(&w, "group", *q->route.kind->group ? q->route.kind->group : NULL);
    ol_jw_str(&w, "kind", q->route.kind->plural);
    ol_jw_str(&w, "uid", uid);
    ol_jw_end(&w);
    ol_jw_end(&w);
    api_answer_bytes(q, 200, "application/json", &b);
}

void api_warn(struct api_request *q, const char *text)
{
    ol_buf_adds(&q->warnings, "Warning: 299 - \"");
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            ol_buf_addc(&q->warnings, '\\');
        ol_buf_addc(&q->warnings, (unsigned char)*p < ' ' ? ' ' : *p);
    }
    ol_buf_addc(&q->warnings, '"');
    ol_buf_addc(&q->warnings, '\0');
    if (ol_buf_status(&q->warnings) == 0)
        q->n_warnings++;
}
