/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/client.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/client/client-internal.h"

enum {
    PATH_MAX_BYTES = 16 << 10,
    STATUS_MAX_BYTES = 1 << 20, /* of the tree of an error's answer */
    SHOWN_BYTES = 200,          /* of a body that is no Status */
};
#define REQUEST_TIMEOUT (60 * OL_SECOND) /* an API server's own --request-timeout */

struct kube_client {
    struct ol_loop *loop;
    const struct kube_transport *transport;
    void *self;
    size_t n_under_way;
};

struct kube_request {
    struct kube_client *client;
    const struct kube_kind *kind;
    kube_done_fn done;
    void *ctx;
    void *handle;
    const char *method;
    char *path;
    bool want_object;
};

static const struct verb {
    const char *method, *content_type;
} verbs[] = {
    [KUBE_VERB_GET] = {"GET", NULL},
    [KUBE_VERB_LIST] = {"GET", NULL},
    [KUBE_VERB_WATCH] = {"GET", NULL},
    [KUBE_VERB_CREATE] = {"POST", "application/json"},
    [KUBE_VERB_UPDATE] = {"PUT", "application/json"},
    [KUBE_VERB_PATCH_MERGE] = {"PATCH", "application/merge-patch+json"},
    [KUBE_VERB_PATCH_STRATEGIC] = {"PATCH", "application/strategic-merge-patch+json"},
    [KUBE_VERB_PATCH_JSON] = {"PATCH", "application/json-patch+json"},
    [KUBE_VERB_DELETE] = {"DELETE", "application/json"},
};

struct kube_client *kube_client_new(struct ol_loop *loop, const struct kube_transport *transport,
                                    void *self)
{
    struct kube_client *c = ol_xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->transport = transport;
    c->self = self;
    return c;
}

void kube_client_free(struct kube_client *c)
{
    if (!c)
        return;
    assert(!c->n_under_way);
    c->transport->free(c->self);
    free(c);
}

struct ol_loop *kube_client_loop(const struct kube_client *c)
{
    return c->loop;
}

/* --- paths --- */

/* A part of a path: names are foreign text and may not become another path or a query. */
static void add_segment(struct ol_buf *to, const char *s)
{
    ol_buf_addc(to, '/');
    for (; *s; s++) {
        if (strchr("/?#% ", *s) || (unsigned char)*s < 32 || (unsigned char)*s >= 127)
            ol_buf_printf(to, "%%%02X", (unsigned char)*s);
        else
            ol_buf_addc(to, *s);
    }
}

static bool is_given(const char *s)
{
    return s && *s;
}

char *kube_ask_path(const struct kube_ask *ask)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(PATH_MAX_BYTES);
    const struct kube_kind *kind = ask->kind;

    ol_buf_adds(&b, *kind->group ? "/apis" : "/api");
    if (*kind->group)
        add_segment(&b, kind->group);
    add_segment(&b, kind->version);
    if ((kind->flags & KUBE_NAMESPACED) && is_given(ask->ns)) {
        ol_buf_adds(&b, "/namespaces");
        add_segment(&b, ask->ns);
    }
    add_segment(&b, kind->plural);
    if (is_given(ask->name))
        add_segment(&b, ask->name);
    if (is_given(ask->subresource))
        add_segment(&b, ask->subresource);
    if (is_given(ask->query))
        ol_buf_printf(&b, "?%s", ask->query);
    return ol_buf_take(&b);
}

/* --- answers --- */

static const char *plain_message(const char *body, size_t size, int http, struct ol_arena *a)
{
    if (!size || !ol_utf8_is_valid(body, size))
        return ol_arena_printf(a, "the server answered with HTTP status %d", http);
    return ol_arena_printf(a, "the server answered with HTTP status %d: %.*s", http,
                           (int)(size < SHOWN_BYTES ? size : SHOWN_BYTES), body);
}

enum kube_reason kube_status_read(const char *body, size_t size, int http, struct ol_arena *a,
                                  const char **ret_message)
{
    struct ol_val *v = NULL;
    const char *kind, *message;

    if (ol_json_load(body, size, a, &v, NULL) < 0)
        v = NULL;
    kind = ol_val_str(ol_val_get(v, "kind"));
    message = ol_val_str(ol_val_get(v, "message"));
    if (!kind || strcmp(kind, "Status") != 0 || !message)
        message = plain_message(body, size, http, a);
    *ret_message = message;
    return kube_reason_of(ol_val_str(ol_val_get(v, "reason")), http);
}

static void release(struct kube_request *r)
{
    r->client->n_under_way--;
    free(r->path);
    free(r);
}

static void tell(struct kube_request *r, struct kube_answer *a)
{
    kube_done_fn done = r->done;
    void *ctx = r->ctx;

    release(r);
    done(ctx, a);
}

static void tell_object(struct kube_request *r, struct kube_answer *a)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;
    ol_autofree char *message = NULL;

    if (kube_decode_text(r->kind, a->body, a->size, &o, &err) < 0) {
        message = ol_xasprintf("%s %s: the answer: %s", r->method, r->path, ol_err_text(&err));
        a->reason = KUBE_UNKNOWN;
        a->message = message;
    }
    a->object = o;
    tell(r, a);
}

static void on_done(void *ctx, int status, const char *body, size_t len, const struct ol_err *err)
{
    struct kube_request *r = ctx;
    struct kube_answer a = {.http = status, .message = "", .body = body ? body : "", .size = len};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(STATUS_MAX_BYTES);

    if (status >= 200 && status < 300) {
        a.reason = KUBE_OK;
        if (r->want_object)
            tell_object(r, &a);
        else
            tell(r, &a);
        return;
    }
    if (!status) {
        a.reason = KUBE_UNKNOWN;
        a.message = err ? ol_err_text(err)
                        : ol_arena_printf(&arena, "%s %s: there was no answer", r->method, r->path);
    } else {
        a.reason = kube_status_read(a.body, len, status, &arena, &a.message);
        if (a.reason == KUBE_OK)
            a.reason = KUBE_UNKNOWN;
    }
    tell(r, &a);
}

/* --- requests --- */

/* The answer to other subresources, and to DELETE, may be another kind. */
static bool has_object_answer(const struct kube_ask *ask)
{
    if (ask->verb == KUBE_VERB_LIST || ask->verb == KUBE_VERB_DELETE)
        return false;
    return !is_given(ask->subresource) || strcmp(ask->subresource, "status") == 0;
}

static bool is_write(enum kube_verb verb)
{
    return verb >= KUBE_VERB_CREATE;
}

/* Takes 'path'. A dry run of ours is one of the server's. */
static char *as_change(struct kube_client *c, const char *method, char *path)
{
    ol_autofree char *own = path;

    if (ol_change(c->loop->env, method, path))
        return ol_take_ptr(own);
    return ol_xasprintf("%s%sdryRun=All", path, strchr(path, '?') ? "&" : "?");
}

struct kube_request *kube_send(struct kube_client *c, const struct kube_ask *ask, kube_done_fn done,
                               void *ctx)
{
    struct kube_request *r = ol_xcalloc(1, sizeof(*r));
    struct kube_exchange x = {.body = ask->body,
                              .size = ask->size,
                              .timeout = REQUEST_TIMEOUT,
                              .is_urgent = ask->is_urgent};

    assert(ask->verb != KUBE_VERB_WATCH);
    r->client = c;
    r->kind = ask->kind;
    r->done = done;
    r->ctx = ctx;
    r->method = verbs[ask->verb].method;
    r->path = kube_ask_path(ask);
    r->want_object = has_object_answer(ask);
    if (is_write(ask->verb))
        r->path = as_change(c, r->method, r->path);
    x.method = r->method;
    x.path = r->path;
    x.content_type = ask->body ? verbs[ask->verb].content_type : NULL;
    x.done = on_done;
    x.ctx = r;
    c->n_under_way++;
    r->handle = c->transport->send(c->self, &x);
    return r;
}

void kube_cancel(struct kube_request *r)
{
    if (!r)
        return;
    r->client->transport->cancel(r->client->self, r->handle);
    release(r);
}

void *kube_client_stream(struct kube_client *c, const struct kube_exchange *x)
{
    return c->transport->send(c->self, x);
}

void kube_client_stream_cancel(struct kube_client *c, void *handle)
{
    c->transport->cancel(c->self, handle);
}

/* --- what an answer means --- */

bool kube_answer_is_transient(const struct kube_answer *a)
{
    if (!a->http)
        return true;
    return a->http == 429 || a->http == 500 || a->http == 502 || a->http == 503 || a->http == 504;
}

int kube_answer_error(const struct kube_answer *a, struct ol_err *err)
{
    static const int codes[KUBE_N_REASONS] = {
        [KUBE_BAD_REQUEST] = EINVAL,      [KUBE_UNAUTHORIZED] = EACCES,
        [KUBE_FORBIDDEN] = EACCES,        [KUBE_NOT_FOUND] = ENOENT,
        [KUBE_ALREADY_EXISTS] = EEXIST,   [KUBE_CONFLICT] = EAGAIN,
        [KUBE_EXPIRED] = ESTALE,          [KUBE_GONE] = ESTALE,
        [KUBE_TOO_LARGE] = EFBIG,         [KUBE_INVALID] = EINVAL,
        [KUBE_TOO_MANY_REQUESTS] = EBUSY, [KUBE_SERVICE_UNAVAILABLE] = EBUSY,
        [KUBE_TIMEOUT] = ETIMEDOUT,
    };

    if (a->reason == KUBE_OK)
        return 0;
    return ol_err_set_domain(err, codes[a->reason] ? codes[a->reason] : EIO, "kube", a->http, "%s",
                             a->message);
}
