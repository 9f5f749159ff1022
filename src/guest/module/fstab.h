/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/buf.h"
#include "core/strv.h"

/*
 * The text of /etc/fstab: which of its lines are ours, and what it becomes. No I/O. Our lines are
 * those that hold "comment=cloudconfig" (cloud-init 26.2 cc_mounts.py); every other line, comments
 * and empty ones too, stays as it is.
 */
enum { FSTAB_FIELDS = 6 };

struct fstab_entry {
    /* fs_spec, fs_file, fs_vfstype, fs_mntops, fs_freq, fs_passno; not escaped, borrowed */
    const char *field[FSTAB_FIELDS];
};

#define FSTAB_COMMENT "comment=cloudconfig"

/* True when a line that is not ours is for this device (or label, or server). */
bool fstab_has_device(const char *text, const char *device);

/*
 * The new text: the lines of others, then the entries, each with FSTAB_COMMENT added to its
 * options. 'ret_changes' gets "- old line" and "+ new line" for what really differs; it stays empty
 * when only the order or the blanks do.
 */
void fstab_rewrite(const char *text, const struct fstab_entry *entries, size_t n,
                   struct ol_buf *ret_text, struct ol_strv *ret_changes);

/* fstab(5): "\040" stands for a blank, also in /proc/mounts. In place; returns the string. */
char *fstab_unescape(char *field);
