/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/spawn.h"
#include "guest/base/guest.h"

/* What several modules share. Not for other directories. */

enum { MODULE_SCRIPT_MAX = 16 << 20 }; /* bytes of a shell script that we make */

/*
 * Makes a script for /bin/sh of a list of commands (cloud-init 26.2 util.shellify()): a list is one
 * command whose words are each single-quoted, text is taken as it is, null is skipped.
 * -EINVAL (domain "TypeError") when it is not a list or an item is something else.
 */
int module_shellify(const struct ol_val *commands, struct ol_buf *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/*
 * Runs a command that speaks to our own stdout and stderr and has to end with status 0. 'env' may
 * be NULL. Otherwise -EIO (it ran) or -errno (it could not be started); the domain is
 * "ProcessExecutionError" and the sentence has the lines of cloud-init 26.2 subp.py, which users
 * search status.json for.
 */
int module_run_shown(struct ol_env *env, const char *const *argv, const char *const *environment,
                     struct ol_err *err) __attribute__((warn_unused_result));

/*
 * Runs every executable file of a directory in the order of the names (cloud-init 26.2
 * subp.runparts()). 'prefix' is put in front of each: text, a list, or NULL. A directory that is
 * not there holds nothing. All of them run; -EIO (domain "RuntimeError") when some failed.
 */
int module_run_parts(struct guest *g, const char *dir, const struct ol_val *prefix,
                     struct ol_err *err) __attribute__((warn_unused_result));

/* The first argument that cloud.cfg gives to the module as text, NULL when it gives none. */
const char *module_first_arg(const struct guest *g, const struct ol_val *args);
