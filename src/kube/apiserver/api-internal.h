/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/strv.h"
#include "kube/apiserver/apiserver.h"
#include "kube/apiserver/route.h"
#include "kube/apiserver/selector.h"
#include "kube/apiserver/stamp.h"
#include "kube/apiserver/store.h"
#include "kube/base/kind.h"
#include "kube/base/status.h"
#include "net/http-server.h"

/*
 * How a request goes through the server: a door (api-http.c, api-local.c) makes an api_request with
 * its sink, api_handle() finds the row of the table for it, a handler reads or decides about a
 * write, and one of the api_… functions of answer.c ends it. A request lives until its answer.
 */
enum {
    API_MAX_BODY = 3 << 20,   /* as kube-apiserver */
    API_MAX_TREE = 96 << 20,  /* what one request may make of memory */
    API_MAX_ANSWER = 1 << 30, /* a list of everything */
    API_MAX_BEHIND = 4 << 20, /* bytes that a watcher has not taken; then its watch ends */
    API_MAX_RESOURCES = 64,
};

/* Where an answer goes. */
struct api_sink {
    void (*answer)(void *self, const struct ol_http_answer *a);
    /* A stream; its handle is for send and end. 'self' is gone after both. */
    void *(*stream)(void *self, const struct ol_http_answer *head, void (*closed)(void *ctx),
                    void *ctx);
    int (*send)(void *stream, const void *data, size_t size, size_t max);
    void (*end)(void *stream);
};

struct api_user {
    const char *name, *uid;
    const char *groups[17]; /* NULL-terminated */
};

struct api_request {
    struct apiserver *server;
    struct ol_arena arena;
    const char *method, *accept, *content_type, *user_agent;
    const char *body; /* borrowed until the answer */
    size_t size;
    struct api_user user;
    struct api_route route;
    struct api_query query;
    const struct api_sink *sink;
    void *self;             /* of the sink */
    struct ol_buf warnings; /* "Warning: 299 - \"…\"" lines, each ended by NUL */
    size_t n_warnings;
    int success;               /* 200, 201, 202 of a write that has been decided */
    struct store_text *result; /* of a write under way */
    ol_time began;
};

TAILQ_HEAD(api_watchers, api_watcher);

/* Paths of certificates and keys; NULL = none. */
struct api_files {
    char *ca, *cert, *key, *admin_cert, *admin_key;
};

struct apiserver {
    struct ol_loop *loop;
    struct ol_env *env;
    struct store *store;
    const char *resource_names[API_MAX_RESOURCES + 1];
    char *data_dir, *url, *client_ca;
    struct api_files files;
    struct api_auth *auth;
    struct ol_http_server *http, *local_http;
    struct api_watchers watchers[API_MAX_RESOURCES];
    struct ol_timer watch_timer;
    struct api_metrics *metrics;
    struct api_namespaces *namespaces;
    LIST_HEAD(, api_local) locals;
    char *default_class; /* NULL = none */
    bool is_default_class_known;
    bool is_plain, is_stopping;
    unsigned n_parts; /* of what has to stop */
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* --- api.c --- */
/* Takes the request. */
void api_handle(struct api_request *q);
void api_request_free(struct api_request *q);
struct api_request *api_request_new(struct apiserver *s, const struct api_sink *sink, void *self);
/* The index of a kind in kube_kinds, which is that of its resource in the store. */
unsigned api_resource(const struct kube_kind *kind);

/* --- answer.c: each ends the request --- */
void api_answer_bytes(struct api_request *q, int status, const char *type, const struct ol_buf *b);
/* The object in the form that was asked for. */
void api_answer_text(struct api_request *q, int status, const struct store_text *text);
void api_answer_val(struct api_request *q, int status, const struct ol_val *v);
void api_answer_status(struct api_request *q, const struct kube_status *st);
void api_fail(struct api_request *q, enum kube_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "persistentvolumes "x" not found", with details. */
void api_fail_named(struct api_request *q, enum kube_reason reason, const char *name);
void api_fail_conflict(struct api_request *q, const char *name, const char *why);
void api_fail_invalid(struct api_request *q, const char *name, const struct kube_findings *f);
/* What store_… said. */
void api_fail_store(struct api_request *q, int r);
/* Success of DELETE when the object is gone. */
void api_answer_deleted(struct api_request *q, const char *name, const char *uid);
void api_warn(struct api_request *q, const char *text);
/* "persistentvolumes" or "storageclasses.storage.k8s.io". */
const char *api_qualified(struct ol_arena *a, const struct kube_kind *kind, const char *word);

/* includeObject of the query: enum kube_include. */
int api_include(const struct api_request *q);

/* --- form.c --- */
enum api_form {
    API_JSON,
    API_YAML,
    API_TABLE,
    API_TABLE_BETA,
    API_PARTIAL,
    API_DISCOVERY_V2,
    API_DISCOVERY_V2BETA1,
    API_N_FORMS,
};
/* -ENOENT: nothing of what is accepted can be made (406). */
int api_form_of(const char *accept, enum api_form *ret) __attribute__((warn_unused_result));
const char *api_form_type(enum api_form f);
/* One object as it is put into a list or an event; rows of Tables come with their own ends. */
struct api_render {
    enum api_form form;
    const struct kube_kind *kind;
    int include; /* enum kube_include */
    ol_time now;
};
/* A whole answer of one object. -errno when its text is damaged. */
int api_render_object(const struct api_render *r, const char *json, size_t len, struct ol_buf *to)
    __attribute__((warn_unused_result));
/* {"kind":"PartialObjectMetadata",…} of an object's tree. */
void api_render_partial(const struct ol_val *object, struct ol_buf *to);
/* 'tree' written as YAML. */
int api_render_yaml(const struct ol_val *tree, struct ol_buf *to)
    __attribute__((warn_unused_result));

/* --- read.c, watch.c --- */
void api_get(struct api_request *q);
void api_list(struct api_request *q); /* also begins watches */
void api_watch(struct api_request *q);
/* Tells those who watch; the store's 'changed'. */
void api_watch_changed(void *server, const struct store_event *e);
void api_watch_init(struct apiserver *s);
void api_watch_end_all(struct apiserver *s);
size_t api_watch_count(const struct apiserver *s);
/* Selectors of the query for this kind; false: the request has been answered. */
bool api_selectors(struct api_request *q, struct api_selector *labels, struct api_selector *fields);

/* --- body.c --- */
/* JSON or YAML by content type; false: answered. */
bool api_body(struct api_request *q, struct ol_val **ret);
bool api_body_any(struct api_request *q, const char *type, struct ol_val **ret);

/* --- write.c --- */
void api_create(struct api_request *q);
void api_update(struct api_request *q);
void api_patch(struct api_request *q);
/* The current object for a write, with its tree; false: answered. */
struct api_current {
    struct store_text *text; /* to be unreferenced; NULL = there is none */
    struct ol_val *tree;
};
bool api_load_current(struct api_request *q, const struct store_key *key, struct api_current *ret);
/* Everything between a wanted object and its commit: normalize, default, admit, validate, compare,
 * write. 'object' is changed. Ends the request. */
struct api_change {
    struct ol_val *object;
    const struct api_current *current;
    const char *subresource; /* "status"; NULL = the object itself */
    bool is_managed;         /* managedFields are done (apply) */
};
void api_commit(struct api_request *q, const struct api_change *c);
/* Writes 'object' (or deletes it, these being its last words) without further looks. */
void api_store(struct api_request *q, struct ol_val *object, struct store_text *old,
               bool is_delete);
struct store_key api_key(const struct api_request *q);

/* --- meta.c: rules of metadata, pure --- */
/* Name, namespace, uid, creationTimestamp of what is created. 'q' gives namespace and time. */
bool api_meta_create(struct api_request *q, struct ol_val *object);
/* What only the server changes stays as it was. */
bool api_meta_update(struct api_request *q, struct ol_val *object, const struct api_current *c);
/* Keeps one half of an object as it was: the status, or all the rest. */
void api_keep_half(struct ol_arena *a, struct ol_val *object, const struct ol_val *old,
                   bool is_status, const struct kube_kind *kind);
bool api_has_finalizers(const struct ol_val *object);
bool api_is_deleted(const struct ol_val *object);

/* --- admission.c --- */
/* Finalizers, default class, resizing, phase times. False: answered. */
bool api_admit(struct api_request *q, struct ol_val *object, const struct ol_val *old);

/* --- delete.c --- */
void api_delete(struct api_request *q);
void api_delete_collection(struct api_request *q);
/* The deletion of an object whose current state is known, beginning or done. Ends the request. */
struct api_delete_options {
    int64_t grace_seconds;              /* -1 = the kind's own */
    const char *uid, *resource_version; /* preconditions; or NULL */
    const char *propagation;            /* "Foreground", "Orphan"; or NULL */
    bool is_dry_run;
};
void api_delete_object(struct api_request *q, const struct api_current *c,
                       const struct api_delete_options *o);

/* --- sub.c --- */
void api_bind(struct api_request *q);
void api_evict(struct api_request *q);
void api_token(struct api_request *q);

/* --- info.c, review.c, metrics.c --- */
/* Paths that name no object: false = there is nothing there. */
bool api_info(struct api_request *q);
bool api_review(struct api_request *q);
struct api_metrics *api_metrics_new(struct apiserver *s);
void api_metrics_free(struct api_metrics *m);
void api_metrics_count(struct api_metrics *m, const struct api_request *q, int status);
void api_metrics_write(struct api_metrics *m, struct ol_buf *to);

/* --- namespaces.c --- */
struct api_namespaces *api_namespaces_new(struct apiserver *s);
void api_namespaces_free(struct api_namespaces *n);
/* Makes the four that there always are. */
void api_namespaces_begin(struct api_namespaces *n);
void api_namespaces_changed(struct api_namespaces *n, const struct store_event *e);
/* 0, -ENOENT, -EBUSY it is being deleted. */
int api_namespace_check(struct apiserver *s, const char *ns) __attribute__((warn_unused_result));

/* --- auth.c --- */
struct api_auth;
struct api_auth *api_auth_new(void);
void api_auth_free(struct api_auth *a);
int api_auth_read_tokens(struct api_auth *a, struct ol_env *env, const char *path,
                         struct ol_err *err) __attribute__((warn_unused_result));
/* Who sent it; false: nobody that we know (401). */
bool api_auth_http(struct api_auth *a, const struct ol_http_exchange *x, struct api_user *ret);
extern const struct api_user api_admin;

/* --- pki.c --- */
void api_files_done(struct api_files *f);
/* Makes in 'dir' what isn't there or is about to expire, for this address. */
int api_pki_make(struct ol_env *env, const char *dir, const char *listen, struct api_files *ret,
                 struct ol_err *err) __attribute__((warn_unused_result));

/* --- api-local.c --- */
struct api_local;
void api_local_end_all(struct apiserver *s);
