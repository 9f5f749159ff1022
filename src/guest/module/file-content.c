/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/file-content.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/gzip.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/log.h"
#include "core/num.h"
#include "core/str.h"

enum { SCRATCH_MAX = 1 << 20 };

/* int(text, 8) of Python: blanks around and the prefix 0o are allowed. */
static int parse_octal(const char *text, int64_t *ret)
{
    ol_autofree char *digits = ol_str_lower(ol_str_stripped(text));

    return ol_parse_i64(ol_str_starts(digits, "0o") ? digits + 2 : digits, 8, ret);
}

static bool decode_mode(struct ol_arena *a, const struct ol_val *v, int64_t *ret)
{
    if (ol_val_is(v, OL_VAL_INT))
        *ret = ol_val_int(v, -1);
    else if (ol_val_is(v, OL_VAL_BOOL))
        *ret = v->boolean;
    else if (ol_val_is(v, OL_VAL_FLOAT) && v->number >= 0 && v->number <= 07777)
        *ret = (int64_t)v->number;
    else if (parse_octal(ol_val_to_text(a, v), ret) < 0)
        return false;
    return *ret >= 0 && *ret <= 07777;
}

mode_t file_content_mode(struct ol_env *env, const struct ol_val *permissions)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(SCRATCH_MAX);
    int64_t mode;

    if (!permissions || ol_val_is(permissions, OL_VAL_NULL))
        return FILE_DEFAULT_MODE;
    if (decode_mode(&a, permissions, &mode))
        return (mode_t)mode;
    ol_warn(env, "Undecodable permissions %s, returning default %o",
            ol_val_to_repr(&a, permissions), FILE_DEFAULT_MODE);
    return FILE_DEFAULT_MODE;
}

/* Bits of what an encoding asks for, undone in this order */
enum { IS_BASE64 = 1 << 0, IS_GZIP = 1 << 1 };

static const struct {
    const char *name;
    unsigned layers;
} encodings[] = {
    {"", 0},
    {"text/plain", 0},
    {"gz", IS_GZIP},
    {"gzip", IS_GZIP},
    {"b64", IS_BASE64},
    {"base64", IS_BASE64},
    {"gz+b64", IS_BASE64 | IS_GZIP},
    {"gz+base64", IS_BASE64 | IS_GZIP},
    {"gzip+b64", IS_BASE64 | IS_GZIP},
    {"gzip+base64", IS_BASE64 | IS_GZIP},
};

static unsigned find_layers(struct ol_env *env, struct ol_arena *a, const struct ol_val *encoding)
{
    ol_autofree char *name = NULL;

    if (!ol_val_is_truthy(encoding))
        return 0;
    name = ol_str_lower(ol_str_stripped(ol_val_to_text(a, encoding)));
    for (size_t i = 0; i < ol_count(encodings); i++)
        if (!strcmp(encodings[i].name, name))
            return encodings[i].layers;
    ol_warn(env, "Unknown encoding type %s, assuming text/plain", name);
    return 0;
}

/* The decoders' sentences are Python's; their exceptions are named for status.json. */
static int named(struct ol_err *err, int r, const char *exception)
{
    if (r == -EINVAL && err)
        err->domain = exception;
    return r;
}

static int undo_layers(unsigned layers, const char *data, size_t len, struct ol_buf *ret,
                       struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf packed = OL_BUF_INIT(FILE_CONTENT_MAX);
    int r;

    if (!(layers & IS_GZIP))
        return named(err, ol_base64_decode(data, len, 0, ret, err), "Error");
    if (layers & IS_BASE64) {
        r = ol_base64_decode(data, len, 0, &packed, err);
        if (r < 0)
            return named(err, r, "Error");
        data = packed.data;
        len = packed.len;
    }
    return named(err, ol_gzip_decompress(data, len, ret, err), "DecompressionError");
}

int file_content_decode(struct ol_env *env, const struct ol_val *content,
                        const struct ol_val *encoding, struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(FILE_CONTENT_MAX);
    unsigned layers = find_layers(env, &a, encoding);
    const char *data;
    size_t len;
    int r;

    if (ol_val_is(content, OL_VAL_STR) || ol_val_is(content, OL_VAL_BYTES)) {
        data = content->str.data;
        len = content->str.len;
    } else {
        data = ol_val_to_text(&a, content);
        len = strlen(data);
    }
    if (layers)
        return undo_layers(layers, data, len, ret, err);
    ol_buf_add(ret, data, len);
    r = ol_buf_status(ret);
    return r < 0 ? ol_err_set(err, -r, "content: %s", strerror(-r)) : 0;
}
