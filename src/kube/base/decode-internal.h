/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/base/kind.h"
#include "kube/base/path-internal.h"
#include "kube/base/scan.h"

/*
 * The decoder of objects. The text is walked twice by the same code: the first time to measure, the
 * second time to fill. What is measured in the first walk is given out in the second in the same
 * order, but for the lengths of lists, which must be known before their items: these are kept from
 * the first walk. While measuring all pointers into the object ('at', 'base', 'item') are NULL.
 *
 * The block: the object's struct, then structs with 128-bit members (aligned to 16), then the other
 * structs and lists (8), then characters.
 */
enum decode_region { DECODE_WIDE, DECODE_NARROW, DECODE_CHARS, DECODE_N_REGIONS };
/* Of text; an API server takes 3 MB at most, and lists are not decoded here. */
enum { DECODE_TEXT_MAX = 64 << 20 };

struct decoder {
    struct kube_scan s;
    bool is_filling;
    char *next[DECODE_N_REGIONS];
    size_t used[DECODE_N_REGIONS];
    struct ol_buf lengths; /* uint32_t of each list, in the order of their beginning */
    size_t next_length;
    const struct kube_path *path;
    struct ol_err *err;
};

/* -EINVAL, with the place. */
int decode_fail(struct decoder *d, const char *what);
int decode_not_json(struct decoder *d);
/* Memory of the block; NULL while measuring. */
void *decode_give(struct decoder *d, size_t size, enum decode_region r);
/* A struct that has a 128-bit member has a size that 16 divides. */
void *decode_give_structs(struct decoder *d, size_t n, size_t size);
/* The same text in static memory when it is one of those that thousands of objects share, else
 * NULL. */
const char *decode_word(const struct kube_span *span);
/* Characters of the block, or a word. NULL while measuring. */
const char *decode_give_span(struct decoder *d, const struct kube_span *span);
/* Goes past a null; false when there is none. */
bool decode_skip_null(struct decoder *d);

/* One value each, into the member at 'at'. */
int decode_str(struct decoder *d, char *at);
int decode_int(struct decoder *d, char *at);
int decode_bool(struct decoder *d, const struct kube_field *f, char *at);
int decode_quantity(struct decoder *d, const struct kube_field *f, char *at);
int decode_time(struct decoder *d, char *at);
int decode_int_or_str(struct decoder *d, char *at);
int decode_bytes(struct decoder *d, char *at);
/* Where the text of an enum with KUBE_WITH_TEXT stands: at the next place for a pointer. */
const char **decode_enum_text(char *at);
int decode_enum(struct decoder *d, const struct kube_field *f, char *at);
int decode_enum_set(struct decoder *d, const struct kube_field *f, char *at);
/* A quantity is a string or a number. */
int decode_read_quantity(struct decoder *d, struct ol_quantity *ret);

/* STRS, INTS, LIST. */
int decode_list(struct decoder *d, const struct kube_field *f, char *at);
/* STR_MAP, RESOURCES, BYTES_MAP. */
int decode_map(struct decoder *d, const struct kube_field *f, char *at);

/* What members are before decoding. */
void decode_init(const struct kube_schema *schema, char *base);
int decode_object(struct decoder *d, const struct kube_schema *schema, char *base);
