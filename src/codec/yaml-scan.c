/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How far a simple key may be from its ':', in characters. */
enum { SIMPLE_KEY_REACH = 1024 };

static const char *const token_ids[] = {
    [YAML_TOKEN_NONE] = "",
    [YAML_TOKEN_STREAM_END] = "<stream end>",
    [YAML_TOKEN_DIRECTIVE] = "<directive>",
    [YAML_TOKEN_DOCUMENT_START] = "<document start>",
    [YAML_TOKEN_DOCUMENT_END] = "<document end>",
    [YAML_TOKEN_BLOCK_SEQUENCE_START] = "<block sequence start>",
    [YAML_TOKEN_BLOCK_MAPPING_START] = "<block mapping start>",
    [YAML_TOKEN_BLOCK_END] = "<block end>",
    [YAML_TOKEN_FLOW_SEQUENCE_START] = "[",
    [YAML_TOKEN_FLOW_SEQUENCE_END] = "]",
    [YAML_TOKEN_FLOW_MAPPING_START] = "{",
    [YAML_TOKEN_FLOW_MAPPING_END] = "}",
    [YAML_TOKEN_BLOCK_ENTRY] = "-",
    [YAML_TOKEN_FLOW_ENTRY] = ",",
    [YAML_TOKEN_KEY] = "?",
    [YAML_TOKEN_VALUE] = ":",
    [YAML_TOKEN_ALIAS] = "<alias>",
    [YAML_TOKEN_ANCHOR] = "<anchor>",
    [YAML_TOKEN_TAG] = "<tag>",
    [YAML_TOKEN_SCALAR] = "<scalar>",
};

const char *yaml_token_id(enum yaml_token_type type)
{
    return token_ids[type];
}

/* --- failures --- */

int yaml_scan_fail(struct yaml_scanner *s, const char *type, const struct yaml_mark *at,
                   const char *fmt, ...)
{
    const struct yaml_node place = {.line = at->line + 1, .column = at->column + 1};
    char text[256];
    va_list ap;

    if (s->failed)
        return s->failed;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    s->failed = yaml_fail(s->l, type, &place, "%s", text);
    return s->failed;
}

void yaml_show_char(const char *p, char out[YAML_SHOWN_SIZE])
{
    const size_t size = YAML_SHOWN_SIZE;
    uint32_t c;
    size_t n = yaml_utf8_next(p, strnlen(p, 4) + !*p, &c);

    if (c == '\n' || c == '\r' || c == '\t')
        snprintf(out, size, "'\\%c'", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c == '\'' || c == '\\')
        snprintf(out, size, "%s", c == '\'' ? "\"'\"" : "'\\\\'");
    else if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
        snprintf(out, size, "'\\x%02x'", c);
    else if (c == 0x2028 || c == 0x2029 || c == 0xfeff)
        snprintf(out, size, "'\\u%04x'", c);
    else
        snprintf(out, size, "'%.*s'", (int)n, p);
}

int yaml_scan_fail_char(struct yaml_scanner *s, const char *what, const char *p)
{
    char shown[YAML_SHOWN_SIZE];

    yaml_show_char(p, shown);
    return yaml_scan_fail(s, "ScannerError", &s->pos, "%s, but found %s", what, shown);
}

/* --- characters --- */

size_t yaml_break_size(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    if (*u == '\n' || *u == '\r')
        return 1;
    if (*u == 0xc2 && u[1] == 0x85)
        return 2;
    return *u == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9) ? 3 : 0;
}

bool yaml_is_end(const char *p)
{
    return !*p || yaml_break_size(p);
}

bool yaml_is_white(const char *p)
{
    return *p == ' ' || *p == '\t' || yaml_is_end(p);
}

bool yaml_is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-'
           || c == '_';
}

void yaml_forward(struct yaml_scanner *s, size_t size)
{
    const char *p = yaml_at(s), *end = p + size;

    for (; p < end; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        s->pos.index++;
        /* A byte order mark takes no column. */
        s->pos.column += (unsigned char)*p != 0xef || strncmp(p, "\xef\xbb\xbf", 3) != 0;
    }
    s->pos.at += size;
}

void yaml_skip_blanks(struct yaml_scanner *s)
{
    yaml_forward(s, strspn(yaml_at(s), " "));
}

void yaml_skip_line(struct yaml_scanner *s)
{
    const char *p = yaml_at(s);

    while (!yaml_is_end(p))
        p++;
    yaml_forward(s, (size_t)(p - yaml_at(s)));
}

bool yaml_scan_break(struct yaml_scanner *s, struct ol_buf *to)
{
    const char *p = yaml_at(s);
    size_t size = yaml_break_size(p);

    if (size == 0)
        return false;
    if (to && size == 3)
        ol_buf_add(to, p, size);
    else if (to)
        ol_buf_addc(to, '\n');
    s->pos.index++;
    if (*p == '\r' && p[1] == '\n') {
        size++;
        s->pos.index++;
    }
    s->pos.at += size;
    s->pos.line++;
    s->pos.column = 0;
    return true;
}

bool yaml_is_separator(const char *p)
{
    return (!strncmp(p, "---", 3) || !strncmp(p, "...", 3)) && yaml_is_white(p + 3);
}

/* --- the queue --- */

static void grow_tokens(struct yaml_scanner *s)
{
    size_t n = s->last - s->first, cap = s->cap_tokens;

    if (s->first > 0) {
        memmove(s->tokens, s->tokens + s->first, n * sizeof(*s->tokens));
    } else {
        s->cap_tokens = cap ? cap * 2 : 32;
        s->tokens = ol_arena_grow(&s->l->scratch, s->tokens, cap * sizeof(*s->tokens),
                                  s->cap_tokens * sizeof(*s->tokens));
    }
    s->first = 0;
    s->last = n;
}

/* A new token in front of the offset-th waiting one. */
static struct yaml_token *insert_token(struct yaml_scanner *s, size_t offset,
                                       enum yaml_token_type type, const struct yaml_mark *mark)
{
    struct yaml_token *t;

    if (s->last == s->cap_tokens)
        grow_tokens(s);
    t = s->tokens + s->first + offset;
    memmove(t + 1, t, (s->last - s->first - offset) * sizeof(*t));
    s->last++;
    *t = (struct yaml_token){.type = type, .start = *mark, .end = *mark};
    return t;
}

static struct yaml_token *add_token(struct yaml_scanner *s, enum yaml_token_type type)
{
    return insert_token(s, s->last - s->first, type, &s->pos);
}

/* A token of 'size' characters. */
static int add_indicator(struct yaml_scanner *s, enum yaml_token_type type, size_t size)
{
    struct yaml_token *t = add_token(s, type);

    yaml_forward(s, size);
    t->end = s->pos;
    return 0;
}

/* --- simple keys --- */

static struct yaml_simple_key *key_here(struct yaml_scanner *s)
{
    for (size_t i = s->n_keys; i > 0; i--)
        if (s->keys[i - 1].level == s->flow_level)
            return &s->keys[i - 1];
    return NULL;
}

static int drop_key(struct yaml_scanner *s, struct yaml_simple_key *key)
{
    if (key->is_required)
        return yaml_scan_fail(s, "ScannerError", &s->pos, "could not find expected ':'");
    *key = s->keys[--s->n_keys];
    return 0;
}

/* A simple key and its ':' stand in one line, at most 1024 characters apart. */
static int drop_stale_keys(struct yaml_scanner *s)
{
    for (size_t i = s->n_keys; i > 0; i--) {
        struct yaml_simple_key *key = &s->keys[i - 1];

        if (key->mark.line == s->pos.line && s->pos.index - key->mark.index <= SIMPLE_KEY_REACH)
            continue;
        if (drop_key(s, key) < 0)
            return s->failed;
    }
    return 0;
}

static int drop_key_here(struct yaml_scanner *s)
{
    struct yaml_simple_key *key = key_here(s);

    return key ? drop_key(s, key) : 0;
}

static int save_key(struct yaml_scanner *s)
{
    struct yaml_simple_key key = {
        .level = s->flow_level,
        .is_required = !s->flow_level && s->indent == (int)s->pos.column,
        .token_number = s->n_taken + (s->last - s->first),
        .mark = s->pos,
    };

    if (!s->can_be_key)
        return 0;
    if (drop_key_here(s) < 0)
        return s->failed;
    if (s->n_keys == s->cap_keys) {
        size_t cap = s->cap_keys ? s->cap_keys * 2 : 16;

        s->keys =
            ol_arena_grow(&s->l->scratch, s->keys, s->cap_keys * sizeof(key), cap * sizeof(key));
        s->cap_keys = cap;
    }
    s->keys[s->n_keys++] = key;
    return 0;
}

/* --- indentation --- */

static void unwind_indent(struct yaml_scanner *s, int column)
{
    if (s->flow_level)
        return;
    while (s->indent > column) {
        s->indent = s->indents[--s->n_indents];
        add_token(s, YAML_TOKEN_BLOCK_END);
    }
}

static bool add_indent(struct yaml_scanner *s, int column)
{
    if (s->indent >= column)
        return false;
    if (s->n_indents == s->cap_indents) {
        size_t cap = s->cap_indents ? s->cap_indents * 2 : 32;

        s->indents = ol_arena_grow(&s->l->scratch, s->indents, s->cap_indents * sizeof(int),
                                   cap * sizeof(int));
        s->cap_indents = cap;
    }
    s->indents[s->n_indents++] = s->indent;
    s->indent = column;
    return true;
}

/* --- one token, or several that start at one place --- */

static int fetch_stream_end(struct yaml_scanner *s)
{
    unwind_indent(s, -1);
    if (drop_key_here(s) < 0)
        return s->failed;
    s->can_be_key = false;
    s->n_keys = 0;
    add_token(s, YAML_TOKEN_STREAM_END);
    s->is_done = true;
    return 0;
}

static int fetch_directive(struct yaml_scanner *s)
{
    unwind_indent(s, -1);
    if (drop_key_here(s) < 0)
        return s->failed;
    s->can_be_key = false;
    return yaml_scan_directive(s, add_token(s, YAML_TOKEN_DIRECTIVE));
}

static int fetch_document(struct yaml_scanner *s, enum yaml_token_type type)
{
    unwind_indent(s, -1);
    if (drop_key_here(s) < 0)
        return s->failed;
    s->can_be_key = false;
    return add_indicator(s, type, 3);
}

static int fetch_flow_start(struct yaml_scanner *s, enum yaml_token_type type)
{
    if (save_key(s) < 0)
        return s->failed;
    s->flow_level++;
    s->can_be_key = true;
    return add_indicator(s, type, 1);
}

static int fetch_flow_end(struct yaml_scanner *s, enum yaml_token_type type)
{
    if (drop_key_here(s) < 0)
        return s->failed;
    s->flow_level--;
    s->can_be_key = false;
    return add_indicator(s, type, 1);
}

static int fetch_flow_entry(struct yaml_scanner *s)
{
    s->can_be_key = true;
    if (drop_key_here(s) < 0)
        return s->failed;
    return add_indicator(s, YAML_TOKEN_FLOW_ENTRY, 1);
}

/* '-', '?' and ':' outside of [] and {} open a collection where they are indented more. */
static int open_block(struct yaml_scanner *s, enum yaml_token_type start, const char *what)
{
    if (s->flow_level)
        return 0;
    if (!s->can_be_key)
        return yaml_scan_fail(s, "ScannerError", &s->pos, "%s are not allowed here", what);
    if (add_indent(s, (int)s->pos.column))
        add_token(s, start);
    return 0;
}

static int fetch_block_entry(struct yaml_scanner *s)
{
    if (open_block(s, YAML_TOKEN_BLOCK_SEQUENCE_START, "sequence entries") < 0)
        return s->failed;
    s->can_be_key = true;
    if (drop_key_here(s) < 0)
        return s->failed;
    return add_indicator(s, YAML_TOKEN_BLOCK_ENTRY, 1);
}

static int fetch_key(struct yaml_scanner *s)
{
    if (open_block(s, YAML_TOKEN_BLOCK_MAPPING_START, "mapping keys") < 0)
        return s->failed;
    s->can_be_key = !s->flow_level;
    if (drop_key_here(s) < 0)
        return s->failed;
    return add_indicator(s, YAML_TOKEN_KEY, 1);
}

/* What stands before this ':' was a key: that goes in front of it. */
static void insert_key(struct yaml_scanner *s, struct yaml_simple_key *at)
{
    struct yaml_simple_key key = *at;
    size_t offset = key.token_number - s->n_taken;

    *at = s->keys[--s->n_keys];
    insert_token(s, offset, YAML_TOKEN_KEY, &key.mark);
    if (!s->flow_level && add_indent(s, (int)key.mark.column))
        insert_token(s, offset, YAML_TOKEN_BLOCK_MAPPING_START, &key.mark);
    s->can_be_key = false;
}

static int fetch_value(struct yaml_scanner *s)
{
    struct yaml_simple_key *key = key_here(s);

    if (key) {
        insert_key(s, key);
    } else {
        if (open_block(s, YAML_TOKEN_BLOCK_MAPPING_START, "mapping values") < 0)
            return s->failed;
        s->can_be_key = !s->flow_level;
    }
    return add_indicator(s, YAML_TOKEN_VALUE, 1);
}

static int fetch_block_scalar(struct yaml_scanner *s)
{
    s->can_be_key = true;
    if (drop_key_here(s) < 0)
        return s->failed;
    return yaml_scan_block(s, add_token(s, YAML_TOKEN_SCALAR));
}

/* Anything that could be a simple key. */
static int fetch_item(struct yaml_scanner *s, enum yaml_token_type type,
                      int (*scan)(struct yaml_scanner *, struct yaml_token *))
{
    if (save_key(s) < 0)
        return s->failed;
    s->can_be_key = false;
    return scan(s, add_token(s, type));
}

static void skip_to_token(struct yaml_scanner *s)
{
    for (;;) {
        yaml_skip_blanks(s);
        if (*yaml_at(s) == '#')
            yaml_skip_line(s);
        if (!yaml_scan_break(s, NULL))
            return;
        if (!s->flow_level)
            s->can_be_key = true;
    }
}

static bool starts_plain(const struct yaml_scanner *s, const char *p)
{
    if (!yaml_is_white(p) && !strchr("-?:,[]{}#&*!|>'\"%@`", *p))
        return true;
    return !yaml_is_white(p + 1) && (*p == '-' || (!s->flow_level && (*p == '?' || *p == ':')));
}

static int fetch_other(struct yaml_scanner *s, const char *p)
{
    char shown[YAML_SHOWN_SIZE];

    if (starts_plain(s, p))
        return fetch_item(s, YAML_TOKEN_SCALAR, yaml_scan_plain);
    yaml_show_char(p, shown);
    return yaml_scan_fail(s, "ScannerError", &s->pos,
                          "found character %s that cannot start any token", shown);
}

static int fetch_block_indicator(struct yaml_scanner *s, const char *p)
{
    bool is_before_white = yaml_is_white(p + 1);

    if (*p == '-' && is_before_white)
        return fetch_block_entry(s);
    if (*p == '?' && (s->flow_level || is_before_white))
        return fetch_key(s);
    if (*p == ':' && (s->flow_level || is_before_white))
        return fetch_value(s);
    return fetch_other(s, p);
}

static int fetch_token(struct yaml_scanner *s)
{
    const char *p = yaml_at(s);

    switch (*p) {
    case '\0': return fetch_stream_end(s);
    case '[': return fetch_flow_start(s, YAML_TOKEN_FLOW_SEQUENCE_START);
    case '{': return fetch_flow_start(s, YAML_TOKEN_FLOW_MAPPING_START);
    case ']': return fetch_flow_end(s, YAML_TOKEN_FLOW_SEQUENCE_END);
    case '}': return fetch_flow_end(s, YAML_TOKEN_FLOW_MAPPING_END);
    case ',': return fetch_flow_entry(s);
    case '-':
    case '?':
    case ':': return fetch_block_indicator(s, p);
    case '*': return fetch_item(s, YAML_TOKEN_ALIAS, yaml_scan_anchor);
    case '&': return fetch_item(s, YAML_TOKEN_ANCHOR, yaml_scan_anchor);
    case '!': return fetch_item(s, YAML_TOKEN_TAG, yaml_scan_tag);
    case '\'':
    case '"': return fetch_item(s, YAML_TOKEN_SCALAR, yaml_scan_quoted);
    case '|':
    case '>': return s->flow_level ? fetch_other(s, p) : fetch_block_scalar(s);
    default: return fetch_other(s, p);
    }
}

static int fetch_more(struct yaml_scanner *s)
{
    const char *p;

    skip_to_token(s);
    if (drop_stale_keys(s) < 0)
        return s->failed;
    unwind_indent(s, (int)s->pos.column);
    p = yaml_at(s);
    if (s->pos.column == 0 && *p == '%')
        return fetch_directive(s);
    if (s->pos.column == 0 && yaml_is_separator(p))
        return fetch_document(s, *p == '-' ? YAML_TOKEN_DOCUMENT_START : YAML_TOKEN_DOCUMENT_END);
    return fetch_token(s);
}

/* The first waiting token may still turn out to be a key. */
static bool needs_more(struct yaml_scanner *s)
{
    if (s->is_done || s->failed)
        return false;
    if (s->first == s->last)
        return true;
    if (drop_stale_keys(s) < 0)
        return false;
    for (size_t i = 0; i < s->n_keys; i++)
        if (s->keys[i].token_number == s->n_taken)
            return true;
    return false;
}

const struct yaml_token *yaml_peek(struct yaml_scanner *s)
{
    static const struct yaml_token none = {.type = YAML_TOKEN_NONE};

    while (needs_more(s)) {
        int r = fetch_more(s);

        if (r == 0)
            r = yaml_check_size(s->l);
        if (r < 0)
            s->failed = r;
    }
    return s->failed || s->first == s->last ? &none : &s->tokens[s->first];
}

struct yaml_token yaml_take(struct yaml_scanner *s)
{
    struct yaml_token t = *yaml_peek(s);

    if (t.type == YAML_TOKEN_NONE)
        return t;
    s->n_taken++;
    if (++s->first == s->last)
        s->first = s->last = 0;
    return t;
}

void yaml_scanner_init(struct yaml_scanner *s, struct yaml_load *l, const char *text, size_t len)
{
    *s = (struct yaml_scanner){
        .l = l,
        .text = ol_arena_memdup(&l->scratch, text, len),
        .can_be_key = true,
        .indent = -1,
    };
    ol_buf_init(&s->buf, len * 2 + 64);
    ol_buf_init(&s->gap, len * 2 + 64);
}

void yaml_scanner_done(struct yaml_scanner *s)
{
    ol_buf_done(&s->buf);
    ol_buf_done(&s->gap);
}
