/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/env.h"

/* Users and groups of the tree below the root (etc/passwd and etc/group there, never NSS). */

struct userdb_user {
    char name[64];
    uid_t uid;
    gid_t gid;
    char home[256];
    char shell[128];
};

/* A name that a user or group may get, and that no tool takes for an option or for two fields
 * (shadow's is_valid_name() as Debian builds it). */
bool userdb_name_is_sound(const char *name);

/* 0, or -ENOENT when there is no such user. A number is looked up as uid when no name fits. */
int userdb_user(struct ol_env *env, const char *name, struct userdb_user *ret)
    __attribute__((warn_unused_result));
int userdb_group(struct ol_env *env, const char *name, gid_t *ret)
    __attribute__((warn_unused_result));

/* True when the group is the user's own or lists it as a member. */
bool userdb_is_member(struct ol_env *env, const struct userdb_user *user, gid_t gid);

/*
 * "user:group", "user" or ":group" to ids, -1 where not given ("-1", "None" and "" mean not given).
 * -ENOENT with a sentence that says which name is unknown (util.chownbyname: "User not found…").
 */
int userdb_owner(struct ol_env *env, const char *spec, uid_t *ret_uid, gid_t *ret_gid,
                 struct ol_err *err) __attribute__((warn_unused_result));
