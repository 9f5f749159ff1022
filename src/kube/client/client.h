/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kube/base/kind.h"
#include "kube/base/status.h"
#include "net/loop.h"

/*
 * Requests to a Kubernetes API: ours in the same process, or any over HTTPS or a Unix socket. The
 * transport is a table; everything above it is the same code. Nothing here relies on our own
 * server's private behaviour.
 */
enum kube_verb {
    KUBE_VERB_GET,
    KUBE_VERB_LIST,
    KUBE_VERB_WATCH,
    KUBE_VERB_CREATE,
    KUBE_VERB_UPDATE,
    KUBE_VERB_PATCH_MERGE,     /* application/merge-patch+json */
    KUBE_VERB_PATCH_STRATEGIC, /* application/strategic-merge-patch+json */
    KUBE_VERB_PATCH_JSON,      /* application/json-patch+json */
    KUBE_VERB_DELETE,
};

/* What a transport is asked: one HTTP exchange. */
struct kube_exchange {
    const char *method;
    const char *path;         /* with query: "/api/v1/persistentvolumes?limit=500" */
    const char *content_type; /* of the body, or NULL */
    const void *body;
    size_t size;
    ol_time timeout; /* 0 = none */
    bool is_urgent;  /* must not wait for others: the renewal of a lease */
    /* A watch: pieces as they come; NULL = whole answers alone. */
    void (*data)(void *ctx, int status, const char *piece, size_t len);
    /* Once, never from within send(); as in net/http-async.h. */
    void (*done)(void *ctx, int status, const char *body, size_t len, const struct ol_err *err);
    void *ctx;
};
struct kube_transport {
    void *(*send)(void *self, const struct kube_exchange *x); /* a handle for cancel */
    void (*cancel)(void *self, void *handle);
    void (*free)(void *self);
};

struct kube_client;
/* Takes 'self'. */
struct kube_client *kube_client_new(struct ol_loop *loop, const struct kube_transport *transport,
                                    void *self) __attribute__((warn_unused_result));
/* Nothing may be under way any more. */
void kube_client_free(struct kube_client *c);
struct ol_loop *kube_client_loop(const struct kube_client *c);

struct kube_ask {
    enum kube_verb verb;
    const struct kube_kind *kind;
    const char *ns, *name;   /* "" or NULL where there is none */
    const char *subresource; /* "status", "binding"; or NULL */
    const char *query;       /* "labelSelector=a%3Db", already escaped; or NULL */
    const void *body;        /* JSON; copied */
    size_t size;
    bool is_urgent; /* doesn't wait for a free connection */
};
struct kube_answer {
    enum kube_reason reason; /* KUBE_OK, or why not; KUBE_UNKNOWN without any answer */
    int http;                /* 0 = there was no answer */
    const char *message;     /* the Status' or ours; "" when OK */
    const struct kube_object
        *object;      /* of GET, CREATE, UPDATE, PATCH when OK: borrowed, ref to keep */
    const char *body; /* JSON text as it came; NUL-terminated */
    size_t size;
};
typedef void (*kube_done_fn)(void *ctx, const struct kube_answer *a);
struct kube_request;

/* 'done' is called once, never from within this call. For all verbs but KUBE_VERB_WATCH. */
struct kube_request *kube_send(struct kube_client *c, const struct kube_ask *ask, kube_done_fn done,
                               void *ctx);
/* 'done' is not called any more. The server may have done it all the same. */
void kube_cancel(struct kube_request *r);
/* The answer means that trying again later may help (no answer, 429, 500, 503, 504). */
bool kube_answer_is_transient(const struct kube_answer *a);
/* The error of an answer as a sentence and errno: -ENOENT, -EEXIST, -EAGAIN (conflict), -EIO … */
int kube_answer_error(const struct kube_answer *a, struct ol_err *err);
