/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/output.h"

#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "core/cleanup.h"

enum { MAX_COLUMNS = 16, GAP = 2 };

static bool is_format(const char *format, const char *name)
{
    return format && strcmp(format, name) == 0;
}

/* True when it was written as one of the formats for programs. */
static bool write_plain(const struct ol_val *v, const char *format, struct ol_buf *to, int *ret)
{
    if (is_format(format, "json")) {
        *ret = ol_json_dump(v, &ol_json_python, to);
        ol_buf_addc(to, '\n');
        return true;
    }
    if (is_format(format, "yaml")) {
        *ret = ol_yaml_dump(v, &ol_yaml_safe_dump, to);
        return true;
    }
    return false;
}

/* A terminal obeys control characters, and lines would not be rows any more. */
static const char *shown(struct ol_arena *a, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);
    bool is_plain = true;

    for (const char *p = text; *p; p++) {
        bool is_control = (unsigned char)*p < 0x20 || *p == 0x7f;

        if (is_control)
            ol_buf_printf(&b, "\\x%02x", (unsigned char)*p);
        else
            ol_buf_addc(&b, *p);
        is_plain = is_plain && !is_control;
    }
    return is_plain ? text : ol_arena_strdup(a, b.data);
}

/* What stands in a cell: nothing for null, JSON for what is made of parts. */
static const char *cell(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    if (!v || ol_val_is(v, OL_VAL_NULL))
        return "-";
    if (!ol_val_is(v, OL_VAL_MAP) && !ol_val_is(v, OL_VAL_LIST))
        return shown(a, ol_val_to_text(a, v));
    return ol_json_dump(v, &ol_json_python, &b) < 0 ? "?" : ol_arena_strdup(a, b.data);
}

static void add_cell(struct ol_buf *to, const char *text, size_t width, bool is_last)
{
    ol_buf_adds(to, text);
    if (is_last)
        ol_buf_addc(to, '\n');
    else
        ol_buf_addn(to, ' ', width - strlen(text) + GAP);
}

int output_rows(const struct ol_val *rows, const struct output_column *columns, const char *format,
                struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    size_t widths[MAX_COLUMNS] = {0}, n = 0;
    int r = 0;

    if (write_plain(rows, format, to, &r))
        return r;
    for (; columns[n].title && n < MAX_COLUMNS; n++) {
        widths[n] = strlen(columns[n].title);
        for (size_t i = 0; i < ol_val_count(rows); i++) {
            size_t len = strlen(cell(&a, ol_val_at(ol_val_item(rows, i), columns[n].path)));

            widths[n] = len > widths[n] ? len : widths[n];
        }
    }
    for (size_t c = 0; c < n; c++)
        add_cell(to, columns[c].title, widths[c], c + 1 == n);
    for (size_t i = 0; i < ol_val_count(rows); i++)
        for (size_t c = 0; c < n; c++)
            add_cell(to, cell(&a, ol_val_at(ol_val_item(rows, i), columns[c].path)), widths[c],
                     c + 1 == n);
    return ol_buf_status(to);
}

int output_one(const struct ol_val *row, const char *format, struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    size_t width = 0;
    int r = 0;

    if (write_plain(row, format, to, &r))
        return r;
    for (size_t i = 0; i < ol_val_count(row); i++) {
        size_t len = strlen(cell(&a, ol_val_pair(row, i)->key));

        width = len > width ? len : width;
    }
    for (size_t i = 0; i < ol_val_count(row); i++) {
        const struct ol_pair *p = ol_val_pair(row, i);

        add_cell(to, cell(&a, p->key), width, false);
        add_cell(to, cell(&a, p->value), 0, true);
    }
    return ol_buf_status(to);
}
