/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

static ssize_t read_one(struct rabbit_decoder *d, const char *data, size_t len,
                        struct rabbit_frame *f)
{
    struct ol_err err = OL_ERR_INIT;
    ssize_t n = rabbit_frame_read(d, data, len, f, &err);

    if (n < 0)
        assert_true(err.msg[0]);
    return n;
}

static void a_method_is_read_back(void **state)
{
    ol_auto(rabbit_decoder_done) struct rabbit_decoder d;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    amqp_basic_ack_t ack = {.delivery_tag = UINT64_C(0x123456789), .multiple = 1};
    struct rabbit_frame f;

    rabbit_decoder_init(&d);
    rabbit_add_method(&b, 1, AMQP_BASIC_ACK_METHOD, &ack);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(read_one(&d, b.data, len, &f), 0);
    assert_int_equal(read_one(&d, b.data, b.len, &f), b.len);
    assert_int_equal(f.channel, 1);
    assert_int_equal(f.method, AMQP_BASIC_ACK_METHOD);
    assert_true(((amqp_basic_ack_t *)f.decoded)->delivery_tag == UINT64_C(0x123456789));
    assert_true(((amqp_basic_ack_t *)f.decoded)->multiple);
}

static void a_body_is_cut_into_frames(void **state)
{
    ol_auto(rabbit_decoder_done) struct rabbit_decoder d;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    ol_autofree char *body = malloc(10000);
    size_t at = 0, got = 0;
    struct rabbit_frame f;

    memset(body, 'b', 10000);
    rabbit_decoder_init(&d);
    d.max = 4096;
    rabbit_add_content(&b, 7, 4096, "60000", body, 10000);
    assert_int_equal(ol_buf_status(&b), 0);
    at += (size_t)read_one(&d, b.data, b.len, &f);
    assert_int_equal(f.type, AMQP_FRAME_HEADER);
    assert_true(f.body_size == 10000);
    while (at < b.len) {
        ssize_t n = read_one(&d, b.data + at, b.len - at, &f);

        assert_true(n > 0 && n <= 4096);
        assert_int_equal(f.type, AMQP_FRAME_BODY);
        assert_int_equal(f.channel, 7);
        assert_int_equal(f.body[0], 'b');
        got += f.len;
        at += (size_t)n;
    }
    assert_int_equal(got, 10000);
}

static void hostile_frames_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"AMQP\0\0\x9\x1", 8},                     /* a server of another version */
        {"HTTP/1.1 400 Bad Request\r\n", 26},      /* none at all */
        {"\1\0\0\xff\xff\xff\xff", 7},             /* 4 GiB */
        {"\1\0\0\0\0\x20\0", 7},                   /* longer than agreed */
        {"\1\0\0\0\0\0\0\0", 8},                   /* without its end */
        {"\1\0\0\0\0\0\0\xce", 8},                 /* a method without a number */
        {"\2\0\1\0\0\0\1\0\xce", 9},               /* a header of one byte */
        {"\1\0\1\0\0\0\4\0\x3c\0\x50\xce", 12},    /* basic.ack without its tag */
        {"\1\0\0\0\0\0\6\0\xa\0\xa\0\x9\xce", 14}, /* connection.start without tables */
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(rabbit_decoder_done) struct rabbit_decoder d;
        /* A copy, so that a sanitizer sees each byte too far. */
        ol_autofree char *data = malloc(cases[i].len);
        struct rabbit_frame f;

        memcpy(data, cases[i].bytes, cases[i].len);
        rabbit_decoder_init(&d);
        assert_int_equal(read_one(&d, data, cases[i].len, &f), -EPROTO);
    }
}

static void methods_that_no_server_sends_are_not_decoded(void **state)
{
    ol_auto(rabbit_decoder_done) struct rabbit_decoder d;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    amqp_queue_declare_t declare = {.queue = amqp_cstring_bytes("q")};
    struct rabbit_frame f;

    rabbit_decoder_init(&d);
    rabbit_add_method(&b, 3, AMQP_QUEUE_DECLARE_METHOD, &declare);
    assert_int_equal(read_one(&d, b.data, b.len, &f), b.len);
    assert_int_equal(f.type, AMQP_FRAME_METHOD);
    assert_int_equal(f.method, 0);
}

static void what_does_not_fit_fails_the_buffer(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    ol_autofree char *name = malloc(300);
    amqp_queue_declare_t declare = {.queue = {.len = 300, .bytes = name}};

    memset(name, 'n', 300);
    rabbit_add_method(&b, 3, AMQP_QUEUE_DECLARE_METHOD, &declare);
    assert_true(ol_buf_status(&b) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_is_read_back),
        cmocka_unit_test(a_body_is_cut_into_frames),
        cmocka_unit_test(hostile_frames_are_refused),
        cmocka_unit_test(methods_that_no_server_sends_are_not_decoded),
        cmocka_unit_test(what_does_not_fit_fails_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
