/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/locale-text.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/strv.h"

/* Splits at newlines and keeps empty lines, as Python's splitlines(). */
static void split_lines(const char *text, struct ol_strv *ret)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        ol_strv_addn(ret, text, len);
        text += len + (text[len] == '\n');
    }
}

/* The text after "NAME=" when the line assigns that name; NULL otherwise. */
static const char *assignment(const char *line, const char *name)
{
    size_t len = strlen(name);

    while (ol_is_space(*line))
        line++;
    if (strncmp(line, name, len) != 0)
        return NULL;
    line += len;
    while (*line == ' ')
        line++;
    return *line == '=' ? line + 1 : NULL;
}

const char *locale_assigned(struct ol_arena *a, const char *text, const char *name)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    const char *found = NULL;

    split_lines(text, &lines);
    ol_strv_each (line, &lines) {
        const char *value = assignment(line, name);
        ol_autofree char *stripped = value ? ol_str_stripped(value) : NULL;
        char quote = stripped ? stripped[0] : '\0';
        bool is_quoted = quote == '"' || quote == '\'';
        const char *start = is_quoted ? stripped + 1 : stripped;
        const char *ends = is_quoted ? (char[]){quote, '\0'} : " \t#";

        if (stripped)
            found = ol_arena_memdup(a, start, strcspn(start, ends));
    }
    return found && *found ? found : NULL;
}

static void add_assignment(struct ol_buf *to, const char *name, const char *value)
{
    const char *quote = strpbrk(value, " \t\r\n") ? "'" : "";

    ol_buf_printf(to, "%s=%s%s%s\n", name, quote, value, quote);
}

void locale_assign(const char *text, const char *name, const char *value, struct ol_buf *ret)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    bool is_set = false;

    split_lines(text, &lines);
    ol_strv_each (line, &lines) {
        if (!assignment(line, name))
            ol_buf_printf(ret, "%s\n", line);
        else if (!is_set)
            add_assignment(ret, name, value);
        is_set = is_set || assignment(line, name);
    }
    if (!is_set)
        add_assignment(ret, name, value);
}

/* A locale taken apart: fi_FI, UTF-8, @euro. */
struct locale_parts {
    const char *base, *charset, *modifier; /* charset NULL = not given; modifier "" = none */
};

static struct locale_parts take_apart(struct ol_arena *a, const char *locale)
{
    size_t base = strcspn(locale, ".@");
    size_t charset = locale[base] == '.' ? strcspn(locale + base + 1, "@") : 0;
    struct locale_parts p = {.base = ol_arena_memdup(a, locale, base)};

    if (locale[base] == '.')
        p.charset = ol_arena_memdup(a, locale + base + 1, charset);
    p.modifier = ol_arena_strdup(a, locale + base + (p.charset ? charset + 1 : 0));
    return p;
}

/* How well a line of SUPPORTED ("fi_FI.UTF-8 UTF-8", "fi_FI@euro ISO-8859-15") fits: 0 = not. */
static int fitness(struct ol_arena *a, const char *line, const struct locale_parts *wanted)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
    struct locale_parts got;

    ol_strv_split(&words, line, " \t\r");
    if (words.n != 2)
        return 0;
    got = take_apart(a, words.v[0]);
    if (strcmp(got.base, wanted->base) != 0
        || (*wanted->modifier && strcmp(got.modifier, wanted->modifier) != 0))
        return 0;
    if (wanted->charset && got.charset && !strcmp(got.charset, wanted->charset))
        return 3;
    return ol_str_eq_nocase(words.v[1], "UTF-8") ? 2 : 1;
}

const char *locale_gen_line(struct ol_arena *a, const char *supported, const char *locale)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    struct locale_parts wanted = take_apart(a, locale);
    const char *charset = wanted.charset ? wanted.charset : "UTF-8";
    const char *best = NULL;
    int best_fitness = 0;

    split_lines(supported, &lines);
    ol_strv_each (line, &lines) {
        int fits = fitness(a, line, &wanted);

        if (fits > best_fitness) {
            ol_autofree char *stripped = ol_str_stripped(line);

            best = ol_arena_strdup(a, stripped);
            best_fitness = fits;
        }
    }
    if (best)
        return best;
    return ol_arena_printf(a, "%s%s.%s %s", wanted.base, wanted.modifier, charset, charset);
}

void locale_gen_enable(const char *text, const char *line, struct ol_buf *ret)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    bool is_enabled = false;

    split_lines(text, &lines);
    while (lines.n) {
        ol_autofree char *last = ol_str_stripped(lines.v[lines.n - 1]);

        if (*last)
            break;
        ol_strv_remove(&lines, lines.n - 1);
    }
    ol_strv_each (old, &lines) {
        ol_autofree char *bare = ol_str_stripped(old + strspn(old, "# \t"));
        bool is_it = !strcmp(bare, line);

        ol_buf_printf(ret, "%s\n", is_it ? line : old);
        is_enabled = is_enabled || is_it;
    }
    if (!is_enabled)
        ol_buf_printf(ret, "%s\n", line);
}
