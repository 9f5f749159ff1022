/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "core/buf.h"
#include "core/cleanup.h"

/*
 * PyYAML's safe_load does not use libyaml's parser but one of its own in Python, which says
 * the same things in other words. Users search for those words, so libyaml's are turned
 * into them. In a wording, \1 stands for the character at the place of the failure and \2
 * for the token there, both as Python's repr shows them.
 */
struct wording {
    const char *libyaml;
    const char *pyyaml;
};

static const struct wording wordings[] = {
    {"found character that cannot start any token",
     "found character \1 that cannot start any token"},
    {"found a tab character that violates indentation",
     "found character \1 that cannot start any token"},
    {"block sequence entries are not allowed in this context",
     "sequence entries are not allowed here"},
    {"mapping keys are not allowed in this context", "mapping keys are not allowed here"},
    {"mapping values are not allowed in this context", "mapping values are not allowed here"},
    {"found unexpected document indicator", "found unexpected document separator"},
    {"found unknown escape character", "found unknown escape character \1"},
    {"found an indentation indicator equal to 0",
     "expected indentation indicator in the range 1-9, but found 0"},
    {"did not find expected alphabetic or numeric character",
     "expected alphabetic or numeric character, but found \1"},
    {"could not find expected directive name",
     "expected alphabetic or numeric character, but found \1"},
    {"found unexpected non-alphabetical character",
     "expected alphabetic or numeric character, but found \1"},
    {"did not find expected comment or line break",
     "expected a comment or a line break, but found \1"},
    {"did not find expected version number", "expected a digit, but found \1"},
    {"did not find expected digit or '.' character", "expected a digit or '.', but found \1"},
    {"did not find expected whitespace", "expected ' ', but found \1"},
    {"did not find expected whitespace or line break", "expected ' ', but found \1"},
    {"did not find expected '!'", "expected '!', but found \1"},
    {"did not find expected tag URI", "expected URI, but found \1"},
    {"did not find the expected '>'", "expected '>', but found \1"},
    {"found incompatible YAML document",
     "found incompatible YAML document (version 1.* is required)"},
    {"found duplicate %YAML directive", "found duplicate YAML directive"},
    {"did not find expected <document start>", "expected '<document start>', but found \2"},
    {"did not find expected node content", "expected the node content, but found \2"},
    {"did not find expected '-' indicator", "expected <block end>, but found \2"},
    {"did not find expected key", "expected <block end>, but found \2"},
    {"did not find expected ',' or ']'", "expected ',' or ']', but got \2"},
    {"did not find expected ',' or '}'", "expected ',' or '}', but got \2"},
};

/* As tokens.py names them, by libyaml's type. */
static const char *const token_ids[] = {
    [YAML_STREAM_START_TOKEN] = "<stream start>",
    [YAML_STREAM_END_TOKEN] = "<stream end>",
    [YAML_VERSION_DIRECTIVE_TOKEN] = "<directive>",
    [YAML_TAG_DIRECTIVE_TOKEN] = "<directive>",
    [YAML_DOCUMENT_START_TOKEN] = "<document start>",
    [YAML_DOCUMENT_END_TOKEN] = "<document end>",
    [YAML_BLOCK_SEQUENCE_START_TOKEN] = "<block sequence start>",
    [YAML_BLOCK_MAPPING_START_TOKEN] = "<block mapping start>",
    [YAML_BLOCK_END_TOKEN] = "<block end>",
    [YAML_FLOW_SEQUENCE_START_TOKEN] = "[",
    [YAML_FLOW_SEQUENCE_END_TOKEN] = "]",
    [YAML_FLOW_MAPPING_START_TOKEN] = "{",
    [YAML_FLOW_MAPPING_END_TOKEN] = "}",
    [YAML_BLOCK_ENTRY_TOKEN] = "-",
    [YAML_FLOW_ENTRY_TOKEN] = ",",
    [YAML_KEY_TOKEN] = "?",
    [YAML_VALUE_TOKEN] = ":",
    [YAML_ALIAS_TOKEN] = "<alias>",
    [YAML_ANCHOR_TOKEN] = "<anchor>",
    [YAML_TAG_TOKEN] = "<tag>",
    [YAML_SCALAR_TOKEN] = "<scalar>",
};

/* Byte offset of the index-th character. */
static size_t offset_of(const struct yaml_input *in, size_t index)
{
    size_t at = 0;

    for (; index > 0 && at < in->len; index--) {
        at++;
        while (at < in->len && ((unsigned char)in->text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

/* Python's repr of the character there; the end of the text is a NUL to PyYAML. */
static void add_char(struct ol_buf *to, const struct yaml_input *in, size_t index)
{
    size_t at = offset_of(in, index), n;
    uint32_t c;

    if (at >= in->len) {
        ol_buf_adds(to, "'\\x00'");
        return;
    }
    n = yaml_utf8_next(in->text + at, in->len - at, &c);
    if (c == '\n' || c == '\r' || c == '\t')
        ol_buf_printf(to, "'\\%c'", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c == '\'' || c == '\\')
        ol_buf_adds(to, c == '\'' ? "\"'\"" : "'\\\\'");
    else if ((c >= 0x7f && c <= 0xa0) || c == 0xad)
        ol_buf_printf(to, "'\\x%02x'", c);
    else if (c == 0x2028 || c == 0x2029 || c == 0xfeff)
        ol_buf_printf(to, "'\\u%04x'", c);
    else
        ol_buf_printf(to, "'%.*s'", (int)n, in->text + at);
}

static void add_token(struct ol_buf *to, const yaml_parser_t *parser)
{
    const yaml_token_t *token = parser->tokens.head;
    bool has_token = token && token != parser->tokens.tail;

    ol_buf_printf(to, "'%s'", token_ids[has_token ? token->type : YAML_STREAM_END_TOKEN]);
}

static void add_wording(struct ol_buf *to, const char *text, const yaml_parser_t *parser,
                        const struct yaml_input *in)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\1')
            add_char(to, in, parser->problem_mark.index);
        else if (*p == '\2')
            add_token(to, parser);
        else
            ol_buf_addc(to, *p);
    }
}

static const char *wording_of(const char *problem)
{
    for (size_t i = 0; i < ol_count(wordings); i++)
        if (!strcmp(wordings[i].libyaml, problem))
            return wordings[i].pyyaml;
    return problem;
}

int yaml_translate_error(const yaml_parser_t *parser, const struct yaml_input *in,
                         struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1024);
    const char *type = "ScannerError";
    int r;

    if (parser->error == YAML_MEMORY_ERROR)
        return ol_err_set(err, ENOMEM, "out of memory");
    if (parser->error == YAML_READER_ERROR)
        return ol_err_set_domain(err, EINVAL, "ReaderError", 0, "%s", parser->problem);
    if (parser->error == YAML_PARSER_ERROR)
        type = "ParserError";
    add_wording(&text, wording_of(parser->problem), parser, in);
    r = ol_err_set_domain(err, EINVAL, type, 0, "%s", text.data);
    if (err) {
        err->line = (int)parser->problem_mark.line + 1;
        err->column = (int)parser->problem_mark.column + 1;
    }
    return r;
}
