/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "guest/base/guest.h"

/*
 * Adds a user's rules (text or a list) to /etc/sudoers.d/90-cloud-init-users, once, and makes
 * sure that /etc/sudoers reads that directory (cloud-init 26.2 write_sudo_rules()).
 * -EINVAL (domain "TypeError"): rules of another type.
 */
int sudoers_add_user(struct guest *g, const char *user, const struct ol_val *rules,
                     struct ol_err *err) __attribute__((warn_unused_result));

/* The same for /etc/doas.conf; a rule that does not name the user keeps all of them out, which
 * is logged (write_doas_rules()). */
int doas_add_user(struct guest *g, const char *user, const struct ol_val *rules, struct ol_err *err)
    __attribute__((warn_unused_result));
