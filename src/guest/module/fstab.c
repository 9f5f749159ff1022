/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/fstab.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

char *fstab_unescape(char *field)
{
    char *to = field;

    for (const char *from = field; *from;) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return field;
}

static void add_escaped(struct ol_buf *to, const char *field)
{
    for (; *field; field++) {
        if (*field == '\\' || *field == ' ' || *field == '\t' || *field == '\n')
            ol_buf_printf(to, "\\%03o", (unsigned)*field);
        else
            ol_buf_addc(to, *field);
    }
}

/* Calls 'with' for each line, without its newline. */
static void each_line(const char *text, void (*with)(const char *line, void *ctx), void *ctx)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        ol_autofree char *line = ol_xstrndup(text, len);

        with(line, ctx);
        text += len + (text[len] == '\n');
    }
}

static bool is_ours(const char *line)
{
    return strstr(line, FSTAB_COMMENT) != NULL;
}

struct device_search {
    const char *device;
    bool is_found;
};

static void compare_device(const char *line, void *ctx)
{
    struct device_search *s = ctx;
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    if (is_ours(line))
        return;
    ol_strv_split(&words, line, " \t\r\v\f");
    if (words.n && !strcmp(fstab_unescape(words.v[0]), s->device))
        s->is_found = true;
}

bool fstab_has_device(const char *text, const char *device)
{
    struct device_search s = {.device = device};

    each_line(text, compare_device, &s);
    return s.is_found;
}

static void entry_line(const struct fstab_entry *e, struct ol_buf *to)
{
    add_escaped(to, e->field[0]);
    ol_buf_addc(to, '\t');
    add_escaped(to, e->field[1]);
    for (size_t i = 2; i < FSTAB_FIELDS; i++)
        ol_buf_printf(to, "\t%s%s", e->field[i], i == 3 ? "," FSTAB_COMMENT : "");
}

struct split_lines {
    struct ol_buf *kept;
    struct ol_strv dropped;
};

/* Words with one blank between: what lines are compared by. */
static char *normal_line(const char *line)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    ol_strv_split(&words, line, " \t\r\v\f");
    return ol_strv_join(&words, " ");
}

static void keep_or_drop(const char *line, void *ctx)
{
    struct split_lines *s = ctx;

    if (is_ours(line))
        ol_strv_take(&s->dropped, normal_line(line));
    else
        ol_buf_printf(s->kept, "%s\n", line);
}

static void add_changes(const struct ol_strv *from, const struct ol_strv *but_not_in, char sign,
                        struct ol_strv *to)
{
    ol_strv_each (line, from)
        if (!ol_strv_has(but_not_in, line))
            ol_strv_addf(to, "%c %s", sign, line);
}

void fstab_rewrite(const char *text, const struct fstab_entry *entries, size_t n,
                   struct ol_buf *ret_text, struct ol_strv *ret_changes)
{
    struct split_lines split = {.kept = ret_text, .dropped = OL_STRV_INIT};
    ol_auto(ol_strv_done) struct ol_strv added = OL_STRV_INIT;

    each_line(text, keep_or_drop, &split);
    for (size_t i = 0; i < n; i++) {
        ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 20);

        entry_line(&entries[i], &line);
        ol_strv_take(&added, normal_line(line.data));
        ol_buf_printf(ret_text, "%s\n", line.data);
    }
    add_changes(&split.dropped, &added, '-', ret_changes);
    add_changes(&added, &split.dropped, '+', ret_changes);
    ol_strv_done(&split.dropped);
}
