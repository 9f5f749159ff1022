/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/virt/qmp.h"
#include "core/alloc.h"
#include "core/cleanup.h"

static void feed(struct qmp_reader *r, const char *text)
{
    assert_int_equal(qmp_feed(r, text, strlen(text)), 0);
}

static void each_line_is_what_it_is(void **state)
{
    static const struct {
        const char *line;
        int result;
        enum qmp_kind kind;
        int64_t id;
        const char *name, *text;
    } cases[] = {
        {"{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n", 1, QMP_GREETING, -1, NULL,
         NULL},
        {"{\"return\": {}, \"id\": 7}\r\n", 1, QMP_RETURN, 7, NULL, NULL},
        {"{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no 'x'\"}, \"id\": 8}\n", 1,
         QMP_ERROR, 8, "DeviceNotFound", "no 'x'"},
        {"{\"error\": {}}\n", 1, QMP_ERROR, -1, "GenericError", "no reason given"},
        {"{\"timestamp\": {\"seconds\": 1}, \"event\": \"STOP\"}\n", 1, QMP_EVENT, -1, "STOP",
         NULL},
        {"\r\n\n", 0, 0, 0, NULL, NULL},
        {"{\"return\": {}", 0, 0, 0, NULL, NULL},
        {"{}\n", -EPROTO, 0, 0, NULL, NULL},
        {"[]\n", -EPROTO, 0, 0, NULL, NULL},
        {"QEMU\n", -EPROTO, 0, 0, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
        ol_auto(qmp_reader_done) struct qmp_reader r = QMP_READER_INIT;
        struct qmp_message m;

        feed(&r, cases[i].line);
        assert_int_equal(qmp_next(&r, &a, &m, NULL), cases[i].result);
        if (cases[i].result != 1)
            continue;
        assert_int_equal(m.kind, cases[i].kind);
        assert_int_equal(m.id, cases[i].id);
        if (cases[i].name)
            assert_string_equal(m.name, cases[i].name);
        if (cases[i].text)
            assert_string_equal(m.text, cases[i].text);
    }
}

static void messages_come_in_pieces_and_together(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    ol_auto(qmp_reader_done) struct qmp_reader r = QMP_READER_INIT;
    struct qmp_message m;

    (void)state;
    feed(&r, "{\"ret");
    assert_int_equal(qmp_next(&r, &a, &m, NULL), 0);
    feed(&r, "urn\": 1, \"id\": 1}\r\n{\"event\": \"RESUME\"}\r\n{\"ev");
    assert_int_equal(qmp_next(&r, &a, &m, NULL), 1);
    assert_int_equal(m.id, 1);
    assert_int_equal(qmp_next(&r, &a, &m, NULL), 1);
    assert_string_equal(m.name, "RESUME");
    assert_int_equal(qmp_next(&r, &a, &m, NULL), 0);
    feed(&r, "ent\": \"STOP\"}\n");
    assert_int_equal(qmp_next(&r, &a, &m, NULL), 1);
    assert_string_equal(m.name, "STOP");
}

static void line_without_end_is_refused(void **state)
{
    ol_auto(qmp_reader_done) struct qmp_reader r = QMP_READER_INIT;
    ol_autofree char *chunk = ol_xcalloc(1, 65536);
    int result = 0;

    (void)state;
    memset(chunk, ' ', 65536);
    for (int i = 0; i < 100 && result == 0; i++)
        result = qmp_feed(&r, chunk, 65536);
    assert_int_equal(result, -EFBIG);
    assert_true(r.in.len <= 2 * QMP_MAX_MESSAGE);
}

static void command_is_one_line(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 16);
    struct ol_val *arguments = ol_val_new_map(&a);

    (void)state;
    ol_val_set_str(&a, arguments, "id", "a\nb");
    assert_int_equal(qmp_command(&line, "device_del", arguments, 3), 0);
    assert_string_equal(line.data,
                        "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"a\\nb\"},\"id\":3}\n");
    ol_buf_clear(&line);
    assert_int_equal(qmp_command(&line, "cont", NULL, 4), 0);
    assert_string_equal(line.data, "{\"execute\":\"cont\",\"id\":4}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_what_it_is),
        cmocka_unit_test(messages_come_in_pieces_and_together),
        cmocka_unit_test(line_without_end_is_refused),
        cmocka_unit_test(command_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
