/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/document/openapi-internal.h"

/*
 * gnostic's openapiv2/OpenAPIv2.proto, the part that our documents use: for each message its
 * members with their field numbers. Extensions ("x-…") go to vendor_extension as text in YAML, of
 * which JSON is a part.
 */
enum how {
    AS_STR,
    AS_BOOL,
    AS_STRS, /* repeated string */
    AS_MESSAGE,
    AS_TYPE, /* TypeItem: one string */
    AS_PARAMETERS,
};

struct message;

struct member {
    const char *name;
    unsigned number;
    enum how how;
    const struct message *of;
};

struct message {
    const struct member *members; /* ended by name NULL; or NULL */
    unsigned vendor;              /* field number of vendor_extension, 0 = none */
    unsigned wrap;                /* not 0: a message with 'of' in this field and nothing else */
    unsigned named;               /* not 0: a map, repeated (name = 1, value = 2) in this field */
    const struct message *of;     /* of wrap and named */
};

static const struct message schema, schema_item = {.wrap = 1, .of = &schema},
                                    schemas = {.named = 1, .of = &schema};

/* message Schema */
static const struct member schema_members[] = {
    {"$ref", 1, AS_STR},
    {"format", 2, AS_STR},
    {"description", 4, AS_STR},
    {"required", 19, AS_STRS},
    {"additionalProperties", 21, AS_MESSAGE,
     &schema_item}, /* AdditionalPropertiesItem.schema = 1 */
    {"type", 22, AS_TYPE},
    {"items", 23, AS_MESSAGE, &schema_item}, /* ItemsItem.schema = 1 */
    {"properties", 25, AS_MESSAGE, &schemas},
    {0},
};
static const struct message schema = {.members = schema_members, .vendor = 31};

/* message Response, in ResponseValue.response = 1; its schema in SchemaItem.schema = 1 */
static const struct member response_members[] = {
    {"description", 1, AS_STR},
    {"schema", 2, AS_MESSAGE, &schema_item},
    {0},
};
static const struct message response = {.members = response_members, .vendor = 5};
static const struct message response_value = {.wrap = 1, .of = &response};
static const struct message responses = {.named = 1, .of = &response_value};

/* message BodyParameter */
static const struct member body_members[] = {
    {"description", 1, AS_STR},
    {"name", 2, AS_STR},
    {"in", 3, AS_STR},
    {"required", 4, AS_BOOL},
    {"schema", 5, AS_MESSAGE, &schema},
    {0},
};
static const struct message body_parameter = {.members = body_members, .vendor = 6};

/* message QueryParameterSubSchema */
static const struct member query_members[] = {
    {"required", 1, AS_BOOL},
    {"in", 2, AS_STR},
    {"description", 3, AS_STR},
    {"name", 4, AS_STR},
    {"type", 6, AS_STR},
    {"uniqueItems", 20, AS_BOOL},
    {0},
};
static const struct message query_parameter = {.members = query_members, .vendor = 23};

/* message PathParameterSubSchema */
static const struct member path_members[] = {
    {"required", 1, AS_BOOL},
    {"in", 2, AS_STR},
    {"description", 3, AS_STR},
    {"name", 4, AS_STR},
    {"type", 5, AS_STR},
    {"uniqueItems", 19, AS_BOOL},
    {0},
};
static const struct message path_parameter = {.members = path_members, .vendor = 22};

/* ParametersItem.parameter = 1; in it Parameter.body_parameter = 1 or non_body_parameter = 2; in
 * that one query = 3 or path = 4 */
static const struct message as_body = {.wrap = 1, .of = &body_parameter};
static const struct message in_query = {.wrap = 3, .of = &query_parameter};
static const struct message in_path = {.wrap = 4, .of = &path_parameter};
static const struct message as_query = {.wrap = 2, .of = &in_query};
static const struct message as_path = {.wrap = 2, .of = &in_path};
static const struct message item_body = {.wrap = 1, .of = &as_body};
static const struct message item_query = {.wrap = 1, .of = &as_query};
static const struct message item_path = {.wrap = 1, .of = &as_path};

/* message Operation */
static const struct member operation_members[] = {
    {"description", 3, AS_STR},
    {"operationId", 5, AS_STR},
    {"produces", 6, AS_STRS},
    {"consumes", 7, AS_STRS},
    {"parameters", 8, AS_PARAMETERS},
    {"responses", 9, AS_MESSAGE, &responses},
    {0},
};
static const struct message operation = {.members = operation_members, .vendor = 13};

/* message PathItem */
static const struct member path_item_members[] = {
    {"get", 2, AS_MESSAGE, &operation},
    {"put", 3, AS_MESSAGE, &operation},
    {"post", 4, AS_MESSAGE, &operation},
    {"delete", 5, AS_MESSAGE, &operation},
    {"patch", 8, AS_MESSAGE, &operation},
    {"parameters", 9, AS_PARAMETERS},
    {0},
};
static const struct message path_item = {.members = path_item_members, .vendor = 10};
static const struct message paths = {.named = 2, .of = &path_item};

/* message Info */
static const struct member info_members[] = {{"title", 1, AS_STR}, {"version", 2, AS_STR}, {0}};
static const struct message info = {.members = info_members, .vendor = 7};

/* message Document */
static const struct member document_members[] = {
    {"swagger", 1, AS_STR},
    {"info", 2, AS_MESSAGE, &info},
    {"paths", 8, AS_MESSAGE, &paths},
    {"definitions", 9, AS_MESSAGE, &schemas},
    {0},
};
static const struct message document = {.members = document_members, .vendor = 16};

static void add_varint(struct ol_buf *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        ol_buf_addc(to, (char)(v | 0x80));
    ol_buf_addc(to, (char)v);
}

/* Field of wire type 2: its length and bytes. */
static void add_bytes(struct ol_buf *to, unsigned number, const void *data, size_t len)
{
    add_varint(to, number << 3 | 2);
    add_varint(to, len);
    ol_buf_add(to, data, len);
}

static void add_str(struct ol_buf *to, unsigned number, const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_STR))
        add_bytes(to, number, v->str.data, v->str.len);
}

static void encode(const struct message *m, const struct ol_val *v, struct ol_buf *to);

static void add_message(struct ol_buf *to, unsigned number, const struct message *m,
                        const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf inner = OL_BUF_INIT(OPENAPI_MAX);

    encode(m, v, &inner);
    add_bytes(to, number, inner.data, inner.len);
}

static void add_parameters(struct ol_buf *to, unsigned number, const struct ol_val *list)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *v = ol_val_item(list, i);
        const char *in = ol_val_str(ol_val_get(v, "in"));

        add_message(to, number,
                    in && !strcmp(in, "body")   ? &item_body
                    : in && !strcmp(in, "path") ? &item_path
                                                : &item_query,
                    v);
    }
}

/* TypeItem.value = 1 */
static void add_type(struct ol_buf *to, unsigned number, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf inner = OL_BUF_INIT(1 << 10);

    add_str(&inner, 1, v);
    add_bytes(to, number, inner.data, inner.len);
}

static void add_member(const struct member *m, const struct ol_val *v, struct ol_buf *to)
{
    switch (m->how) {
    case AS_STR: add_str(to, m->number, v); break;
    case AS_BOOL:
        if (ol_val_is_truthy(v)) {
            add_varint(to, m->number << 3);
            add_varint(to, 1);
        }
        break;
    case AS_STRS:
        for (size_t i = 0; i < ol_val_count(v); i++)
            add_str(to, m->number, ol_val_item(v, i));
        break;
    case AS_MESSAGE: add_message(to, m->number, m->of, v); break;
    case AS_TYPE: add_type(to, m->number, v); break;
    case AS_PARAMETERS: add_parameters(to, m->number, v); break;
    }
}

/* NamedAny: name = 1, value = 2; Any.yaml = 2 */
static void add_vendor(struct ol_buf *to, unsigned number, const struct ol_pair *pair)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf any = OL_BUF_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf named = OL_BUF_INIT(1 << 20);

    if (ol_json_dump(pair->value, &ol_json_compact, &text) < 0)
        return;
    ol_buf_addc(&text, '\n');
    add_bytes(&any, 2, text.data, text.len);
    add_str(&named, 1, pair->key);
    add_bytes(&named, 2, any.data, any.len);
    add_bytes(to, number, named.data, named.len);
}

static void add_named(const struct message *m, const struct ol_pair *pair, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf inner = OL_BUF_INIT(OPENAPI_MAX);

    add_str(&inner, 1, pair->key);
    add_message(&inner, 2, m->of, pair->value);
    add_bytes(to, m->named, inner.data, inner.len);
}

static void encode(const struct message *m, const struct ol_val *v, struct ol_buf *to)
{
    if (m->wrap) {
        add_message(to, m->wrap, m->of, v);
        return;
    }
    for (size_t i = 0; m->named && i < ol_val_count(v); i++)
        add_named(m, ol_val_pair(v, i), to);
    for (const struct member *one = m->members; one && one->name; one++) {
        const struct ol_val *value = ol_val_get(v, one->name);

        if (value)
            add_member(one, value, to);
    }
    for (size_t i = 0; m->vendor && i < ol_val_count(v); i++)
        if (ol_str_starts(v->map.pairs[i].key->str.data, "x-"))
            add_vendor(to, m->vendor, ol_val_pair(v, i));
}

void openapi_v2_encode(const struct ol_val *v, struct ol_buf *to)
{
    encode(&document, v, to);
}
