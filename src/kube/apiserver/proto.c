/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/apiserver/proto.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "kube/apiserver/proto-internal.h"
#include "kube/apiserver/stamp.h"

enum { MAX_DEPTH = 64, MAX_BYTES = 8 << 20 };

enum wire { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };

struct span {
    const uint8_t *p, *end;
};

struct item {
    unsigned number;
    enum wire wire;
    uint64_t value;    /* VARINT */
    struct span bytes; /* BYTES */
};

static int read_varint(struct span *s, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && s->p < s->end; shift += 7) {
        uint8_t b = *s->p++;

        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return 0;
        }
    }
    return -EINVAL;
}

static int skip(struct span *s, size_t n)
{
    if ((size_t)(s->end - s->p) < n)
        return -EINVAL;
    s->p += n;
    return 0;
}

/* 1 = an item, 0 = the end. */
static int next(struct span *s, struct item *ret)
{
    uint64_t key, size;

    if (s->p == s->end)
        return 0;
    if (read_varint(s, &key) < 0 || key >> 3 == 0 || key >> 3 > 0xffff)
        return -EINVAL;
    *ret = (struct item){.number = (unsigned)(key >> 3), .wire = (enum wire)(key & 7)};
    switch (ret->wire) {
    case WIRE_VARINT: return read_varint(s, &ret->value) < 0 ? -EINVAL : 1;
    case WIRE_FIXED64: return skip(s, 8) < 0 ? -EINVAL : 1;
    case WIRE_FIXED32: return skip(s, 4) < 0 ? -EINVAL : 1;
    case WIRE_BYTES:
        if (read_varint(s, &size) < 0 || size > (uint64_t)(s->end - s->p))
            return -EINVAL;
        ret->bytes = (struct span){s->p, s->p + size};
        s->p += size;
        return 1;
    }
    return -EINVAL;
}

/* The item of a number in a small message; a zero item when it is absent. */
static int find(struct span s, unsigned number, struct item *ret)
{
    struct item i;
    int r;

    *ret = (struct item){0};
    while ((r = next(&s, &i)) == 1)
        if (i.number == number)
            *ret = i;
    return r;
}

struct reader {
    struct ol_arena *arena;
    int depth;
};

static struct ol_val *text_of(struct reader *r, struct span s)
{
    return ol_val_new_strn(r->arena, (const char *)s.p, (size_t)(s.end - s.p));
}

static struct ol_val *bytes_of(struct reader *r, struct span s)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(MAX_BYTES);

    ol_base64_encode(s.p, (size_t)(s.end - s.p), 0, &b);
    return ol_val_new_strn(r->arena, b.data, b.len);
}

static int read_quantity(struct reader *r, struct span s, struct ol_val **ret)
{
    struct item i;

    if (find(s, 1, &i) < 0)
        return -EINVAL;
    *ret = text_of(r, i.bytes);
    return 0;
}

/* NULL: Go's zero time. */
static int read_time(struct reader *r, struct span s, bool is_micro, struct ol_val **ret)
{
    struct item seconds, nanos;
    char text[32];

    if (find(s, 1, &seconds) < 0 || find(s, 2, &nanos) < 0)
        return -EINVAL;
    *ret = NULL;
    if ((seconds.value == 0 && nanos.value == 0) || seconds.value > (uint64_t)1 << 33)
        return 0;
    api_time_text((ol_time)seconds.value * OL_SECOND, text);
    if (is_micro)
        *ret = ol_val_new_str(r->arena, ol_arena_printf(r->arena, "%.19s.%06uZ", text,
                                                        (unsigned)(nanos.value / 1000 % 1000000)));
    else
        *ret = ol_val_new_str(r->arena, text);
    return 0;
}

static int read_int_or_str(struct reader *r, struct span s, struct ol_val **ret)
{
    struct item type, number, text;

    if (find(s, 1, &type) < 0 || find(s, 2, &number) < 0 || find(s, 3, &text) < 0)
        return -EINVAL;
    *ret = type.value ? text_of(r, text.bytes)
                      : ol_val_new_int(r->arena, (int32_t)(uint32_t)number.value);
    return 0;
}

static int read_raw(struct reader *r, struct span s, struct ol_val **ret)
{
    struct item raw;

    if (find(s, 1, &raw) < 0)
        return -EINVAL;
    *ret = NULL;
    if (raw.bytes.p == raw.bytes.end)
        return 0;
    return ol_json_load((const char *)raw.bytes.p, (size_t)(raw.bytes.end - raw.bytes.p), r->arena,
                        ret, NULL);
}

static int read_items(struct reader *r, struct span s, struct ol_val **ret)
{
    struct item i;
    int e;

    *ret = ol_val_new_list(r->arena);
    while ((e = next(&s, &i)) == 1)
        if (i.number == 1)
            ol_val_append(r->arena, *ret, text_of(r, i.bytes));
    return e;
}

static int read_message(struct reader *r, const struct proto_message *m, struct span s,
                        struct ol_val *to);

static int read_submessage(struct reader *r, const struct proto_field *f, struct span s,
                           struct ol_val **ret)
{
    *ret = ol_val_new_map(r->arena);
    return read_message(r, &proto_messages[f->of], s, *ret);
}

/* One value; NULL when it says nothing. */
static int read_value(struct reader *r, const struct proto_field *f, const struct item *i,
                      struct ol_val **ret)
{
    bool is_varint = f->type == PROTO_INT || f->type == PROTO_BOOL;

    if (i->wire != (is_varint ? WIRE_VARINT : WIRE_BYTES))
        return -EINVAL;
    switch ((enum proto_type)f->type) {
    case PROTO_STR: *ret = text_of(r, i->bytes); return 0;
    case PROTO_BYTES: *ret = bytes_of(r, i->bytes); return 0;
    case PROTO_INT: *ret = ol_val_new_int(r->arena, (int64_t)i->value); return 0;
    case PROTO_BOOL: *ret = ol_val_new_bool(r->arena, i->value != 0); return 0;
    case PROTO_MESSAGE: return read_submessage(r, f, i->bytes, ret);
    case PROTO_QUANTITY: return read_quantity(r, i->bytes, ret);
    case PROTO_TIME: return read_time(r, i->bytes, false, ret);
    case PROTO_MICROTIME: return read_time(r, i->bytes, true, ret);
    case PROTO_INT_OR_STR: return read_int_or_str(r, i->bytes, ret);
    case PROTO_RAW: return read_raw(r, i->bytes, ret);
    case PROTO_ITEMS: return read_items(r, i->bytes, ret);
    }
    return -EINVAL;
}

static int read_map(struct reader *r, const struct proto_field *f, const struct item *i,
                    struct ol_val *to)
{
    struct ol_val *map = ol_val_get_mut(to, f->name), *value = NULL;
    struct item key, entry;
    int e;

    if (i->wire != WIRE_BYTES || find(i->bytes, 1, &key) < 0 || find(i->bytes, 2, &entry) < 0)
        return -EINVAL;
    if (entry.number == 0 && f->type != PROTO_INT && f->type != PROTO_BOOL)
        entry.wire = WIRE_BYTES;
    e = read_value(r, f, &entry, &value);
    if (e < 0)
        return e;
    if (!map) {
        map = ol_val_new_map(r->arena);
        ol_val_set(r->arena, to, f->name, map);
    }
    ol_val_set_key(r->arena, map, text_of(r, key.bytes), value ? value : ol_val_new_null(r->arena));
    return 0;
}

/* What Go's omitempty would leave out of JSON. */
static bool is_nothing(const struct ol_val *v)
{
    return !ol_val_is_truthy(v);
}

static int read_field(struct reader *r, const struct proto_field *f, const struct item *i,
                      struct ol_val *to)
{
    struct ol_val *value = NULL, *list;
    int e;

    if (f->how & PROTO_MAP)
        return read_map(r, f, i, to);
    if (f->how & PROTO_INLINE)
        return i->wire == WIRE_BYTES ? read_message(r, &proto_messages[f->of], i->bytes, to)
                                     : -EINVAL;
    e = read_value(r, f, i, &value);
    if (e < 0)
        return e;
    if (f->how & PROTO_REPEATED) {
        list = ol_val_get_mut(to, f->name);
        if (!list) {
            list = ol_val_new_list(r->arena);
            ol_val_set(r->arena, to, f->name, list);
        }
        ol_val_append(r->arena, list, value ? value : ol_val_new_null(r->arena));
    } else if (value && ((f->how & PROTO_KEEP) || !is_nothing(value))) {
        ol_val_set(r->arena, to, f->name, value);
    }
    return 0;
}

static const struct proto_field *field_of(const struct proto_message *m, unsigned number)
{
    for (unsigned i = 0; i < m->n; i++)
        if (proto_fields[m->first + i].number == number)
            return &proto_fields[m->first + i];
    return NULL;
}

static int read_message(struct reader *r, const struct proto_message *m, struct span s,
                        struct ol_val *to)
{
    const struct proto_field *f;
    struct item i;
    int e;

    if (r->depth == MAX_DEPTH)
        return -EINVAL;
    r->depth++;
    while ((e = next(&s, &i)) == 1) {
        f = field_of(m, i.number);
        e = f ? read_field(r, f, &i, to) : 0;
        if (e == 0 && ol_arena_is_over(r->arena))
            e = -EFBIG;
        if (e < 0)
            return e;
    }
    r->depth--;
    return e;
}

static const struct proto_root *root_of(const char *api_version, const char *kind)
{
    const struct proto_root *root = proto_roots;

    /* Every group has its DeleteOptions, which are all the same. */
    while (
        root->kind
        && (strcmp(root->kind, kind) != 0
            || (strcmp(root->api_version, api_version) != 0 && strcmp(kind, "DeleteOptions") != 0)))
        root++;
    return root->kind ? root : NULL;
}

int proto_load(const void *data, size_t size, struct ol_arena *a, struct ol_val **ret,
               struct ol_err *err)
{
    static const char magic[4] = {'k', '8', 's', 0};
    struct span s = {data, (const uint8_t *)data + size};
    struct item type, raw, api_version, kind;
    struct reader r = {.arena = a};
    const struct proto_root *root;
    struct ol_val *v = ol_val_new_map(a);
    int e;

    if (size < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0)
        return ol_err_set(err, EINVAL, "the body doesn't begin as Kubernetes' protobuf does");
    s.p += sizeof(magic);
    if (find(s, 1, &type) < 0 || find(s, 2, &raw) < 0 || find(type.bytes, 1, &api_version) < 0
        || find(type.bytes, 2, &kind) < 0)
        return ol_err_set(err, EINVAL, "the protobuf envelope is not well-formed");
    ol_val_set(a, v, "kind", text_of(&r, kind.bytes));
    ol_val_set(a, v, "apiVersion", text_of(&r, api_version.bytes));
    root = root_of(ol_val_str(ol_val_get(v, "apiVersion")), ol_val_str(ol_val_get(v, "kind")));
    if (!root)
        return ol_err_set(err, ENOENT, "no protobuf form of '%.64s' is known here",
                          ol_val_str(ol_val_get(v, "kind")));
    e = read_message(&r, &proto_messages[root->message], raw.bytes, v);
    if (e < 0)
        return ol_err_set(err, -e, "the protobuf of a %s is not well-formed", root->kind);
    *ret = v;
    return 0;
}
