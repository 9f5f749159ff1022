/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * What differs between releases of OpenStack that a host agent can be: rows of a table, chosen by
 * [orlop] release (default "zed", Debian 12's).
 */
struct nova_object_version {
    const char *class, *version; /* class NULL ends a list */
};

struct nova_release {
    const char *name;        /* "zed" */
    const char *number;      /* "26.2.2" as --version prints it */
    int service_version;     /* Service.version that we write */
    int oldest_service;      /* raise_if_old_compute: older computes are too old */
    const char *oldest_name; /* "yoga" */
    const char *rpc_version; /* served: "6.1" */
    bool has_compute_id;     /* STATE/compute_id is the node's identity */
    bool has_compute_alt;    /* a second server on compute-alt */
    const struct nova_object_version *objects; /* those that differ from zed's */
};

extern const struct nova_release nova_releases[]; /* name NULL ends it */
/* By name; NULL when there is none. */
const struct nova_release *nova_release_find(const char *name);
/* The version of a class in a release; NULL when it has no such class. */
const char *nova_release_version(const struct nova_release *r, const char *class);
