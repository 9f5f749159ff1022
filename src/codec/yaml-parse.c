/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-scan.h"

#include <string.h>

/*
 * Tokens to events: the grammar of PyYAML's parser.py. A state is the function that makes
 * the next event; what is to follow a node waits on the stack 'states'.
 */

static int block_node(struct yaml_parser *p, struct yaml_event *ev);
static int flow_node(struct yaml_parser *p, struct yaml_event *ev);
static int document_start(struct yaml_parser *p, struct yaml_event *ev);
static int document_content(struct yaml_parser *p, struct yaml_event *ev);
static int document_end(struct yaml_parser *p, struct yaml_event *ev);
static int block_sequence_entry(struct yaml_parser *p, struct yaml_event *ev);
static int indentless_entry(struct yaml_parser *p, struct yaml_event *ev);
static int block_mapping_key(struct yaml_parser *p, struct yaml_event *ev);
static int block_mapping_value(struct yaml_parser *p, struct yaml_event *ev);
static int flow_sequence_first(struct yaml_parser *p, struct yaml_event *ev);
static int flow_sequence_entry(struct yaml_parser *p, struct yaml_event *ev);
static int flow_pair_key(struct yaml_parser *p, struct yaml_event *ev);
static int flow_pair_value(struct yaml_parser *p, struct yaml_event *ev);
static int flow_pair_end(struct yaml_parser *p, struct yaml_event *ev);
static int flow_mapping_first(struct yaml_parser *p, struct yaml_event *ev);
static int flow_mapping_key(struct yaml_parser *p, struct yaml_event *ev);
static int flow_mapping_value(struct yaml_parser *p, struct yaml_event *ev);
static int flow_mapping_no_value(struct yaml_parser *p, struct yaml_event *ev);

static enum yaml_token_type next_type(struct yaml_parser *p)
{
    return yaml_peek(&p->s)->type;
}

static bool is_next(struct yaml_parser *p, unsigned types)
{
    return types >> next_type(p) & 1;
}

#define T(name) (1u << YAML_TOKEN_##name)

static void push(struct yaml_parser *p, yaml_state_fn state)
{
    if (p->n_states == p->cap_states) {
        size_t cap = p->cap_states ? p->cap_states * 2 : 64;

        p->states = ol_arena_grow(&p->s.l->scratch, p->states, p->cap_states * sizeof(state),
                                  cap * sizeof(state));
        p->cap_states = cap;
    }
    p->states[p->n_states++] = state;
}

static void pop(struct yaml_parser *p)
{
    p->state = p->states[--p->n_states];
}

/* "…found '<block end>'" for the token that is next. */
static int fail_token(struct yaml_parser *p, const char *what)
{
    const struct yaml_token *t = yaml_peek(&p->s);

    return yaml_scan_fail(&p->s, "ParserError", &t->start, "%s '%s'", what, yaml_token_id(t->type));
}

static int empty_scalar(struct yaml_event *ev, const struct yaml_mark *mark)
{
    *ev = (struct yaml_event){
        .type = YAML_EVENT_SCALAR, .start = *mark, .text = "", .is_implicit = true};
    return 0;
}

/* A node follows and then 'after'; or, before one of 'ends', an empty scalar. */
static int node_or_empty(struct yaml_parser *p, struct yaml_event *ev, yaml_state_fn node,
                         unsigned ends, yaml_state_fn after)
{
    struct yaml_mark mark = yaml_take(&p->s).end;

    if (is_next(p, ends)) {
        p->state = after;
        return empty_scalar(ev, &mark);
    }
    push(p, after);
    return node(p, ev);
}

/* --- documents --- */

static void set_handle(struct yaml_parser *p, const char *handle, const char *prefix)
{
    ol_val_set_str(&p->s.l->scratch, p->handles, handle, prefix);
}

static void default_handles(struct yaml_parser *p)
{
    if (!ol_val_get(p->handles, "!"))
        set_handle(p, "!", "!");
    if (!ol_val_get(p->handles, "!!"))
        set_handle(p, "!!", yaml_tag_prefix);
}

static int directive(struct yaml_parser *p, bool *has_version)
{
    struct yaml_token t = yaml_take(&p->s);

    if (!strcmp(t.text, "YAML")) {
        if (*has_version)
            return yaml_scan_fail(&p->s, "ParserError", &t.start, "found duplicate YAML directive");
        if (!t.is_version_1)
            return yaml_scan_fail(&p->s, "ParserError", &t.start,
                                  "found incompatible YAML document (version 1.* is required)");
        *has_version = true;
    } else if (!strcmp(t.text, "TAG")) {
        if (ol_val_get(p->handles, t.handle))
            return yaml_scan_fail(&p->s, "ParserError", &t.start, "duplicate tag handle '%s'",
                                  t.handle);
        set_handle(p, t.handle, t.suffix);
    }
    return 0;
}

static int explicit_document(struct yaml_parser *p, struct yaml_event *ev)
{
    bool has_version = false;

    ev->type = YAML_EVENT_DOCUMENT_START;
    ev->start = yaml_peek(&p->s)->start;
    p->handles = ol_val_new_map(&p->s.l->scratch);
    while (is_next(p, T(DIRECTIVE))) {
        int r = directive(p, &has_version);

        if (r < 0)
            return r;
    }
    default_handles(p);
    if (!is_next(p, T(DOCUMENT_START)))
        return fail_token(p, "expected '<document start>', but found");
    yaml_take(&p->s);
    push(p, document_end);
    p->state = document_content;
    return 0;
}

static int document_start(struct yaml_parser *p, struct yaml_event *ev)
{
    while (is_next(p, T(DOCUMENT_END)))
        yaml_take(&p->s);
    if (!is_next(p, T(STREAM_END)))
        return explicit_document(p, ev);
    ev->type = YAML_EVENT_STREAM_END;
    ev->start = yaml_take(&p->s).start;
    return 0;
}

static int first_document_start(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(DIRECTIVE) | T(DOCUMENT_START) | T(STREAM_END)))
        return document_start(p, ev);
    default_handles(p);
    ev->type = YAML_EVENT_DOCUMENT_START;
    ev->start = yaml_peek(&p->s)->start;
    push(p, document_end);
    p->state = block_node;
    return 0;
}

static int document_content(struct yaml_parser *p, struct yaml_event *ev)
{
    if (!is_next(p, T(DIRECTIVE) | T(DOCUMENT_START) | T(DOCUMENT_END) | T(STREAM_END)))
        return block_node(p, ev);
    pop(p);
    return empty_scalar(ev, &yaml_peek(&p->s)->start);
}

static int document_end(struct yaml_parser *p, struct yaml_event *ev)
{
    ev->type = YAML_EVENT_DOCUMENT_END;
    ev->start = yaml_peek(&p->s)->start;
    if (is_next(p, T(DOCUMENT_END)))
        yaml_take(&p->s);
    p->state = document_start;
    return 0;
}

/* --- nodes --- */

struct properties {
    bool has_any, has_tag;
    struct yaml_mark start, tag_mark;
    const char *anchor;
    const char *handle, *suffix; /* of the tag; handle NULL = verbatim */
};

/* An anchor and a tag in either order. */
static void take_properties(struct yaml_parser *p, struct properties *ret)
{
    for (int i = 0; i < 2 && is_next(p, T(ANCHOR) | T(TAG)); i++) {
        struct yaml_token t;

        if (is_next(p, T(ANCHOR)) ? ret->anchor != NULL : ret->has_tag)
            return;
        t = yaml_take(&p->s);
        if (!ret->has_any)
            ret->start = t.start;
        ret->has_any = true;
        if (t.type == YAML_TOKEN_ANCHOR) {
            ret->anchor = t.text;
            continue;
        }
        ret->has_tag = true;
        ret->tag_mark = t.start;
        ret->handle = t.text;
        ret->suffix = t.suffix;
    }
}

static int resolve_tag(struct yaml_parser *p, const struct properties *props, const char **ret)
{
    const char *prefix;

    if (!props->has_tag)
        return 0;
    if (!props->handle) {
        *ret = props->suffix;
        return 0;
    }
    prefix = ol_val_str(ol_val_get(p->handles, props->handle));
    if (!prefix)
        return yaml_scan_fail(&p->s, "ParserError", &props->tag_mark,
                              "found undefined tag handle '%s'", props->handle);
    *ret = ol_arena_printf(&p->s.l->scratch, "%s%s", prefix, props->suffix);
    return 0;
}

static int start_collection(struct yaml_parser *p, struct yaml_event *ev, yaml_state_fn state)
{
    switch (next_type(p)) {
    case YAML_TOKEN_FLOW_MAPPING_START:
    case YAML_TOKEN_BLOCK_MAPPING_START: ev->type = YAML_EVENT_MAPPING_START; break;
    default: ev->type = YAML_EVENT_SEQUENCE_START; break;
    }
    if (state != indentless_entry)
        yaml_take(&p->s);
    p->state = state;
    return 0;
}

static int scalar(struct yaml_parser *p, struct yaml_event *ev)
{
    struct yaml_token t = yaml_take(&p->s);

    ev->type = YAML_EVENT_SCALAR;
    ev->text = t.text;
    ev->len = t.len;
    ev->is_implicit = ev->tag ? !strcmp(ev->tag, "!") : t.is_plain;
    pop(p);
    return 0;
}

/* A node with nothing but an anchor or a tag. */
static int bare_properties(struct yaml_parser *p, struct yaml_event *ev)
{
    ev->type = YAML_EVENT_SCALAR;
    ev->text = "";
    ev->is_implicit = !ev->tag || !strcmp(ev->tag, "!");
    pop(p);
    return 0;
}

static int alias(struct yaml_parser *p, struct yaml_event *ev)
{
    struct yaml_token t = yaml_take(&p->s);

    ev->type = YAML_EVENT_ALIAS;
    ev->start = t.start;
    ev->anchor = t.text;
    pop(p);
    return 0;
}

static int node_content(struct yaml_parser *p, struct yaml_event *ev, unsigned allowed)
{
    enum yaml_token_type type = next_type(p);

    if (!(allowed >> type & 1))
        type = YAML_TOKEN_NONE;
    switch (type) {
    case YAML_TOKEN_BLOCK_ENTRY: return start_collection(p, ev, indentless_entry);
    case YAML_TOKEN_SCALAR: return scalar(p, ev);
    case YAML_TOKEN_FLOW_SEQUENCE_START: return start_collection(p, ev, flow_sequence_first);
    case YAML_TOKEN_FLOW_MAPPING_START: return start_collection(p, ev, flow_mapping_first);
    case YAML_TOKEN_BLOCK_SEQUENCE_START: return start_collection(p, ev, block_sequence_entry);
    case YAML_TOKEN_BLOCK_MAPPING_START: return start_collection(p, ev, block_mapping_key);
    default: break;
    }
    if (ev->anchor || ev->tag)
        return bare_properties(p, ev);
    return fail_token(p, "expected the node content, but found");
}

static int node(struct yaml_parser *p, struct yaml_event *ev, unsigned allowed)
{
    struct properties props = {0};
    int r;

    if (is_next(p, T(ALIAS)))
        return alias(p, ev);
    take_properties(p, &props);
    r = resolve_tag(p, &props, &ev->tag);
    if (r < 0)
        return r;
    ev->anchor = props.anchor;
    ev->start = props.has_any ? props.start : yaml_peek(&p->s)->start;
    return node_content(p, ev, allowed);
}

enum {
    FLOW_CONTENT = T(SCALAR) | T(FLOW_SEQUENCE_START) | T(FLOW_MAPPING_START),
    BLOCK_CONTENT = FLOW_CONTENT | T(BLOCK_SEQUENCE_START) | T(BLOCK_MAPPING_START),
};

static int flow_node(struct yaml_parser *p, struct yaml_event *ev)
{
    return node(p, ev, FLOW_CONTENT);
}

static int block_node(struct yaml_parser *p, struct yaml_event *ev)
{
    return node(p, ev, BLOCK_CONTENT);
}

/* In a mapping "- " may stand under the key, not indented. */
static int block_node_or_indentless(struct yaml_parser *p, struct yaml_event *ev)
{
    return node(p, ev, BLOCK_CONTENT | T(BLOCK_ENTRY));
}

static int end_collection(struct yaml_parser *p, struct yaml_event *ev)
{
    ev->type = YAML_EVENT_END;
    ev->start = yaml_take(&p->s).start;
    pop(p);
    return 0;
}

/* --- block collections --- */

static int block_sequence_entry(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(BLOCK_ENTRY)))
        return node_or_empty(p, ev, block_node, T(BLOCK_ENTRY) | T(BLOCK_END),
                             block_sequence_entry);
    if (!is_next(p, T(BLOCK_END)))
        return fail_token(p, "expected <block end>, but found");
    return end_collection(p, ev);
}

static int indentless_entry(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(BLOCK_ENTRY)))
        return node_or_empty(p, ev, block_node, T(BLOCK_ENTRY) | T(KEY) | T(VALUE) | T(BLOCK_END),
                             indentless_entry);
    ev->type = YAML_EVENT_END;
    ev->start = yaml_peek(&p->s)->start;
    pop(p);
    return 0;
}

static int block_mapping_key(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(KEY)))
        return node_or_empty(p, ev, block_node_or_indentless, T(KEY) | T(VALUE) | T(BLOCK_END),
                             block_mapping_value);
    if (!is_next(p, T(BLOCK_END)))
        return fail_token(p, "expected <block end>, but found");
    return end_collection(p, ev);
}

static int block_mapping_value(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(VALUE)))
        return node_or_empty(p, ev, block_node_or_indentless, T(KEY) | T(VALUE) | T(BLOCK_END),
                             block_mapping_key);
    p->state = block_mapping_key;
    return empty_scalar(ev, &yaml_peek(&p->s)->start);
}

/* --- flow collections --- */

static int flow_sequence_item(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(KEY))) {
        ev->type = YAML_EVENT_MAPPING_START;
        ev->start = yaml_peek(&p->s)->start;
        p->state = flow_pair_key;
        return 0;
    }
    if (is_next(p, T(FLOW_SEQUENCE_END)))
        return end_collection(p, ev);
    push(p, flow_sequence_entry);
    return flow_node(p, ev);
}

static int flow_sequence_first(struct yaml_parser *p, struct yaml_event *ev)
{
    return flow_sequence_item(p, ev);
}

static int flow_sequence_entry(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(FLOW_SEQUENCE_END)))
        return end_collection(p, ev);
    if (!is_next(p, T(FLOW_ENTRY)))
        return fail_token(p, "expected ',' or ']', but got");
    yaml_take(&p->s);
    return flow_sequence_item(p, ev);
}

/* [a: b] is a list of a map of one pair. */
static int flow_pair_key(struct yaml_parser *p, struct yaml_event *ev)
{
    return node_or_empty(p, ev, flow_node, T(VALUE) | T(FLOW_ENTRY) | T(FLOW_SEQUENCE_END),
                         flow_pair_value);
}

static int flow_pair_value(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(VALUE)))
        return node_or_empty(p, ev, flow_node, T(FLOW_ENTRY) | T(FLOW_SEQUENCE_END), flow_pair_end);
    p->state = flow_pair_end;
    return empty_scalar(ev, &yaml_peek(&p->s)->start);
}

static int flow_pair_end(struct yaml_parser *p, struct yaml_event *ev)
{
    ev->type = YAML_EVENT_END;
    ev->start = yaml_peek(&p->s)->start;
    p->state = flow_sequence_entry;
    return 0;
}

static int flow_mapping_item(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(KEY)))
        return node_or_empty(p, ev, flow_node, T(VALUE) | T(FLOW_ENTRY) | T(FLOW_MAPPING_END),
                             flow_mapping_value);
    if (is_next(p, T(FLOW_MAPPING_END)))
        return end_collection(p, ev);
    push(p, flow_mapping_no_value);
    return flow_node(p, ev);
}

static int flow_mapping_first(struct yaml_parser *p, struct yaml_event *ev)
{
    return flow_mapping_item(p, ev);
}

static int flow_mapping_key(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(FLOW_MAPPING_END)))
        return end_collection(p, ev);
    if (!is_next(p, T(FLOW_ENTRY)))
        return fail_token(p, "expected ',' or '}', but got");
    yaml_take(&p->s);
    return flow_mapping_item(p, ev);
}

static int flow_mapping_value(struct yaml_parser *p, struct yaml_event *ev)
{
    if (is_next(p, T(VALUE)))
        return node_or_empty(p, ev, flow_node, T(FLOW_ENTRY) | T(FLOW_MAPPING_END),
                             flow_mapping_key);
    p->state = flow_mapping_key;
    return empty_scalar(ev, &yaml_peek(&p->s)->start);
}

static int flow_mapping_no_value(struct yaml_parser *p, struct yaml_event *ev)
{
    p->state = flow_mapping_key;
    return empty_scalar(ev, &yaml_peek(&p->s)->start);
}

/* --- life --- */

void yaml_parser_start(struct yaml_parser *p, struct yaml_load *l, const char *text, size_t len)
{
    *p = (struct yaml_parser){.state = first_document_start};
    yaml_scanner_init(&p->s, l, text, len);
    p->handles = ol_val_new_map(&l->scratch);
}

void yaml_parser_end(struct yaml_parser *p)
{
    yaml_scanner_done(&p->s);
}

int yaml_next_event(struct yaml_parser *p, struct yaml_event *ret)
{
    int r;

    *ret = (struct yaml_event){0};
    r = p->state(p, ret);
    return p->s.failed ? p->s.failed : r;
}
