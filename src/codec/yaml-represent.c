/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/yaml-emit.h"
#include "codec/yaml-internal.h"
#include "codec/yaml-order.h"
#include "core/cleanup.h"

/*
 * Values to text, as PyYAML's representer, serializer and emitter do it together: which
 * tag and style a value gets, which ones get an anchor, and the block structure.
 */

const struct ol_yaml_style ol_yaml_safe_dump = {.indent = 2, .sort_keys = true};
const struct ol_yaml_style ol_yaml_cloud_init = {
    .indent = 4, .explicit_start = true, .explicit_end = true, .sort_keys = true};

/* What PyYAML remembers about an object that could get an anchor. */
struct seen {
    const struct ol_val *v;
    const struct ol_pair **pairs; /* of a map, in the order of writing */
    int anchor;                   /* 0 = none */
    bool is_written;
};

struct dump {
    const struct ol_yaml_style *style;
    struct yaml_emit emit;
    struct ol_arena arena;
    struct seen *seen; /* open addressing by address; size is a power of two */
    size_t n_seen, seen_size;
    int last_anchor;
    int depth;
};

/* Bits of the place where a node stands */
enum place {
    PLACE_ROOT = 1 << 0,
    PLACE_IN_MAP = 1 << 1,
    PLACE_KEY = 1 << 2, /* in front of ':' in the same line */
};

static bool is_map(const struct ol_val *v)
{
    return v->type == OL_VAL_MAP || v->type == OL_VAL_SET;
}

static bool is_container(const struct ol_val *v)
{
    return v->type == OL_VAL_LIST || is_map(v);
}

/* --- anchors --- */

static struct seen *seen_slot(struct seen *table, size_t size, const struct ol_val *v)
{
    size_t at = ((uintptr_t)v >> 4) * 0x9e3779b97f4a7c15u >> 20;

    for (at &= size - 1; table[at].v && table[at].v != v;)
        at = (at + 1) & (size - 1);
    return &table[at];
}

static void seen_grow(struct dump *d)
{
    size_t size = d->seen_size ? d->seen_size * 4 : 256;
    struct seen *table = ol_arena_alloc(&d->arena, size * sizeof(*table));

    for (size_t i = 0; i < d->seen_size; i++)
        if (d->seen[i].v)
            *seen_slot(table, size, d->seen[i].v) = d->seen[i];
    d->seen = table;
    d->seen_size = size;
}

static struct seen *find_seen(const struct dump *d, const struct ol_val *v)
{
    struct seen *s = d->seen_size ? seen_slot(d->seen, d->seen_size, v) : NULL;

    return s && s->v ? s : NULL;
}

static const struct ol_pair **pairs_of(struct dump *d, const struct ol_val *v)
{
    const struct seen *s = find_seen(d, v);

    if (s && s->pairs)
        return s->pairs;
    return d->style->sort_keys ? yaml_sorted_pairs(&d->arena, v)
                               : yaml_unsorted_pairs(&d->arena, v);
}

static int find_shared(struct dump *d, const struct ol_val *v);

static int find_shared_below(struct dump *d, const struct ol_val *v,
                             const struct ol_pair *const *pairs)
{
    int r = 0;

    if (v->type == OL_VAL_LIST)
        for (size_t i = 0; r == 0 && i < v->list.n; i++)
            r = find_shared(d, v->list.items[i]);
    if (is_map(v))
        for (size_t i = 0; r == 0 && i < v->map.n; i++) {
            r = find_shared(d, pairs[i]->key);
            if (r == 0 && v->type == OL_VAL_MAP)
                r = find_shared(d, pairs[i]->value);
        }
    return r;
}

/* Anchors are numbered in the order in which objects are met for the second time. */
static int find_shared(struct dump *d, const struct ol_val *v)
{
    struct seen *s;
    const struct ol_pair **pairs = NULL;
    int r;

    if (!v || (!is_container(v) && v->type != OL_VAL_TIME))
        return 0;
    if (d->n_seen * 2 >= d->seen_size)
        seen_grow(d);
    s = seen_slot(d->seen, d->seen_size, v);
    if (s->v) {
        if (!s->anchor)
            s->anchor = ++d->last_anchor;
        return 0;
    }
    if (d->depth == OL_VAL_MAX_DEPTH)
        return -ELOOP;
    if (is_map(v))
        pairs = pairs_of(d, v);
    *s = (struct seen){.v = v, .pairs = pairs};
    d->n_seen++;
    d->depth++;
    r = find_shared_below(d, v, pairs);
    d->depth--;
    return r;
}

/* --- scalars --- */

/* As Python's base64.encodebytes(): lines of 76 digits. */
static const char *encode_base64(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(v->str.len * 2 + 4);

    ol_base64_encode(v->str.data, v->str.len, 76, &text);
    return ol_arena_memdup(a, text.data, text.len);
}

static const char *float_text(struct ol_arena *a, double v)
{
    char text[32];
    char *e;

    ol_float_repr(v, text);
    if (!strcmp(text, "nan") || !strcmp(text, "inf"))
        return ol_arena_printf(a, ".%s", text);
    if (!strcmp(text, "-inf"))
        return "-.inf";
    e = strchr(text, 'e');
    if (!e || strchr(text, '.'))
        return ol_arena_strdup(a, text);
    /* "1e+16" is no float to YAML */
    return ol_arena_printf(a, "%.*s.0%s", (int)(e - text), text, e);
}

struct scalar {
    enum yaml_tag tag;
    const char *text;
    size_t len;
};

static struct scalar scalar_of(struct dump *d, const struct ol_val *v)
{
    struct scalar s = {.tag = YAML_TAG_NULL, .text = "null"};

    switch (v ? v->type : OL_VAL_NULL) {
    case OL_VAL_BOOL: s = (struct scalar){YAML_TAG_BOOL, v->boolean ? "true" : "false", 0}; break;
    case OL_VAL_INT:
        s.tag = YAML_TAG_INT;
        s.text = v->integer.text ? v->integer.text
                                 : ol_arena_printf(&d->arena, "%" PRId64, v->integer.value);
        break;
    case OL_VAL_FLOAT:
        s = (struct scalar){YAML_TAG_FLOAT, float_text(&d->arena, v->number), 0};
        break;
    case OL_VAL_STR: return (struct scalar){YAML_TAG_STR, v->str.data, v->str.len};
    case OL_VAL_TIME: return (struct scalar){YAML_TAG_TIMESTAMP, v->str.data, v->str.len};
    case OL_VAL_BYTES:
        s.tag = YAML_TAG_BINARY;
        s.text = encode_base64(&d->arena, v);
        break;
    default: break;
    }
    s.len = strlen(s.text);
    return s;
}

static void write_text(struct dump *d, const struct scalar *s, unsigned place)
{
    struct yaml_analysis is = yaml_analyze(s->text, s->len);
    bool is_key = place & PLACE_KEY;

    if (s->tag == YAML_TAG_BINARY && s->len > 0 && !is_key) {
        yaml_emit_literal(&d->emit, s->text, s->len);
    } else if (s->tag != YAML_TAG_BINARY && s->len > 0 && is.can_plain
               && yaml_resolve(s->text, s->len) == s->tag) {
        d->emit.is_open_ended |= (place & PLACE_ROOT) != 0;
        yaml_emit_plain(&d->emit, s->text, s->len, !is_key);
    } else if (s->tag != YAML_TAG_BINARY && is.can_single && !(is_key && is.is_multiline)) {
        yaml_emit_single(&d->emit, s->text, s->len, !is_key);
    } else {
        yaml_emit_double(&d->emit, s->text, s->len, !is_key);
    }
}

static void write_scalar(struct dump *d, const struct ol_val *v, unsigned place)
{
    struct scalar s = scalar_of(d, v);
    int outer = d->emit.indent;

    if (s.tag == YAML_TAG_BINARY)
        yaml_emit_indicator(&d->emit, "!!binary", true);
    d->emit.indent = outer < 0 ? d->emit.best_indent : outer + d->emit.best_indent;
    write_text(d, &s, place);
    d->emit.indent = outer;
}

/* --- structure --- */

enum { SIMPLE_KEY_LENGTH = 128 };

/* Whether a key may stand in front of ':'; else it gets a line of its own with '?'. The
 * length counts the tag even where it is not written, since PyYAML's does. */
static bool is_simple_key(struct dump *d, const struct ol_val *key)
{
    const struct seen *s = key ? find_seen(d, key) : NULL;
    size_t length = s && s->anchor ? strlen("id001") : 0;
    struct scalar scalar;
    struct yaml_analysis is;

    if (s && s->anchor && s->is_written)
        return true;
    if (key && is_container(key))
        return ol_val_count(key) == 0;
    scalar = scalar_of(d, key);
    is = yaml_analyze(scalar.text, scalar.len);
    length += strlen("!!") + strlen(yaml_tag_names[scalar.tag]) + is.n_chars;
    return scalar.len > 0 && !is.is_multiline && length < SIMPLE_KEY_LENGTH;
}

static int write_node(struct dump *d, const struct ol_val *v, unsigned place);

static int write_list(struct dump *d, const struct ol_val *v, unsigned place)
{
    struct yaml_emit *e = &d->emit;
    bool is_indentless = (place & PLACE_IN_MAP) && !e->is_indention;
    int outer = e->indent, r = 0;

    if (!is_indentless)
        e->indent = outer < 0 ? 0 : outer + e->best_indent;
    for (size_t i = 0; r == 0 && i < v->list.n; i++) {
        yaml_emit_indent(e);
        yaml_emit_line_indicator(e, "-");
        r = write_node(d, v->list.items[i], 0);
    }
    e->indent = outer;
    return r;
}

static int write_pair(struct dump *d, const struct ol_pair *pair, bool is_set)
{
    struct yaml_emit *e = &d->emit;
    bool is_simple = is_simple_key(d, pair->key);
    int r;

    yaml_emit_indent(e);
    if (!is_simple)
        yaml_emit_line_indicator(e, "?");
    r = write_node(d, pair->key, PLACE_IN_MAP | (is_simple ? PLACE_KEY : 0));
    if (r < 0)
        return r;
    if (is_simple) {
        yaml_emit_indicator(e, ":", false);
    } else {
        yaml_emit_indent(e);
        yaml_emit_line_indicator(e, ":");
    }
    return write_node(d, is_set ? NULL : pair->value, PLACE_IN_MAP);
}

static int write_map(struct dump *d, const struct ol_val *v)
{
    const struct ol_pair *const *pairs = pairs_of(d, v);
    int outer = d->emit.indent, r = 0;

    d->emit.indent = outer < 0 ? 0 : outer + d->emit.best_indent;
    for (size_t i = 0; r == 0 && i < v->map.n; i++)
        r = write_pair(d, pairs[i], v->type == OL_VAL_SET);
    d->emit.indent = outer;
    return r;
}

static int write_container(struct dump *d, const struct ol_val *v, unsigned place)
{
    int r;

    if (v->type == OL_VAL_SET)
        yaml_emit_indicator(&d->emit, "!!set", true);
    if (ol_val_count(v) == 0) {
        yaml_emit_indicator(&d->emit, v->type == OL_VAL_LIST ? "[]" : "{}", true);
        return 0;
    }
    if (d->depth == OL_VAL_MAX_DEPTH)
        return -ELOOP;
    d->depth++;
    r = v->type == OL_VAL_LIST ? write_list(d, v, place) : write_map(d, v);
    d->depth--;
    return r;
}

static int write_node(struct dump *d, const struct ol_val *v, unsigned place)
{
    struct seen *s = v ? find_seen(d, v) : NULL;
    char name[24];

    if (d->emit.to->failed)
        return -d->emit.to->failed;
    if (s && s->anchor) {
        snprintf(name, sizeof(name), "%cid%03d", s->is_written ? '*' : '&', s->anchor);
        yaml_emit_indicator(&d->emit, name, true);
        if (s->is_written)
            return 0;
        s->is_written = true;
    }
    if (v && is_container(v))
        return write_container(d, v, place);
    write_scalar(d, v, place);
    return 0;
}

static int write_document(struct dump *d, const struct ol_val *v)
{
    struct yaml_emit *e = &d->emit;
    int r;

    if (d->style->explicit_start)
        yaml_emit_indicator(e, "---", true);
    r = write_node(d, v, PLACE_ROOT);
    if (r < 0)
        return r;
    yaml_emit_indent(e);
    if (d->style->explicit_end || e->is_open_ended) {
        yaml_emit_indicator(e, "...", true);
        yaml_emit_indent(e);
    }
    return ol_buf_status(e->to);
}

static void dump_done(struct dump *d)
{
    ol_arena_done(&d->arena);
}

int ol_yaml_dump(const struct ol_val *v, const struct ol_yaml_style *style, struct ol_buf *to)
{
    bool has_indent = style->indent >= 2 && style->indent <= 9;
    ol_auto(dump_done) struct dump d = {
        .style = style,
        .arena = OL_ARENA_INIT(SIZE_MAX),
        .emit = {.to = to,
                 .best_indent = has_indent ? style->indent : 2,
                 .best_width = 80,
                 .indent = -1,
                 .is_whitespace = true,
                 .is_indention = true},
    };
    int r = 0;

    if (style->width > d.emit.best_indent * 2)
        d.emit.best_width = style->width;
    if (!style->no_alias)
        r = find_shared(&d, v);
    return r < 0 ? r : write_document(&d, v);
}
