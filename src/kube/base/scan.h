/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A reader of JSON text that builds nothing: it steps from token to token, and what is not wanted
 * is skipped. The text is looked at as UTF-8 by the caller. All functions give -EINVAL when the
 * text is not JSON there; nesting is bounded.
 */
enum { KUBE_SCAN_DEPTH = 200 };

struct kube_scan {
    const char *p, *end;
    unsigned depth;
};

/* What a value begins with. */
enum kube_token {
    KUBE_TOKEN_NONE, /* the end, or what begins no value */
    KUBE_TOKEN_MAP,
    KUBE_TOKEN_LIST,
    KUBE_TOKEN_STR,
    KUBE_TOKEN_NUMBER,
    KUBE_TOKEN_BOOL,
    KUBE_TOKEN_NULL,
};

/* A string between its quotes, or a number or word, as it stands in the text. */
struct kube_span {
    const char *at;
    size_t len;
    bool has_escapes;
};

/* Skips blanks. */
enum kube_token kube_scan_peek(struct kube_scan *s);
/* In front of the first and of every further item of a map (or list): 1 when there is one, 0 after
 * the closing bracket. '*is_first' is true at the beginning and is set to false. */
int kube_scan_next(struct kube_scan *s, char closing, bool *is_first);
/* The opening bracket of a map or list. */
int kube_scan_open(struct kube_scan *s);
int kube_scan_string(struct kube_scan *s, struct kube_span *ret);
/* A key and its colon. */
int kube_scan_key(struct kube_scan *s, struct kube_span *ret);
/* A number, true, false, null. */
int kube_scan_word(struct kube_scan *s, struct kube_span *ret);
int kube_scan_skip(struct kube_scan *s);

/* Bytes of a string when its escapes are resolved, without NUL. */
size_t kube_span_len(const struct kube_span *s);
/* Resolves the escapes into 'out', which has room for kube_span_len() + 1. Lone surrogates and NULs
 * become U+FFFD. */
void kube_span_copy(const struct kube_span *s, char *out);
bool kube_span_is(const struct kube_span *s, const char *text);
