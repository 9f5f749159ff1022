/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/env.h"
#include "core/err.h"

/*
 * What needs root, as a fixed table of operations. The daemon works as an ordinary user; a helper
 * process, our own binary that was started while we were root, does these and refuses everything
 * else. All arguments are checked on the helper's side, whoever asks.
 *
 *     tap-add NAME USER BRIDGE MTU   a tap device of that user, up; BRIDGE "" = none, MTU 0 = as is
 *     tap-delete NAME                missing is success
 *     chown PATH USER                a file below one of the roots; never follows a link
 *     mount-nfs SOURCE PATH OPTIONS  HOST:/EXPORT on a directory below one of the roots
 *     umount PATH                    what is mounted there; nothing is success
 *     modprobe MODULE                nbd, tun, vhost_net
 */
struct privileged;

/* Runs an operation and waits for it. NULL as 'p' runs it in this process, as far as it may. From
 * any thread; one at a time.
 *   -EPERM   no such operation, or an argument that it doesn't take
 *   -EACCES  without the helper: this process may not
 *   -EPIPE   the helper has ended
 *   -EIO     it failed, with the sentence of the program that it ran */
int privileged_run(struct privileged *p, struct ol_env *env, const char *const *argv,
                   struct ol_err *err) __attribute__((warn_unused_result));

/* Starts the helper. Only as root, before the privileges are dropped. 'roots': the directories in
 * which paths may lie, absolute, NULL-terminated. */
int privileged_start(const char *const *roots, struct privileged **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The helper ends when the last descriptor to it is closed. */
void privileged_free(struct privileged *p);

/* The first statement of main(): serves as the helper and exits when this process was started as
 * one; returns otherwise. */
void privileged_main(int argc, char **argv);
/* Becomes 'user' for good: its groups, then its uid. -ENOENT there is no such user. */
int privileged_drop(const char *user, struct ol_err *err) __attribute__((warn_unused_result));

/* What an operation would do, a command a line, without doing it. -EPERM as above. 'roots' NULL =
 * any place. */
int privileged_plan(const char *const *roots, const char *const *argv, struct ol_buf *ret,
                    struct ol_err *err) __attribute__((warn_unused_result));
