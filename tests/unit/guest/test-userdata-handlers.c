/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/mime.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/userdata/userdata-internal.h"

#define INSTANCE "/var/lib/cloud/instance"

/* Stores and consumes one kind, the raw data being a text. */
static void consume_as(struct fixture *f, const char *text, enum userdata_kind kind,
                       enum frequency frequency)
{
    static const char *const keys[] = {"userdata_raw", "vendordata_raw", "vendordata2_raw"};
    struct userdata data = {{NULL}};
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_mkdir_p(&f->env, INSTANCE, 0755, NULL), 0);
    ol_val_set_str(&f->arena, f->g.ds.doc, keys[kind], text);
    if (userdata_store(&f->g, &data, &err) < 0
        || userdata_consume(&f->g, &data, kind, frequency, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
}

static void consume(struct fixture *f, const char *text)
{
    consume_as(f, text, USERDATA_USER, FREQ_INSTANCE);
}

/* A message with one part of that type and name. */
static const char *part(struct fixture *f, const char *type, const char *name, const char *text)
{
    return ol_arena_printf(&f->arena,
                           "MIME-Version: 1.0\nContent-Type: %s\n"
                           "Content-Disposition: attachment; filename=\"%s\"\n\n%s",
                           type, name, text);
}

/* demands: 17 */
static void scripts_are_written_under_a_safe_name(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"a.sh", "a.sh"},    {"../../etc/x", ".._.._etc_x"},
        {"a b*c;d", "abcd"}, {"(x)_1", "(x)_1"},
        {"..", "part"},      {"/", "_"},
        {"###", "part"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *path = ol_arena_printf(&f->arena, INSTANCE "/scripts/%s", cases[i].want);

        consume(f, part(f, "text/x-shellscript", cases[i].name, "#!/bin/sh\r\nx\r\n"));
        if (!fixture_text(f, path))
            fail_msg("'%s' is not written as '%s'", cases[i].name, path);
        assert_string_equal(fixture_text(f, path), "#!/bin/sh\nx\n");
        assert_int_equal(fixture_mode(f, path), 0700);
    }
    fixture_free(f);
    (void)state;
}

static void line_ends_of_a_script_stay_when_its_first_is_unix(void **state)
{
    struct fixture *f = fixture_new();

    consume(f, "#!/bin/sh\nprintf 'a\r\n'\n");
    fixture_assert_file(f, INSTANCE "/scripts/part-001", "#!/bin/sh\nprintf 'a\r\n'\n");
    fixture_free(f);
    (void)state;
}

static void scripts_with_a_frequency_go_to_their_directory(void **state)
{
    static const char *const when[] = {"per-boot", "per-instance", "per-once"};
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(when); i++) {
        const char *type = ol_arena_printf(&f->arena, "text/x-shellscript-%s", when[i]);

        consume(f, part(f, type, "d/x.sh", "#!/bin/sh\n"));
        assert_non_null(
            fixture_text(f, ol_arena_printf(&f->arena, "/var/lib/cloud/scripts/%s/x.sh", when[i])));
    }
    ol_val_remove(f->g.ds.doc, "userdata_raw");
    fixture_configure(f, "{\"vendor_data\": {\"enabled\": true}}");
    consume_as(f, part(f, "text/x-shellscript-per-boot", "v.sh", "#!/bin/sh\n"), USERDATA_VENDOR,
               FREQ_INSTANCE);
    assert_non_null(fixture_text(f, "/var/lib/cloud/scripts/vendor/per-boot/v.sh"));
    fixture_free(f);
    (void)state;
}

static void a_boothook_is_written_and_run_on_every_boot(void **state)
{
    struct fixture *f = fixture_new();

    consume(f, "#cloud-boothook\r\n#!/bin/sh\r\ntrue\r\n");
    fixture_assert_file(f, INSTANCE "/boothooks/part-001", "#!/bin/sh\ntrue\n");
    assert_int_equal(fixture_mode(f, INSTANCE "/boothooks/part-001"), 0700);
    assert_string_equal(f->exec.commands.v[0], INSTANCE "/boothooks/part-001");
    assert_string_equal(f->exec.environments.v[0], "INSTANCE_ID=iid-1");
    consume_as(f, "#cloud-boothook\n#!/bin/sh\n", USERDATA_USER, FREQ_ALWAYS);
    assert_int_equal(f->exec.commands.n, 2);
    fixture_free(f);
    (void)state;
}

static void a_boothook_that_fails_is_warned_about(void **state)
{
    static const struct fake_answer answers[] = {{.command = INSTANCE, .status = 3}, {0}};
    struct fixture *f = fixture_new();

    f->exec.answers = answers;
    consume(f, "#cloud-boothook\n#!/bin/sh\n");
    fixture_assert_logged(f, "WARNING: Boothooks script " INSTANCE
                             "/boothooks/part-001 execution error: exit status 3");
    fixture_free(f);
    (void)state;
}

/* demands: 18 */
static void configs_are_merged_in_order(void **state)
{
    struct fixture *f = fixture_new();

    consume(f, "#cloud-config-archive\n"
               "- \"#cloud-config\\na: [1]\\nb: {x: 1}\\n\"\n"
               "- \"#cloud-config\\na: [2]\\nmerge_how: list(append)+dict(recurse_array)\\n\"\n"
               "- {type: text/cloud-config, Merge-Type: list(prepend)+dict(recurse_list),\n"
               "   content: 'a: [3]'}\n"
               "- \"#cloud-config\\nb: {y: 2}\\n\"\n"
               "- \"#cloud-config\\n- wrong\\n\"\n"
               "- \"#cloud-config\\nc: [\\n\"\n"
               "- {type: text/cloud-config-jsonp,\n"
               "   content: '[{\"op\": \"add\", \"path\": \"/d\", \"value\": 4}]'}\n"
               "- {type: text/cloud-config-jsonp, content: '[{\"op\": \"remove\", \"path\":"
               " \"/q\"}]'}\n");
    fixture_assert_file(f, INSTANCE "/cloud-config.txt",
                        "#cloud-config\n\n# from 5 files\n# part-001\n# part-002\n# part-003\n"
                        "# part-004\n# part-007\n\n"
                        "# Cloud-config part ignored SCHEMA_ERROR: part-005\n"
                        "# Cloud-config part ignored SCHEMA_ERROR: part-006\n"
                        "---\na:\n- 3\n- 1\n- 2\nb:\n    y: 2\nd: 4\n...\n");
    assert_int_equal(fixture_mode(f, INSTANCE "/cloud-config.txt"), 0600);
    fixture_assert_logged(f, "root types, but got list instead in part-005");
    fixture_assert_logged(f, "there is nothing to remove at '/q'");
    fixture_free(f);
    (void)state;
}

static void a_config_nested_in_itself_is_refused(void **state)
{
    static const char *const cases[] = {
        "#cloud-config\na: &a [*a, *a]\n",
        "#cloud-config\na: &a {b: *a}\n",
        "#cloud-config\na: &a [xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n"
        "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
        "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
        "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
        "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
        "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
        "g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n",
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        consume(f, cases[i]);
        fixture_assert_logged(f, "It is nested too deep, or in itself, in part-001");
        fixture_assert_file(f, INSTANCE "/cloud-config.txt",
                            "#cloud-config\n\n"
                            "# Cloud-config part ignored SCHEMA_ERROR: part-001\n--- {}\n...\n");
        ol_buf_clear(&f->log_text);
    }
    fixture_free(f);
    (void)state;
}

static void a_template_is_filled_in_before_it_is_handled(void **state)
{
    struct fixture *f = fixture_new();

    consume(f, "## template: jinja\n#!/bin/sh\necho {{ v1.x }}\n");
    fixture_assert_logged(f, "Instance data not yet present");
    assert_null(fixture_text(f, INSTANCE "/scripts/part-001"));
    fixture_put(f, "/run/cloud-init/instance-data-sensitive.json", "{\"v1\": {\"x\": \"y-1\"}}");
    consume(f, "## template: jinja\n#!/bin/sh\necho {{ v1.x }} {{ v1.no }}\n");
    fixture_assert_file(f, INSTANCE "/scripts/part-001",
                        "#!/bin/sh\necho y-1 CI_MISSING_JINJA_VAR/no\n");
    fixture_assert_logged(f, "Could not render jinja template variables in file 'part-001': 'no'");
    consume(f, "## template: jinja\n#cloud-config\nhostname: {{ x }}\n");
    assert_non_null(strstr(fixture_text(f, INSTANCE "/cloud-config.txt"), "hostname: y-1\n"));
    consume(f, "## template: jinja\nplain\n");
    fixture_assert_logged(f, "Could not find supported sub-handler for type None");
    consume(f, "## template: jinja\n{% if %}\n");
    fixture_assert_logged(f, "WARNING: Ignoring jinja template for part-001");
    fixture_free(f);
    (void)state;
}

static void parts_for_another_launch_index_are_passed_over(void **state)
{
    static const struct {
        const char *metadata, *index;
        bool is_taken;
    } cases[] = {
        {"{}", "1", true},
        {"{\"launch-index\": 1}", "1", true},
        {"{\"launch-index\": \"1\"}", "1", true},
        {"{\"launch-index\": 2}", "1", false},
        {"{\"launch-index\": 0}", "x", false},
        {"{\"launch-index\": \"x\"}", "1", true},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *text = ol_arena_printf(
            &f->arena,
            "MIME-Version: 1.0\nContent-Type: text/x-shellscript\nLaunch-Index: %s\n\n#!x",
            cases[i].index);

        ol_val_set(&f->arena, f->g.ds.doc, "metadata", fixture_value(f, cases[i].metadata));
        consume(f, text);
        assert_int_equal(fixture_text(f, INSTANCE "/scripts/part-001") != NULL, cases[i].is_taken);
        assert_int_equal(ol_unlink(&f->env, INSTANCE "/scripts/part-001", NULL), 0);
    }
    fixture_free(f);
    (void)state;
}

static void vendor_data_obeys_the_configuration(void **state)
{
    static const struct {
        const char *cfg;
        bool script, config;
    } cases[] = {
        {"{}", false, false},
        {"{\"vendor_data\": {\"enabled\": false}}", false, false},
        {"{\"vendor_data\": 1}", false, false},
        {"{\"vendor_data\": {\"enabled\": \"yes\"}}", true, true},
        {"{\"vendor_data\": {\"enabled\": true, \"disabled_handlers\": [\"text/x-shellscript\"]}}",
         false, true},
    };
    static const char text[] = "#cloud-config-archive\n- \"#!/bin/sh\\n\"\n- \"a: 1\"\n";

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        const char *config;

        fixture_configure(f, cases[i].cfg);
        consume_as(f, text, USERDATA_VENDOR, FREQ_INSTANCE);
        config = fixture_text(f, INSTANCE "/vendor-cloud-config.txt");
        assert_int_equal(fixture_text(f, INSTANCE "/scripts/vendor/part-001") != NULL,
                         cases[i].script);
        assert_int_equal(config && strstr(config, "a: 1"), cases[i].config);
        fixture_free(f);
    }
    (void)state;
}

/* demands: 24 */
static void an_upstart_job_is_written_only_where_upstart_is(void **state)
{
    struct fixture *f = fixture_new();
    const char *text = part(f, "text/upstart-job", "j", "start on x\n");

    consume(f, text);
    fixture_assert_logged(f, "WARNING: Unhandled unknown content-type (text/upstart-job)");
    fixture_put_mode(f, "/sbin/initctl", "", 0755);
    assert_int_equal(ol_mkdir_p(&f->env, "/etc/init", 0755, NULL), 0);
    consume(f, text);
    fixture_assert_file(f, "/etc/init/j.conf", "start on x\n");
    assert_string_equal(f->exec.commands.v[0], "initctl reload-configuration");
    consume_as(f, text, USERDATA_USER, FREQ_ALWAYS);
    assert_int_equal(f->exec.commands.n, 1);
    fixture_free(f);
    (void)state;
}

static void what_nobody_takes_is_warned_about_without_its_content(void **state)
{
    struct fixture *f = fixture_new();

    consume(f, "hunter2-secret");
    fixture_assert_logged(
        f, "WARNING: Unhandled non-multipart (text/x-not-multipart) userdata: 14 bytes; ");
    consume(f, part(f, "text/odd", "o", "hunter2-secret"));
    fixture_assert_logged(f, "WARNING: Unhandled unknown content-type (text/odd) userdata");
    consume(f, part(f, "text/part-handler", "p", "#part-handler\nhunter2-secret"));
    fixture_assert_logged(f, "WARNING: Failed at registering python file: p");
    consume(f, "#cloud-config\nhunter2-secret: [\n");
    consume(f, "#cloud-config\n- hunter2-secret\n");
    assert_null(strstr(f->log_text.data, "hunter2"));
    consume(f, "");
    assert_string_equal(fixture_text(f, INSTANCE "/cloud-config.txt"), "");
    fixture_free(f);
    (void)state;
}

static void what_was_given_is_kept_for_root_alone(void **state)
{
    static const char *const names[] = {
        "user-data.txt",    "user-data.txt.i",    "vendor-data.txt", "vendor-data.txt.i",
        "vendor-data2.txt", "vendor-data2.txt.i", "cloud-config.txt"};
    struct fixture *f = fixture_new();

    consume(f, "#cloud-config\na: 1\n");
    for (size_t i = 0; i < ol_count(names); i++)
        assert_int_equal(fixture_mode(f, ol_arena_printf(&f->arena, INSTANCE "/%s", names[i])),
                         0600);
    fixture_assert_file(f, INSTANCE "/user-data.txt", "#cloud-config\na: 1\n");
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_written_under_a_safe_name),
        cmocka_unit_test(line_ends_of_a_script_stay_when_its_first_is_unix),
        cmocka_unit_test(scripts_with_a_frequency_go_to_their_directory),
        cmocka_unit_test(a_boothook_is_written_and_run_on_every_boot),
        cmocka_unit_test(a_boothook_that_fails_is_warned_about),
        cmocka_unit_test(configs_are_merged_in_order),
        cmocka_unit_test(a_config_nested_in_itself_is_refused),
        cmocka_unit_test(a_template_is_filled_in_before_it_is_handled),
        cmocka_unit_test(parts_for_another_launch_index_are_passed_over),
        cmocka_unit_test(vendor_data_obeys_the_configuration),
        cmocka_unit_test(an_upstart_job_is_written_only_where_upstart_is),
        cmocka_unit_test(what_nobody_takes_is_warned_about_without_its_content),
        cmocka_unit_test(what_was_given_is_kept_for_root_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
