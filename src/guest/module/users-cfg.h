/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "guest/base/guest.h"

/*
 * The users and groups that a configuration asks for, whatever form it is written in
 * (cloud-init 26.2 ug_util.normalize_users_groups()). Pure but for what it logs.
 */
struct users_cfg {
    const struct ol_val *users;  /* map name -> map of its settings, '_' in every key */
    const struct ol_val *groups; /* map name -> list of members, sorted */
    const char *default_user;    /* its name in 'users'; NULL = none is the default user */
};

/* Bits of 'flags' */
enum users_cfg_flag {
    USERS_CFG_QUIET = 1 << 0, /* deprecations and warnings were logged by another module */
};

/* Everything is in g's arena. -EINVAL (domain "TypeError"): a user or group of a type that
 * makes no sense. */
int users_cfg_parse(struct guest *g, const struct ol_val *cfg, unsigned flags,
                    struct users_cfg *ret, struct ol_err *err) __attribute__((warn_unused_result));
