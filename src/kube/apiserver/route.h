/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "kube/base/kind.h"

/*
 * What a request's path and query name. Pure; both come from outside and are decoded into the
 * arena.
 */
struct api_route {
    const char *path;         /* decoded, for messages */
    const char *const *parts; /* NULL-terminated */
    size_t n_parts;
    const struct kube_kind *kind; /* NULL: the path names no object of ours */
    const char *group, *version;  /* of the path, even if there is no such kind; or NULL */
    const char *ns, *name;        /* "" where there is none */
    const char *subresource;      /* NULL = none */
};
/* -EINVAL: a bad escape, an empty part, or more than 16 parts. */
int api_route_parse(const char *path, struct ol_arena *a, struct api_route *ret)
    __attribute__((warn_unused_result));

struct api_query {
    const char *label_selector, *field_selector;   /* "" = none */
    const char *resource_version, *version_match;  /* "" = none */
    const char *continues;                         /* "" = none */
    const char *field_manager, *field_validation;  /* "" = none */
    const char *propagation, *include_object;      /* "" = none */
    int64_t limit, timeout_seconds, grace_seconds; /* 0, 0, -1 = none */
    bool is_watch, want_bookmarks, want_initial, has_initial, is_dry_run, is_forced, is_verbose,
        is_pretty, is_orphan, has_force;
    const char *wrong; /* a sentence about the first parameter that makes no sense; or NULL */
};
/* -EINVAL: a bad escape. */
int api_query_parse(const char *query, struct ol_arena *a, struct api_query *ret)
    __attribute__((warn_unused_result));
