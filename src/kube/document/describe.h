/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/base/kind.h"

/*
 * What an API server tells of itself, made from the registry of kinds: discovery, OpenAPI, and
 * Tables for kubectl get. Everything is added to a buffer as the bytes of the answer.
 */

/* A group version's verbs and subresources beyond what kinds tell come from the same table as the
 * server's routes: "pods/binding" … */
struct kube_subresource {
    const struct kube_kind *kind;
    const char *name;        /* "binding" */
    const char *object_kind; /* "Binding", its group and version */
    const char *group, *version;
    const char *verbs; /* "create" or "get,patch,update" */
};
extern const struct kube_subresource kube_subresources[]; /* ended by kind NULL */

void kube_discover_core_versions(const char *address, struct ol_buf *to); /* GET /api */
void kube_discover_groups(struct ol_buf *to);                             /* GET /apis */
/* GET /apis/GROUP; -ENOENT */
int kube_discover_group(const char *group, struct ol_buf *to);
/* GET /api/v1, /apis/GROUP/VERSION: APIResourceList; -ENOENT */
int kube_discover_resources(const char *group, const char *version, struct ol_buf *to);
/* GET /api or /apis with as=APIGroupDiscoveryList; 'is_core' tells which, version "v2" or
 * "v2beta1". */
void kube_discover_aggregated(bool is_core, const char *version, struct ol_buf *to);

/* GET /openapi/v2 as com.github.proto-openapi.spec.v2 protobuf, with parameters dryRun and
 * fieldValidation on PATCH and the x-kubernetes-group-version-kind that kubectl looks for. */
void kube_openapi_v2(struct ol_buf *to);
void kube_openapi_v2_json(struct ol_buf *to);
void kube_openapi_v3_index(struct ol_buf *to);
/* "api/v1", "apis/storage.k8s.io/v1"; -ENOENT */
int kube_openapi_v3(const char *path, struct ol_buf *to);

enum kube_include { KUBE_INCLUDE_NONE, KUBE_INCLUDE_METADATA, KUBE_INCLUDE_OBJECT };
/* A Table of one or many objects. Members beginning with '{' of the list's metadata
 * ("resourceVersion", "continue", "remainingItemCount") are given as JSON text of that map, or
 * NULL. */
struct kube_table {
    struct ol_buf *to;
    const struct kube_kind *kind;
    enum kube_include include;
    ol_time now;
    bool is_v1beta1;
    bool has_rows; /* own */
};
/* 'want_columns' false: rows of a watch after the first. */
void kube_table_begin(struct kube_table *t, const char *metadata_json, bool want_columns);
/* 'object' is the JSON form of which 'decoded' was made. */
void kube_table_row(struct kube_table *t, const struct kube_object *decoded,
                    const struct ol_val *object);
void kube_table_end(struct kube_table *t);
