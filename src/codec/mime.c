/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/mime.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/mime-internal.h"
#include "core/cleanup.h"
#include "core/str.h"

enum { BASE64_COLUMNS = 76 }; /* RFC 2045, 6.8 */

struct ol_mime_part *ol_mime_part_new(struct ol_arena *a, const char *default_type)
{
    struct ol_mime_part *part = ol_arena_alloc(a, sizeof(*part));

    part->default_type = default_type;
    return part;
}

static void *grown(struct ol_arena *a, void *items, size_t *cap, size_t n, size_t size)
{
    size_t want = *cap ? *cap * 2 : 4;

    if (n < *cap)
        return items;
    items = ol_arena_grow(a, items, *cap * size, want * size);
    *cap = want;
    return items;
}

void ol_mime_add_taken(struct ol_arena *a, struct ol_mime_part *part, const char *name,
                       const char *value)
{
    part->headers =
        grown(a, part->headers, &part->cap_headers, part->n_headers, sizeof(struct ol_mime_header));
    part->headers[part->n_headers++] = (struct ol_mime_header){name, value};
}

void ol_mime_add(struct ol_arena *a, struct ol_mime_part *part, const char *name, const char *value)
{
    ol_mime_add_taken(a, part, ol_arena_strdup(a, name), ol_arena_strdup(a, value));
}

void ol_mime_del(struct ol_mime_part *part, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < part->n_headers; i++)
        if (!ol_str_eq_nocase(part->headers[i].name, name))
            part->headers[kept++] = part->headers[i];
    part->n_headers = kept;
}

void ol_mime_set(struct ol_arena *a, struct ol_mime_part *part, const char *name, const char *value)
{
    const char *copy = ol_arena_strdup(a, value);

    ol_mime_del(part, name);
    ol_mime_add_taken(a, part, ol_arena_strdup(a, name), copy);
}

const char *ol_mime_get(const struct ol_mime_part *part, const char *name)
{
    for (size_t i = 0; i < part->n_headers; i++)
        if (ol_str_eq_nocase(part->headers[i].name, name))
            return part->headers[i].value;
    return NULL;
}

const char *ol_mime_content_type(struct ol_arena *a, const struct ol_mime_part *part)
{
    const char *value = ol_mime_get(part, "Content-Type"), *slash;
    size_t len;
    char *type;

    if (!value)
        return part->default_type;
    value = ol_str_strip(value, strcspn(value, ";"), &len);
    type = ol_str_lower(ol_arena_memdup(a, value, len));
    slash = strchr(type, '/');
    return slash && !strchr(slash + 1, '/') ? type : "text/plain";
}

bool ol_mime_main_is(const char *content_type, const char *main)
{
    size_t len = strlen(main);

    return !strncmp(content_type, main, len) && content_type[len] == '/';
}

bool ol_mime_is_container(struct ol_arena *a, const struct ol_mime_part *part)
{
    return ol_mime_main_is(ol_mime_content_type(a, part), "multipart");
}

struct walk {
    struct ol_mime_part **all;
    size_t n, cap;
};

static void walk_from(struct ol_arena *a, struct walk *w, struct ol_mime_part *part)
{
    w->all = grown(a, w->all, &w->cap, w->n, sizeof(struct ol_mime_part *));
    w->all[w->n++] = part;
    for (size_t i = 0; i < part->n_parts; i++)
        walk_from(a, w, part->parts[i]);
}

struct ol_mime_part **ol_mime_walk(struct ol_arena *a, struct ol_mime_part *root, size_t *ret_n)
{
    struct walk w = {0};

    walk_from(a, &w, root);
    *ret_n = w.n;
    return w.all;
}

void ol_mime_set_body(struct ol_arena *a, struct ol_mime_part *part, const void *data, size_t len)
{
    part->body = ol_arena_memdup(a, data, len);
    part->body_len = len;
}

void ol_mime_attach(struct ol_arena *a, struct ol_mime_part *outer, struct ol_mime_part *part)
{
    outer->parts =
        grown(a, outer->parts, &outer->cap_parts, outer->n_parts, sizeof(struct ol_mime_part *));
    outer->parts[outer->n_parts++] = part;
}

struct ol_mime_part *ol_mime_new(struct ol_arena *a, const char *content_type)
{
    struct ol_mime_part *part = ol_mime_part_new(a, "text/plain");

    ol_mime_add(a, part, "Content-Type", content_type);
    ol_mime_add(a, part, "MIME-Version", "1.0");
    return part;
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

struct ol_mime_part *ol_mime_new_text(struct ol_arena *a, const char *subtype, const char *charset,
                                      const char *text, size_t len)
{
    ol_auto(ol_buf_done) struct ol_buf coded = OL_BUF_INIT(SIZE_MAX / 4);
    struct ol_mime_part *part;

    if (!charset)
        charset = is_ascii(text, len) ? "us-ascii" : "utf-8";
    part = ol_mime_new(a, ol_arena_printf(a, "text/%s; charset=\"%s\"", subtype, charset));
    if (strcmp(charset, "utf-8") != 0) {
        ol_mime_add(a, part, "Content-Transfer-Encoding", "7bit");
        ol_mime_set_body(a, part, text, len);
        return part;
    }
    ol_mime_add(a, part, "Content-Transfer-Encoding", "base64");
    ol_base64_encode(text, len, BASE64_COLUMNS, &coded);
    ol_mime_set_body(a, part, coded.data, coded.len);
    return part;
}

void ol_mime_set_filename(struct ol_arena *a, struct ol_mime_part *part, const char *filename)
{
    const char *param = ol_mime_format_param(a, "filename", filename);

    ol_mime_set(a, part, "Content-Disposition", ol_arena_printf(a, "attachment; %s", param));
}

size_t ol_mime_eol_len(const char *text, size_t len)
{
    if (len && text[len - 1] == '\n')
        return len > 1 && text[len - 2] == '\r' ? 2 : 1;
    return len && text[len - 1] == '\r';
}

size_t ol_mime_line_len(const char *text, size_t len)
{
    size_t n = 0;

    while (n < len && text[n] != '\n' && text[n] != '\r')
        n++;
    if (n < len && text[n] == '\r' && n + 1 < len && text[n + 1] == '\n')
        return n + 2;
    return n < len ? n + 1 : n;
}
