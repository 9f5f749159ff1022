/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

struct rig {
    char root[64];
    struct ol_env env;
};

static void begin(struct rig *rig)
{
    snprintf(rig->root, sizeof(rig->root), "/tmp/test-qemu-log-XXXXXX");
    assert_non_null(mkdtemp(rig->root));
    assert_int_equal(ol_env_init(&rig->env, rig->root, NULL), 0);
    assert_int_equal(ol_mkdir_p(&rig->env, "/m", 0755, NULL), 0);
}

static void finish(struct rig *rig)
{
    assert_int_equal(ol_remove_tree(&rig->env, "/m", NULL), 0);
    ol_env_done(&rig->env);
    rmdir(rig->root);
}

/* As QEMU does it: a descriptor that stays open, to append. */
static void log_that_grows_is_moved_and_goes_on(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 << 20);
    ol_autofree char *line = ol_xcalloc(1, 65537);
    struct virt v;
    struct rig rig;
    int fd;

    (void)state;
    begin(&rig);
    v = (struct virt){.env = &rig.env};
    fd = ol_open(&rig.env, "/m/console.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    memset(line, 'x', 65536);
    for (size_t i = 0; i <= QEMU_LOG_MAX / 65536; i++)
        assert_int_equal(write(fd, line, 65536), 65536);
    assert_int_equal(write(fd, "old end\n", 8), 8);
    qemu_bound_logs(&rig.env, "/m");
    assert_int_equal(write(fd, "new\n", 4), 4);
    close(fd);
    assert_int_equal(qemu_console(&v, "U", "/m", 13, &text, NULL), 0);
    assert_string_equal(text.data, "xold end\nnew\n");
    ol_buf_clear(&text);
    assert_int_equal(qemu_console(&v, "U", "/m", 3, &text, NULL), 0);
    assert_string_equal(text.data, "ew\n");
    ol_buf_clear(&text);
    assert_int_equal(ol_file_read(&rig.env, "/m/console.log.0", &text, NULL), 0);
    assert_int_equal(text.len, QEMU_LOG_MAX);
    finish(&rig);
}

static void console_that_is_not_there_has_nova_names(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(100);
    struct ol_err err = OL_ERR_INIT;
    struct virt v;
    struct rig rig;

    (void)state;
    begin(&rig);
    v = (struct virt){.env = &rig.env};
    assert_true(qemu_console(&v, "U", "/m", 3, &text, &err) < 0);
    assert_true(nova_is(&err, NOVA_CONSOLE_NOT_AVAILABLE));
    assert_true(qemu_console(&v, "U", "/other", 3, &text, &err) < 0);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    finish(&rig);
}

static void last_words_are_what_qemu_says_of_itself(void **state)
{
    static const struct {
        const char *log, *want;
    } cases[] = {
        {"", "it said nothing"},
        {"2026-11-22T09:09:49.75Z qemu-system-x86_64: no such board\nUse -machine help\n",
         "no such board"},
        {"…Z qemu-system-x86_64: first\n…Z qemu-system-x86_64: -blockdev: second",
         "-blockdev: second"},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct rig rig;
        char words[64];

        begin(&rig);
        assert_int_equal(ol_file_puts(&rig.env, "/m/qemu.log", cases[i].log, 0600, 0, NULL), 0);
        qemu_last_words(&rig.env, "/m", words, sizeof(words));
        assert_string_equal(words, cases[i].want);
        finish(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_that_grows_is_moved_and_goes_on),
        cmocka_unit_test(console_that_is_not_there_has_nova_names),
        cmocka_unit_test(last_words_are_what_qemu_says_of_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
