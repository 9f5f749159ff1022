/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "net/grpc-internal.h"

static void sentences_survive_the_way_through_a_header(void **state)
{
    static const char *const cases[][2] = {
        {"plain text", "plain text"},
        {"a\nb", "a%0Ab"},
        {"100%", "100%25"},
        {"über", "%C3%BCber"},
        {"", ""},
        {"~ ", "~ "},
        {"tab\t", "tab%09"},
        {"volume \"x\" busy", "volume \"x\" busy"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(GRPC_SENTENCE_MAX);
        ol_autofree char *back = NULL;

        grpc_percent_encode(cases[i][0], &b);
        assert_string_equal(b.data, cases[i][1]);
        back = grpc_percent_decode(b.data, b.len);
        assert_string_equal(back, cases[i][0]);
    }
}

static void broken_escapes_and_bytes_are_read_leniently(void **state)
{
    static const char *const cases[][2] = {
        {"%", "%"},       {"%4", "%4"},   {"%zz", "%zz"},  {"%41%", "A%"},
        {"a%00b", "a?b"}, {"%FF!", "?!"}, {"%c3%bc", "ü"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_autofree char *got = grpc_percent_decode(cases[i][0], strlen(cases[i][0]));

        assert_string_equal(got, cases[i][1]);
    }
}

static void a_long_sentence_is_cut(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(GRPC_SENTENCE_MAX);
    ol_autofree char *text = calloc(1, 100001);

    memset(text, '\n', 100000);
    grpc_percent_encode(text, &b);
    assert_int_equal(ol_buf_status(&b), 0);
    assert_true(b.len > GRPC_SENTENCE_MAX - 3);
}

static void timeouts_have_at_most_eight_digits(void **state)
{
    static const struct {
        ol_time span;
        const char *text;
    } cases[] = {
        {1, "1n"},
        {99999999, "99999999n"},
        {100000000, "100000u"},
        {15 * OL_SECOND, "15000000u"},
        {100 * OL_SECOND + 1, "100001m"},
        {120 * OL_SECOND, "120000m"},
        {1000000 * OL_SECOND, "1000000S"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        char text[16];
        ol_time back;

        grpc_timeout_write(cases[i].span, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(grpc_timeout_read(text, strlen(text), &back), 0);
        assert_true(back >= cases[i].span && back < cases[i].span + OL_SECOND);
    }
}

static void timeouts_are_read_strictly(void **state)
{
    static const struct {
        const char *text;
        int want;
        ol_time span;
    } cases[] = {
        {"20S", 0, 20 * OL_SECOND},
        {"1H", 0, 3600 * OL_SECOND},
        {"99999999H", 0, INT64_MAX},
        {"00000001m", 0, OL_MS},
        {"0S", 0, 0},
        {"123456789S", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"S", -EINVAL, 0},
        {"1", -EINVAL, 0},
        {"1s", -EINVAL, 0},
        {"-1S", -EINVAL, 0},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_time got = 0;

        assert_int_equal(grpc_timeout_read(cases[i].text, strlen(cases[i].text), &got),
                         cases[i].want);
        assert_true(got == cases[i].span);
    }
}

static void what_is_no_status_is_unknown(void **state)
{
    static const struct {
        const char *text;
        enum ol_grpc_code want;
    } cases[] = {
        {"0", OL_GRPC_OK},       {"5", OL_GRPC_NOT_FOUND},     {"16", OL_GRPC_UNAUTHENTICATED},
        {"17", OL_GRPC_UNKNOWN}, {"", OL_GRPC_UNKNOWN},        {"-1", OL_GRPC_UNKNOWN},
        {"1x", OL_GRPC_UNKNOWN}, {"9999999", OL_GRPC_UNKNOWN},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(grpc_code_read(cases[i].text, strlen(cases[i].text)), cases[i].want);
    assert_string_equal(ol_grpc_code_name(OL_GRPC_DEADLINE_EXCEEDED), "DeadlineExceeded");
    assert_string_equal(ol_grpc_code_name((enum ol_grpc_code)99), "Unknown");
}

static void a_message_comes_in_any_pieces(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 0, 3, 'a', 'b', 'c'};

    for (size_t step = 1; step <= sizeof(bytes); step++) {
        struct grpc_message m;

        grpc_message_init(&m);
        assert_int_equal(grpc_message_end(&m), -ENODATA);
        for (size_t at = 0; at < sizeof(bytes); at += step) {
            size_t n = sizeof(bytes) - at < step ? sizeof(bytes) - at : step;

            if (at)
                assert_int_equal(grpc_message_end(&m), -EBADMSG);
            assert_int_equal(grpc_message_feed(&m, bytes + at, n), 0);
        }
        assert_int_equal(grpc_message_end(&m), 0);
        assert_string_equal(m.data.data, "abc");
        grpc_message_done(&m);
    }
}

static void wrong_messages_have_their_codes(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t size;
        int want;
        enum ol_grpc_code code;
    } cases[] = {
        {{1, 0, 0, 0, 1, 'x'}, 6, -EPROTONOSUPPORT, OL_GRPC_UNIMPLEMENTED},
        {{0, 4, 0, 0, 1}, 5, -EFBIG, OL_GRPC_RESOURCE_EXHAUSTED},
        {{0, 255, 255, 255, 255}, 5, -EFBIG, OL_GRPC_RESOURCE_EXHAUSTED},
        {{0, 0, 0, 0, 1, 'x', 0}, 7, -EBADMSG, OL_GRPC_INTERNAL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct grpc_message m;

        grpc_message_init(&m);
        assert_int_equal(grpc_message_feed(&m, cases[i].bytes, cases[i].size), cases[i].want);
        assert_int_equal(grpc_message_code(cases[i].want), cases[i].code);
        grpc_message_done(&m);
    }
}

static void addresses_have_the_forms_of_grpc(void **state)
{
    static const struct {
        const char *text;
        int want;
        const char *path, *authority;
    } cases[] = {
        {"unix:///run/csi.sock", 0, "/run/csi.sock", "localhost"},
        {"unix:/run/csi.sock", 0, "/run/csi.sock", "localhost"},
        {"/run/csi.sock", 0, "/run/csi.sock", "localhost"},
        {"tcp://127.0.0.1:80", 0, NULL, "127.0.0.1:80"},
        {"tcp://[::1]:80", 0, NULL, "[::1]:80"},
        {"tcp://localhost:80", -EINVAL, NULL, NULL},
        {"tcp://127.0.0.1", -EINVAL, NULL, NULL},
        {"tcp://127.0.0.1:65536", -EINVAL, NULL, NULL},
        {"tcp://:80", -EINVAL, NULL, NULL},
        {"csi.sock", -EINVAL, NULL, NULL},
        {"unix://csi.sock", -EINVAL, NULL, NULL},
        {"", -EINVAL, NULL, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct grpc_address a;

        assert_int_equal(grpc_address_parse(cases[i].text, &a, NULL), cases[i].want);
        if (cases[i].want < 0)
            continue;
        assert_string_equal(a.authority, cases[i].authority);
        assert_int_equal(a.is_unix, cases[i].path != NULL);
        if (cases[i].path)
            assert_string_equal(a.path, cases[i].path);
    }
}

static void a_path_that_no_socket_can_have_is_refused(void **state)
{
    char text[200] = "/";
    struct ol_err err = OL_ERR_INIT;
    struct grpc_address a;

    memset(text + 1, 'x', 150);
    assert_int_equal(grpc_address_parse(text, &a, &err), -ENAMETOOLONG);
    assert_non_null(strstr(err.msg, "more than 107 bytes"));
}

static void foreign_answers_get_a_code(void **state)
{
    static const struct {
        int status;
        enum ol_grpc_code want;
    } cases[] = {
        {400, OL_GRPC_INTERNAL},
        {401, OL_GRPC_UNAUTHENTICATED},
        {403, OL_GRPC_PERMISSION_DENIED},
        {404, OL_GRPC_UNIMPLEMENTED},
        {429, OL_GRPC_UNAVAILABLE},
        {502, OL_GRPC_UNAVAILABLE},
        {503, OL_GRPC_UNAVAILABLE},
        {504, OL_GRPC_UNAVAILABLE},
        {200, OL_GRPC_UNKNOWN},
        {500, OL_GRPC_UNKNOWN},
        {0, OL_GRPC_UNKNOWN},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        assert_int_equal(grpc_code_of_http(cases[i].status), cases[i].want);
    assert_int_equal(grpc_code_of_reset(NGHTTP2_REFUSED_STREAM), OL_GRPC_UNAVAILABLE);
    assert_int_equal(grpc_code_of_reset(NGHTTP2_CANCEL), OL_GRPC_CANCELLED);
    assert_int_equal(grpc_code_of_reset(NGHTTP2_ENHANCE_YOUR_CALM), OL_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(grpc_code_of_reset(NGHTTP2_PROTOCOL_ERROR), OL_GRPC_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_survive_the_way_through_a_header),
        cmocka_unit_test(broken_escapes_and_bytes_are_read_leniently),
        cmocka_unit_test(a_long_sentence_is_cut),
        cmocka_unit_test(timeouts_have_at_most_eight_digits),
        cmocka_unit_test(timeouts_are_read_strictly),
        cmocka_unit_test(what_is_no_status_is_unknown),
        cmocka_unit_test(a_message_comes_in_any_pieces),
        cmocka_unit_test(wrong_messages_have_their_codes),
        cmocka_unit_test(addresses_have_the_forms_of_grpc),
        cmocka_unit_test(a_path_that_no_socket_can_have_is_refused),
        cmocka_unit_test(foreign_answers_get_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
