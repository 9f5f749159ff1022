/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A list of strings that it owns, always NULL-terminated: 'v' can be handed to execve().
 *
 *     ol_auto(ol_strv_done) struct ol_strv argv = OL_STRV_INIT;
 *     ol_strv_add(&argv, "useradd");
 *     ol_strv_each(name, &names) puts(name);
 */
struct ol_strv {
    char **v; /* NULL while empty: use ol_strv_argv() for execve */
    size_t n, cap;
};

#define OL_STRV_INIT                                                                               \
    {                                                                                              \
        .v = NULL, .n = 0, .cap = 0                                                                \
    }

#define ol_strv_each(name, list)                                                                   \
    for (size_t i_##name = 0; i_##name < (list)->n; i_##name++)                                    \
        for (const char *name = (list)->v[i_##name]; name; name = NULL)

void ol_strv_done(struct ol_strv *l);
void ol_strv_add(struct ol_strv *l, const char *s);
void ol_strv_addn(struct ol_strv *l, const char *s, size_t len);
void ol_strv_addf(struct ol_strv *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes the heap string s. */
void ol_strv_take(struct ol_strv *l, char *s);
/* Adds every string of a NULL-terminated array. */
void ol_strv_add_all(struct ol_strv *l, const char *const *all);
void ol_strv_remove(struct ol_strv *l, size_t at);
bool ol_strv_has(const struct ol_strv *l, const char *s);
/* Sorted by bytes, as Python sorts ASCII names. */
void ol_strv_sort(struct ol_strv *l);
/* NULL-terminated, never NULL, owned by the list. */
const char *const *ol_strv_argv(const struct ol_strv *l);
/* Splits s at any byte of 'separators'; empty pieces are dropped. */
void ol_strv_split(struct ol_strv *l, const char *s, const char *separators);
/* The pieces joined by 'glue' as a heap string that the caller frees. */
char *ol_strv_join(const struct ol_strv *l, const char *glue) __attribute__((warn_unused_result));
