/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/yaml-scan.h"
#include "core/cleanup.h"

/*
 * Text to nodes: PyYAML's reader.py (which characters may stand in a document) and
 * composer.py (anchors, aliases, one document). Nothing here recurses: containers that are
 * open stand on a stack of fixed size.
 */

/* PyYAML gives up with RecursionError at 491 levels, or fewer when called from deep inside. */
enum { MAX_DEPTH = 490 };

static_assert(MAX_DEPTH < (int)OL_VAL_MAX_DEPTH, "what is loaded can be walked");

struct compose {
    struct yaml_load *l;
    struct yaml_parser *parser;
    struct ol_val *anchors; /* map: name -> index into anchored, in scratch */
    struct yaml_node **anchored;
    size_t n_anchored, cap_anchored;
    struct yaml_node *root;
    struct yaml_node *open[MAX_DEPTH];
    size_t depth;
};

int yaml_fail(struct yaml_load *l, const char *type, const struct yaml_node *at, const char *fmt,
              ...)
{
    char text[sizeof(l->err->msg)];
    va_list ap;
    int r;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r = ol_err_set_domain(l->err, EINVAL, type, 0, "%s", text);
    if (l->err && at) {
        l->err->line = (int)at->line;
        l->err->column = (int)at->column;
    }
    return r;
}

int yaml_check_size(struct yaml_load *l)
{
    if (!ol_arena_is_over(l->a) && !ol_arena_is_over(&l->scratch))
        return 0;
    return ol_err_set(l->err, EFBIG, "the document needs more than %zu bytes of memory", l->a->max);
}

void yaml_node_add(struct yaml_load *l, struct yaml_node *to, struct yaml_node *item)
{
    if (to->n == to->cap) {
        uint32_t cap = to->cap ? to->cap * 2 : 4;

        to->items =
            ol_arena_grow(&l->scratch, to->items, to->cap * sizeof(item), cap * sizeof(item));
        to->cap = cap;
    }
    to->items[to->n++] = item;
}

/* Smallest code point of each sequence length: anything below is an overlong form. */
static const uint32_t utf8_least[] = {0, 0, 0x80, 0x800, 0x10000};

size_t yaml_utf8_next(const char *s, size_t len, uint32_t *ret)
{
    unsigned char lead = (unsigned char)*s;
    size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t c;

    if (n <= 1) {
        *ret = lead;
        return n;
    }
    if (lead > 0xf4 || n > len)
        return 0;
    c = lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (c < utf8_least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return n;
}

static bool is_yaml_char(uint32_t c)
{
    return (c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\n' || c == '\r' || c == 0x85
           || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

/* PyYAML looks at the whole text before it reads any of it. */
static int check_text(struct yaml_load *l, const char *text, size_t len)
{
    for (size_t i = 0, position = 0, n; i < len; i += n, position++) {
        uint32_t c;

        n = 1;
        if (text[i] >= 0x20 && text[i] < 0x7f)
            continue;
        n = yaml_utf8_next(text + i, len - i, &c);
        if (n == 0)
            return yaml_fail(l, "ReaderError", NULL,
                             "'utf-8' codec can't decode byte #x%02x, position %zu",
                             (unsigned char)text[i], i);
        if (!is_yaml_char(c))
            return yaml_fail(
                l, "ReaderError", NULL,
                "unacceptable character #x%04x: special characters are not allowed, position %zu",
                c, position);
    }
    return 0;
}

static struct yaml_node *new_node(struct compose *c, enum yaml_kind kind,
                                  const struct yaml_event *ev)
{
    struct yaml_node *node = ol_arena_alloc(&c->l->scratch, sizeof(*node));

    node->kind = kind;
    node->line = ev->start.line + 1;
    node->column = ev->start.column + 1;
    return node;
}

static void set_tag(struct compose *c, struct yaml_node *node, const char *tag,
                    enum yaml_tag implicit)
{
    size_t prefix = strlen(yaml_tag_prefix);

    node->tag = implicit;
    if (!tag || !strcmp(tag, "!"))
        return;
    if (!strncmp(tag, yaml_tag_prefix, prefix))
        for (int i = 0; i < YAML_TAG_OTHER; i++)
            if (!strcmp(tag + prefix, yaml_tag_names[i])) {
                node->tag = (enum yaml_tag)i;
                return;
            }
    node->tag = YAML_TAG_OTHER;
    node->tag_text = ol_arena_strdup(&c->l->scratch, tag);
}

static struct yaml_node *find_anchor(const struct compose *c, const char *name)
{
    int64_t at = ol_val_int(ol_val_get(c->anchors, name), -1);

    return at < 0 ? NULL : c->anchored[at];
}

static int add_anchor(struct compose *c, const char *name, struct yaml_node *node)
{
    struct ol_arena *a = &c->l->scratch;

    if (!name)
        return 0;
    if (find_anchor(c, name))
        return yaml_fail(c->l, "ComposerError", node, "second occurrence");
    if (c->n_anchored == c->cap_anchored) {
        size_t cap = c->cap_anchored ? c->cap_anchored * 2 : 16;

        c->anchored =
            ol_arena_grow(a, c->anchored, c->cap_anchored * sizeof(node), cap * sizeof(node));
        c->cap_anchored = cap;
    }
    c->anchored[c->n_anchored] = node;
    ol_val_set_int(a, c->anchors, name, (int64_t)c->n_anchored++);
    return 0;
}

static void add_to_parent(struct compose *c, struct yaml_node *node)
{
    if (c->depth > 0)
        yaml_node_add(c->l, c->open[c->depth - 1], node);
    else
        c->root = node;
}

static int on_alias(struct compose *c, const struct yaml_event *ev)
{
    struct yaml_node *node = find_anchor(c, ev->anchor);

    if (!node)
        return yaml_fail(c->l, "ComposerError", new_node(c, YAML_KIND_SCALAR, ev),
                         "found undefined alias '%s'", ev->anchor);
    add_to_parent(c, node);
    return 0;
}

static int on_scalar(struct compose *c, const struct yaml_event *ev)
{
    struct yaml_node *node = new_node(c, YAML_KIND_SCALAR, ev);

    node->text = ev->text;
    node->len = ev->len;
    set_tag(c, node, ev->tag, ev->is_implicit ? yaml_resolve(node->text, node->len) : YAML_TAG_STR);
    add_to_parent(c, node);
    return add_anchor(c, ev->anchor, node);
}

static int on_start(struct compose *c, const struct yaml_event *ev)
{
    bool is_sequence = ev->type == YAML_EVENT_SEQUENCE_START;
    struct yaml_node *node = new_node(c, is_sequence ? YAML_KIND_SEQUENCE : YAML_KIND_MAPPING, ev);

    if (c->depth == MAX_DEPTH)
        return yaml_fail(c->l, "RecursionError", NULL,
                         "nested deeper than %d levels at line %u, column %u", MAX_DEPTH,
                         node->line, node->column);
    set_tag(c, node, ev->tag, is_sequence ? YAML_TAG_SEQ : YAML_TAG_MAP);
    add_to_parent(c, node);
    c->open[c->depth++] = node;
    return add_anchor(c, ev->anchor, node);
}

static int on_document(struct compose *c, const struct yaml_event *ev)
{
    if (!c->root)
        return 0;
    return yaml_fail(c->l, "ComposerError", new_node(c, YAML_KIND_SCALAR, ev),
                     "but found another document");
}

static int on_event(struct compose *c, const struct yaml_event *ev)
{
    switch (ev->type) {
    case YAML_EVENT_ALIAS: return on_alias(c, ev);
    case YAML_EVENT_SCALAR: return on_scalar(c, ev);
    case YAML_EVENT_SEQUENCE_START:
    case YAML_EVENT_MAPPING_START: return on_start(c, ev);
    case YAML_EVENT_END: c->depth--; return 0;
    case YAML_EVENT_DOCUMENT_START: return on_document(c, ev);
    default: return 0;
    }
}

static int compose(struct compose *c)
{
    struct yaml_event ev = {0};

    c->anchors = ol_val_new_map(&c->l->scratch);
    do {
        int r = yaml_next_event(c->parser, &ev);

        if (r == 0)
            r = on_event(c, &ev);
        if (r == 0)
            r = yaml_check_size(c->l);
        if (r < 0)
            return r;
    } while (ev.type != YAML_EVENT_STREAM_END);
    return 0;
}

static int compose_text(struct yaml_load *l, const char *text, size_t len, struct yaml_node **ret)
{
    ol_auto(yaml_parser_end) struct yaml_parser parser;
    struct compose c = {.l = l, .parser = &parser};
    size_t bom = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
    int r;

    yaml_parser_start(&parser, l, text + bom, len - bom);
    r = compose(&c);
    if (r == 0)
        *ret = c.root;
    return r;
}

static void load_done(struct yaml_load *l)
{
    ol_arena_done(&l->scratch);
}

int ol_yaml_load(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err)
{
    ol_auto(load_done) struct yaml_load l = {.a = a, .scratch = OL_ARENA_INIT(a->max), .err = err};
    struct yaml_node *root = NULL;
    int r;

    r = check_text(&l, text, len);
    if (r == 0)
        r = compose_text(&l, text, len, &root);
    if (r < 0)
        return r;
    return yaml_construct(&l, root, ret);
}
