/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "guest/base/guest.h"

/*
 * /etc/ssh/sshd_config read and edited as cloud-init 26.2 ssh_util.py does: keywords without
 * case, "Match" blocks not looked into, changes into sshd_config.d/50-cloud-init.conf where
 * the main file includes that directory.
 */

/* The text with every value of 'keyword' replaced (or the line added at the end). True when that
 * changes anything; lines come out without surrounding blanks. */
bool sshd_config_edit(const char *text, const char *keyword, const char *value, struct ol_buf *to);

/* Value of a keyword in the main file, into g's arena; NULL = not set there. */
const char *sshd_config_value(struct guest *g, const char *keyword);
/* Sets a keyword. 1 = the file changed, 0 = it said so already, -errno. */
int sshd_config_update(struct guest *g, const char *keyword, const char *value, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Adds whole lines at the end, those that are not there yet. */
int sshd_config_append(struct guest *g, const char *lines, struct ol_err *err)
    __attribute__((warn_unused_result));
