/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/http.h"
#include "fixture.h"
#include "guest/module/file-content.h"

/* A machine whose root is whoever runs the test, so that files can be given away to it. */
static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();

    fixture_put(
        f, "/etc/passwd",
        ol_arena_printf(&f->arena, "root:x:%d:%d:root:/root:/bin/sh\n", getuid(), getgid()));
    fixture_put(f, "/etc/group", ol_arena_printf(&f->arena, "root:x:%d:\n", getgid()));
    return f;
}

/* demands: 19 */
static void permissions_are_read_as_upstream_reads_them(void **state)
{
    static const struct {
        const char *json;
        mode_t want;
        const char *warning;
    } cases[] = {
        {"null", 0644, NULL},
        {"420", 0644, NULL}, /* 0644 in YAML */
        {"644", 01204, NULL},
        {"\"0644\"", 0644, NULL},
        {"\"0o600\"", 0600, NULL},
        {"\" 755 \"", 0755, NULL},
        {"\"4755\"", 04755, NULL},
        {"384.0", 0600, NULL},
        {"\"u+x\"", 0644, "Undecodable permissions 'u+x', returning default 644"},
        {"\"089\"", 0644, "Undecodable permissions '089', returning default 644"},
        {"[7]", 0644, "Undecodable permissions [7], returning default 644"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        assert_int_equal(file_content_mode(&f->env, fixture_value(f, cases[i].json)),
                         cases[i].want);
        if (cases[i].warning)
            fixture_assert_logged(f, cases[i].warning);
        else
            assert_int_equal(f->log_text.len, 0);
        fixture_free(f);
    }
    (void)state;
}

/* demands: 19 */
static void every_encoding_is_undone(void **state)
{
    static const char b64[] = "\"aGVsbG8K\"";
    static const char gz_b64[] = "\"H4sIAAAAAAAAA8tIzcnJ5wIAIDA6NgYAAAA=\"";
    static const struct {
        const char *encoding, *content;
    } cases[] = {
        {"null", "\"hello\\n\""}, {"\"text/plain\"", "\"hello\\n\""},
        {"\"b64\"", b64},         {"\" BASE64 \"", b64},
        {"\"gz+b64\"", gz_b64},   {"\"gz+base64\"", gz_b64},
        {"\"gzip+b64\"", gz_b64}, {"\"gzip+base64\"", gz_b64},
        {"\"\"", "\"hello\\n\""}, {"\"uu\"", "\"hello\\n\""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);

        assert_int_equal(file_content_decode(&f->env, fixture_value(f, cases[i].content),
                                             fixture_value(f, cases[i].encoding), &b, NULL),
                         0);
        assert_string_equal(b.data, "hello\n");
        fixture_free(f);
    }
    (void)state;
}

/* demands: 19 */
static void binary_content_needs_only_gunzip(void **state)
{
    static const unsigned char gz[] = {0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    0,
                                       3,    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
                                       0x20, 0x30, 0x3a, 0x36, 6,    0,    0,    0};
    struct fixture *f = fixture_new();
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
    const struct ol_val *content = ol_val_new_bytes(&f->arena, gz, sizeof(gz));

    assert_int_equal(
        file_content_decode(&f->env, content, ol_val_new_str(&f->arena, "gzip"), &b, NULL), 0);
    assert_string_equal(b.data, "hello\n");
    fixture_free(f);
    (void)state;
}

static void broken_content_is_named_as_python_names_it(void **state)
{
    static const struct {
        const char *encoding, *content, *domain;
    } cases[] = {
        {"b64", "abc", "Error"},
        {"gz", "not gzip", "DecompressionError"},
        {"gz+b64", "aGVsbG8K", "DecompressionError"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(file_content_decode(&f->env, ol_val_new_str(&f->arena, cases[i].content),
                                             ol_val_new_str(&f->arena, cases[i].encoding), &b,
                                             &err),
                         -EINVAL);
        assert_string_equal(err.domain, cases[i].domain);
        fixture_free(f);
    }
    (void)state;
}

/* demands: 19 */
static void files_get_content_mode_and_parents(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/etc/crontab", "old\n");
    assert_int_equal(
        fixture_run(f, &module_write_files,
                    "{\"write_files\": ["
                    "{\"path\": \"/opt/a/b/c\", \"content\": \"x\", \"permissions\": \"4750\"},"
                    "{\"path\": \"/etc/crontab\", \"content\": \"new\\n\", \"append\": true},"
                    "{\"path\": \"/root/EMPTY\"},"
                    "{\"path\": \"relative/./x\", \"content\": 5, \"owner\": null},"
                    "{\"content\": \"nowhere\"},"
                    "{\"path\": \"/late\", \"content\": \"x\", \"defer\": true}]}",
                    NULL),
        0);
    fixture_assert_file(f, "/opt/a/b/c", "x");
    assert_int_equal(fixture_mode(f, "/opt/a/b/c"), 04750);
    assert_int_equal(fixture_mode(f, "/opt/a"), 0755);
    fixture_assert_file(f, "/etc/crontab", "old\nnew\n");
    fixture_assert_file(f, "/root/EMPTY", "");
    assert_int_equal(fixture_mode(f, "/root/EMPTY"), 0644);
    fixture_assert_file(f, "/relative/x", "5");
    assert_false(ol_exists(&f->env, "/late"));
    fixture_assert_logged(f, "No path provided to write for entry 5 in module write_files");
    fixture_free(f);
    (void)state;
}

static void deferred_files_are_written_late(void **state)
{
    struct fixture *f = machine();

    assert_int_equal(fixture_run(f, &module_write_files_deferred,
                                 "{\"write_files\": [{\"path\": \"/early\"},"
                                 "{\"path\": \"/late\", \"content\": \"x\", \"defer\": \"yes\"}]}",
                                 NULL),
                     0);
    assert_false(ol_exists(&f->env, "/early"));
    fixture_assert_file(f, "/late", "x");
    fixture_free(f);
    (void)state;
}

static void links_are_followed_and_stay(void **state)
{
    struct fixture *f = machine();

    fixture_put(f, "/target", "long old content");
    assert_int_equal(ol_symlink(&f->env, "../target", "/etc/link", NULL), 0);
    assert_int_equal(fixture_run(f, &module_write_files,
                                 "{\"write_files\": [{\"path\": \"/etc/link\","
                                 " \"content\": \"new\"}]}",
                                 NULL),
                     0);
    assert_true(ol_is_link(&f->env, "/etc/link"));
    fixture_assert_file(f, "/target", "new");
    fixture_free(f);
    (void)state;
}

static void what_a_user_gets_is_not_written_through_its_links(void **state)
{
    struct fixture *f = machine();
    unsigned joe = getuid() + 1000;
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/etc/passwd",
                ol_arena_printf(&f->arena, "joe:x:%u:%u::/home/joe:/bin/sh\n", joe, joe));
    fixture_put(f, "/etc/shadow", "secret\n");
    fixture_put(f, "/home/joe/.bashrc", "");
    assert_int_equal(ol_symlink(&f->env, "/etc/shadow", "/home/joe/.profile", NULL), 0);
    if (!getuid())
        assert_int_equal(
            fchownat(f->env.root_fd, "home/joe/.profile", joe, joe, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(fixture_run(f, &module_write_files,
                                 "{\"write_files\": [{\"path\": \"/home/joe/.profile\","
                                 " \"content\": \"x\", \"owner\": \"joe\"}]}",
                                 &err),
                     -ELOOP);
    assert_non_null(strstr(ol_err_text(&err), "a link on the way is not root's"));
    fixture_assert_file(f, "/etc/shadow", "secret\n");
    fixture_free(f);
    (void)state;
}

static void an_unknown_owner_fails_but_all_files_are_written(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_write_files,
                    "{\"write_files\": ["
                    "{\"path\": \"/a\", \"content\": \"1\", \"owner\": \"nginx:root\"},"
                    "{\"path\": \"/b\", \"content\": \"2\"}]}",
                    &err),
        -ENOENT);
    assert_string_equal(err.domain, "OSError");
    assert_string_equal(
        err.msg,
        "write_files entry 1 (/a): Unknown user or group: \"getpwnam(): name not found: 'nginx'\"");
    fixture_assert_file(f, "/a", "1");
    fixture_assert_file(f, "/b", "2");
    fixture_free(f);
    (void)state;
}

static int answer(struct ol_env *env, const struct ol_http_request *request,
                  struct ol_http_response *response, struct ol_err *err)
{
    struct fake_exec *exec = env->test;

    (void)err;
    ol_strv_addf(&exec->commands, "GET %s %s", request->url, request->headers[0]);
    response->status = strstr(request->url, "bad") ? 500 : 200;
    ol_buf_adds(&response->body, "from afar");
    return 0;
}

static void sources_are_asked_four_times_before_the_content(void **state)
{
    static const struct ol_http http = {.fetch = answer};
    struct fixture *f = machine();
    ol_time before = f->now_boot;

    f->env.http = &http;
    assert_int_equal(
        fixture_run(
            f, &module_write_files,
            "{\"write_files\": ["
            "{\"path\": \"/a\", \"source\": {\"uri\": \"http://h/good\","
            " \"headers\": {\"X\": 1}}},"
            "{\"path\": \"/b\", \"content\": \"own\", \"source\": {\"uri\": \"http://h/bad\"}},"
            "{\"path\": \"/c\", \"source\": {\"uri\": \"file:///etc/none\"}},"
            "{\"path\": \"/d\", \"source\": {\"uri\": \"\"}}]}",
            NULL),
        0);
    fixture_assert_file(f, "/a", "from afar");
    fixture_assert_file(f, "/b", "own");
    fixture_assert_file(f, "/d", "");
    assert_false(ol_exists(&f->env, "/c"));
    assert_int_equal(f->exec.commands.n, 5);
    assert_string_equal(f->exec.commands.v[0], "GET http://h/good X: 1");
    assert_int_equal(f->now_boot - before, 9 * OL_SECOND);
    fixture_assert_logged(f, "Failed to retrieve contents from source \"http://h/bad\"; falling "
                             "back to data from \"contents\" key");
    fixture_assert_logged(f, "No content could be loaded for entry 3 in module write_files");
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permissions_are_read_as_upstream_reads_them),
        cmocka_unit_test(every_encoding_is_undone),
        cmocka_unit_test(binary_content_needs_only_gunzip),
        cmocka_unit_test(broken_content_is_named_as_python_names_it),
        cmocka_unit_test(files_get_content_mode_and_parents),
        cmocka_unit_test(deferred_files_are_written_late),
        cmocka_unit_test(links_are_followed_and_stay),
        cmocka_unit_test(what_a_user_gets_is_not_written_through_its_links),
        cmocka_unit_test(an_unknown_owner_fails_but_all_files_are_written),
        cmocka_unit_test(sources_are_asked_four_times_before_the_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
