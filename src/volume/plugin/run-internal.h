/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "volume/plugin/mountinfo.h"
#include "volume/plugin/plan.h"

/* The steps of a plan, a function per verb. 0, VOLUME_RUN_ENOUGH or -errno with a sentence. */
enum { VOLUME_RUN_ENOUGH = 1 }; /* the rest of the plan needs not be done */

struct volume_run {
    struct ol_env *env;
    char *payload; /* directory of the new set of files; NULL = none is being made */
};
#define VOLUME_ARG(s, i) ((s)->args[i].data)

int volume_run_unless_mounted(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_mount(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_bind(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_bind_device(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_bind_local(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_umount(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_umount_below(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_rmdir(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_local_device(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_format_mount(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_mkdir(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_remove_tree(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_host_path(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_program(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_wait(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_iscsi_auth(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_iscsi_discover(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_iscsi_login(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_iscsi_logout(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_own(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_payload(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_file(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_commit(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_link(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_unlink(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_loop_lock(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_loop_unlock(struct volume_run *r, const struct volume_step *s, struct ol_err *e);
int volume_run_subpath(struct volume_run *r, const struct volume_step *s, struct ol_err *e);

/* --- shared by them --- */
/* The path as the machine's calls take it: below env's root. Heap. */
char *volume_machine_path(struct ol_env *env, const char *path) __attribute__((warn_unused_result));
bool volume_is_mounted(struct ol_env *env, const char *path);
/* Runs a program; -EIO with its words unless it ends with 0. */
int volume_tool(struct ol_env *env, const char *const *argv, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A directory with parents that are the kubelet's (0750). */
int volume_make_dir(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
    __attribute__((warn_unused_result));
/* mount(8), and the kubelet's words when it fails. Nothing when something is mounted there. */
int volume_mount_by(struct ol_env *env, const char *type, const char *source, const char *target,
                    const char *options, struct ol_err *err) __attribute__((warn_unused_result));
/* A bind mount, as 'mode' says: "ro" or anything else. What is mounted there already is made
 * read-only, if it has to be: a job may have been killed before it did so. */
int volume_bind(struct ol_env *env, const char *source, const char *target, const char *mode,
                struct ol_err *err) __attribute__((warn_unused_result));
