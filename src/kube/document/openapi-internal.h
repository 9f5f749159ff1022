/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/buf.h"
#include "kube/base/kind.h"

/*
 * OpenAPI documents as trees, made from the registry; both versions differ in where things stand
 * and how they are referred to. Extensions are those of Kubernetes
 * (x-kubernetes-group-version-kind, x-kubernetes-patch-merge-key …), by which kubectl finds kinds,
 * parameters and merge keys.
 */
enum { OPENAPI_MAX = 64 << 20 };

struct openapi {
    struct ol_arena *arena;
    bool is_v3;
    struct ol_val *definitions; /* by name: "io.k8s.api.core.v1.Pod" */
    struct ol_val *paths;
};

void openapi_init(struct openapi *o, struct ol_arena *a, bool is_v3);
/* The kind's definitions with all that they refer to, its list, and its paths. */
void openapi_add_kind(struct openapi *o, const struct kube_kind *kind);
/* {"$ref": …} */
struct ol_val *openapi_ref(struct openapi *o, const char *name);
/* [] of 'kind', or of its list: {"group", "version", "kind"}. */
struct ol_val *openapi_gvk(struct openapi *o, const struct kube_kind *kind, const char *name);
void openapi_add_definitions(struct openapi *o, const struct kube_kind *kind);
void openapi_add_paths(struct openapi *o, const struct kube_kind *kind);
struct ol_val *openapi_info(struct ol_arena *a);
/* "io.k8s.api.core.v1.PersistentVolumeList" */
const char *openapi_list_name(struct openapi *o, const struct kube_kind *kind);

/* A v2 document's tree as openapi.v2.Document of gnostic (openapiv2/OpenAPIv2.proto). */
void openapi_v2_encode(const struct ol_val *document, struct ol_buf *to);
