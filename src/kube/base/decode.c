/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/decode-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

void decode_init(const struct kube_schema *schema, char *base)
{
    if (schema->initial)
        memcpy(base, schema->initial, schema->size);
    for (const struct kube_field *f = schema->fields; f->name; f++) {
        char *at = base + f->member - 1;

        if (f->member == KUBE_NO_MEMBER)
            continue;
        switch (f->type) {
        case KUBE_STR:
        case KUBE_INT_OR_STR:
            if (!(f->flags & KUBE_NULLABLE))
                *(const char **)(void *)at = "";
            break;
        case KUBE_ENUM:
            if (f->flags & KUBE_WITH_TEXT)
                *decode_enum_text(at) = "";
            break;
        case KUBE_INT: *(int64_t *)(void *)at = f->flags & KUBE_TRISTATE ? -1 : 0; break;
        case KUBE_BOOL:
            if (f->flags & KUBE_TRISTATE)
                *(int8_t *)at = -1;
            break;
        case KUBE_OBJECT:
            if (f->flags & KUBE_INLINE)
                decode_init(f->of, at);
            break;
        default: break;
        }
    }
}

static int decode_member(struct decoder *d, const struct kube_field *f, char *at)
{
    char *object = at;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_MAP)
        return decode_fail(d, "a map was expected");
    if (!(f->flags & KUBE_INLINE)) {
        object = decode_give_structs(d, 1, f->of->size);
        if (object)
            decode_init(f->of, object);
        if (at)
            *(void **)(void *)at = object;
    }
    return decode_object(d, f->of, object);
}

static int decode_field(struct decoder *d, const struct kube_field *f, char *base)
{
    char *at = base ? base + f->member - 1 : NULL;

    switch (f->type) {
    case KUBE_STR: return decode_str(d, at);
    case KUBE_INT: return decode_int(d, at);
    case KUBE_BOOL: return decode_bool(d, f, at);
    case KUBE_QUANTITY: return decode_quantity(d, f, at);
    case KUBE_TIME: return decode_time(d, at);
    case KUBE_INT_OR_STR: return decode_int_or_str(d, at);
    case KUBE_BYTES: return decode_bytes(d, at);
    case KUBE_ENUM: return decode_enum(d, f, at);
    case KUBE_ENUM_SET: return decode_enum_set(d, f, at);
    case KUBE_STRS:
    case KUBE_INTS:
    case KUBE_LIST: return decode_list(d, f, at);
    case KUBE_STR_MAP:
    case KUBE_RESOURCES:
    case KUBE_BYTES_MAP: return decode_map(d, f, at);
    case KUBE_OBJECT: return decode_member(d, f, at);
    case KUBE_ANY: break;
    }
    return kube_scan_skip(&d->s) < 0 ? decode_not_json(d) : 0;
}

static const struct kube_field *find(const struct kube_schema *schema, const struct kube_span *key)
{
    for (const struct kube_field *f = schema->fields; f->name; f++)
        if ((*f->name == *key->at || key->has_escapes) && kube_span_is(key, f->name))
            return f;
    return NULL;
}

int decode_object(struct decoder *d, const struct kube_schema *schema, char *base)
{
    struct kube_path path = {.up = d->path};
    struct kube_span key;
    bool is_first = true;
    int r;

    if (kube_scan_peek(&d->s) != KUBE_TOKEN_MAP)
        return decode_fail(d, "a map was expected");
    r = kube_scan_open(&d->s);
    while (r >= 0 && (r = kube_scan_next(&d->s, '}', &is_first)) > 0) {
        const struct kube_field *f;

        if (kube_scan_key(&d->s, &key) < 0)
            return decode_not_json(d);
        f = find(schema, &key);
        if (!f || f->member == KUBE_NO_MEMBER || kube_scan_peek(&d->s) == KUBE_TOKEN_NULL) {
            r = kube_scan_skip(&d->s);
            continue;
        }
        path.name = f->name;
        d->path = &path;
        r = decode_field(d, f, base);
        d->path = path.up;
        if (r < 0)
            return r;
    }
    return r < 0 ? decode_not_json(d) : 0;
}

static int walk(struct decoder *d, const struct kube_schema *schema, const char *json, size_t len,
                char *base)
{
    d->s = (struct kube_scan){.p = json, .end = json + len};
    d->next_length = 0;
    d->path = NULL;
    memset(d->used, 0, sizeof(d->used));
    if (decode_object(d, schema, base) < 0)
        return -EINVAL;
    return kube_scan_peek(&d->s) != KUBE_TOKEN_NONE || d->s.p != d->s.end ? decode_not_json(d) : 0;
}

static void decoder_done(struct decoder *d)
{
    ol_buf_done(&d->lengths);
}

static int kind_of_text(const char *json, size_t len, const struct kube_kind **ret,
                        struct ol_err *err)
{
    char words[2][128];
    static const char *const keys[] = {"apiVersion", "kind"};

    for (size_t i = 0; i < ol_count(keys); i++) {
        const char *at;
        size_t n;
        int r = kube_text_member(json, len, keys[i], &at, &n);
        struct kube_scan s = {.p = at, .end = at + n};
        struct kube_span span;

        if (r == -EINVAL)
            return ol_err_set(err, EINVAL, "not JSON, or nested too deep");
        if (r < 0 || kube_scan_string(&s, &span) < 0 || kube_span_len(&span) >= sizeof(words[i]))
            return ol_err_set(err, ENOENT, "the object has no %s that we know", keys[i]);
        kube_span_copy(&span, words[i]);
    }
    *ret = kube_kind_by_name(words[0], words[1]);
    if (!*ret)
        return ol_err_set(err, ENOENT, "no kind \"%s\" in version \"%s\"", words[1], words[0]);
    return 0;
}

int kube_decode_text(const struct kube_kind *kind, const char *json, size_t len,
                     const struct kube_object **ret, struct ol_err *err)
{
    ol_auto(decoder_done) struct decoder d = {.lengths = OL_BUF_INIT(DECODE_TEXT_MAX * 2),
                                              .err = err};
    size_t root, size;
    struct kube_object *o;
    char *block;
    int r;

    if (len > DECODE_TEXT_MAX)
        return ol_err_set(err, EFBIG, "object has more than %d bytes", DECODE_TEXT_MAX);
    if (!ol_utf8_is_valid(json, len))
        return ol_err_set(err, EINVAL, "object is not UTF-8");
    r = kind ? 0 : kind_of_text(json, len, &kind, err);
    if (r < 0)
        return r;
    r = walk(&d, kind->schema, json, len, NULL);
    if (r < 0)
        return r;
    root = (kind->schema->size + 15) & ~(size_t)15;
    size = root + d.used[DECODE_WIDE] + d.used[DECODE_NARROW] + d.used[DECODE_CHARS];
    block = ol_xcalloc(1, size);
    d.next[DECODE_WIDE] = block + root;
    d.next[DECODE_NARROW] = d.next[DECODE_WIDE] + d.used[DECODE_WIDE];
    d.next[DECODE_CHARS] = d.next[DECODE_NARROW] + d.used[DECODE_NARROW];
    d.is_filling = true;
    decode_init(kind->schema, block);
    r = walk(&d, kind->schema, json, len, block);
    if (r < 0) {
        free(block);
        return r;
    }
    o = (struct kube_object *)(void *)block;
    o->kind = kind;
    o->refs = 1;
    o->size = (uint32_t)size;
    *ret = o;
    return 0;
}

int kube_decode(const struct kube_kind *kind, const struct ol_val *v,
                const struct kube_object **ret, struct ol_err *err)
{
    static const struct ol_json_style style = {
        .indent = -1, .item_separator = ",", .key_separator = ":"};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DECODE_TEXT_MAX);
    int r = ol_json_dump(v, &style, &text);

    if (r < 0)
        return ol_err_set(err, -r, "object can't be written as JSON");
    return kube_decode_text(kind, text.data, text.len, ret, err);
}
