/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * Opening a path below a directory that no symbolic link and no ".." can leave. openat2(2) with
 * RESOLVE_IN_ROOT does it in one call. A kernel before 5.6 (RHEL 8 has 4.18) does not know that
 * call, and a container's seccomp filter may refuse it: then the path is walked one component after
 * the other, with the same result. A directory that somebody moves out of the tree while it is
 * walked is the one thing that only openat2() notices.
 */

/* Bits of 'how' */
enum ol_resolve_flag {
    OL_RESOLVE_WALK = 1 << 0,       /* without openat2(): what an old kernel does, for tests */
    OL_RESOLVE_ROOT_LINKS = 1 << 1, /* a link that is not root's is refused with -ELOOP */
};

/* Flags and mode as open(2), O_CLOEXEC is added; "" is the directory itself. fd or -errno. */
int ol_resolve_open(int root_fd, const char *path, int flags, mode_t mode, unsigned how)
    __attribute__((warn_unused_result));
