/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "codec/tagged.h"
#include "codec/yaml.h"
#include "core/cleanup.h"

static void every_type_goes_through_json_and_back(void **state)
{
    static const struct {
        const char *yaml, *json;
    } cases[] = {
        {"~", "{\"null\": true}"},
        {"yes", "{\"bool\": true}"},
        {"0644", "{\"int\": \"420\"}"},
        {"18446744073709551616", "{\"int\": \"18446744073709551616\"}"},
        {"-.inf", "{\"float\": \"-inf\"}"},
        {"1.", "{\"float\": \"1.0\"}"},
        {"x", "{\"str\": \"x\"}"},
        {"!!binary aGk=", "{\"bytes\": \"aGk=\"}"},
        {"2001-12-14", "{\"timestamp\": \"2001-12-14\"}"},
        {"[1, []]", "{\"list\": [{\"int\": \"1\"}, {\"list\": []}]}"},
        {"{a: 1}", "{\"map\": [[{\"str\": \"a\"}, {\"int\": \"1\"}]]}"},
        {"!!set {a}", "{\"set\": [{\"str\": \"a\"}]}"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(1 << 16);
        struct ol_val *v = NULL, *tagged, *back = NULL;

        assert_int_equal(ol_yaml_load(cases[i].yaml, strlen(cases[i].yaml), &a, &v, NULL), 0);
        tagged = ol_tagged_from(&a, v);
        assert_non_null(tagged);
        assert_int_equal(ol_json_dump(tagged, &ol_json_python, &json), 0);
        assert_string_equal(json.data, cases[i].json);
        assert_int_equal(ol_tagged_to(&a, tagged, &back, NULL), 0);
        assert_true(ol_val_equal(v, back));
    }
}

static void what_is_not_tagged_is_refused(void **state)
{
    static const char *const cases[] = {
        "1",
        "{}",
        "{\"int\": 1}",
        "{\"int\": \"1x\"}",
        "{\"int\": \"-\"}",
        "{\"float\": \"1.5x\"}",
        "{\"bool\": \"true\"}",
        "{\"str\": null}",
        "{\"bytes\": \"a\"}",
        "{\"bytes\": [1]}",
        "{\"timestamp\": 1}",
        "{\"list\": {}}",
        "{\"list\": [1]}",
        "{\"map\": [[{\"str\": \"a\"}]]}",
        "{\"set\": 1}",
        "{\"other\": \"x\"}",
        "{\"str\": \"a\", \"int\": \"1\"}",
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_val *v = NULL, *back = NULL;

        assert_int_equal(ol_json_load(cases[i], strlen(cases[i]), &a, &v, NULL), 0);
        if (ol_tagged_to(&a, v, &back, NULL) != -EINVAL)
            fail_msg("accepted: %s", cases[i]);
        assert_null(back);
    }
}

static void a_cyclic_value_has_no_tagged_form(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *v = NULL;

    assert_int_equal(ol_yaml_load("&a [*a]", 7, &a, &v, NULL), 0);
    assert_null(ol_tagged_from(&a, v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_goes_through_json_and_back),
        cmocka_unit_test(what_is_not_tagged_is_refused),
        cmocka_unit_test(a_cyclic_value_has_no_tagged_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
