/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/apiserver/proto.h"

#define ENVELOPE(kind, raw) "k8s\0\x0a" kind "\x12" raw

static void object_is_read_as_its_json(void **state)
{
    /* A claim: metadata.name "c", spec {accessModes [RWO], resources.requests.storage "1Gi",
     * storageClassName ""}, empty status. */
    static const char body[] = ENVELOPE("\x1b\x0a\x02v1\x12\x15"
                                        "PersistentVolumeClaim",
                                        "\x30"
                                        "\x0a\x05\x0a\x01"
                                        "c\x42\x00"
                                        "\x12\x25\x0a\x0dReadWriteOnce"
                                        "\x12\x12\x12\x10\x0a\x07storage\x12\x05\x0a\x03"
                                        "1Gi"
                                        "\x2a\x00"
                                        "\x1a\x00");
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v;

    if (proto_load(body, sizeof(body) - 1, &a, &v, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ol_json_dump(v, &ol_json_compact, &json), 0);
    assert_string_equal(json.data,
                        "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\","
                        "\"metadata\":{\"name\":\"c\"},\"spec\":{\"accessModes\":"
                        "[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}},"
                        "\"storageClassName\":\"\"}}");
}

static void what_is_no_such_body_is_refused(void **state)
{
    static const struct {
        const char *body;
        size_t size;
        int want;
    } cases[] = {
        {"", 0, -EINVAL},
        {"{}", 2, -EINVAL},
        {"k8s\0\xff", 5, -EINVAL},
        {"k8s\0\x0a\x05\x0a", 7, -EINVAL},
        {ENVELOPE("\x0b\x0a\x02v1\x12\x05Thing", "\x00"), 4 + 2 + 11 + 2, -ENOENT},
        {ENVELOPE("\x09\x0a\x02v1\x12\x03Pod", "\x02\x0a\x7f"), 4 + 2 + 9 + 4, -EINVAL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_val *v;

        assert_int_equal(proto_load(cases[i].body, cases[i].size, &a, &v, NULL), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_is_read_as_its_json),
        cmocka_unit_test(what_is_no_such_body_is_refused),
    };

    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
