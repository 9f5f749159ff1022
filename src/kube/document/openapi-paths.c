/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/document/openapi-internal.h"

/* One operation of a path. */
struct operation {
    const char *method, *action, *verb; /* "patch", x-kubernetes-action, of the operationId */
    bool is_list, has_body, is_write;
};

static const struct operation of_all[] = {
    {"get", "list", "list", .is_list = true},
    {"post", "post", "create", .has_body = true, .is_write = true},
    {"delete", "deletecollection", "deletecollection", .is_list = true, .is_write = true},
    {NULL},
};
static const struct operation of_one[] = {
    {"get", "get", "read"},
    {"put", "put", "replace", .has_body = true, .is_write = true},
    {"delete", "delete", "delete", .is_write = true},
    {"patch", "patch", "patch", .has_body = true, .is_write = true},
    {NULL},
};

static const char *const patch_types[] = {
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    NULL,
};
static const char *const plain_types[] = {"application/json", NULL};

static const char *const *types_of(const struct operation *op)
{
    return !strcmp(op->method, "patch") ? patch_types : plain_types;
}

static struct ol_val *words(struct ol_arena *a, const char *const *all)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; all[i]; i++)
        ol_val_append(a, list, ol_val_new_str(a, all[i]));
    return list;
}

static void add_parameter(struct openapi *o, struct ol_val *list, const char *name, const char *in)
{
    static const struct {
        const char *name, *doc;
    } docs[] = {
        {"dryRun", "All: everything is done but the storing."},
        {"fieldManager", "Who manages the fields that are set."},
        {"fieldValidation", "Ignore, Warn or Strict: what becomes of unknown and double fields."},
        {"force", "Applying takes fields over from other managers."},
        {"name", "Name of the object."},
        {"namespace", "Namespace of the object."},
    };
    struct ol_arena *a = o->arena;
    struct ol_val *v = ol_val_new_map(a), *schema = o->is_v3 ? ol_val_new_map(a) : v;

    ol_val_set_str(a, v, "name", name);
    ol_val_set_str(a, v, "in", in);
    for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
        if (!strcmp(docs[i].name, name))
            ol_val_set_str(a, v, "description", docs[i].doc);
    if (!strcmp(in, "path"))
        ol_val_set_bool(a, v, "required", true);
    ol_val_set_str(a, schema, "type", strcmp(name, "force") ? "string" : "boolean");
    ol_val_set_bool(a, schema, "uniqueItems", true);
    if (o->is_v3)
        ol_val_set(a, v, "schema", schema);
    ol_val_append(a, list, v);
}

/* {MEDIA TYPE: {schema}} of version 3. */
static struct ol_val *content(struct openapi *o, const char *const *types, const char *name)
{
    struct ol_val *to = ol_val_new_map(o->arena);

    for (size_t i = 0; types[i]; i++) {
        struct ol_val *v = ol_val_new_map(o->arena);

        ol_val_set(o->arena, v, "schema", openapi_ref(o, name));
        ol_val_set(o->arena, to, types[i], v);
    }
    return to;
}

static void add_body(struct openapi *o, struct ol_val *v, struct ol_val *parameters,
                     const struct operation *op, const char *name)
{
    struct ol_arena *a = o->arena;
    struct ol_val *body = ol_val_new_map(a);

    if (o->is_v3) {
        ol_val_set(a, body, "content", content(o, types_of(op), name));
        ol_val_set_bool(a, body, "required", true);
        ol_val_set(a, v, "requestBody", body);
        return;
    }
    ol_val_set(a, v, "consumes", words(a, types_of(op)));
    ol_val_set_str(a, body, "name", "body");
    ol_val_set_str(a, body, "in", "body");
    ol_val_set_bool(a, body, "required", true);
    ol_val_set(a, body, "schema", openapi_ref(o, name));
    ol_val_append(a, parameters, body);
}

static void add_responses(struct openapi *o, struct ol_val *v, const char *name)
{
    struct ol_arena *a = o->arena;
    struct ol_val *all = ol_val_new_map(a), *ok = ol_val_new_map(a);

    ol_val_set_str(a, ok, "description", "OK");
    if (o->is_v3)
        ol_val_set(a, ok, "content", content(o, plain_types, name));
    else
        ol_val_set(a, ok, "schema", openapi_ref(o, name));
    ol_val_set(a, all, "200", ok);
    ol_val_set(a, v, "responses", all);
}

static struct ol_val *operation(struct openapi *o, const struct kube_kind *kind,
                                const struct operation *op)
{
    struct ol_arena *a = o->arena;
    const char *name = op->is_list ? openapi_list_name(o, kind) : kind->schema->name;
    struct ol_val *v = ol_val_new_map(a), *parameters = ol_val_new_list(a);

    ol_val_set_str(a, v, "operationId",
                   ol_arena_printf(a, "%s%s%s", op->verb,
                                   kind->flags & KUBE_NAMESPACED ? "Namespaced" : "", kind->kind));
    if (!o->is_v3)
        ol_val_set(a, v, "produces", words(a, plain_types));
    if (op->has_body)
        add_body(o, v, parameters, op, kind->schema->name);
    if (op->is_write)
        add_parameter(o, parameters, "dryRun", "query");
    if (op->has_body) {
        add_parameter(o, parameters, "fieldManager", "query");
        add_parameter(o, parameters, "fieldValidation", "query");
    }
    if (!strcmp(op->method, "patch"))
        add_parameter(o, parameters, "force", "query");
    ol_val_set(a, v, "parameters", parameters);
    add_responses(o, v, name);
    ol_val_set_str(a, v, "x-kubernetes-action", op->action);
    ol_val_set(a, v, "x-kubernetes-group-version-kind", openapi_gvk(o, kind, kind->kind));
    return v;
}

static void add_path(struct openapi *o, const struct kube_kind *kind, bool is_one)
{
    const struct operation *ops = is_one ? of_one : of_all;
    bool is_namespaced = kind->flags & KUBE_NAMESPACED;
    struct ol_arena *a = o->arena;
    struct ol_val *v = ol_val_new_map(a), *parameters = ol_val_new_list(a);
    char version[96];

    kube_api_version(kind, version);
    for (const struct operation *op = ops; op->method; op++)
        ol_val_set(a, v, op->method, operation(o, kind, op));
    if (is_one)
        add_parameter(o, parameters, "name", "path");
    if (is_namespaced)
        add_parameter(o, parameters, "namespace", "path");
    ol_val_set(a, v, "parameters", parameters);
    ol_val_set(a, o->paths,
               ol_arena_printf(a, "/%s/%s/%s%s%s", *kind->group ? "apis" : "api", version,
                               is_namespaced ? "namespaces/{namespace}/" : "", kind->plural,
                               is_one ? "/{name}" : ""),
               v);
}

void openapi_add_paths(struct openapi *o, const struct kube_kind *kind)
{
    add_path(o, kind, false);
    add_path(o, kind, true);
}
