/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/arena.h"
#include "core/buf.h"

/* The texts of locale settings, without I/O; cloud-init 26.2 distros/debian.py, rhel_util.py. */

/* Value of a shell assignment "LANG=…" in a file of such lines, quotes taken off; the last one
 * counts. NULL = none or empty. In the arena. */
const char *locale_assigned(struct ol_arena *a, const char *text, const char *name);

/* Sets "name=value" in a sysconfig file: in place of the assignment that is there, else at the end.
 * Adds the new text to 'ret'. */
void locale_assign(const char *text, const char *name, const char *value, struct ol_buf *ret);

/*
 * The line of /etc/locale.gen for a locale: "fi_FI.UTF-8 UTF-8". 'supported' is the text of
 * /usr/share/i18n/SUPPORTED ("" when there is none). Without a character set UTF-8 is preferred.
 */
const char *locale_gen_line(struct ol_arena *a, const char *supported, const char *locale);

/* /etc/locale.gen with that line enabled: uncommented where it stands, else added. */
void locale_gen_enable(const char *text, const char *line, struct ol_buf *ret);
