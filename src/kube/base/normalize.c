/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"
#include "kube/base/time.h"

enum { BYTES_MAX = 16 << 20 };

struct normalizer {
    const struct kube_schema *schema; /* of the member at hand */
    struct ol_arena *arena;
    struct ol_err *err;
};

static int object_of(struct normalizer *n, const struct kube_schema *schema, struct ol_val *object,
                     const struct kube_path *at);

static int fail(struct normalizer *n, const char *why)
{
    return ol_err_set(n->err, EINVAL, "%s", why);
}

static const char *json_type(const struct ol_val *v)
{
    switch (v->type) {
    case OL_VAL_BOOL: return "bool";
    case OL_VAL_INT:
    case OL_VAL_FLOAT: return "number";
    case OL_VAL_STR: return "string";
    case OL_VAL_LIST: return "array";
    case OL_VAL_MAP: return "object";
    default: return "value";
    }
}

static const char *go_type(const struct kube_field *f)
{
    switch (f->type) {
    case KUBE_INT: return f->flags & KUBE_INT32 ? "int32" : "int64";
    case KUBE_BOOL: return "bool";
    case KUBE_STRS:
    case KUBE_ENUM_SET: return "[]string";
    case KUBE_INTS: return "[]int64";
    case KUBE_STR_MAP: return "map[string]string";
    case KUBE_BYTES_MAP: return "map[string][]uint8";
    case KUBE_RESOURCES: return "v1.ResourceList";
    case KUBE_BYTES: return "[]uint8";
    default: return "string";
    }
}

/* "PersistentVolumeSpec": what stands behind the last dot. */
static const char *short_name(const struct kube_schema *schema)
{
    const char *dot = strrchr(schema->name, '.');

    return dot ? dot + 1 : schema->name;
}

/* Go's path has no indexes. */
static void go_path(const struct kube_path *at, struct ol_buf *to)
{
    if (!at)
        return;
    go_path(at->up, to);
    if (at->name)
        ol_buf_printf(to, "%s%s", to->len ? "." : "", at->name);
}

static int wrong_type(struct normalizer *n, const struct kube_field *f, const struct ol_val *v,
                      const struct kube_path *at)
{
    ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(KUBE_PATH_MAX);
    char why[512], type[160];

    go_path(at, &path);
    if (f->type == KUBE_OBJECT)
        snprintf(type, sizeof(type), "v1.%s", short_name(f->of));
    else if (f->type == KUBE_LIST)
        snprintf(type, sizeof(type), "[]v1.%s", short_name(f->of));
    else
        snprintf(type, sizeof(type), "%s", go_type(f));
    snprintf(why, sizeof(why),
             "json: cannot unmarshal %s into Go struct field %s.%.200s of type %s", json_type(v),
             short_name(n->schema), path.data, type);
    return fail(n, why);
}

static int quantity_of(struct normalizer *n, const struct kube_field *f, struct ol_val **v,
                       const struct kube_path *at)
{
    struct ol_err why = OL_ERR_INIT;
    struct ol_quantity q;
    char text[OL_QUANTITY_MAX];
    const char *s, *stripped;
    size_t len;

    if ((*v)->type != OL_VAL_STR && (*v)->type != OL_VAL_INT && (*v)->type != OL_VAL_FLOAT)
        return wrong_type(n, f, *v, at);
    s = ol_val_to_text(n->arena, *v);
    stripped = ol_str_strip(s, strlen(s), &len);
    stripped = ol_arena_memdup(n->arena, stripped, len);
    if (ol_quantity_parse(stripped, &q, &why) < 0)
        return fail(n, why.msg);
    ol_quantity_format(&q, text);
    if (!ol_val_str(*v) || strcmp(ol_val_str(*v), text) != 0)
        *v = ol_val_new_str(n->arena, text);
    return 0;
}

static int time_of(struct normalizer *n, const struct kube_field *f, struct ol_val **v,
                   const struct kube_path *at)
{
    char text[KUBE_TIME_SIZE], why[256];
    const char *s = ol_val_str(*v);
    ol_time t;

    if (!s)
        return wrong_type(n, f, *v, at);
    if (kube_time_parse(s, strlen(s), &t) < 0) {
        snprintf(why, sizeof(why),
                 "parsing time \"%.64s\" as \"2006-01-02T15:04:05%sZ07:00\": cannot parse", s,
                 f->flags & KUBE_MICRO ? ".000000" : "");
        return fail(n, why);
    }
    if (t == INT64_MIN || t == INT64_MAX || t == 0)
        return 0; /* before or after what we can count: as it stands */
    if (f->flags & KUBE_MICRO)
        kube_time_format_micro(t, text);
    else
        kube_time_format(t, text);
    if (strcmp(s, text) != 0)
        *v = ol_val_new_str(n->arena, text);
    return 0;
}

static int bytes_of(struct normalizer *n, const struct kube_field *f, struct ol_val *v,
                    const struct kube_path *at)
{
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(BYTES_MAX);

    if (v->type != OL_VAL_STR)
        return wrong_type(n, f, v, at);
    if (ol_base64_decode(v->str.data, v->str.len, OL_BASE64_STRICT, &bytes, NULL) < 0)
        return fail(n, "illegal base64 data");
    return 0;
}

static int int_of(struct normalizer *n, const struct kube_field *f, const struct ol_val *v,
                  const struct kube_path *at)
{
    if (v->type != OL_VAL_INT || v->integer.text)
        return wrong_type(n, f, v, at);
    if ((f->flags & KUBE_INT32) && (v->integer.value < INT32_MIN || v->integer.value > INT32_MAX))
        return wrong_type(n, f, v, at);
    return 0;
}

static int entries_of(struct normalizer *n, const struct kube_field *f, struct ol_val *map,
                      const struct kube_path *at)
{
    if (map->type != OL_VAL_MAP)
        return wrong_type(n, f, map, at);
    for (size_t i = 0; i < map->map.n; i++) {
        struct ol_pair *pair = &map->map.pairs[i];
        int r = 0;

        if (pair->value->type == OL_VAL_NULL && f->type == KUBE_RESOURCES)
            pair->value = ol_val_new_str(n->arena, "0");
        else if (pair->value->type == OL_VAL_NULL)
            pair->value = ol_val_new_str(n->arena, "");
        if (f->type == KUBE_RESOURCES)
            r = quantity_of(n, f, &pair->value, at);
        else if (f->type == KUBE_BYTES_MAP)
            r = bytes_of(n, f, pair->value, at);
        else if (pair->value->type != OL_VAL_STR)
            r = wrong_type(n, f, pair->value, at);
        if (r < 0)
            return r;
    }
    return 0;
}

static int items_of(struct normalizer *n, const struct kube_field *f, struct ol_val *list,
                    const struct kube_path *at)
{
    const struct kube_schema *schema = n->schema;

    if (list->type != OL_VAL_LIST)
        return wrong_type(n, f, list, at);
    for (size_t i = 0; i < list->list.n; i++) {
        struct ol_val **item = &list->list.items[i];
        struct kube_path path = {.up = at, .index = i};
        int r = 0;

        if (f->type == KUBE_LIST) {
            if ((*item)->type == OL_VAL_NULL)
                *item = ol_val_new_map(n->arena);
            r = (*item)->type == OL_VAL_MAP ? object_of(n, f->of, *item, &path)
                                            : wrong_type(n, f, *item, at);
        } else if (f->type == KUBE_INTS) {
            r = int_of(n, f, *item, at);
        } else if ((*item)->type == OL_VAL_NULL) {
            *item = ol_val_new_str(n->arena, "");
        } else if ((*item)->type != OL_VAL_STR) {
            r = wrong_type(n, f, *item, at);
        }
        n->schema = schema;
        if (r < 0)
            return r;
    }
    return 0;
}

static int member_of(struct normalizer *n, const struct kube_field *f, struct ol_val **v,
                     const struct kube_path *at)
{
    switch (f->type) {
    case KUBE_STR:
    case KUBE_ENUM: return (*v)->type == OL_VAL_STR ? 0 : wrong_type(n, f, *v, at);
    case KUBE_BOOL: return (*v)->type == OL_VAL_BOOL ? 0 : wrong_type(n, f, *v, at);
    case KUBE_INT: return int_of(n, f, *v, at);
    case KUBE_INT_OR_STR:
        return (*v)->type == OL_VAL_STR || (*v)->type == OL_VAL_INT ? 0 : wrong_type(n, f, *v, at);
    case KUBE_QUANTITY: return quantity_of(n, f, v, at);
    case KUBE_TIME: return time_of(n, f, v, at);
    case KUBE_BYTES: return bytes_of(n, f, *v, at);
    case KUBE_STR_MAP:
    case KUBE_RESOURCES:
    case KUBE_BYTES_MAP: return entries_of(n, f, *v, at);
    case KUBE_STRS:
    case KUBE_ENUM_SET:
    case KUBE_INTS:
    case KUBE_LIST: return items_of(n, f, *v, at);
    case KUBE_OBJECT:
        return (*v)->type == OL_VAL_MAP ? object_of(n, f->of, *v, at) : wrong_type(n, f, *v, at);
    case KUBE_ANY: break;
    }
    return 0;
}

/* Go leaves it out when it writes the object again. */
static bool is_left_out(const struct kube_field *f, const struct ol_val *v)
{
    if (v->type == OL_VAL_NULL)
        return true;
    if ((f->flags & KUBE_KEEP) || f->type == KUBE_OBJECT || f->type == KUBE_ANY
        || f->type == KUBE_QUANTITY || f->type == KUBE_TIME)
        return false;
    return !ol_val_is_truthy(v);
}

static int object_of(struct normalizer *n, const struct kube_schema *schema, struct ol_val *object,
                     const struct kube_path *at)
{
    const struct kube_schema *outer = n->schema;
    size_t kept = 0;

    n->schema = schema;
    for (size_t i = 0; i < object->map.n; i++) {
        struct ol_pair pair = object->map.pairs[i];
        const char *name = ol_val_str(pair.key);
        const struct kube_field *f = name ? kube_field_find(schema, name) : NULL;
        struct kube_path path = {.up = at, .name = name};

        if (!f)
            continue;
        if (pair.value->type != OL_VAL_NULL && member_of(n, f, &pair.value, &path) < 0)
            return -EINVAL;
        if (is_left_out(f, pair.value))
            continue;
        object->map.pairs[kept++] = pair;
    }
    object->map.n = kept;
    object->map.index = NULL;
    object->map.index_size = 0;
    n->schema = outer;
    return 0;
}

int kube_normalize(const struct kube_kind *kind, struct ol_val *object, struct ol_arena *a,
                   struct ol_err *err)
{
    struct normalizer n = {.schema = kind->schema, .arena = a, .err = err};

    if (!ol_val_is(object, OL_VAL_MAP))
        return fail(&n, "json: cannot unmarshal into an object");
    return object_of(&n, kind->schema, object, NULL);
}
