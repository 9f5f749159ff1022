/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * MIME messages as Python's email package (policy compat32) reads, changes and writes them,
 * because that is how cloud-init (user_data.py, handlers) gives them their meaning. Nothing
 * is refused but size: a message with defects is read as Python reads it.
 *
 * A message is a tree of parts in an arena. As in Python, a part is a list of headers and
 * either a body or further parts; type, file name and payload are worked out from the headers
 * when asked for, so a header may be replaced at any time. One part may hang in several trees.
 *
 *     r = ol_mime_parse(&arena, data, len, &root, err);
 *     all = ol_mime_walk(&arena, root, &n);
 *     for (size_t i = 0; i < n; i++)
 *         if (!ol_mime_is_container(&arena, all[i]))
 *             data = ol_mime_payload(&arena, all[i], &size);
 *
 * Differences: bytes stay bytes. Python turns text that is not ASCII into Latin-1, \u escapes
 * or U+FFFD on some of its ways; here it always stays the UTF-8 that was there. A NUL ends a
 * header value. RFC 2047 words in headers are not decoded, which is what compat32 does too.
 */

enum {
    OL_MIME_MAX_DEPTH = 64,
    OL_MIME_MAX_PARTS = 16384,
};

struct ol_mime_header {
    const char *name;  /* as it was written */
    const char *value; /* still folded: may contain line breaks followed by blanks */
};

struct ol_mime_part {
    struct ol_mime_header *headers;
    size_t n_headers, cap_headers;

    /* Further parts; none in a leaf, and none in a multipart whose boundary never came. */
    struct ol_mime_part **parts;
    size_t n_parts, cap_parts;

    const char *body; /* as transferred; not NUL-terminated; NULL = none was set */
    size_t body_len;

    const char *preamble, *epilogue; /* of a multipart; NULL = none */
    size_t preamble_len, epilogue_len;

    const char *default_type; /* what no Content-Type means: static text */
};

/* --- reading --- */

/*
 * Reads a message (CRLF, LF or CR). The arena's maximum bounds the tree; about twice the input
 * is enough for anything honest.
 *   -EFBIG  larger than the arena's maximum, nested deeper than OL_MIME_MAX_DEPTH, or more
 *           than OL_MIME_MAX_PARTS parts
 */
int ol_mime_parse(struct ol_arena *a, const char *data, size_t len, struct ol_mime_part **ret,
                  struct ol_err *err) __attribute__((warn_unused_result));

/* The part and all below it in the order of Message.walk(): a part before its parts. */
struct ol_mime_part **ol_mime_walk(struct ol_arena *a, struct ol_mime_part *root, size_t *ret_n);

/* First value of the header, found without case; NULL when there is none. */
const char *ol_mime_get(const struct ol_mime_part *part, const char *name);

/* "text/cloud-config": lower-case, without parameters, never NULL. No header gives the default
 * type, an invalid one "text/plain" (RFC 2045, 5.2). */
const char *ol_mime_content_type(struct ol_arena *a, const struct ol_mime_part *part);

/* The type is multipart/…: cloud-init passes over such parts. */
bool ol_mime_is_container(struct ol_arena *a, const struct ol_mime_part *part);

/* A parameter of a header, unquoted and with RFC 2231 pieces joined and decoded to UTF-8;
 * NULL when there is none. */
const char *ol_mime_param(struct ol_arena *a, const struct ol_mime_part *part, const char *header,
                          const char *param);

/* Message.get_filename(): Content-Disposition's "filename", else Content-Type's "name", without
 * surrounding blanks; NULL when there is none. It may be "" and may contain slashes. */
const char *ol_mime_filename(struct ol_arena *a, const struct ol_mime_part *part);

/* Message.get_payload(decode=True): the body with its Content-Transfer-Encoding undone. What
 * cannot be decoded is given as it is. NULL (Python's None) when the part has parts or no body;
 * otherwise followed by a NUL that does not count. */
const char *ol_mime_payload(struct ol_arena *a, const struct ol_mime_part *part, size_t *ret_size);

/* --- making and changing (strings are copied into the arena) --- */

/* MIMEBase(): Content-Type and "MIME-Version: 1.0". For "multipart/…" attach parts to it. */
struct ol_mime_part *ol_mime_new(struct ol_arena *a, const char *content_type);

/* MIMEText(text, subtype, charset): text/SUBTYPE. charset is "utf-8", which transfers as
 * base64, or "us-ascii", which transfers as 7bit; NULL chooses us-ascii when that suffices. */
struct ol_mime_part *ol_mime_new_text(struct ol_arena *a, const char *subtype, const char *charset,
                                      const char *text, size_t len);

void ol_mime_set_body(struct ol_arena *a, struct ol_mime_part *part, const void *data, size_t len);
void ol_mime_attach(struct ol_arena *a, struct ol_mime_part *outer, struct ol_mime_part *part);
/* Adds a header behind the others. */
void ol_mime_add(struct ol_arena *a, struct ol_mime_part *part, const char *name,
                 const char *value);
/* Removes all headers of that name. */
void ol_mime_del(struct ol_mime_part *part, const char *name);
/* del msg[name]; msg[name] = value: the header moves behind the others. */
void ol_mime_set(struct ol_arena *a, struct ol_mime_part *part, const char *name,
                 const char *value);
/* "Content-Disposition: attachment" with this file name instead of what was there. */
void ol_mime_set_filename(struct ol_arena *a, struct ol_mime_part *part, const char *filename);

/* --- writing --- */

/* Where new boundaries come from; tests bring fixed numbers. */
struct ol_mime_random {
    uint64_t (*next)(void *ctx);
    void *ctx;
};

/*
 * Adds the message to 'ret' as str(message) gives it: LF, headers in their order and not
 * folded anew, no "From " line. A multipart without boundary gets one ("===============%019d=="),
 * which stays in its Content-Type, so that writing again gives the same text.
 *   -EFBIG  larger than the maximum of 'ret', or too deep
 */
int ol_mime_write(struct ol_arena *a, struct ol_mime_part *root,
                  const struct ol_mime_random *random, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
