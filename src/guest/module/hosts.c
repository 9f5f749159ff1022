/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/hosts.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"

/* One line: the fields of an entry, or none in blank lines and comments. */
struct hosts_line {
    const char *text;
    size_t len;
    struct ol_strv fields;
    const char *tail; /* comment behind the fields */
    size_t tail_len;
};

static void line_done(struct hosts_line *line)
{
    ol_strv_done(&line->fields);
}

/* Cuts the next line off '*text'; false at the end. */
static bool next_line(const char **text, struct hosts_line *ret)
{
    size_t len = strcspn(*text, "\n"), stripped_len, head_len;
    const char *stripped = ol_str_strip(*text, len, &stripped_len);
    const char *comment = memchr(stripped, '#', stripped_len);
    ol_auto(ol_buf_done) struct ol_buf head = OL_BUF_INIT(1 << 20);

    ol_strv_done(&ret->fields);
    if (!**text)
        return false;
    head_len = comment ? (size_t)(comment - stripped) : stripped_len;
    ret->text = *text;
    ret->len = len;
    ret->tail = stripped + head_len;
    ret->tail_len = stripped_len - head_len;
    ol_buf_add(&head, stripped, head_len);
    ol_strv_split(&ret->fields, head.data, " \t\r\v\f");
    *text += len + ((*text)[len] == '\n');
    return true;
}

static bool is_own(const struct hosts_line *line, const char *address)
{
    return line->fields.n && !strcmp(line->fields.v[0], address);
}

/* "ADDRESS FQDN … HOSTNAME …" */
static bool names_us(const struct hosts_line *line, const char *fqdn, const char *hostname)
{
    if (line->fields.n < 2 || strcmp(line->fields.v[1], fqdn) != 0)
        return false;
    for (size_t i = 2; i < line->fields.n; i++)
        if (!strcmp(line->fields.v[i], hostname))
            return true;
    return false;
}

static bool is_there(const char *text, const char *address, const char *fqdn, const char *hostname)
{
    ol_auto(line_done) struct hosts_line line = {0};

    while (next_line(&text, &line))
        if (is_own(&line, address) && names_us(&line, fqdn, hostname))
            return true;
    return false;
}

static void write_line(const struct hosts_line *line, bool with_tail, struct ol_buf *to)
{
    ol_autofree char *joined = ol_strv_join(&line->fields, "\t");

    if (line->fields.n)
        ol_buf_adds(to, joined);
    else
        ol_buf_add(to, line->text, line->len);
    if (line->fields.n && with_tail)
        ol_buf_add(to, line->tail, line->tail_len);
    ol_buf_addc(to, '\n');
}

bool hosts_set_own(const char *text, const char *address, const char *fqdn, const char *hostname,
                   struct ol_buf *to)
{
    ol_auto(line_done) struct hosts_line line = {0};
    const char *at = text;

    if (is_there(text, address, fqdn, hostname))
        return false;
    while (next_line(&at, &line))
        if (!is_own(&line, address))
            write_line(&line, true, to);
    /* Other names of our address go to the end, before the new one. */
    for (at = text; next_line(&at, &line);)
        if (is_own(&line, address) && line.fields.n > 1)
            write_line(&line, false, to);
    ol_buf_printf(to, "%s\t%s\t%s\n", address, fqdn, hostname);
    return true;
}
