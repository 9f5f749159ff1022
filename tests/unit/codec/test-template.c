/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"

/* A case says what cloud-init renders or how it fails; 'refused' marks what is beyond us. */
static int check_case(const struct ol_val *c, const struct ol_val *vars)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    const struct ol_val *text = ol_val_get(c, "template");
    const char *want = ol_val_str(ol_val_get(c, "want"));
    const char *message = ol_val_str(ol_val_get(c, "message"));
    bool is_refused = ol_val_get(c, "refused") != NULL;
    struct ol_err err = OL_ERR_INIT;
    int r = ol_template_render(text->str.data, text->str.len, vars, &b, &err);

    if (is_refused && r == -ENOSYS && b.len == 0)
        return 0;
    if (want && r == 0 && !strcmp(b.data, want))
        return 0;
    if (!want && r == -EINVAL && b.len == 0 && (!message || !strcmp(err.msg, message)))
        return 0;
    print_error("template: %s\n     got: %d '%s' %s\n    want: %s\n", text->str.data, r, b.data,
                err.msg, want ? want : message);
    return 1;
}

static void templates_render_as_cloud_init_renders_them(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    struct ol_val *golden = NULL;
    const struct ol_val *cases;
    struct ol_env env;
    int n_wrong = 0;

    assert_int_equal(ol_env_init(&env, getenv("OL_TEST_SOURCE_DIR"), NULL), 0);
    assert_int_equal(ol_file_read(&env, "/tests/golden/template/cases.json", &b, NULL), 0);
    ol_env_done(&env);
    assert_int_equal(ol_json_load(b.data, b.len, &a, &golden, NULL), 0);
    cases = ol_val_get(golden, "cases");
    for (size_t i = 0; i < ol_val_count(cases); i++)
        n_wrong += check_case(ol_val_item(cases, i), ol_val_get(golden, "vars"));
    assert_int_equal(n_wrong, 0);
    assert_true(ol_val_count(cases) > 100);
}

static int render(const char *text, const struct ol_val *vars, struct ol_buf *to,
                  struct ol_err *err)
{
    return ol_template_render(text, strlen(text), vars, to, err);
}

static void missing_variables_are_named_for_the_warning(void **state)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

    assert_int_equal(render("## template: jinja\n{{ a }}:{{ b.c }} {{ d }}", NULL, &b, NULL),
                     -EINVAL);
    assert_int_equal(render("## template: jinja\n{{ a }}: {{ d }}\n", NULL, &b, NULL), 0);
    ol_template_missing(b.data, &names);
    assert_int_equal(names.n, 2);
    assert_string_equal(names.v[0], "a:");
    assert_string_equal(names.v[1], "d");
}

static void errors_know_the_line_of_the_whole_text(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(render("## template: jinja\n\n{{ a b }}\n", NULL, &b, &err), -EINVAL);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.domain, "TemplateSyntaxError");
    assert_int_equal(render("## template: jinja\n\n{% macro x() %}\n", NULL, &b, &err), -ENOSYS);
    assert_int_equal(err.line, 3);
    assert_string_equal(err.msg, "line 3 of the template: the statement 'macro' is not supported");
}

static void output_depth_and_steps_are_bounded(void **state)
{
    static const char *const deep[] = {"(", "[", "not ", "-", "1 + "};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *vars = ol_val_new_map(&a), *list = ol_val_new_list(&a);

    for (int i = 0; i < 300; i++)
        ol_val_append(&a, list, ol_val_new_str(&a, "x"));
    ol_val_set(&a, vars, "l", list);
    for (size_t i = 0; i < ol_count(deep); i++) {
        ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);

        ol_buf_adds(&text, "## template: jinja\n{{ ");
        for (int n = 0; n < 5000; n++)
            ol_buf_adds(&text, deep[i]);
        assert_int_equal(render(text.data, vars, &b, NULL), -ENOSYS);
    }
    {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1000);

        ol_buf_adds(&b, "kept");
        assert_int_equal(render("## template: jinja\n{% for a in l %}{% for b in l %}{{ a }}"
                                "{% endfor %}{% endfor %}",
                                vars, &b, NULL),
                         -EFBIG);
        assert_string_equal(b.data, "kept");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_render_as_cloud_init_renders_them),
        cmocka_unit_test(missing_variables_are_named_for_the_warning),
        cmocka_unit_test(errors_know_the_line_of_the_whole_text),
        cmocka_unit_test(output_depth_and_steps_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
