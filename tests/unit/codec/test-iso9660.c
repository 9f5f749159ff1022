/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/iso9660.h"
#include "core/cleanup.h"

/* What other programs make of images, and we of theirs: tests/contract/test_iso9660.py. */

enum { IMAGE_MAX = 4 << 20, SECTOR = 2048 };

static int read_mem(void *ctx, uint64_t offset, void *buf, size_t size)
{
    const struct ol_buf *image = ctx;

    assert_true(offset <= image->len && size <= image->len - offset);
    memcpy(buf, image->data + offset, size);
    return 0;
}

static int fail_to_read(void *ctx, uint64_t offset, void *buf, size_t size)
{
    return -EIO;
}

static void free_iso(struct ol_iso9660 **iso)
{
    ol_iso9660_free(*iso);
}

static int open_mem(struct ol_buf *image, struct ol_iso9660 **ret, struct ol_err *err)
{
    struct ol_iso9660_source source = {.read_at = read_mem, .ctx = image, .size = image->len};

    return ol_iso9660_open(&source, ret, err);
}

static const struct ol_iso9660_file seed[] = {
    {"openstack/latest/meta_data.json", "{}", 2},
    {"/openstack//latest/user_data", "#!/bin/sh\n", 10},
    {"meta-data", "", 0},
    {"meta-date", "other", 5},
    {"gr\xc3\xbcn-\xf0\x9f\x98\x80", "smile", 5},
};

static const struct ol_iso9660_image config = {
    .label = "config-2",
    .publisher = "somebody",
    .mtime = 1700000000,
    .files = seed,
    .n_files = ol_count(seed),
};

static void make(struct ol_buf *image)
{
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(ol_iso9660_write(&config, image, &err), 0);
    assert_int_equal(image->len % SECTOR, 0);
}

static void assert_seed(struct ol_buf *image)
{
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(open_mem(image, &iso, &err), 0);
    for (size_t i = 0; i < ol_count(seed); i++) {
        ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(10);

        assert_int_equal(ol_iso9660_read(iso, seed[i].path, &data, &err), 0);
        assert_string_equal(data.data, seed[i].data);
    }
}

/* demands: 14 */
static void what_was_written_is_read(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;

    make(&image);
    assert_seed(&image);
    assert_int_equal(open_mem(&image, &iso, NULL), 0);
    assert_string_equal(ol_iso9660_label(iso), "config-2");
    assert_string_equal(ol_iso9660_joliet_label(iso), "config-2");
}

static void joliet_is_read_when_there_is_no_rock_ridge(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    char *sp;

    make(&image);
    sp = memmem(image.data, image.len, "SP\7\1\xbe\xef", 6);
    assert_non_null(sp);
    memset(sp, 'X', 2);
    assert_seed(&image);
}

static void plain_names_are_shown_as_linux_shows_them(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(100);
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
    struct ol_iso9660_list list;

    make(&image);
    memset(memmem(image.data, image.len, "SP\7\1\xbe\xef", 6), 'X', 2);
    image.data[17 * SECTOR] = 3; /* the supplementary descriptor becomes a partition's */
    assert_int_equal(open_mem(&image, &iso, NULL), 0);
    assert_null(ol_iso9660_joliet_label(iso));
    assert_int_equal(ol_iso9660_list(iso, &a, "/", &list, NULL), 0);
    assert_int_equal(list.n, 4);
    assert_string_equal(list.entries[0].name, "gr__n___");
    assert_string_equal(list.entries[1].name, "meta0001");
    assert_string_equal(list.entries[2].name, "meta_dat");
    assert_string_equal(list.entries[3].name, "openstac");
    assert_true(list.entries[3].is_dir);
    assert_int_equal(ol_iso9660_read(iso, "openstac/latest/meta_dat.jso", &data, NULL), 0);
    assert_string_equal(data.data, "{}");
}

static void a_file_in_several_extents_is_joined(void **state)
{
    static const struct ol_iso9660_file files[] = {{"aa", "first,", 6}, {"ab", "second", 6}};
    const struct ol_iso9660_image in = {.label = "", .files = files, .n_files = 2};
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX), data = OL_BUF_INIT(12);
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
    struct ol_iso9660_list list;

    assert_int_equal(ol_iso9660_write(&in, &image, NULL), 0);
    memcpy(memmem(image.data, image.len, "NM\7\1\0ab", 7), "NM\7\1\0aa", 7);
    /* ECMA-119 9.1: the flags stand 8 bytes before the name; 128 = not the last extent. */
    ((char *)memmem(image.data, image.len, "AA.;1", 5))[-8] = (char)128;
    assert_int_equal(open_mem(&image, &iso, NULL), 0);
    assert_int_equal(ol_iso9660_list(iso, &a, "", &list, NULL), 0);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.entries[0].size, 12);
    assert_int_equal(ol_iso9660_read(iso, "aa", &data, NULL), 0);
    assert_string_equal(data.data, "first,second");
}

static void wrong_paths_are_told_apart(void **state)
{
    static const struct {
        const char *path;
        int want;
        const char *sentence;
    } cases[] = {
        {"none", -ENOENT, "'none': No such file or directory"},
        {"meta-data/x", -ENOTDIR, "'meta-data/x': Not a directory"},
        {"openstack", -EISDIR, "'openstack': Is a directory"},
        {"openstack/../meta-data", -ENOENT, "'openstack/../meta-data': No such file or directory"},
        {"", -EISDIR, "'': Is a directory"},
        {"META-DATA", -ENOENT, "'META-DATA': No such file or directory"},
        {"openstack/latest/user_data", -EFBIG,
         "'openstack/latest/user_data': 10 bytes, more than 9"},
    };
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    ol_auto(free_iso) struct ol_iso9660 *iso = NULL;

    make(&image);
    assert_int_equal(open_mem(&image, &iso, NULL), 0);
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(9);
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(ol_iso9660_read(iso, cases[i].path, &data, &err), cases[i].want);
        assert_string_equal(err.msg, cases[i].sentence);
    }
}

/* Every byte of the structures set to two hostile values: nothing but an error may come. */
static void damage_never_leads_out_of_the_image(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    static const char values[] = {'\xff', '\0', '\x80'};

    make(&image);
    for (size_t at = 16 * SECTOR; at < image.len; at += 1 + at % 3) {
        for (size_t v = 0; v < ol_count(values); v++) {
            ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(1000);
            ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
            char old = image.data[at];

            image.data[at] = values[v];
            if (open_mem(&image, &iso, NULL) >= 0)
                assert_true(ol_iso9660_read(iso, seed[0].path, &data, NULL) <= 0);
            image.data[at] = old;
        }
    }
}

static void a_cut_image_is_an_error(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    size_t whole;

    make(&image);
    whole = image.len;
    for (image.len = 0; image.len < whole - SECTOR; image.len += SECTOR) {
        ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(1000);
        ol_auto(free_iso) struct ol_iso9660 *iso = NULL;
        int r = open_mem(&image, &iso, NULL);

        for (size_t i = 0; r >= 0 && i < ol_count(seed); i++)
            r = ol_iso9660_read(iso, seed[i].path, &data, NULL);
        assert_int_equal(r, -EINVAL);
    }
    image.len = whole;
}

static void what_is_no_such_file_system_is_refused(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
    struct ol_iso9660_source source = {.read_at = fail_to_read, .size = 1 << 20};
    struct ol_iso9660 *iso = NULL;
    struct ol_err err = OL_ERR_INIT;

    ol_buf_addn(&image, '\0', 64 * SECTOR);
    assert_int_equal(open_mem(&image, &iso, &err), -EINVAL);
    assert_string_equal(err.msg, "ISO 9660: no such file system");
    assert_int_equal(ol_iso9660_open(&source, &iso, &err), -EIO);
    assert_string_equal(err.msg, "ISO 9660: read at 32768: Input/output error");
    assert_null(iso);
}

static void what_the_format_cannot_hold_is_refused(void **state)
{
    static char long_name[200];
    static const struct {
        struct ol_iso9660_image image;
        struct ol_iso9660_file files[2];
        int want;
    } cases[] = {
        {{.label = "more than thirty-two characters!!"}, {{0}}, -EINVAL},
        {{.label = "gr\xc3\xbcn"}, {{0}}, -EINVAL},
        {{.label = "a", .mtime = INT64_MAX}, {{0}}, -EINVAL},
        {{.label = "a", .n_files = 1}, {{long_name, "", 0}}, -ENAMETOOLONG},
        {{.label = "a", .n_files = 1}, {{"a/../b", "", 0}}, -EINVAL},
        {{.label = "a", .n_files = 1}, {{"\xff", "", 0}}, -EINVAL},
        {{.label = "a", .n_files = 1}, {{"dir/", "", 0}}, -EINVAL},
        {{.label = "a", .n_files = 1}, {{"1/2/3/4/5/6/7/8/f", "", 0}}, -EINVAL},
        {{.label = "a", .n_files = 1}, {{"1/2/3/4/5/6/7/f", "", 0}}, 0},
        {{.label = "a", .n_files = 2}, {{"a", "", 0}, {"/a", "", 0}}, -EEXIST},
        {{.label = "a", .n_files = 2}, {{"a", "", 0}, {"a/b", "", 0}}, -EEXIST},
        {{.label = "a", .n_files = 1}, {{"a", "", IMAGE_MAX + 1}}, -EFBIG},
        {{.label = ""}, {{0}}, 0},
    };

    memset(long_name, 'n', sizeof(long_name) - 1);
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf image = OL_BUF_INIT(IMAGE_MAX);
        struct ol_iso9660_image in = cases[i].image;
        struct ol_err err = OL_ERR_INIT;

        in.files = cases[i].files;
        assert_int_equal(ol_iso9660_write(&in, &image, &err), cases[i].want);
        if (cases[i].want) {
            assert_int_equal(image.len, 0);
            assert_true(err.msg[0]);
        }
    }
}

static void equal_input_gives_equal_images(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf one = OL_BUF_INIT(IMAGE_MAX), two = OL_BUF_INIT(IMAGE_MAX);

    make(&one);
    make(&two);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(joliet_is_read_when_there_is_no_rock_ridge),
        cmocka_unit_test(plain_names_are_shown_as_linux_shows_them),
        cmocka_unit_test(a_file_in_several_extents_is_joined),
        cmocka_unit_test(wrong_paths_are_told_apart),
        cmocka_unit_test(damage_never_leads_out_of_the_image),
        cmocka_unit_test(a_cut_image_is_an_error),
        cmocka_unit_test(what_is_no_such_file_system_is_refused),
        cmocka_unit_test(what_the_format_cannot_hold_is_refused),
        cmocka_unit_test(equal_input_gives_equal_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
