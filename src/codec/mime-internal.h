/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/mime.h"

/* Between the mime-*.c files only. */

/* A part without headers and body. */
struct ol_mime_part *ol_mime_part_new(struct ol_arena *a, const char *default_type);
/* Adds a header whose strings already live in the arena. */
void ol_mime_add_taken(struct ol_arena *a, struct ol_mime_part *part, const char *name,
                       const char *value);
/* Message.get_boundary(): NULL when there is none. */
const char *ol_mime_boundary(struct ol_arena *a, const struct ol_mime_part *part);
/* Message.set_boundary(): changes or adds the parameter in every Content-Type. */
void ol_mime_set_boundary(struct ol_arena *a, struct ol_mime_part *part, const char *boundary);
/* param="value" as email.message._formatparam() writes it. */
const char *ol_mime_format_param(struct ol_arena *a, const char *param, const char *value);
/* The part before '/' of a content type equals 'main'. */
bool ol_mime_main_is(const char *content_type, const char *main);
/* Length of the line end (CRLF, CR, LF) at the end of the text: 0, 1 or 2. */
size_t ol_mime_eol_len(const char *text, size_t len);
/* Length of the line that starts the text, with its line end. */
size_t ol_mime_line_len(const char *text, size_t len);
