/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "compute/base/exception.h"
#include "compute/cloud/answer.h"
#include "compute/cloud/cloud.h"
#include "compute/cloud/keystone.h"
#include "core/arena.h"
#include "core/http.h"

/* What the parts of the client of other services share. */

enum {
    CLOUD_MAX_ANSWER = 16 << 20, /* bytes of a JSON body */
    CLOUD_MAX_KEEPS = 16,        /* connections kept between requests, each to several services */
    CLOUD_TRIES = 3,             /* of a request whose connection was reset */
};

/* Whose credentials: one session each, signed in when first needed. */
enum cloud_section {
    SECTION_PLACEMENT = CLOUD_PLACEMENT,
    SECTION_GLANCE = CLOUD_GLANCE,
    SECTION_NEUTRON = CLOUD_NEUTRON,
    SECTION_CINDER = CLOUD_CINDER,
    SECTION_SERVICE_USER,
    SECTION_KEYSTONE,
    N_SECTIONS,
};

struct cloud_session {
    const struct compute_auth *auth;
    pthread_mutex_t lock; /* one sign-in at a time */
    char *token;          /* secret; NULL = not signed in */
    ol_time until;        /* boot clock: it is renewed from then on */
    struct ol_arena arena;
    const struct ol_val *catalog;
};

struct placement_seen;

struct cloud {
    struct ol_env *env;
    const struct compute_config *config;
    struct cloud_session sessions[N_SECTIONS];
    pthread_mutex_t lock; /* of what follows */
    struct ol_http_keep *keeps[CLOUD_MAX_KEEPS];
    size_t n_keeps;
    unsigned next_server; /* glance's, in turns */

    pthread_mutex_t placement_lock; /* held during a sync */
    struct placement_seen *seen;    /* list of providers */
};

/* A service's own facts. */
struct cloud_service_row {
    const char *name;    /* in sentences */
    const char *type;    /* in the catalogue, when the section names none */
    const char *header;  /* what stands before a microversion; NULL = it has none */
    const char *suffix;  /* of endpoints, that our paths have already */
    bool is_always_ours; /* never with the user's token */
};
extern const struct cloud_service_row cloud_services[CLOUD_N_SERVICES];
const struct compute_auth *cloud_auth(const struct cloud *c, enum cloud_service s);

/* --- session.c --- */
void cloud_session_init(struct cloud_session *s, const struct compute_auth *auth);
void cloud_session_done(struct cloud_session *s);
/* A token that is good for a while as a heap string, to be released by cloud_secret_free(). */
int cloud_token(struct cloud *c, enum cloud_section at, char **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Forgets a token that was refused, unless there is another one already. */
void cloud_token_drop(struct cloud *c, enum cloud_section at, const char *refused);
/* The section whose credentials are used for a service; -1 = none. */
int cloud_section_of(const struct cloud *c, enum cloud_service s);
/* An endpoint out of the catalogue as a heap string. */
int cloud_catalog(struct cloud *c, enum cloud_section at, const struct catalog_query *q, char **ret,
                  struct ol_err *err) __attribute__((warn_unused_result));
void cloud_secret_free(char **secret);

/* --- connection.c: one exchange over a kept connection --- */
int cloud_exchange(struct cloud *c, const struct compute_auth *auth, struct ol_http_request *q,
                   struct ol_http_response *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void cloud_connections_free(struct cloud *c);

/* --- fetch.c --- */
struct cloud_send {
    const struct cloud_ask *ask;
    struct ol_buf body;
    ol_time idle;            /* as in ol_http_request */
    int (*begin)(void *ctx); /* before each try, when a body is taken */
    int (*take)(void *ctx, const char *piece, size_t size);
    void *ctx;
};
int cloud_send(struct cloud *c, const struct cloud_send *s, struct ol_http_response *ret,
               struct ol_err *err) __attribute__((warn_unused_result));
/* Asks, and makes any status that is not 2xx an error "SERVICE: METHOD PATH: HTTP N: message" with
 * domain "http" and that status. 'ret' may be NULL. */
int cloud_call(struct cloud *c, const struct cloud_ask *q, struct ol_arena *a,
               const struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
int cloud_fail(const struct cloud_ask *q, int status, const struct ol_val *body, struct ol_err *err)
    __attribute__((warn_unused_result));
/* True when 'err' is that status of a service. */
bool cloud_is(const struct ol_err *err, int status);
/* -EINVAL unless it can stand in a path: letters, digits, "_", "-" and "." within. */
int cloud_check_id(const char *what, const char *id, struct ol_err *err)
    __attribute__((warn_unused_result));

/* --- placement.c --- */
void placement_forget(struct cloud *c);
