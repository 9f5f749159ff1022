/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/*
 * Text for people: to /dev/console where it can be written (else to stdout), as cloud-init's
 * util.multi_log() does, and to the log when 'to_log' is a level (0 = not).
 */
enum console_flag {
    CONSOLE_STDERR = 1 << 0,  /* also to stderr (multi_log's default) */
    CONSOLE_CONSOLE = 1 << 1, /* to the console, else to stdout */
    CONSOLE_ONLY = 1 << 2,    /* to the console or nowhere: stdout goes to a file that stays */
};

void console_write(struct guest *g, const char *text, unsigned flags, int to_log);
