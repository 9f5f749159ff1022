/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/cmdline.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/gzip.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

enum { MAX_TEXT = 1 << 20 };

static char *read_words(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_TEXT);

    if (ol_file_read(g->env, path, &text, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < text.len; i++)
        if (!text.data[i])
            text.data[i] = ' ';
    return ol_buf_take(&text);
}

bool guest_is_container(struct guest *g)
{
    ol_autofree char *environ_of_1 = NULL;

    if (ol_exists(g->env, "/run/systemd/container"))
        return true;
    environ_of_1 = read_words(g, "/proc/1/environ");
    return environ_of_1
           && (ol_str_starts(environ_of_1, "container=") || strstr(environ_of_1, " container="));
}

static const char *read_cmdline(struct guest *g)
{
    const char *given = getenv("DEBUG_PROC_CMDLINE");
    ol_autofree char *text = NULL;
    const char *stripped;
    size_t len;

    if (given)
        return ol_arena_strdup(g->arena, given);
    text = read_words(g, guest_is_container(g) ? "/proc/1/cmdline" : "/proc/cmdline");
    if (!text)
        return "";
    stripped = ol_str_strip(text, strlen(text), &len);
    return ol_arena_memdup(g->arena, stripped, len);
}

const char *guest_cmdline(struct guest *g)
{
    if (!g->cmdline)
        g->cmdline = read_cmdline(g);
    return g->cmdline;
}

/* The next word at *at, NULL at the end; moves *at behind it. */
static const char *next_word(const char **at, size_t *ret_len)
{
    const char *word = *at;

    while (*word && ol_is_space(*word))
        word++;
    *ret_len = 0;
    while (word[*ret_len] && !ol_is_space(word[*ret_len]))
        (*ret_len)++;
    *at = word + *ret_len;
    return *ret_len ? word : NULL;
}

/* What follows 'prefix' in the first word that starts with it, up to a ';'. */
static const char *first_name(struct ol_arena *a, const char *cmdline, const char *prefix)
{
    size_t len, skip = strlen(prefix);
    const char *word;

    while ((word = next_word(&cmdline, &len))) {
        size_t n = len > skip && !strncmp(word, prefix, skip) ? strcspn(word + skip, ";") : 0;

        if (n > len - skip)
            n = len - skip;
        if (n)
            return ol_arena_memdup(a, word + skip, n);
    }
    return NULL;
}

const char *cmdline_datasource(struct ol_arena *a, const char *cmdline, bool *ret_is_old)
{
    static const char *const prefixes[] = {"ds=", "ci.ds=", "ci.datasource="};

    for (size_t i = 0; i < ol_count(prefixes); i++) {
        const char *name = first_name(a, cmdline, prefixes[i]);

        if (name) {
            if (ret_is_old)
                *ret_is_old = i > 0;
            return name;
        }
    }
    if (ret_is_old)
        *ret_is_old = false;
    return "";
}

static const char *long_key(const char *key)
{
    static const char *const pairs[][2] = {
        {"h", "local-hostname"},
        {"i", "instance-id"},
        {"s", "seedfrom"},
    };

    for (size_t i = 0; i < ol_count(pairs); i++)
        if (!strcmp(key, pairs[i][0]))
            return pairs[i][1];
    return key;
}

static void set_field(struct ol_arena *a, struct ol_val *fill, const char *item, size_t len)
{
    const char *equals = memchr(item, '=', len);
    size_t key_len = equals ? (size_t)(equals - item) : len;
    const char *key = long_key(ol_arena_memdup(a, item, key_len));

    if (!equals)
        ol_val_set(a, fill, key, ol_val_new_null(a));
    else
        ol_val_set(a, fill, key, ol_val_new_strn(a, equals + 1, len - key_len - 1));
}

static bool is_id_word(const char *word, size_t len, const char *id)
{
    size_t n = strlen(id);

    return len >= n && !strncmp(word, id, n) && (len == n || word[n] == ';');
}

bool cmdline_fields(struct ol_arena *a, const char *cmdline, const char *id, struct ol_val *fill)
{
    const char *word, *chosen = NULL;
    size_t len, chosen_len = 0;
    bool is_there = false;

    /* Upstream asks for the exact name and then takes the last word with it as prefix. */
    for (const char *at = cmdline; (word = next_word(&at, &len));) {
        is_there = is_there || is_id_word(word, len, id);
        if (len >= strlen(id) && !strncmp(word, id, strlen(id))) {
            chosen = word;
            chosen_len = len;
        }
    }
    if (!is_there)
        return false;
    for (size_t from = strcspn(chosen, ";") + 1; from < chosen_len;) {
        size_t n = strcspn(chosen + from, ";");

        if (n > chosen_len - from)
            n = chosen_len - from;
        if (n)
            set_field(a, fill, chosen + from, n);
        from += n + 1;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "%5B" becomes "[", then a backslash and 'n' become a newline. */
static void add_unquoted(struct ol_buf *to, const char *text, size_t len)
{
    bool is_escape = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        }
        if (is_escape && c == 'n')
            c = '\n';
        else if (is_escape)
            ol_buf_addc(to, '\\');
        is_escape = c == '\\';
        if (!is_escape)
            ol_buf_addc(to, c);
    }
    if (is_escape)
        ol_buf_addc(to, '\\');
}

/* The next "cc:" at the start of a word; points behind it. */
static const char *find_cc(const char *start, const char *from)
{
    for (const char *at = strstr(from, "cc:"); at; at = strstr(at + 1, "cc:"))
        if (at == start || at[-1] == ' ')
            return at + strlen("cc:");
    return NULL;
}

void cmdline_cloud_config(const char *cmdline, struct ol_buf *to)
{
    const char *begin = find_cc(cmdline, cmdline);

    while (begin) {
        const char *end = strstr(begin, "end_cc");
        size_t len;

        begin += strspn(begin, " \t\n");
        if (end && end < begin)
            end = begin;
        len = end ? (size_t)(end - begin) : strlen(begin);
        add_unquoted(to, begin, len);
        begin = end ? find_cc(cmdline, end) : NULL;
        if (begin)
            ol_buf_addc(to, '\n');
    }
}

const char *cmdline_value(struct ol_arena *a, const char *cmdline, const char *name)
{
    const char *word, *value = NULL;
    size_t len, n = strlen(name);

    while ((word = next_word(&cmdline, &len)))
        if (len > n && !strncmp(word, name, n) && word[n] == '=')
            value = ol_arena_memdup(a, word + n + 1, len - n - 1);
    return value;
}

int cmdline_network_config(const char *cmdline, struct ol_buf *to, bool *ret_disabled,
                           struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena scratch = OL_ARENA_INIT(MAX_TEXT);
    ol_auto(ol_buf_done) struct ol_buf blob = OL_BUF_INIT(MAX_TEXT);
    const char *value = cmdline_value(&scratch, cmdline, "network-config");
    int r;

    *ret_disabled = false;
    if (!value || !*value)
        return 0;
    if (!strcmp(value, "disabled")) {
        *ret_disabled = true;
        return 0;
    }
    r = ol_base64_decode(value, strlen(value), 0, &blob, err);
    if (r < 0)
        return ol_err_prefix(err, r, "network-config= on the kernel command line");
    if (ol_gzip_is(blob.data, blob.len) && ol_gzip_decompress(blob.data, blob.len, to, NULL) >= 0)
        return 0;
    ol_buf_add(to, blob.data, blob.len);
    return 0;
}
