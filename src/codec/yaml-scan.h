/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/yaml-internal.h"
#include "core/buf.h"

/*
 * Text to tokens and tokens to events, with the rules and the words of PyYAML's scanner.py
 * and parser.py. (libyaml, of the same descent, differs from them in what it accepts after
 * a tab, in where it says that a document ends, and in nearly every message.)
 *
 * The first failure is kept: after it every token is YAML_TOKEN_NONE and every call gives
 * the same negative result.
 */
enum yaml_token_type {
    YAML_TOKEN_NONE,
    YAML_TOKEN_STREAM_END,
    YAML_TOKEN_DIRECTIVE,
    YAML_TOKEN_DOCUMENT_START,
    YAML_TOKEN_DOCUMENT_END,
    YAML_TOKEN_BLOCK_SEQUENCE_START,
    YAML_TOKEN_BLOCK_MAPPING_START,
    YAML_TOKEN_BLOCK_END,
    YAML_TOKEN_FLOW_SEQUENCE_START,
    YAML_TOKEN_FLOW_SEQUENCE_END,
    YAML_TOKEN_FLOW_MAPPING_START,
    YAML_TOKEN_FLOW_MAPPING_END,
    YAML_TOKEN_BLOCK_ENTRY,
    YAML_TOKEN_FLOW_ENTRY,
    YAML_TOKEN_KEY,
    YAML_TOKEN_VALUE,
    YAML_TOKEN_ALIAS,
    YAML_TOKEN_ANCHOR,
    YAML_TOKEN_TAG,
    YAML_TOKEN_SCALAR,
};

/* A place in the text; all from 0. */
struct yaml_mark {
    size_t at;      /* byte */
    uint32_t index; /* character */
    uint32_t line, column;
};

struct yaml_token {
    enum yaml_token_type type;
    struct yaml_mark start, end;
    const char *text;   /* of a scalar, alias or anchor; handle of a tag; name of a directive */
    size_t len;         /* of a scalar's text */
    const char *handle; /* of a %TAG directive */
    const char *suffix; /* of a tag; prefix of a %TAG directive */
    bool is_plain;      /* of a scalar */
    bool is_version_1;  /* of a %YAML directive */
};

/* A token that turns out to have been a key if ':' follows in the same line. */
struct yaml_simple_key {
    int level; /* flow level */
    bool is_required;
    size_t token_number;
    struct yaml_mark mark;
};

struct yaml_scanner {
    struct yaml_load *l;
    const char *text; /* NUL-terminated, no NUL inside */
    struct yaml_mark pos;
    int failed; /* -errno */
    bool is_done;
    bool can_be_key; /* a simple key may start here */
    int flow_level;
    int indent;
    int *indents; /* enclosing ones */
    size_t n_indents, cap_indents;
    struct yaml_token *tokens; /* waiting ones are first..last */
    size_t first, last, cap_tokens;
    size_t n_taken;
    struct yaml_simple_key *keys;
    size_t n_keys, cap_keys;
    struct ol_buf buf, gap; /* a scalar that is being put together, and what is between its words */
};

void yaml_scanner_init(struct yaml_scanner *s, struct yaml_load *l, const char *text, size_t len);
void yaml_scanner_done(struct yaml_scanner *s);
/* The next token; it stays there. Never NULL; valid until the next call. */
const struct yaml_token *yaml_peek(struct yaml_scanner *s);
/* The same, and it is gone. */
struct yaml_token yaml_take(struct yaml_scanner *s);
/* As tokens.py names it. */
const char *yaml_token_id(enum yaml_token_type type);

/* Records a failure unless there was one before; returns the kept one. */
int yaml_scan_fail(struct yaml_scanner *s, const char *type, const struct yaml_mark *at,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
enum { YAML_SHOWN_SIZE = 16 };

/* Python's repr of the character at p; the end of the text is a NUL to PyYAML. */
void yaml_show_char(const char *p, char out[YAML_SHOWN_SIZE]);
/* "…, but found 'x'" with the character at p as Python's repr shows it. */
int yaml_scan_fail_char(struct yaml_scanner *s, const char *what, const char *p);

/* --- characters --- */

static inline const char *yaml_at(const struct yaml_scanner *s)
{
    return s->text + s->pos.at;
}

/* Bytes of the line break at p, 0 when there is none; "\r\n" counts as two breaks here. */
size_t yaml_break_size(const char *p);
/* One of NUL and the line breaks. */
bool yaml_is_end(const char *p);
/* One of NUL, blank, tab and the line breaks. */
bool yaml_is_white(const char *p);
bool yaml_is_word(char c); /* [0-9A-Za-z_-] */
/* Moves over size bytes of one line. */
void yaml_forward(struct yaml_scanner *s, size_t size);
void yaml_skip_blanks(struct yaml_scanner *s);
void yaml_skip_line(struct yaml_scanner *s); /* up to its break */
/* Moves over a line break, if there is one, and adds what it means ('to' may be NULL). */
bool yaml_scan_break(struct yaml_scanner *s, struct ol_buf *to);
/* "---" or "..." followed by white, wherever in the line. */
bool yaml_is_separator(const char *p);

/* --- tokens; each fills in what follows the start --- */
int yaml_scan_directive(struct yaml_scanner *s, struct yaml_token *t);
int yaml_scan_anchor(struct yaml_scanner *s, struct yaml_token *t);
int yaml_scan_tag(struct yaml_scanner *s, struct yaml_token *t);
int yaml_scan_block(struct yaml_scanner *s, struct yaml_token *t);
int yaml_scan_quoted(struct yaml_scanner *s, struct yaml_token *t);
int yaml_scan_plain(struct yaml_scanner *s, struct yaml_token *t);

/* --- events --- */

enum yaml_event_type {
    YAML_EVENT_STREAM_END,
    YAML_EVENT_DOCUMENT_START,
    YAML_EVENT_DOCUMENT_END,
    YAML_EVENT_ALIAS,
    YAML_EVENT_SCALAR,
    YAML_EVENT_SEQUENCE_START,
    YAML_EVENT_MAPPING_START,
    YAML_EVENT_END, /* of a sequence or mapping */
};

struct yaml_event {
    enum yaml_event_type type;
    struct yaml_mark start;
    const char *anchor; /* NULL = none */
    const char *tag;    /* NULL = none, or "!" */
    const char *text;   /* of a scalar; in the caller's arena */
    size_t len;
    bool is_implicit; /* a scalar's type follows from its text */
};

struct yaml_parser;
typedef int (*yaml_state_fn)(struct yaml_parser *p, struct yaml_event *ev);

struct yaml_parser {
    struct yaml_scanner s;
    yaml_state_fn state;
    yaml_state_fn *states; /* to return to */
    size_t n_states, cap_states;
    struct ol_val *handles; /* of tags: map to their prefixes */
};

void yaml_parser_start(struct yaml_parser *p, struct yaml_load *l, const char *text, size_t len);
void yaml_parser_end(struct yaml_parser *p);
/* The next event; not to be called after YAML_EVENT_STREAM_END. */
int yaml_next_event(struct yaml_parser *p, struct yaml_event *ret)
    __attribute__((warn_unused_result));
