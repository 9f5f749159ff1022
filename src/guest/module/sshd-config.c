/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/sshd-config.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

enum { CONFIG_MAX = 1 << 20 };

static const char main_file[] = "/etc/ssh/sshd_config";
static const char our_file[] = "/etc/ssh/sshd_config.d/50-cloud-init.conf";
static const char include_line[] = "Include /etc/ssh/sshd_config.d/*.conf";

/* One line, stripped and cut up; key_len 0 in blank lines and comments. */
struct config_line {
    const char *text;
    size_t len;
    size_t key_len;
    const char *value;
    size_t value_len;
    bool is_broken; /* a keyword without a value: sshd would stop at it, we leave it out */
};

static void cut(struct config_line *line)
{
    const char *end = line->text + line->len;
    const char *at = line->text;

    if (!line->len || *at == '#')
        return;
    while (at < end && !ol_is_space(*at))
        at++;
    if (at == end)
        at = memchr(line->text, '=', line->len);
    line->is_broken = !at;
    if (!at)
        return;
    line->key_len = (size_t)(at - line->text);
    at += *at == '=';
    line->value = ol_str_strip(at, (size_t)(end - at), &line->value_len);
}

/* Cuts the next line off '*text'; false at the end. */
static bool next_line(const char **text, struct config_line *ret)
{
    size_t len = strcspn(*text, "\n");

    if (!**text)
        return false;
    *ret = (struct config_line){0};
    ret->text = ol_str_strip(*text, len, &ret->len);
    cut(ret);
    *text += len + ((*text)[len] == '\n');
    return true;
}

static bool is_key(const struct config_line *line, const char *keyword)
{
    return line->key_len == strlen(keyword) && !strncasecmp(line->text, keyword, line->key_len);
}

/* Value of the last line with this keyword, into the arena; NULL = there is none. */
static const char *find_value(struct ol_arena *a, const char *text, const char *keyword)
{
    const char *found = NULL;
    struct config_line line;

    while (next_line(&text, &line))
        if (is_key(&line, keyword))
            found = ol_arena_memdup(a, line.value, line.value_len);
    return found;
}

bool sshd_config_edit(const char *text, const char *keyword, const char *value, struct ol_buf *to)
{
    bool is_found = false, is_changed = false;
    struct config_line line;

    while (next_line(&text, &line)) {
        if (line.is_broken)
            continue;
        ol_buf_add(to, line.text, line.key_len ? line.key_len : line.len);
        if (is_key(&line, keyword)) {
            is_found = true;
            is_changed |=
                strlen(value) != line.value_len || strncmp(value, line.value, line.value_len) != 0;
            ol_buf_printf(to, " %s", value);
        } else if (line.key_len) {
            ol_buf_printf(to, " %.*s", (int)line.value_len, line.value);
        }
        ol_buf_addc(to, '\n');
    }
    if (!is_found)
        ol_buf_printf(to, "%s %s\n", keyword, value);
    return is_changed || !is_found;
}

static void read_config(struct guest *g, const char *path, struct ol_buf *to)
{
    if (ol_is_file(g->env, path) && ol_file_read(g->env, path, to, NULL) < 0)
        ol_debug(g->env, "%s cannot be read", path);
}

const char *sshd_config_value(struct guest *g, const char *keyword)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CONFIG_MAX);

    read_config(g, main_file, &text);
    return find_value(g->arena, text.data, keyword);
}

/* True when the main file reads sshd_config.d, wherever the main file is kept. */
static bool includes_directory(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CONFIG_MAX);

    if (!ol_exists(g->env, main_file))
        return ol_exists(g->env, "/etc/ssh/sshd_config.d");
    read_config(g, main_file, &text);
    for (const char *at = text.data; (at = strstr(at, include_line)); at++)
        if (at == text.data || at[-1] == '\n')
            return true;
    return false;
}

static int write_config(struct guest *g, const char *path, const struct ol_buf *text,
                        unsigned flags, struct ol_err *err)
{
    mode_t mode = path == our_file ? 0600 : 0644;

    return ol_file_write_buf(g->env, path, text, mode,
                             flags | OL_WRITE_KEEP_MODE | OL_WRITE_PARENTS, err);
}

int sshd_config_update(struct guest *g, const char *keyword, const char *value, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(CONFIG_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * CONFIG_MAX);
    const char *path = includes_directory(g) ? our_file : main_file;
    int r;

    read_config(g, path, &old);
    if (!sshd_config_edit(old.data, keyword, value, &text)) {
        ol_debug(g->env, "%s: option %s already set to %s", path, keyword, value);
        return 0;
    }
    ol_debug(g->env, "%s: option %s set to %s", path, keyword, value);
    r = write_config(g, path, &text, 0, err);
    return r < 0 ? r : 1;
}

static bool has_line(const char *text, const char *line, size_t len)
{
    while (*text) {
        size_t at = strcspn(text, "\n");

        if (at == len && !strncmp(text, line, len))
            return true;
        text += at + (text[at] == '\n');
    }
    return false;
}

int sshd_config_append(struct guest *g, const char *lines, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(CONFIG_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CONFIG_MAX);
    const char *path = includes_directory(g) ? our_file : main_file;

    read_config(g, path, &old);
    while (*lines) {
        size_t len = strcspn(lines, "\n");

        if (!has_line(old.data, lines, len)) {
            if (!text.len && old.len && old.data[old.len - 1] != '\n')
                ol_buf_addc(&text, '\n');
            ol_buf_add(&text, lines, len);
            ol_buf_addc(&text, '\n');
        }
        lines += len + (lines[len] == '\n');
    }
    return text.len ? write_config(g, path, &text, OL_WRITE_APPEND, err) : 0;
}
