/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* Adds the last 'max' bytes of a file; nothing when there is none. */
static void add_tail(struct ol_env *env, const char *path, size_t max, struct ol_buf *ret)
{
    ol_autoclose int fd = ol_open(env, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    struct stat st;
    char chunk[8192];
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    if (st.st_size > (off_t)max)
        lseek(fd, st.st_size - (off_t)max, SEEK_SET);
    while (max > 0 && (n = read(fd, chunk, sizeof(chunk) < max ? sizeof(chunk) : max)) > 0) {
        ol_buf_add(ret, chunk, (size_t)n);
        max -= (size_t)n;
    }
}

static size_t size_of(struct ol_env *env, const char *path)
{
    struct stat st;

    return ol_stat(env, path, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
}

/* QEMU appends to the file that it has open: what is in it is moved, and the file goes on empty. */
static void bound(struct ol_env *env, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * QEMU_LOG_MAX);
    ol_autofree char *old = ol_xasprintf("%s.0", path);
    ol_autoclose int fd = -1;

    if (size_of(env, path) <= QEMU_LOG_MAX)
        return;
    add_tail(env, path, QEMU_LOG_MAX, &text);
    if (ol_file_write_buf(env, old, &text, 0600, OL_WRITE_ATOMIC, NULL) < 0)
        return;
    fd = ol_open(env, path, O_WRONLY, 0);
    if (fd >= 0)
        (void)!ftruncate(fd, 0);
}

void qemu_bound_logs(struct ol_env *env, const char *directory)
{
    static const char *const names[] = {"console.log", "status.log", QEMU_LOG};

    for (size_t i = 0; i < ol_count(names); i++) {
        ol_autofree char *path = ol_xasprintf("%s/%s", directory, names[i]);

        bound(env, path);
    }
}

int qemu_console(struct virt *v, const char *uuid, const char *directory, size_t max,
                 struct ol_buf *ret, struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("%s/console.log", directory);
    ol_autofree char *old = ol_xasprintf("%s.0", path);
    size_t now = size_of(v->env, path);

    if (!ol_is_dir(v->env, directory))
        return virt_not_found(uuid, err);
    if (!ol_exists(v->env, path))
        return nova_fail(err, NOVA_CONSOLE_NOT_AVAILABLE,
                         "Guest does not have a console available.");
    if (now < max)
        add_tail(v->env, old, max - now, ret);
    add_tail(v->env, path, max, ret);
    return ol_buf_status(ret);
}

/* The last line that QEMU says of itself, "…Z qemu-system-x86_64: SENTENCE", is the reason; others
 * are hints. */
void qemu_last_words(struct ol_env *env, const char *directory, char *ret, size_t size)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(8192);
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    ol_autofree char *path = ol_xasprintf("%s/%s", directory, QEMU_LOG);
    const char *found = "it said nothing";

    add_tail(env, path, 4096, &text);
    ol_strv_split(&lines, text.data, "\n");
    ol_strv_each (line, &lines) {
        const char *name = strstr(line, " qemu-system"), *at = name ? strstr(name, ": ") : NULL;

        if (at)
            found = at + 2;
    }
    ret[0] = '\0';
    strncat(ret, found, size - 1);
}
