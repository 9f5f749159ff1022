/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "codec/mime.h"
#include "core/cleanup.h"
#include "core/str.h"

enum { FILE_MAX = 1 << 20 };

static uint64_t always_42(void *ctx)
{
    return 42;
}

static const struct ol_mime_random fixed = {.next = always_42};

static unsigned crc(const char *data, size_t size)
{
    return (unsigned)crc32(0, (const unsigned char *)data, (uInt)size);
}

static void add_shown(struct ol_buf *out, const char *label, const char *text, size_t len)
{
    ol_buf_adds(out, label);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c < 0x7f && c != '\\')
            ol_buf_addc(out, (char)c);
        else
            ol_buf_printf(out, "\\x%02x", c);
    }
}

static void dump_texts(struct ol_arena *a, const struct ol_mime_part *part, struct ol_buf *pad,
                       struct ol_buf *out)
{
    const char *filename = ol_mime_filename(a, part), *payload;
    size_t size;

    if (filename) {
        ol_buf_printf(out, "%s. filename ", pad->data);
        add_shown(out, "", filename, strlen(filename));
        ol_buf_addc(out, '\n');
    }
    if (part->preamble) {
        ol_buf_adds(out, pad->data);
        add_shown(out, ". preamble ", part->preamble, part->preamble_len);
        ol_buf_addc(out, '\n');
    }
    if (part->epilogue) {
        ol_buf_adds(out, pad->data);
        add_shown(out, ". epilogue ", part->epilogue, part->epilogue_len);
        ol_buf_addc(out, '\n');
    }
    payload = ol_mime_payload(a, part, &size);
    if (payload)
        ol_buf_printf(out, "%s. payload %zu %08x\n", pad->data, size, crc(payload, size));
}

/* The tree as tests/golden/mime/expect.py shows Python's. */
static void dump(struct ol_arena *a, const struct ol_mime_part *part, unsigned depth,
                 struct ol_buf *out)
{
    ol_auto(ol_buf_done) struct ol_buf pad = OL_BUF_INIT(1000);
    const char *type = ol_mime_content_type(a, part);

    ol_buf_addn(&pad, ' ', 2 * depth);
    ol_buf_adds(out, pad.data);
    add_shown(out, "part ", type, strlen(type));
    ol_buf_addc(out, '\n');
    for (size_t i = 0; i < part->n_headers; i++) {
        const struct ol_mime_header *h = &part->headers[i];

        ol_buf_adds(out, pad.data);
        add_shown(out, ". ", h->name, strlen(h->name));
        add_shown(out, ": ", h->value, strlen(h->value));
        ol_buf_addc(out, '\n');
    }
    dump_texts(a, part, &pad, out);
    for (size_t i = 0; i < part->n_parts; i++)
        dump(a, part->parts[i], depth + 1, out);
}

static size_t read_file(const char *path, char *data)
{
    ol_autofclose FILE *f = fopen(path, "r");
    size_t n = f ? fread(data, 1, FILE_MAX, f) : 0;

    data[n] = '\0';
    return n;
}

static bool is_as_golden(const char *in_path)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(FILE_MAX), text = OL_BUF_INIT(FILE_MAX);
    static char data[FILE_MAX + 1], want[FILE_MAX + 1];
    size_t size = read_file(in_path, data);
    struct ol_err err = OL_ERR_INIT;
    struct ol_mime_part *root;
    char out_path[1024];

    snprintf(out_path, sizeof(out_path), "%.*s.out", (int)strlen(in_path) - 3, in_path);
    assert_true(read_file(out_path, want) > 0);
    assert_int_equal(ol_mime_parse(&a, data, size, &root, &err), 0);
    dump(&a, root, 0, &got);
    assert_int_equal(ol_mime_write(&a, root, &fixed, &text, &err), 0);
    if (strstr(want, "\nwritten "))
        ol_buf_printf(&got, "written %zu %08x\n", text.len, crc(text.data, text.len));
    if (strcmp(got.data, want) != 0) {
        print_error("%s\n--- got:\n%s--- want:\n%s--- text:\n%s", in_path, got.data, want,
                    text.data);
        return false;
    }
    return true;
}

/* demands: 17 24 25 */
static void messages_are_read_and_written_as_python_does(void **state)
{
    char dir_path[512], path[1024];
    ol_autoclosedir DIR *dir = NULL;
    size_t n = 0, n_wrong = 0;

    snprintf(dir_path, sizeof(dir_path), "%s/tests/golden/mime", getenv("OL_TEST_SOURCE_DIR"));
    dir = opendir(dir_path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (!ol_str_ends(e->d_name, ".in"))
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
        n_wrong += !is_as_golden(path);
        n++;
    }
    assert_int_equal(n_wrong, 0);
    assert_true(n >= 100);
}

/* What str(MIMEMultipart) gives for parts as cloud-init's devel make-mime and user_data.py
 * make them; captured from Python 3.11 with the random number 42. */
static const char written[] =
    "Content-Type: multipart/mixed; boundary=\"===============0000000000000000042==\"\n"
    "MIME-Version: 1.0\n"
    "Number-Attachments: 4\n"
    "\n"
    "--===============0000000000000000042==\n"
    "Content-Type: text/cloud-config; charset=\"utf-8\"\n"
    "MIME-Version: 1.0\n"
    "Content-Transfer-Encoding: base64\n"
    "Content-Disposition: attachment; filename=\"a.yaml\"\n"
    "\n"
    "I2Nsb3VkLWNvbmZpZwphOiAxCg==\n"
    "\n"
    "--===============0000000000000000042==\n"
    "Content-Type: text/plain; charset=\"us-ascii\"\n"
    "MIME-Version: 1.0\n"
    "Content-Transfer-Encoding: 7bit\n"
    "Content-Disposition: attachment; filename=\"q\\\"uote\"\n"
    "Launch-Index: 3\n"
    "\n"
    "hello\n"
    "--===============0000000000000000042==\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/x-shellscript\n"
    "Content-Disposition: attachment; filename*=utf-8''gr%C3%BCn%20x\n"
    "\n"
    "#!/bin/sh\n"
    "\n"
    "--===============0000000000000000042==\n"
    "Content-Type: text/plain; charset=\"utf-8\"\n"
    "MIME-Version: 1.0\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "Z3LDvG4=\n"
    "\n"
    "--===============0000000000000000042==--\n";

static struct ol_mime_part *build(struct ol_arena *a)
{
    struct ol_mime_part *outer = ol_mime_new(a, "multipart/mixed"), *part;

    part = ol_mime_new_text(a, "cloud-config", "utf-8", "#cloud-config\na: 1\n", 19);
    ol_mime_add(a, part, "Content-Disposition", "attachment; filename=\"a.yaml\"");
    ol_mime_attach(a, outer, part);

    part = ol_mime_new_text(a, "plain", NULL, "hello", 5);
    ol_mime_set_filename(a, part, "q\"uote");
    ol_mime_add(a, part, "Launch-Index", "3");
    ol_mime_attach(a, outer, part);

    part = ol_mime_new(a, "text/x-not-multipart");
    ol_mime_set_body(a, part, "#!/bin/sh\n", 10);
    ol_mime_set(a, part, "Content-Type", "text/x-shellscript");
    ol_mime_set_filename(a, part, "part-001");
    ol_mime_set_filename(a, part, "gr\xc3\xbcn x");
    ol_mime_attach(a, outer, part);

    ol_mime_attach(a, outer, ol_mime_new_text(a, "plain", NULL, "gr\xc3\xbcn", 5));
    ol_mime_set(a, outer, "Number-Attachments", "0");
    ol_mime_set(a, outer, "Number-Attachments", "4");
    return outer;
}

/* demands: 25 */
static void new_messages_are_written_as_python_writes_them(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf once = OL_BUF_INIT(FILE_MAX), again = OL_BUF_INIT(FILE_MAX);
    struct ol_mime_part *outer = build(&a);

    assert_int_equal(ol_mime_write(&a, outer, &fixed, &once, NULL), 0);
    assert_string_equal(once.data, written);
    assert_int_equal(ol_mime_write(&a, outer, &fixed, &again, NULL), 0);
    assert_string_equal(again.data, written);
}

static void walking_gives_a_part_before_its_parts(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_mime_part *outer = build(&a), *top = ol_mime_new(&a, "multipart/mixed"), **all;
    size_t n;

    ol_mime_attach(&a, top, outer);
    ol_mime_attach(&a, top, outer->parts[0]);
    all = ol_mime_walk(&a, top, &n);
    assert_int_equal(n, 7);
    assert_ptr_equal(all[0], top);
    assert_ptr_equal(all[1], outer);
    assert_ptr_equal(all[6], outer->parts[0]);
    assert_true(ol_mime_is_container(&a, all[1]));
    assert_false(ol_mime_is_container(&a, all[2]));
}

static void a_boundary_found_in_a_part_gets_a_number(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    struct ol_mime_part *outer = ol_mime_new(&a, "multipart/mixed");
    const char *body = "--===============0000000000000000042==\n";

    ol_mime_attach(&a, outer, ol_mime_new_text(&a, "plain", NULL, body, strlen(body)));
    assert_int_equal(ol_mime_write(&a, outer, &fixed, &text, NULL), 0);
    assert_non_null(strstr(text.data, "\n--===============0000000000000000042==.0--\n"));
}

static void a_header_value_cannot_start_another_header(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    struct ol_mime_part *part = ol_mime_new(&a, "text/plain");

    ol_mime_add(&a, part, "X", "a\nEvil: b");
    assert_int_equal(ol_mime_write(&a, part, &fixed, &text, NULL), 0);
    assert_non_null(strstr(text.data, "X: a\n Evil: b\n"));
}

static void too_much_is_refused_with_the_maximum(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20), small = OL_ARENA_INIT(100);
    ol_auto(ol_buf_done) struct ol_buf deep = OL_BUF_INIT(FILE_MAX), many = OL_BUF_INIT(FILE_MAX);
    ol_auto(ol_buf_done) struct ol_buf tiny = OL_BUF_INIT(20);
    struct ol_mime_part *root = NULL;
    struct ol_err err = OL_ERR_INIT;

    for (int i = 0; i < 100; i++)
        ol_buf_printf(&deep, "Content-Type: multipart/x; boundary=b%d\n\n--b%d\n", i, i);
    assert_int_equal(ol_mime_parse(&a, deep.data, deep.len, &root, &err), -EFBIG);
    assert_string_equal(err.msg, "MIME: nested deeper than 64 parts");
    ol_buf_adds(&many, "Content-Type: multipart/x; boundary=b\n\n");
    for (int i = 0; i <= OL_MIME_MAX_PARTS; i++)
        ol_buf_adds(&many, "--b\n\n");
    assert_int_equal(ol_mime_parse(&a, many.data, many.len, &root, &err), -EFBIG);
    assert_string_equal(err.msg, "MIME: more than 16384 parts");
    assert_int_equal(ol_mime_parse(&small, "A: b\nC: d\n", 10, &root, &err), -EFBIG);
    assert_string_equal(err.msg, "MIME: more than 100 bytes");
    assert_null(root);
    assert_int_equal(ol_mime_write(&a, build(&a), &fixed, &tiny, &err), -EFBIG);
    assert_string_equal(err.msg, "MIME: message has more than 20 bytes");
    assert_int_equal(tiny.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_and_written_as_python_does),
        cmocka_unit_test(new_messages_are_written_as_python_writes_them),
        cmocka_unit_test(walking_gives_a_part_before_its_parts),
        cmocka_unit_test(a_boundary_found_in_a_part_gets_a_number),
        cmocka_unit_test(a_header_value_cannot_start_another_header),
        cmocka_unit_test(too_much_is_refused_with_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
