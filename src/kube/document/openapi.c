/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/document/openapi-internal.h"

void openapi_init(struct openapi *o, struct ol_arena *a, bool is_v3)
{
    *o = (struct openapi){
        .arena = a, .is_v3 = is_v3, .definitions = ol_val_new_map(a), .paths = ol_val_new_map(a)};
}

void openapi_add_kind(struct openapi *o, const struct kube_kind *kind)
{
    openapi_add_definitions(o, kind);
    openapi_add_paths(o, kind);
}

struct ol_val *openapi_ref(struct openapi *o, const char *name)
{
    struct ol_val *v = ol_val_new_map(o->arena);

    ol_val_set_str(o->arena, v, "$ref",
                   ol_arena_printf(o->arena, "#/%s/%s",
                                   o->is_v3 ? "components/schemas" : "definitions", name));
    return v;
}

struct ol_val *openapi_gvk(struct openapi *o, const struct kube_kind *kind, const char *name)
{
    struct ol_val *v = ol_val_new_map(o->arena);

    ol_val_set_str(o->arena, v, "group", kind->group);
    ol_val_set_str(o->arena, v, "kind", name);
    ol_val_set_str(o->arena, v, "version", kind->version);
    return v;
}

struct ol_val *openapi_info(struct ol_arena *a)
{
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_str(a, v, "title", "Kubernetes");
    ol_val_set_str(a, v, "version", "v1.32.0");
    return v;
}
