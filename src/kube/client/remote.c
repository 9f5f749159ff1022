/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/remote-internal.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "net/http-async.h"

/* The transport of an API that is somewhere else. */

enum { CONNECTIONS = 128 };
#define TOKEN_AGE (60 * OL_SECOND) /* as client-go: a pod's token changes every hour or so */

struct remote {
    struct ol_loop *loop;
    struct ol_http_async *http;
    struct kube_access access;
    ol_time token_read;
};

void kube_access_done(struct kube_access *a)
{
    free(a->base);
    free(a->unix_socket);
    free(a->connect_to);
    free(a->ca_pem);
    free(a->cert_pem);
    free(a->key_pem);
    free(a->token);
    free(a->token_file);
    *a = (struct kube_access){0};
}

/* An unreadable file leaves us with what it said last. */
static void refresh_token(struct remote *r)
{
    ol_time now = ol_now_boot(r->loop->env);
    char *token;

    if (!r->access.token_file || now - r->token_read < TOKEN_AGE)
        return;
    r->token_read = now;
    token = ol_file_read_line(r->loop->env, r->access.token_file);
    if (!token)
        return;
    free(r->access.token);
    r->access.token = token;
}

static void *begin(void *self, const struct kube_exchange *x)
{
    struct remote *r = self;
    ol_autofree char *url = ol_xasprintf("%s%s", r->access.base, x->path);
    ol_autofree char *auth = NULL, *type = NULL;
    const char *headers[5] = {"Accept: application/json", "User-Agent: orlop"};
    size_t n = 2;
    struct ol_http_ask ask = {
        .method = x->method,
        .url = url,
        .headers = headers,
        .body = x->body,
        .size = x->size,
        .timeout = x->timeout,
        .is_urgent = x->is_urgent,
        .data = x->data,
        .done = x->done,
        .ctx = x->ctx,
    };

    refresh_token(r);
    if (r->access.token) {
        auth = ol_xasprintf("Authorization: Bearer %s", r->access.token);
        headers[n++] = auth;
    }
    if (x->content_type) {
        type = ol_xasprintf("Content-Type: %s", x->content_type);
        headers[n++] = type;
    }
    return ol_http_async_send(r->http, &ask);
}

static void cancel(void *self, void *handle)
{
    (void)self;
    ol_http_async_cancel(handle);
}

static void release(void *self)
{
    struct remote *r = self;

    ol_http_async_free(r->http);
    kube_access_done(&r->access);
    free(r);
}

int kube_remote_new(struct ol_loop *loop, struct kube_access *a, struct kube_client **ret,
                    struct ol_err *err)
{
    static const struct kube_transport transport = {begin, cancel, release};
    struct ol_http_async_options o = {
        .connect_to = a->connect_to,
        .ca_pem = a->ca_pem,
        .cert_pem = a->cert_pem,
        .key_pem = a->key_pem,
        .is_insecure = a->is_insecure,
        .max_connections = CONNECTIONS,
    };
    ol_autofree char *socket = NULL;
    struct ol_http_async *http;
    struct remote *r;

    /* The client opens it itself, so it needs the whole path. */
    if (a->unix_socket && !ol_env_is_host(loop->env))
        socket = ol_xasprintf("%s%s", loop->env->root, a->unix_socket);
    o.unix_socket = socket ? socket : a->unix_socket;
    http = ol_http_async_new(loop, &o, err);
    if (!http)
        return -EIO;
    r = ol_xcalloc(1, sizeof(*r));
    r->loop = loop;
    r->http = http;
    r->access = *a;
    r->token_read = ol_now_boot(loop->env);
    *a = (struct kube_access){0};
    *ret = kube_client_new(loop, &transport, r);
    return 0;
}
