/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

/*
 * Why an operation failed, in the caller's terms. Lives on the caller's stack,
 * owns nothing, needs no release. Zero-initialise with OL_ERR_INIT.
 *
 * The sentence is made once, at the place that knows the object's name; callers
 * may prefix it with their own object; only the top of a program logs it.
 */
struct ol_err {
    int code;           /* positive errno, 0 = nothing failed */
    int status;         /* the foreign status that 'domain' gave, 0 = none */
    const char *domain; /* where a foreign code came from; static text, NULL = errno */
    int line, column;   /* place in the input, from 1; 0 = unknown */
    char msg[492];      /* "outer: inner", UTF-8, truncated when longer */
};

#define OL_ERR_INIT ((struct ol_err){0})

/*
 * Records the cause and returns -code, so that a failure is one statement:
 *     return ol_err_set(err, EINVAL, "hostname '%s' has a space", name);
 * 'err' may be NULL: only the return value is then carried. Resets domain,
 * status and place.
 */
int ol_err_set(struct ol_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

/* Like ol_err_set(), for a failure that another system named: 'domain' is static text. */
int ol_err_set_domain(struct ol_err *err, int code, const char *domain, int status, const char *fmt,
                      ...) __attribute__((format(printf, 5, 6), warn_unused_result));

/* Like ol_err_set(), for a failure at a place in some input, lines and columns from 1. */
int ol_err_set_at(struct ol_err *err, int code, int line, int column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6), warn_unused_result));

/* Puts "context: " in front of a recorded cause; returns 'ret' unchanged. */
int ol_err_prefix(struct ol_err *err, int ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

/* The recorded sentence, or the errno's text when there is none. Never NULL. */
const char *ol_err_text(const struct ol_err *err);
