/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * What has to be done on the machine for a volume, as a list of steps. A plug-in decides them
 * without touching anything; a job of our own binary (net/job.h, run.h) does them one after the
 * other, since each of them may hang on a dead server. Steps are bytes, so that a plan is a job's
 * standard input: what they hold (a Secret's keys) appears in no argv.
 *
 *     volume_plan_add(&plan, VOLUME_MKDIR, target, "0750");
 *     volume_plan_add(&plan, VOLUME_MOUNT, "nfs", "server:/export", target, "vers=4.1");
 */
#define VOLUME_VERBS(X)                                                                            \
    X(MKDIR, "mkdir")                   /* path mode; parents too */                               \
    X(UNLESS_MOUNTED, "unless-mounted") /* path: all is done if this is a mount point */           \
    X(MOUNT, "mount")                   /* type source target options */                           \
    X(BIND, "bind")                     /* source target ro|rw */                                  \
    X(BIND_DEVICE, "bind-device")       /* file target: a device or file onto a new file */        \
    X(BIND_LOCAL, "bind-local")         /* directory-or-device mounted-at target ro|rw */          \
    X(LOCAL_DEVICE, "local-device")     /* path mounted-at type options */                         \
    X(FORMAT_MOUNT, "format-mount")     /* device mounted-at type options */                       \
    X(UMOUNT, "umount")                 /* path force|-: nothing when it is no mount point */      \
    X(RMDIR, "rmdir")                   /* path: never what is mounted, never what holds files */  \
    X(REMOVE_TREE, "remove-tree")       /* path: an emptyDir; refused when anything is mounted */  \
    X(HOST_PATH, "host-path")           /* type path: checks or makes it */                        \
    X(RUN, "run")                       /* program argument … */                                 \
    X(TRY, "try")                       /* the same; its failure is none of the plan */            \
    X(WAIT_DEVICE, "wait-device")       /* path seconds: of an iSCSI disk */                       \
    X(ISCSI_AUTH, "iscsi-auth") /* portal iqn interface name value …: into node records */       \
    X(ISCSI_DISCOVER, "iscsi-discover") /* portal interface: there is a record of the portal */    \
    X(ISCSI_LOGIN, "iscsi-login")       /* portal iqn interface: also when there is a session */   \
    X(ISCSI_LOGOUT, "iscsi-logout")     /* portal iqn interface: unless another unit is mounted */ \
    X(OWN, "own")                       /* path gid Always|OnRootMismatch ro|rw */                 \
    X(PAYLOAD, "payload")               /* directory: begins an atomic set of files */             \
    X(FILE, "file")                     /* path mode content: one of them */                       \
    X(COMMIT, "commit")                 /* directory: it is complete */                            \
    X(LINK, "link")                     /* target path */                                          \
    X(UNLINK, "unlink")                 /* path */                                                 \
    X(LOOP_LOCK, "loop-lock")           /* path: a loop device holds it open */                    \
    X(LOOP_UNLOCK, "loop-unlock")       /* path */                                                 \
    X(SUBPATH, "subpath")               /* volume path-in-it target ro|rw */                       \
    X(UMOUNT_BELOW, "umount-below")     /* directory: unmounts and removes what is in it */

#define X(name, text) VOLUME_##name,
enum volume_verb { VOLUME_VERBS(X) VOLUME_N_VERBS };
#undef X

enum { VOLUME_PLAN_MAX = 16 << 20, VOLUME_STEP_ARGS = 32 };

struct volume_plan {
    struct ol_buf wire;
    size_t n_steps;
};

struct volume_arg {
    const char *data; /* NUL-terminated in a step that was read */
    size_t size;
};
struct volume_step {
    enum volume_verb verb;
    struct volume_arg args[VOLUME_STEP_ARGS];
    size_t n;
};

void volume_plan_init(struct volume_plan *p);
void volume_plan_done(struct volume_plan *p);
const char *volume_verb_name(enum volume_verb verb);

void volume_plan_add_args(struct volume_plan *p, enum volume_verb verb,
                          const struct volume_arg *args, size_t n);
/* NULL-terminated strings. */
void volume_plan_add_strs(struct volume_plan *p, enum volume_verb verb, const char *const *strs);
#define volume_plan_add(p, verb, ...)                                                              \
    volume_plan_add_strs((p), (verb), (const char *const[]){__VA_ARGS__, NULL})

/* Reads the step at *at and moves *at behind it: 1, 0 at the end, -EBADMSG when the bytes are no
 * plan. The step points into 'wire', which gets NULs behind each argument. */
int volume_plan_next(char *wire, size_t size, size_t *at, struct volume_step *ret)
    __attribute__((warn_unused_result));
/* The plan for people and for tests, a line per step. Contents and what follows iscsi-auth's
 * interface are left out. */
void volume_plan_show(const struct volume_plan *p, struct ol_buf *to);
