/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/env.h"

/*
 * /proc/self/mountinfo (proc(5)): where something is mounted. To ask the file system itself would
 * hang on a dead server; to read this never does.
 */
struct volume_mount_point {
    char *path;      /* unescaped */
    char *root;      /* of the file system, what is seen there: "/" or the bind's source */
    char device[24]; /* "8:16" */
    char *type, *source;
};
struct volume_mounts {
    struct volume_mount_point *v; /* in the order of mounting */
    size_t n;
};

void volume_mounts_parse(const char *text, struct volume_mounts *ret);
/* Of this process' namespace. */
int volume_mounts_read(struct ol_env *env, struct volume_mounts *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
void volume_mounts_done(struct volume_mounts *m);
/* What is on top there, NULL when it is no mount point. */
const struct volume_mount_point *volume_mounts_at(const struct volume_mounts *m, const char *path);
/* Something is mounted at a path below 'dir' (not at itself). */
bool volume_mounts_has_below(const struct volume_mounts *m, const char *dir);
/* 'path' is below 'dir'. */
bool volume_path_is_below(const char *path, const char *dir);
