/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/gzip.h"
#include "codec/mime.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/http.h"
#include "core/md5.h"
#include "guest/userdata/userdata-internal.h"

static void the_first_characters_say_the_type(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"#cloud-config\n", "text/cloud-config"},
        {"#cloud-config-archive\n", "text/cloud-config-archive"},
        {"#cloud-config-jsonp\n[]", "text/cloud-config-jsonp"},
        {"#cloud-configfoo", "text/cloud-config"},
        {"#CLOUD-Config", "text/cloud-config"},
        {" \t\r\n#cloud-config", "text/cloud-config"},
        {"#cloud-boothook\n", "text/cloud-boothook"},
        {"#include\n", "text/x-include-url"},
        {"#include-once\n", "text/x-include-once-url"},
        {"#part-handler\n", "text/part-handler"},
        {"## template: jinja\n", "text/jinja2"},
        {"## Template: Jinja\n", "text/jinja2"},
        {"##template: jinja\n", NULL},
        {"#!/bin/sh\n", "text/x-shellscript"},
        {"#!/bin/sh\n# gr\xfc\xdf\n", "text/x-shellscript"},
        {"\xef\xbb\xbf#cloud-config\n", NULL},
        {"#upstart-job\n", NULL},
        {"# cloud-config\n", NULL},
        {"#cloud-confi", NULL},
        {"", NULL},
        {" ", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *got = userdata_sniff(cases[i].text, strlen(cases[i].text));

        if ((got == NULL) != (cases[i].want == NULL) || (got && strcmp(got, cases[i].want)))
            fail_msg("'%s': got %s, want %s", cases[i].text, got ? got : "none",
                     cases[i].want ? cases[i].want : "none");
    }
    (void)state;
}

/* "type filename payload|…" of all parts. */
static const char *shown(struct fixture *f, struct ol_mime_part *message)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    for (size_t i = 0; i < message->n_parts; i++) {
        const struct ol_mime_part *p = message->parts[i];
        size_t size = 0;
        const char *data = ol_mime_payload(&f->arena, p, &size);
        const char *index = ol_mime_get(p, "Launch-Index");

        ol_buf_printf(&text, "%s%s %s %s", i ? "|" : "", ol_mime_content_type(&f->arena, p),
                      ol_mime_filename(&f->arena, p), data ? data : "(none)");
        if (index)
            ol_buf_printf(&text, " @%s", index);
    }
    return ol_arena_strdup(&f->arena, text.data);
}

static const char *processed(struct fixture *f, const void *data, size_t size)
{
    struct ol_mime_part *message = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (userdata_process(&f->g, ol_val_new_bytes(&f->arena, data, size), &message, &err) < 0)
        return ol_arena_printf(&f->arena, "error: %s", ol_err_text(&err));
    return shown(f, message);
}

static const char *processed_text(struct fixture *f, const char *text)
{
    return processed(f, text, strlen(text));
}

/* What gzip makes of "#cloud-config\na: 1\n". */
static const char zipped_config_b64[] = "H4sIAAAAAAACA1NOzskvTdFNzs9Ly0znSrRSMOQCAJ6ioS4TAAAA";

static struct ol_buf zipped_config(void)
{
    struct ol_buf b = OL_BUF_INIT(4096);

    assert_int_equal(ol_base64_decode(zipped_config_b64, strlen(zipped_config_b64), 0, &b, NULL),
                     0);
    return b;
}

/* demands: 17 18 25 */
static void every_form_becomes_a_flat_list_of_parts(void **state)
{
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"config", "#cloud-config\na: 1\n", "text/cloud-config part-001 #cloud-config\na: 1\n"},
        {"script", "#!/bin/sh\n", "text/x-shellscript part-001 #!/bin/sh\n"},
        {"text", "hello", "text/x-not-multipart part-001 hello"},
        {"empty", "", "text/x-not-multipart part-001 "},
        {"message of one part, whose type loses its name",
         "MIME-Version: 1.0\nContent-Type: text/cloud-config; name=\"x.cfg\"\n\na: 1\n",
         "text/cloud-config part-001 a: 1\n"},
        {"part of a message that has a name",
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n"
         "--o\nContent-Type: text/cloud-config; name=\"x.cfg\"\n\na: 1\n--o--\n",
         "text/cloud-config x.cfg a: 1"},
        {"nested multiparts",
         "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n"
         "--o\nContent-Type: multipart/mixed; boundary=i\n\n"
         "--i\nContent-Type: text/cloud-config\n\na: 1\n--i\n\n#!/bin/sh\n--i--\n"
         "--o\nContent-Type: text/cloud-boothook\n\nb\n--o--\n",
         "text/cloud-config part-001 a: 1|text/x-shellscript part-002 #!/bin/sh|"
         "text/cloud-boothook part-003 b"},
        {"a script part that is a config",
         "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#cloud-config\n",
         "text/cloud-config part-001 #cloud-config\n"},
        {"a config part is what it says",
         "MIME-Version: 1.0\nContent-Type: text/cloud-config\n\n#!/bin/sh\n",
         "text/cloud-config part-001 #!/bin/sh\n"},
        {"a message in a message counts once",
         "MIME-Version: 1.0\nContent-Type: message/rfc822\n\n"
         "Content-Type: text/cloud-config\n\na: 1\n",
         "text/cloud-config part-001 a: 1\n"},
        {"launch-index of the header, noted again",
         "MIME-Version: 1.0\nLaunch-Index: 2\nContent-Type: text/cloud-config\n\na: 1\n",
         "text/cloud-config part-001 a: 1\n @2"},
        {"launch-index of the payload", "#cloud-config\nlaunch-index: 3\n",
         "text/cloud-config part-001 #cloud-config\nlaunch-index: 3\n @3"},
        {"launch-index that is no number", "#cloud-config\nlaunch-index: all\n",
         "text/cloud-config part-001 #cloud-config\nlaunch-index: all\n"},
        {"archive",
         "#cloud-config-archive\n"
         "- \"#!/bin/sh\\n\"\n"
         "- {content: 'a: 1', launch-index: 4}\n"
         "- {type: text/x-shellscript, filename: n.sh, content: 'x'}\n"
         "- {content: !!binary aGk=}\n"
         "- {content: !!binary IyEvYmluL3No}\n"
         "- {type: application/x-thing, content: z}\n"
         "- 17\n",
         "text/x-shellscript part-001 #!/bin/sh\n|text/cloud-config part-002 a: 1 @4|"
         "text/x-shellscript n.sh x|application/octet-stream part-004 hi|"
         "text/x-shellscript part-005 #!/bin/sh|application/x-thing part-006 z"},
        {"archive that is a map", "#cloud-config-archive\na: 1\n", ""},
        {"archive that is broken", "#cloud-config-archive\n- [\n", ""},
        {"an archive in an archive stays one",
         "#cloud-config-archive\n- \"#cloud-config-archive\\n- x\\n\"\n",
         "text/cloud-config-archive part-001 #cloud-config-archive\n- x\n"},
        {"bad compressed part", "MIME-Version: 1.0\nContent-Type: application/gzip\n\nnot gzip\n",
         "error: Failed decompressing payload from application/gzip of length 9 due to: "
         "not a gzip file"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char *got = processed_text(f, cases[i].text);

        if (strncmp(cases[i].want, "error", 5) ? strcmp(got, cases[i].want)
                                               : strncmp(got, cases[i].want, 60))
            fail_msg("%s: got '%s', want '%s'", cases[i].name, got, cases[i].want);
    }
    fixture_free(f);
    (void)state;
}

/* demands: 18 25 */
static void compressed_data_is_decompressed(void **state)
{
    static const char want[] = "text/cloud-config part-001 #cloud-config\na: 1\n";
    struct fixture *f = fixture_new();
    ol_auto(ol_buf_done) struct ol_buf zipped = zipped_config();

    assert_string_equal(processed(f, zipped.data, zipped.len), want);
    assert_string_equal(
        processed_text(f, ol_arena_printf(&f->arena,
                                          "MIME-Version: 1.0\nContent-Type: application/x-gzip\n"
                                          "Content-Transfer-Encoding: base64\n\n%s\n",
                                          zipped_config_b64)),
        want);
    /* Cut short it is a text like any other. */
    assert_non_null(strstr(processed(f, zipped.data, zipped.len - 12), "text/x-not-multipart"));
    fixture_free(f);
    (void)state;
}

static void vendor_data_may_be_a_list(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_mime_part *message = NULL;
    const struct ol_val *raw = fixture_value(f, "[\"#cloud-config\\na: 1\", \"#!/bin/sh\"]");

    assert_int_equal(userdata_process(&f->g, raw, &message, NULL), 0);
    assert_string_equal(shown(f, message), "text/cloud-config part-001 #cloud-config\na: 1|"
                                           "text/x-shellscript part-002 #!/bin/sh");
    assert_int_equal(userdata_process(&f->g, NULL, &message, NULL), 0);
    assert_string_equal(shown(f, message), "text/x-not-multipart part-001 ");
    fixture_free(f);
    (void)state;
}

static void files_are_included_where_they_are_named(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/one", "#cloud-config\na: 1\n");
    fixture_put(f, "/two", "#include\nfile:///one\n");
    assert_string_equal(processed_text(f, "#include\n# a remark\n\n  file:///one  \n/two\n"),
                        "text/cloud-config part-001 #cloud-config\na: 1\n|"
                        "text/cloud-config part-002 #cloud-config\na: 1\n");
    assert_string_equal(processed_text(f, "#include file:///one\r\n"),
                        "text/cloud-config part-001 #cloud-config\na: 1\n");
    assert_string_equal(processed_text(f, "#include\nfile:///none\n"),
                        "error: Fetching from file:///none: open '/none': No such file or "
                        "directory");
    fixture_free(f);
    (void)state;
}

static void what_is_included_once_is_kept(void **state)
{
    struct fixture *f = fixture_new();
    char digest[33];
    const char *cached;

    ol_md5_hex("file:///one", strlen("file:///one"), digest);
    cached = ol_arena_printf(&f->arena, "/var/lib/cloud/instance/data/urlcache/%s", digest);
    fixture_put(f, "/one", "#!/bin/sh\n");
    fixture_put(f, "/two", "#!/bin/sh\n");
    assert_string_equal(processed_text(f, "#include-once\nfile:///one\n#include\n/two\n"),
                        "text/x-shellscript part-001 #!/bin/sh\n|"
                        "text/x-shellscript part-002 #!/bin/sh\n");
    assert_int_equal(fixture_mode(f, cached), 0600);
    assert_int_equal(ol_unlink(&f->env, "/one", NULL), 0);
    assert_string_equal(processed_text(f, "#include-once\nfile:///one\n"),
                        "text/x-shellscript part-001 #!/bin/sh\n");
    fixture_free(f);
    (void)state;
}

static void an_include_of_itself_ends(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/self", "#include\nfile:///self\nfile:///self\n");
    assert_non_null(strstr(processed_text(f, "#include\nfile:///self\n"), "too many includes"));
    fixture_free(f);
    (void)state;
}

/* Answers as a server that is down, and counts. */
static int n_fetches;

static int fetch(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *ret, struct ol_err *err)
{
    n_fetches++;
    return ol_err_set(err, ECONNREFUSED, "'%s': Connection refused", request->url);
}

static void a_server_that_is_down_is_asked_eleven_times(void **state)
{
    static const struct ol_http http = {.fetch = fetch};
    struct fixture *f = fixture_new();

    f->env.http = &http;
    assert_string_equal(processed_text(f, "#include\nhttp://h/x\n"),
                        "error: Fetching from http://h/x: 'http://h/x': Connection refused");
    assert_int_equal(n_fetches, 11);
    fixture_free(f);
    (void)state;
}

static void parts_that_grow_without_end_are_refused(void **state)
{
    struct fixture *f = fixture_new();
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(32 << 20);

    ol_arena_done(&f->arena);
    ol_arena_init(&f->arena, 1 << 20);
    f->g = (struct guest){.env = &f->env, .arena = &f->arena};
    f->g.ds.doc = ol_val_new_map(&f->arena);
    fixture_configure(f, "{}");
    ol_buf_adds(&text, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 2000; i++)
        ol_buf_adds(&text, "--b\nContent-Type: text/x-shellscript\n"
                           "Content-Transfer-Encoding: x-uuencode\n\nbegin 666 x\nM\nM\nM\nend\n");
    ol_buf_adds(&text, "--b--\n");
    assert_non_null(strstr(processed(f, text.data, text.len), "error: "));
    assert_true(f->arena.used < 16u << 20);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_characters_say_the_type),
        cmocka_unit_test(every_form_becomes_a_flat_list_of_parts),
        cmocka_unit_test(compressed_data_is_decompressed),
        cmocka_unit_test(vendor_data_may_be_a_list),
        cmocka_unit_test(files_are_included_where_they_are_named),
        cmocka_unit_test(what_is_included_once_is_kept),
        cmocka_unit_test(an_include_of_itself_ends),
        cmocka_unit_test(a_server_that_is_down_is_asked_eleven_times),
        cmocka_unit_test(parts_that_grow_without_end_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
