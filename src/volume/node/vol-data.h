/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/env.h"

/*
 * vol_data.json beside a CSI mount: what the volume is, written before the driver is asked for it
 * and removed after it is gone, so that after a crash somebody knows what to undo. A flat map of
 * strings, as the kubelet writes and reads it (pkg/volume/csi, volDataKey).
 */
struct node_vol_data {
    const char *volume_id;     /* specVolID: the PV's name */
    const char *handle;        /* volumeHandle */
    const char *driver;        /* driverName */
    const char *node;          /* nodeName */
    const char *attachment;    /* attachmentID: the VolumeAttachment's name */
    const char *lifecycle;     /* volumeLifecycleMode: "Persistent", "Ephemeral" */
    const char *selinux_mount; /* seLinuxMountContext; never written by us */
};

#define NODE_VOL_DATA "vol_data.json"

void node_vol_data_format(const struct node_vol_data *d, struct ol_buf *to);
/* Strings into the arena; members that lack are "". -EINVAL: not such a document. */
int node_vol_data_parse(const char *text, size_t len, struct ol_arena *a, struct node_vol_data *ret,
                        struct ol_err *err) __attribute__((warn_unused_result));
/* In 'dir', which is made with its parents; durable before this returns. */
int node_vol_data_save(struct ol_env *env, const char *dir, const struct node_vol_data *d,
                       struct ol_err *err) __attribute__((warn_unused_result));
/* -ENOENT: there is none. */
int node_vol_data_load(struct ol_env *env, const char *dir, struct ol_arena *a,
                       struct node_vol_data *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Removes the file and then the directory. -ENOTEMPTY, -EBUSY: something else is in it. */
int node_vol_data_remove(struct ol_env *env, const char *dir, struct ol_err *err)
    __attribute__((warn_unused_result));

/* mkdir(2) and rmdir(2) of one directory, asked for by ol_change(); it may be a mount point, which
 * these calls don't touch. One that is there, or is missing, is no failure. */
int node_mkdir(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
    __attribute__((warn_unused_result));
int node_rmdir(struct ol_env *env, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
