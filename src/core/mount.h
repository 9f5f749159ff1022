/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"

/*
 * Bind mounts, which show a file or directory of the machine at a second place. Paths are the
 * machine's own, not below env's root. Each mount(2) passes ol_change().
 *
 * The kernel takes MS_RDONLY of a bind mount in a second call alone: a process that is killed
 * between the two leaves a mount that can be written to. Who finds one mounted, and wants it
 * read-only, calls ol_bind_protect().
 *
 * All return 0 or -errno, with a sentence in err that names the target.
 */

/* The target is there: a file for a file or device, a directory for a directory. */
int ol_bind(struct ol_env *env, const char *source, const char *target, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Both calls; nothing is mounted when the second one fails. */
int ol_bind_read_only(struct ol_env *env, const char *source, const char *target,
                      struct ol_err *err) __attribute__((warn_unused_result));
/* The second call, keeping nosuid and such; nothing when what is there can't be written to. */
int ol_bind_protect(struct ol_env *env, const char *target, struct ol_err *err)
    __attribute__((warn_unused_result));
