/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * Kubernetes' Status: what an API server says when a request failed, with its reason, field causes
 * and HTTP code (apimachinery pkg/api/errors). The same struct is read by the client and written by
 * the server.
 */
enum kube_reason {
    KUBE_OK,
    KUBE_UNKNOWN,
    KUBE_BAD_REQUEST,            /* 400 */
    KUBE_UNAUTHORIZED,           /* 401 */
    KUBE_FORBIDDEN,              /* 403 */
    KUBE_NOT_FOUND,              /* 404 */
    KUBE_METHOD_NOT_ALLOWED,     /* 405 */
    KUBE_NOT_ACCEPTABLE,         /* 406 */
    KUBE_ALREADY_EXISTS,         /* 409 */
    KUBE_CONFLICT,               /* 409 */
    KUBE_EXPIRED,                /* 410 "Expired" */
    KUBE_GONE,                   /* 410 "Gone" */
    KUBE_TOO_LARGE,              /* 413 */
    KUBE_UNSUPPORTED_MEDIA_TYPE, /* 415 */
    KUBE_INVALID,                /* 422 */
    KUBE_TOO_MANY_REQUESTS,      /* 429 */
    KUBE_INTERNAL_ERROR,         /* 500 */
    KUBE_SERVICE_UNAVAILABLE,    /* 503 */
    KUBE_TIMEOUT,                /* 504 */
    KUBE_N_REASONS,
};
/* "NotFound"; "" for OK and UNKNOWN. */
const char *kube_reason_name(enum kube_reason r);
int kube_reason_http(enum kube_reason r);
/* From a Status' reason text, or from the HTTP code when that says nothing. */
enum kube_reason kube_reason_of(const char *name, int http_status);

/* One wrong field; in a Status it is a cause. */
struct kube_finding {
    const char *reason;  /* "FieldValueRequired", "FieldValueInvalid" … */
    const char *path;    /* "spec.resources.requests[storage]" */
    const char *message; /* "Required value", "Invalid value: \"x\": must be …" */
};
struct kube_findings {
    struct ol_arena *arena; /* of the strings */
    struct kube_finding *v;
    size_t n, cap;
};
void kube_find(struct kube_findings *to, const char *reason, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

struct kube_status {
    enum kube_reason reason;
    const char *message;
    const char *group, *kind, *name, *uid; /* details; NULL = absent. kind is the plural */
    const struct kube_finding *causes;
    size_t n_causes;
    int retry_after_seconds;
};
/* Adds the Status as JSON. */
void kube_status_write(const struct kube_status *s, struct ol_buf *to);
