/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/console.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"

/* True when the text reached the console. */
static bool to_console(struct guest *g, const char *text)
{
    ol_autoclose int fd = -1;

    if (!ol_exists(g->env, "/dev/console"))
        return false;
    fd = ol_open(g->env, "/dev/console", O_WRONLY | O_NOCTTY, 0);
    return fd >= 0 && write(fd, text, strlen(text)) >= 0;
}

void console_write(struct guest *g, const char *text, unsigned flags, int to_log)
{
    if (flags & CONSOLE_STDERR)
        fputs(text, stderr);
    if ((flags & (CONSOLE_CONSOLE | CONSOLE_ONLY)) && !to_console(g, text)
        && !(flags & CONSOLE_ONLY)) {
        fputs(text, stdout);
        fflush(stdout);
    }
    if (to_log) {
        size_t len = strlen(text);

        len -= len && text[len - 1] == '\n';
        ol_log(g->env, (enum ol_log_level)to_log, "%.*s", (int)len, text);
    }
}
