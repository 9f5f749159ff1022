/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/stage/output.h"

/* demands: 21 */
static void every_form_of_output_is_understood(void **state)
{
    static const struct {
        const char *cfg, *out, *err;
    } cases[] = {
        {"{}", NULL, NULL},
        {"{\"output\": null}", NULL, NULL},
        {"{\"output\": \"> /f\"}", NULL, NULL},
        {"{\"output\": {\"all\": \"| tee -a /f\"}}", "| tee -a /f", "| tee -a /f"},
        {"{\"output\": {\"all\": \"/f\"}}", ">> /f", ">> /f"},
        {"{\"output\": {\"all\": \">/f\"}}", "> /f", "> /f"},
        {"{\"output\": {\"all\": \"  >>  /f  \"}}", ">> /f", ">> /f"},
        {"{\"output\": {\"all\": [\">> /f\", \"&1\"]}}", ">> /f", ">> /f"},
        {"{\"output\": {\"all\": [\"> /f\", \"> /g\"]}}", "> /f", "> /g"},
        {"{\"output\": {\"all\": [\"> /f\"]}}", "> /f", NULL},
        {"{\"output\": {\"all\": [null, \"> /g\"]}}", NULL, "> /g"},
        {"{\"output\": {\"all\": {\"output\": \"|x\", \"error\": \"&1\"}}}", "| x", "| x"},
        {"{\"output\": {\"all\": {\"error\": \"e\"}}}", NULL, ">> e"},
        {"{\"output\": {\"init\": \"> /i\", \"all\": \"> /a\"}}", "> /i", "> /i"},
        {"{\"output\": {\"final\": \"> /i\"}}", NULL, NULL},
        {"{\"output\": {\"all\": \"\"}}", NULL, NULL},
        {"{\"output\": {\"all\": 7}}", NULL, NULL},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct output_plan p = output_decide(&f->arena, fixture_value(f, cases[i].cfg), "init");
        const char *const got[] = {p.out, p.err}, *const want[] = {cases[i].out, cases[i].err};

        for (size_t k = 0; k < 2; k++)
            if ((got[k] == NULL) != (want[k] == NULL) || (got[k] && strcmp(got[k], want[k])))
                fail_msg("%s: got %s", cases[i].cfg, got[k] ? got[k] : "none");
    }
    fixture_free(f);
    (void)state;
}

static void output_goes_to_files_and_comes_back(void **state)
{
    struct fixture *f = fixture_new();
    const struct output_plan plan = {"> /out", ">> /err"};
    struct ol_err err = OL_ERR_INIT;
    struct output *o;

    fixture_put(f, "/out", "old");
    fixture_put(f, "/err", "old\n");
    o = output_redirect(&f->g, &plan, &err);
    assert_non_null(o);
    assert_int_equal(write(STDOUT_FILENO, "o\n", 2), 2);
    assert_int_equal(write(STDERR_FILENO, "e\n", 2), 2);
    output_restore(&f->g, o);
    fixture_assert_file(f, "/out", "o\n");
    fixture_assert_file(f, "/err", "old\ne\n");
    fixture_free(f);
    (void)state;
}

static void output_that_cannot_be_redirected_stays(void **state)
{
    static const struct {
        struct output_plan plan;
        const char *why;
    } cases[] = {
        {{"> /none/out", NULL}, "output to '/none/out': No such file or directory"},
        {{"> /out", "> /none/err"}, "output to '/none/err': No such file or directory"},
        {{"> /tmp", NULL}, "output to '/tmp': Is a directory"},
        /* The tree has no shell; or we may not enter it. */
        {{"| cat", NULL}, "output to 'cat': "},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;

        assert_null(output_redirect(&f->g, &cases[i].plan, &err));
        if (!ol_str_starts(ol_err_text(&err), cases[i].why))
            fail_msg("%s", ol_err_text(&err));
    }
    assert_null(output_redirect(&f->g, &(struct output_plan){NULL, NULL}, NULL));
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_output_is_understood),
        cmocka_unit_test(output_goes_to_files_and_comes_back),
        cmocka_unit_test(output_that_cannot_be_redirected_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
