/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "kube/document/openapi-internal.h"

#define META "io.k8s.apimachinery.pkg.apis.meta.v1."

static const char quantity[] = "io.k8s.apimachinery.pkg.api.resource.Quantity";
static const char int_or_string[] = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
static const char date[] = META "Time", micro_date[] = META "MicroTime";

static const struct kube_field list_meta_fields[] = {
    {"continue", KUBE_STR, .doc = "Where the next part of the list begins."},
    {"remainingItemCount", KUBE_INT, .doc = "How many objects follow."},
    {"resourceVersion", KUBE_STR, .doc = "The version that the list shows."},
    {"selfLink", KUBE_STR},
    {NULL},
};
static const struct kube_schema list_meta = {META "ListMeta", "What the server notes of a list.",
                                             list_meta_fields, 0, NULL};

static struct ol_val *typed(struct ol_arena *a, const char *type, const char *format)
{
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_str(a, v, "type", type);
    if (format)
        ol_val_set_str(a, v, "format", format);
    return v;
}

/* The few types that have a form of their own. */
static struct ol_val *scalar_ref(struct openapi *o, const char *name)
{
    struct ol_arena *a = o->arena;
    struct ol_val *v = NULL;

    if (ol_val_get(o->definitions, name))
        return openapi_ref(o, name);
    if (!strcmp(name, int_or_string)) {
        v = typed(a, "string", "int-or-string");
        ol_val_set_str(a, v, "description", "A number or a text, as a port or a percentage.");
    } else if (!strcmp(name, quantity)) {
        v = typed(a, "string", NULL);
        ol_val_set_str(a, v, "description", "An amount with a unit: 10Gi, 500m, 1e3.");
    } else {
        v = typed(a, "string", "date-time");
        ol_val_set_str(a, v, "description", "A moment as RFC 3339 writes it.");
    }
    ol_val_set(a, o->definitions, name, v);
    return openapi_ref(o, name);
}

static struct ol_val *array_of(struct ol_arena *a, struct ol_val *items)
{
    struct ol_val *v = typed(a, "array", NULL);

    ol_val_set(a, v, "items", items);
    return v;
}

static struct ol_val *map_of(struct ol_arena *a, struct ol_val *values)
{
    struct ol_val *v = typed(a, "object", NULL);

    ol_val_set(a, v, "additionalProperties", values);
    return v;
}

static void add_schema(struct openapi *o, const struct kube_schema *s,
                       const struct kube_kind *kind);

static struct ol_val *object_ref(struct openapi *o, const struct kube_schema *s)
{
    if (!s)
        return typed(o->arena, "object", NULL);
    add_schema(o, s, NULL);
    return openapi_ref(o, s->name);
}

static struct ol_val *field_type(struct openapi *o, const struct kube_field *f)
{
    struct ol_arena *a = o->arena;

    switch (f->type) {
    case KUBE_INT: return typed(a, "integer", f->flags & KUBE_INT32 ? "int32" : "int64");
    case KUBE_BOOL: return typed(a, "boolean", NULL);
    case KUBE_QUANTITY: return scalar_ref(o, quantity);
    case KUBE_TIME: return scalar_ref(o, f->flags & KUBE_MICRO ? micro_date : date);
    case KUBE_INT_OR_STR: return scalar_ref(o, int_or_string);
    case KUBE_BYTES: return typed(a, "string", "byte");
    case KUBE_ENUM_SET:
    case KUBE_STRS: return array_of(a, typed(a, "string", NULL));
    case KUBE_INTS: return array_of(a, typed(a, "integer", "int64"));
    case KUBE_STR_MAP: return map_of(a, typed(a, "string", NULL));
    case KUBE_BYTES_MAP: return map_of(a, typed(a, "string", "byte"));
    case KUBE_RESOURCES: return map_of(a, scalar_ref(o, quantity));
    case KUBE_OBJECT: return object_ref(o, f->of);
    case KUBE_LIST: return array_of(a, object_ref(o, f->of));
    case KUBE_ANY: return typed(a, "object", NULL);
    case KUBE_STR:
    case KUBE_ENUM: break;
    }
    return typed(a, "string", NULL);
}

/* "containerPort,protocol" as a list; returns its first. */
static const char *add_map_keys(struct ol_arena *a, struct ol_val *v, const char *keys)
{
    struct ol_val *list = ol_val_new_list(a);

    while (*keys) {
        size_t len = strcspn(keys, ",");

        ol_val_append(a, list, ol_val_new_strn(a, keys, len));
        keys += len + (keys[len] == ',');
    }
    ol_val_set(a, v, "x-kubernetes-list-map-keys", list);
    return ol_val_str(ol_val_item(list, 0));
}

static bool is_list(const struct kube_field *f)
{
    return f->type == KUBE_LIST || f->type == KUBE_STRS || f->type == KUBE_ENUM_SET
           || f->type == KUBE_INTS;
}

static const char *list_type(const struct kube_field *f)
{
    if (f->flags & KUBE_ATOMIC)
        return "atomic";
    if (f->merge_keys)
        return "map";
    return f->flags & KUBE_MERGE_SET ? "set" : "atomic";
}

/* How lists and maps merge. */
static void add_merging(struct ol_arena *a, struct ol_val *v, const struct kube_field *f)
{
    const char *first = NULL;

    if (!is_list(f)) {
        if ((f->flags & KUBE_ATOMIC) && f->type != KUBE_OBJECT)
            ol_val_set_str(a, v, "x-kubernetes-map-type", "atomic");
        return;
    }
    if (f->merge_keys)
        first = add_map_keys(a, v, f->merge_keys);
    if (f->flags & KUBE_ATOMIC)
        (void)ol_val_remove(v, "x-kubernetes-list-map-keys");
    ol_val_set_str(a, v, "x-kubernetes-list-type", list_type(f));
    if ((f->flags & KUBE_APPLY_ONLY) || (!first && !(f->flags & KUBE_MERGE_SET)))
        return;
    if (first)
        ol_val_set_str(a, v, "x-kubernetes-patch-merge-key", first);
    ol_val_set_str(a, v, "x-kubernetes-patch-strategy",
                   f->flags & KUBE_RETAIN_KEYS ? "merge,retainKeys" : "merge");
}

static void add_enum(struct ol_arena *a, struct ol_val *v, const char *const *names)
{
    struct ol_val *list = ol_val_new_list(a);

    for (size_t i = 0; names[i]; i++)
        if (*names[i])
            ol_val_append(a, list, ol_val_new_str(a, names[i]));
    ol_val_set(a, v, "enum", list);
}

/* A reference can't have siblings in version 3: it goes into allOf then. */
static struct ol_val *property(struct openapi *o, const struct kube_field *f)
{
    struct ol_arena *a = o->arena;
    struct ol_val *v = field_type(o, f), *all = NULL, *fallback = NULL;

    if (o->is_v3 && ol_val_get(v, "$ref")) {
        all = ol_val_new_list(a);
        ol_val_append(a, all, v);
        v = ol_val_new_map(a);
        ol_val_set(a, v, "allOf", all);
    }
    if (f->doc)
        ol_val_set_str(a, v, "description", f->doc);
    if (o->is_v3 && f->type == KUBE_ENUM && f->names)
        add_enum(a, v, f->names);
    if (o->is_v3 && f->fallback
        && ol_json_load(f->fallback, strlen(f->fallback), a, &fallback, NULL) >= 0)
        ol_val_set(a, v, "default", fallback);
    add_merging(a, v, f);
    return v;
}

static struct ol_val *definition(struct openapi *o, const struct kube_schema *s)
{
    struct ol_arena *a = o->arena;
    struct ol_val *v = typed(a, "object", NULL), *properties = ol_val_new_map(a);
    struct ol_val *required = ol_val_new_list(a);

    if (s->doc)
        ol_val_set_str(a, v, "description", s->doc);
    for (const struct kube_field *f = s->fields; f->name; f++) {
        ol_val_set(a, properties, f->name, property(o, f));
        if (f->flags & KUBE_REQUIRED)
            ol_val_append(a, required, ol_val_new_str(a, f->name));
    }
    if (required->list.n)
        ol_val_set(a, v, "required", required);
    ol_val_set(a, v, "properties", properties);
    return v;
}

static void add_gvk(struct openapi *o, struct ol_val *v, const struct kube_kind *kind,
                    const char *name)
{
    struct ol_val *list = ol_val_new_list(o->arena);

    ol_val_append(o->arena, list, openapi_gvk(o, kind, name));
    ol_val_set(o->arena, v, "x-kubernetes-group-version-kind", list);
}

static void add_schema(struct openapi *o, const struct kube_schema *s, const struct kube_kind *kind)
{
    struct ol_val *v = NULL;

    if (ol_val_get(o->definitions, s->name))
        return;
    /* Its place is taken first: a schema may be part of itself. */
    ol_val_set(o->arena, o->definitions, s->name, ol_val_new_map(o->arena));
    v = definition(o, s);
    if (kind)
        add_gvk(o, v, kind, kind->kind);
    ol_val_set(o->arena, o->definitions, s->name, v);
}

static void add_list(struct openapi *o, const struct kube_kind *kind)
{
    struct ol_arena *a = o->arena;
    struct ol_val *v = typed(a, "object", NULL), *properties = ol_val_new_map(a);
    struct ol_val *required = ol_val_new_list(a);

    add_schema(o, &list_meta, NULL);
    ol_val_set_str(a, v, "description", ol_arena_printf(a, "Objects of kind %s.", kind->kind));
    ol_val_append(a, required, ol_val_new_str(a, "items"));
    ol_val_set(a, v, "required", required);
    ol_val_set(a, properties, "apiVersion", typed(a, "string", NULL));
    ol_val_set(a, properties, "items", array_of(a, openapi_ref(o, kind->schema->name)));
    ol_val_set(a, properties, "kind", typed(a, "string", NULL));
    ol_val_set(a, properties, "metadata", openapi_ref(o, list_meta.name));
    ol_val_set(a, v, "properties", properties);
    add_gvk(o, v, kind, kind->list_kind);
    ol_val_set(a, o->definitions, openapi_list_name(o, kind), v);
}

const char *openapi_list_name(struct openapi *o, const struct kube_kind *kind)
{
    return ol_arena_printf(o->arena, "%sList", kind->schema->name);
}

void openapi_add_definitions(struct openapi *o, const struct kube_kind *kind)
{
    add_schema(o, kind->schema, kind);
    add_list(o, kind);
}
