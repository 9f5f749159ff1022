/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "guest/base/guest.h"

/* Setting passwords with as few calls of chpasswd as can be; they pass through its standard
 * input only, never through an argument or the log. */

struct password {
    const char *user;
    const char *secret; /* text or hash */
};

struct password_list {
    struct password *items; /* in the arena */
    size_t n, cap;
};

/* Bits of 'flags' */
enum password_flag {
    PASSWORD_HASHED = 1 << 0, /* the secrets are hashes as in /etc/shadow */
};

/* Copies both texts into the arena. */
void passwords_add(struct ol_arena *a, struct password_list *list, const char *user,
                   const char *secret);
/* True for crypt(5)'s "$id$…$…" of a method that glibc and libxcrypt know. */
bool password_is_hash(const char *secret);

/*
 * Sets all of them in one call. Since chpasswd then changes all or nothing, a failure is
 * followed by one call for each. The last error is returned, the others are logged.
 * -EINVAL: a secret that would be read as more than one line.
 */
int passwords_set(struct guest *g, const struct password_list *list, unsigned flags,
                  struct ol_err *err) __attribute__((warn_unused_result));
