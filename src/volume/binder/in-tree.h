/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "net/job.h"
#include "volume/binder/plugin.h"

/*
 * The in-tree plug-ins' part in reclaiming: hostPath volumes are removed (below /tmp alone, as
 * Kubernetes does) and recycled, NFS volumes are recycled. Local and iSCSI volumes know neither.
 * What touches files runs in a job of our own binary, since a dead server may hold it.
 */
struct binder_in_tree;
struct binder_in_tree *binder_in_tree_new(struct ol_loop *loop) __attribute__((warn_unused_result));
/* Nothing may be under way. */
void binder_in_tree_free(struct binder_in_tree *t);
/* NULL-terminated; lives as long as t. */
const struct binder_plugin *const *binder_in_tree_plugins(const struct binder_in_tree *t);

/* The job's function, for the table of ol_job_main(): "volume-scrub" "empty"|"remove" PATH. */
extern const struct ol_job_function binder_scrub_job;
/* Its work. Empty: all that is in the directory; links are removed, never followed. Remove: the
 * directory too; -EPERM outside /tmp, with Kubernetes' sentence. */
int binder_scrub(struct ol_env *env, const char *verb, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
