/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/image-check.h"
#include "core/cleanup.h"

static void formats_are_known_by_their_bytes(void **state)
{
    static const struct {
        size_t offset;
        const char *magic;
        size_t size;
        enum image_format format;
        const char *name;
    } cases[] = {
        {0, "QFI\xfb", 4, IMAGE_QCOW2, "qcow2"},
        {0, "# Disk DescriptorFile", 21, IMAGE_OTHER, "vmdk"},
        {0, "KDMV", 4, IMAGE_OTHER, "vmdk"},
        {0x40, "\x7f\x10\xda\xbe", 4, IMAGE_OTHER, "vdi"},
        {0, "LUKS\xba\xbe", 6, IMAGE_OTHER, "luks"},
        {0x8001, "CD001", 5, IMAGE_ISO, "iso"},
        {0x1fe, "\x55\xaa", 2, IMAGE_RAW, "raw"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        static uint8_t head[IMAGE_HEAD];
        struct image_bytes b = {.head = head, .head_size = sizeof(head)};
        const char *name = "";

        memset(head, 0, sizeof(head));
        memcpy(head + cases[i].offset, cases[i].magic, cases[i].size);
        assert_int_equal(image_detect(&b, &name), cases[i].format);
        assert_string_equal(name, cases[i].name);
        b.head_size = cases[i].offset + cases[i].size - 1; /* cut off within it */
        assert_int_equal(image_detect(&b, NULL), IMAGE_RAW);
    }
}

static void formats_that_end_with_their_name_are_known(void **state)
{
    uint8_t tail[IMAGE_TAIL] = "conectix";
    struct image_bytes b = {.head = tail, .tail = tail, .tail_size = sizeof(tail)};
    const char *name = "";

    assert_int_equal(image_detect(&b, &name), IMAGE_OTHER);
    assert_string_equal(name, "vpc");
    memcpy(tail, "koly\0\0\0\4", 8);
    assert_int_equal(image_detect(&b, &name), IMAGE_OTHER);
    assert_string_equal(name, "dmg");
}

/* A sound qcow2 header of version 3, 1 GiB, with one byte changed. */
static void qcow2_that_names_other_files_is_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *want; /* part of the sentence; NULL = it is sound */
    } cases[] = {
        {100, 0, NULL},       {79, 1, NULL}, /* dirty */
        {79, 8, NULL},                       /* compression type */
        {79, 4, "data file"}, {79, 16, "features"}, {72, 0x80, "features"},
        {15, 1, "backing"},   {8, 1, "backing"},    {19, 1, "backing"},
        {7, 1, "version"},    {7, 4, "version"},    {24, 0x80, "size"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        uint8_t head[112] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
        const struct image_bytes b = {.head = head, .head_size = sizeof(head)};
        struct ol_err err = OL_ERR_INIT;
        int64_t size = -1;

        head[28] = 0x40;
        head[cases[i].at] = cases[i].value;
        assert_int_equal(image_check_qcow2(&b, &size, &err), cases[i].want ? -EINVAL : 0);
        if (cases[i].want)
            assert_non_null(strstr(err.msg, cases[i].want));
        else
            assert_int_equal(size, 1 << 30);
    }
}

static void what_qemu_says_has_to_agree(void **state)
{
    static const struct {
        const char *json, *want;
    } cases[] = {
        {"{\"format\": \"qcow2\", \"format-specific\": {\"type\": \"qcow2\", \"data\": {}}}", NULL},
        {"{\"format\": \"raw\"}", "'raw'"},
        {"{}", "''"},
        {"[]", "''"},
        {"{\"format\": \"qcow2\", \"backing-filename\": \"/etc/shadow\"}",
         "fmt=qcow2 backed by: /etc/shadow"},
        {"{\"format\": \"qcow2\", \"backing-filename\": 7}", "backed by"},
        {"{\"format\": \"qcow2\", \"format-specific\": {\"data\": {\"data-file\": \"/x\"}}}",
         "fmt=qcow2 has data-file: /x"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *v = NULL;

        assert_int_equal(ol_json_load(cases[i].json, strlen(cases[i].json), &a, &v, NULL), 0);
        assert_int_equal(image_check_info(v, "qcow2", &err), cases[i].want ? -EINVAL : 0);
        if (cases[i].want)
            assert_non_null(strstr(err.msg, cases[i].want));
    }
}

static void content_has_to_be_what_glance_calls_it(void **state)
{
    static const struct {
        enum image_format is;
        const char *name, *claim;
        bool is_good;
    } cases[] = {
        {IMAGE_RAW, "raw", "raw", true},       {IMAGE_RAW, "raw", NULL, true},
        {IMAGE_QCOW2, "qcow2", "qcow2", true}, {IMAGE_QCOW2, "qcow2", "raw", false},
        {IMAGE_RAW, "raw", "qcow2", false},    {IMAGE_ISO, "iso", "iso", true},
        {IMAGE_ISO, "iso", "raw", true},       {IMAGE_RAW, "raw", "ami", true},
        {IMAGE_QCOW2, "qcow2", "ami", false},  {IMAGE_OTHER, "vmdk", "vmdk", false},
        {IMAGE_OTHER, "luks", "raw", false},   {IMAGE_RAW, "raw", "iso", false},
    };

    for (size_t i = 0; i < ol_count(cases); i++)
        if ((image_check_claim(cases[i].is, cases[i].name, cases[i].claim, NULL) == 0)
            != cases[i].is_good)
            fail_msg("%s called %s", cases[i].name, cases[i].claim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_known_by_their_bytes),
        cmocka_unit_test(formats_that_end_with_their_name_are_known),
        cmocka_unit_test(qcow2_that_names_other_files_is_refused),
        cmocka_unit_test(what_qemu_says_has_to_agree),
        cmocka_unit_test(content_has_to_be_what_glance_calls_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
