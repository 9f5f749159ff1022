/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/json-patch.h"
#include "codec/json.h"
#include "core/cleanup.h"

static struct ol_val *value(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    return v;
}

/* Documents and operations of RFC 6902, appendix A, and of its test suite. */
static void operations_do_as_the_rfc_says(void **state)
{
    static const struct {
        const char *doc, *patch, *want; /* want NULL = refused */
    } cases[] = {
        {"{'foo': 'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]",
         "{'foo': 'bar', 'baz': 'qux'}"},
        {"{'foo': ['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
         "{'foo': ['bar','qux','baz']}"},
        {"{'foo': ['a']}", "[{'op':'add','path':'/foo/-','value':['x']}]", "{'foo': ['a', ['x']]}"},
        {"{'baz':'q','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}"},
        {"{'foo':['a','b','c']}", "[{'op':'remove','path':'/foo/1'}]", "{'foo':['a','c']}"},
        {"{'a':1,'b':2}", "[{'op':'replace','path':'/a','value':3}]", "{'a':3,'b':2}"},
        {"{'a':[1,2]}", "[{'op':'replace','path':'/a/1','value':null}]", "{'a':[1,null]}"},
        {"{'a':1}", "[{'op':'replace','path':'','value':{'b':1}}]", "{'b':1}"},
        {"{'foo':{'bar':'baz','w':'f'},'qux':{'c':'g'}}",
         "[{'op':'move','from':'/foo/w','path':'/qux/t'}]",
         "{'foo':{'bar':'baz'},'qux':{'c':'g','t':'f'}}"},
        {"{'foo':['all','grass','cows','eat']}", "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
         "{'foo':['all','cows','eat','grass']}"},
        {"{'a':[1]}",
         "[{'op':'copy','from':'/a','path':'/b'},"
         "{'op':'add','path':'/b/-','value':2}]",
         "{'a':[1],'b':[1,2]}"},
        {"{'baz':'q','foo':['a',2,'c']}",
         "[{'op':'test','path':'/baz','value':'q'},{'op':'test','path':'/foo/1','value':2}]",
         "{'baz':'q','foo':['a',2,'c']}"},
        {"{'/':9,'~1':10}",
         "[{'op':'test','path':'/~01','value':10},"
         "{'op':'replace','path':'/~1','value':1}]",
         "{'/':1,'~1':10}"},
        {"{'':1}", "[{'op':'replace','path':'/','value':2}]", "{'':2}"},
        {"{'a':{'1':'x'}}", "[{'op':'remove','path':'/a/1'}]", "{'a':{}}"},
        {"{}", "[]", "{}"},
        {"{'baz':'q'}", "[{'op':'test','path':'/baz','value':'bar'}]", NULL},
        {"{}", "[{'op':'test','path':'/none','value':null}]", NULL},
        {"{'foo':'bar'}", "[{'op':'add','path':'/baz/bat','value':'q'}]", NULL},
        {"{'a':[1]}", "[{'op':'add','path':'/a/2','value':1}]", NULL},
        {"{'a':[1]}", "[{'op':'add','path':'/a/01','value':1}]", NULL},
        {"{'a':[1]}", "[{'op':'add','path':'/a/-1','value':1}]", NULL},
        {"{'a':[1]}", "[{'op':'add','path':'/a/1e0','value':1}]", NULL},
        {"{'a':[1]}", "[{'op':'remove','path':'/a/1'}]", NULL},
        {"{'a':[1]}", "[{'op':'replace','path':'/a/-','value':1}]", NULL},
        {"{}", "[{'op':'remove','path':'/a'}]", NULL},
        {"{}", "[{'op':'replace','path':'/a','value':1}]", NULL},
        {"{}", "[{'op':'add','path':'/a'}]", NULL},
        {"{}", "[{'op':'add','path':'a','value':1}]", NULL},
        {"{}", "[{'op':'add','value':1}]", NULL},
        {"{}", "[{'op':'move','from':'/a','path':'/b'}]", NULL},
        {"{}", "[{'op':'copy','path':'/b'}]", NULL},
        {"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/b'}]", NULL},
        {"{}", "[{'op':'spam','path':'/a','value':1}]", NULL},
        {"{}", "[1]", NULL},
        {"{}", "{'op':'add','path':'/a','value':1}", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        char texts[3][200];
        const char *const all[] = {cases[i].doc, cases[i].patch,
                                   cases[i].want ? cases[i].want : ""};
        struct ol_val *got = NULL, *doc, *before;
        struct ol_err err = OL_ERR_INIT;
        int r;

        for (size_t k = 0; k < ol_count(all); k++) {
            size_t n = 0;

            for (; all[k][n]; n++)
                texts[k][n] = all[k][n] == '\'' ? '"' : all[k][n];
            texts[k][n] = '\0';
        }
        doc = value(&a, texts[0]);
        before = ol_val_copy(&a, doc);
        r = ol_json_patch(value(&a, texts[1]), doc, &a, &got, &err);
        if (cases[i].want ? r < 0 || !ol_val_equal(got, value(&a, texts[2])) : r != -EINVAL || got)
            fail_msg("%s: %s", cases[i].patch, ol_err_text(&err));
        assert_true(ol_val_equal(doc, before));
    }
    (void)state;
}

static void a_replaced_key_keeps_its_place(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *got = NULL;

    assert_int_equal(ol_json_patch(value(&a, "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":3}]"),
                                   value(&a, "{\"a\":1,\"b\":2}"), &a, &got, NULL),
                     0);
    assert_string_equal(ol_val_to_repr(&a, got), "{'a': 3, 'b': 2}");
    (void)state;
}

static void an_error_names_the_operation(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *got = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_json_patch(value(&a, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1},"
                                             "{\"op\":\"remove\",\"path\":\"/q\"}]"),
                                   value(&a, "{}"), &a, &got, &err),
                     -EINVAL);
    assert_string_equal(ol_err_text(&err), "operation 2: there is nothing to remove at '/q'");
    assert_string_equal(err.domain, "JsonPatchException");
    (void)state;
}

static void copies_of_copies_end_at_the_maximum(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 16);
    struct ol_val *got = NULL;
    struct ol_err err = OL_ERR_INIT;

    ol_buf_adds(&text, "[{\"op\":\"add\",\"path\":\"/a\",\"value\":[1]}");
    for (int i = 0; i < 60; i++)
        ol_buf_adds(&text, ",{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}");
    ol_buf_adds(&text, "]");
    assert_int_equal(ol_json_patch(value(&a, text.data), value(&a, "{}"), &a, &got, &err), -EFBIG);
    assert_null(got);
    assert_true(a.used < 4u << 20);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_do_as_the_rfc_says),
        cmocka_unit_test(a_replaced_key_keeps_its_place),
        cmocka_unit_test(an_error_names_the_operation),
        cmocka_unit_test(copies_of_copies_end_at_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
