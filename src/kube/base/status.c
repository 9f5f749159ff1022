/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/status.h"

#include <stdarg.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"

enum { FINDINGS_MAX = 1000 };

struct reason {
    const char *name;
    int http;
};

static const struct reason reasons[KUBE_N_REASONS] = {
    [KUBE_OK] = {"", 200},
    [KUBE_UNKNOWN] = {"", 500},
    [KUBE_BAD_REQUEST] = {"BadRequest", 400},
    [KUBE_UNAUTHORIZED] = {"Unauthorized", 401},
    [KUBE_FORBIDDEN] = {"Forbidden", 403},
    [KUBE_NOT_FOUND] = {"NotFound", 404},
    [KUBE_METHOD_NOT_ALLOWED] = {"MethodNotAllowed", 405},
    [KUBE_NOT_ACCEPTABLE] = {"NotAcceptable", 406},
    [KUBE_ALREADY_EXISTS] = {"AlreadyExists", 409},
    [KUBE_CONFLICT] = {"Conflict", 409},
    [KUBE_EXPIRED] = {"Expired", 410},
    [KUBE_GONE] = {"Gone", 410},
    [KUBE_TOO_LARGE] = {"RequestEntityTooLarge", 413},
    [KUBE_UNSUPPORTED_MEDIA_TYPE] = {"UnsupportedMediaType", 415},
    [KUBE_INVALID] = {"Invalid", 422},
    [KUBE_TOO_MANY_REQUESTS] = {"TooManyRequests", 429},
    [KUBE_INTERNAL_ERROR] = {"InternalError", 500},
    [KUBE_SERVICE_UNAVAILABLE] = {"ServiceUnavailable", 503},
    [KUBE_TIMEOUT] = {"Timeout", 504},
};

/* What an HTTP code alone means where several reasons share it. */
static const struct {
    int http;
    enum kube_reason reason;
} codes[] = {
    {409, KUBE_CONFLICT},
    {410, KUBE_GONE},
    {500, KUBE_INTERNAL_ERROR},
};

const char *kube_reason_name(enum kube_reason r)
{
    return reasons[r].name;
}

int kube_reason_http(enum kube_reason r)
{
    return reasons[r].http;
}

static enum kube_reason reason_of_code(int http_status)
{
    for (size_t i = 0; i < ol_count(codes); i++)
        if (codes[i].http == http_status)
            return codes[i].reason;
    for (int r = KUBE_BAD_REQUEST; r < KUBE_N_REASONS; r++)
        if (reasons[r].http == http_status)
            return (enum kube_reason)r;
    return KUBE_UNKNOWN;
}

enum kube_reason kube_reason_of(const char *name, int http_status)
{
    if (name && !strcmp(name, "ServerTimeout"))
        return KUBE_TIMEOUT;
    for (int r = 0; name && *name && r < KUBE_N_REASONS; r++)
        if (!strcmp(reasons[r].name, name))
            return (enum kube_reason)r;
    if (http_status >= 200 && http_status < 300)
        return KUBE_OK;
    return reason_of_code(http_status);
}

void kube_find(struct kube_findings *to, const char *reason, const char *path, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf message = OL_BUF_INIT(1 << 20);
    va_list ap;

    if (to->n >= FINDINGS_MAX || ol_arena_is_over(to->arena))
        return;
    if (to->n == to->cap) {
        size_t cap = to->cap ? to->cap * 2 : 8;

        to->v = ol_arena_grow(to->arena, to->v, to->cap * sizeof(*to->v), cap * sizeof(*to->v));
        to->cap = cap;
    }
    va_start(ap, fmt);
    ol_buf_vprintf(&message, fmt, ap);
    va_end(ap);
    to->v[to->n++] = (struct kube_finding){
        .reason = reason,
        .path = ol_arena_strdup(to->arena, path),
        .message = ol_arena_memdup(to->arena, message.data, message.len),
    };
}

static void write_causes(const struct kube_status *s, struct ol_jw *w)
{
    if (s->n_causes == 0)
        return;
    ol_jw_list(w, "causes");
    for (size_t i = 0; i < s->n_causes; i++) {
        ol_jw_map(w, NULL);
        ol_jw_str(w, "reason", s->causes[i].reason);
        ol_jw_str(w, "message", s->causes[i].message);
        ol_jw_str(w, "field", s->causes[i].path);
        ol_jw_end(w);
    }
    ol_jw_end(w);
}

static void write_details(const struct kube_status *s, struct ol_jw *w)
{
    const char *group = s->group && *s->group ? s->group : NULL;

    if (!s->name && !group && !s->kind && !s->uid && !s->n_causes && !s->retry_after_seconds)
        return;
    ol_jw_map(w, "details");
    ol_jw_str(w, "name", s->name && *s->name ? s->name : NULL);
    ol_jw_str(w, "group", group);
    ol_jw_str(w, "kind", s->kind);
    ol_jw_str(w, "uid", s->uid);
    write_causes(s, w);
    if (s->retry_after_seconds)
        ol_jw_int(w, "retryAfterSeconds", s->retry_after_seconds);
    ol_jw_end(w);
}

void kube_status_write(const struct kube_status *s, struct ol_buf *to)
{
    const char *reason = kube_reason_name(s->reason);
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "Status");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_map(&w, "metadata");
    ol_jw_end(&w);
    ol_jw_str(&w, "status", s->reason == KUBE_OK ? "Success" : "Failure");
    ol_jw_str(&w, "message", s->message && *s->message ? s->message : NULL);
    ol_jw_str(&w, "reason", *reason ? reason : NULL);
    write_details(s, &w);
    ol_jw_int(&w, "code", kube_reason_http(s->reason));
    ol_jw_end(&w);
}
