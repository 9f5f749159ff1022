/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "net/http-client.h"

struct fixture {
    char root[32];
    struct ol_env env;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->root, "/tmp/ol-http-XXXXXX", sizeof("/tmp/ol-http-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    f->env.http = &ol_http_real;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (ol_unlink(&f->env, "/seed", NULL) < 0 || rmdir(f->root) < 0)
        return -1;
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static int fetch(struct fixture *f, const char *url, struct ol_buf *body, struct ol_err *err)
{
    const struct ol_http_request request = {.url = url};
    struct ol_http_response response = {.body = *body};
    int r = ol_http_fetch(&f->env, &request, &response, err);

    *body = response.body;
    if (r == 0)
        assert_int_equal(response.status, 200);
    return r;
}

static void files_are_read_below_the_root(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(100);
    struct fixture *f = *state;

    assert_int_equal(ol_file_puts(&f->env, "/seed", "data", 0600, 0, NULL), 0);
    assert_int_equal(fetch(f, "file:///seed", &body, NULL), 0);
    assert_string_equal(body.data, "data");
    assert_int_equal(fetch(f, "file://localhost/../../seed?x#y", &body, NULL), 0);
    assert_string_equal(body.data, "datadata");
}

static void a_file_that_is_missing_or_too_large_is_an_error(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(3);
    struct fixture *f = *state;

    assert_int_equal(ol_file_puts(&f->env, "/seed", "data", 0600, 0, NULL), 0);
    assert_int_equal(fetch(f, "file:///none", &body, NULL), -ENOENT);
    assert_int_equal(fetch(f, "file:///seed", &body, NULL), -EFBIG);
}

static void other_schemes_are_refused_without_their_password(void **state)
{
    static const char *const urls[] = {"gopher://u:secret@h/", "http:/x", "", "file:x", "seed"};

    for (size_t i = 0; i < ol_count(urls); i++) {
        ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(100);
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(fetch(*state, urls[i], &body, &err), -EINVAL);
        assert_null(strstr(err.msg, "secret"));
    }
}

static void a_missing_library_is_named_with_its_remedy(void **state)
{
    const struct ol_http_request request = {.url = "http://169.254.169.254/"};
    struct ol_http_response response = {.body = OL_BUF_INIT(100)};
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_http_fetch_by("libnone.so.4", &f->env, &request, &response, &err),
                     -ELIBACC);
    assert_non_null(strstr(err.msg, "libnone.so.4"));
    assert_non_null(strstr(err.msg, "install the package"));
}

static void names_and_passwords_of_urls_are_not_shown(void **state)
{
    static const char *const cases[][2] = {
        {"http://u:p@h/x", "h/x"},       {"https://h/x@y", "https://h/x@y"},
        {"http://u:p@q@h?a@b", "h?a@b"}, {"/a/file", "/a/file"},
        {"http://h", "http://h"},        {"http://u@h", "h"},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_string_equal(ol_url_shown(cases[i][0]), cases[i][1]);
}

static void link_local_addresses_are_known(void **state)
{
    static const struct {
        const char *url;
        bool want;
    } cases[] = {
        {"http://169.254.169.254/openstack", true},
        {"http://u@169.254.1.1:80", true},
        {"http://[fe80::a9fe:a9fe%25eth0]/", true},
        {"http://[FEBF::1]/", true},
        {"http://[fec0::1]/", false},
        {"http://[fd00:ec2::254]/", false},
        {"http://169.25.4.1/", false},
        {"http://x/169.254.169.254", false},
        {"http://x/@169.254.1.1", false},
        {"169.254.1.1", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if (ol_http_is_link_local(cases[i].url) != cases[i].want)
            fail_msg("%s", cases[i].url);
}

static void headers_of_an_answer_are_found_by_name(void **state)
{
    static const struct {
        const char *head, *want; /* NULL = absent */
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nX-Token:  abc \r\nOther: x\r\n\r\n", "abc"},
        {"x-token: a\r\nX-TOKEN: b\r\n", "b"},
        {"X-Token:", ""},
        {"X-Token", NULL},
        {"X-Token-More: a\r\n", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf head = OL_BUF_INIT(200);
        size_t len = 0;
        const char *got;

        ol_buf_adds(&head, cases[i].head);
        got = ol_http_head_get(&head, "X-Token", &len);
        assert_int_equal(got != NULL, cases[i].want != NULL);
        if (got) {
            assert_int_equal(len, strlen(cases[i].want));
            assert_memory_equal(got, cases[i].want, len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_read_below_the_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_missing_or_too_large_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_schemes_are_refused_without_their_password, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_library_is_named_with_its_remedy, set_up,
                                        tear_down),
        cmocka_unit_test(names_and_passwords_of_urls_are_not_shown),
        cmocka_unit_test(link_local_addresses_are_known),
        cmocka_unit_test(headers_of_an_answer_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
