/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/config/oslo-ini.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/strv.h"

/* "\n", "\r", "\t", "\f" and "\\" as they are written in the table. */
static char *unescaped(const char *s)
{
    static const char from[] = "nrtf\\", to[] = "\n\r\t\f\\";
    char *out = ol_xcalloc(1, strlen(s) + 1), *p = out;

    for (; *s; s++) {
        if (*s == '\\')
            *p++ = to[strchr(from, *++s) - from];
        else
            *p++ = *s;
    }
    return out;
}

static char *entries_of(const struct oslo_ini *ini)
{
    ol_auto(ol_strv_done) struct ol_strv all = OL_STRV_INIT;

    for (size_t i = 0; i < ini->n; i++) {
        const struct oslo_entry *e = &ini->entries[i];

        ol_strv_addf(&all, "%s.%s=%s", e->group, e->key, e->value);
    }
    return ol_strv_join(&all, ";");
}

/* The reference keeps sections together; we keep the order of the file. */
static char *sorted(const char *entries)
{
    ol_auto(ol_strv_done) struct ol_strv all = OL_STRV_INIT;

    ol_strv_split(&all, entries, ";");
    ol_strv_sort(&all);
    return ol_strv_join(&all, ";");
}

static void check_case(char *line)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    char *name = strsep(&line, "|"), *escaped = strsep(&line, "|");
    ol_autofree char *text = unescaped(escaped), *all = unescaped(line);
    struct oslo_ini ini = {0};
    struct ol_err err = OL_ERR_INIT;
    int r = oslo_ini_parse(&a, "f", text, strlen(text), &ini, &err);

    if (!strcmp(line, "!")) {
        if (r != -EINVAL || strncmp(err.msg, "f:", 2))
            fail_msg("%s: r %d, %s", name, r, err.msg);
    } else {
        ol_autofree char *got = entries_of(&ini), *have = sorted(got), *want = sorted(all);

        if (r < 0 || strcmp(have, want))
            fail_msg("%s: r %d %s, got \"%s\", want \"%s\"", name, r, err.msg, got, all);
    }
}

/* demands: C24 */
static void files_are_read_as_oslo_config_reads_them(void **state)
{
    ol_autofree char *path =
        ol_xasprintf("%s/tests/unit/compute/config/ini-cases.txt", getenv("OL_TEST_SOURCE_DIR"));
    ol_autofclose FILE *f = fopen(path, "re");
    ol_autofree char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int count = 0;

    (void)state;
    assert_non_null(f);
    while ((n = getline(&line, &size, f)) > 0) {
        line[n - 1] = '\0';
        if (line[0] == '#')
            continue;
        check_case(line);
        count++;
    }
    assert_true(count > 35);
}

static void an_error_names_file_and_line_and_keeps_the_text(void **state)
{
    static const char text[] = "[DEFAULT]\na = 1\npassword hunter2\n";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct oslo_ini ini;
    struct ol_err err = OL_ERR_INIT;

    (void)state;
    assert_int_equal(oslo_ini_parse(&a, "/etc/nova/nova.conf", text, strlen(text), &ini, &err),
                     -EINVAL);
    assert_string_equal(err.msg, "/etc/nova/nova.conf:3: an option is written \"name = value\": "
                                 "no '=' or ':' found");
    assert_int_equal(err.line, 3);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct oslo_ini ini;

    (void)state;
    assert_int_equal(oslo_ini_parse(&a, "f", "[x]\na=\0\n", 8, &ini, NULL), -EINVAL);
    assert_int_equal(oslo_ini_parse(&a, "f", "[x]\na=\xff\n", 8, &ini, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_as_oslo_config_reads_them),
        cmocka_unit_test(an_error_names_file_and_line_and_keeps_the_text),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
