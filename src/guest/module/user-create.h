/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/strv.h"
#include "guest/base/guest.h"
#include "guest/module/passwords.h"

/*
 * Making users with the distribution's own tools (cloud-init 26.2 distros.Distro.create_user()).
 * What has to do with passwords is collected first and done for all users at the end, since
 * each call of chpasswd costs more than all the rest.
 */

/* Passwords and locks that wait for user_finish(). */
struct user_work {
    struct password_list text, hashed;
    struct ol_strv lock;   /* a password is set, logging in with it is not allowed */
    struct ol_strv unlock; /* the lock is taken off a password that is there */
    struct ol_strv blank;  /* no password is needed */
};

void user_work_done(struct user_work *work);

/* Makes the group when it is missing and adds those of the members that exist. It logs failures. */
void group_create(struct guest *g, const char *name, const struct ol_val *members);

/* Makes the user, or changes what may be changed of one that exists. 'cfg' is a map of
 * users_cfg.users. */
int user_create(struct guest *g, const char *name, const struct ol_val *cfg, struct user_work *work,
                struct ol_err *err) __attribute__((warn_unused_result));

/* Sets, locks and unlocks the passwords; the last error is returned, the others are logged. */
int user_finish(struct guest *g, const struct user_work *work, struct ol_err *err)
    __attribute__((warn_unused_result));
