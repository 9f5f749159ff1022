/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"
#include "kube/base/types.h"
#include "volume/plugin/plan.h"

/*
 * The kinds of volumes that Kubernetes knows without a driver of their own, and CSI beside them:
 * const rows of one table. A row decides which volumes are its, under which name they are known to
 * the attach controller and the node, and what a node has to do for them; it touches nothing
 * itself. Paths are those of the kubelet, below its root directory.
 *
 * CSI's row (volume_csi) has no plans: the node calls a driver for it (volume/node).
 */

/* A volume as a pod names it: by a claim and its PV, or in the pod itself. */
struct volume_spec {
    const struct kube_pv *pv;         /* NULL: the pod's own words */
    const struct kube_volume *volume; /* of the pod; NULL: only the PV is known */
    bool is_read_only;                /* the pod's claim source says so */
};

/* Bits of volume_plugin.flags */
enum volume_plugin_flag {
    VOLUME_ATTACHABLE = 1 << 0, /* the attach controller has to attach it (CSI: by its CSIDriver) */
    VOLUME_HAS_DEVICE = 1 << 1, /* mounted once per node, then bound into each pod */
    VOLUME_TAKES_GROUP = 1 << 2,   /* a pod's fsGroup owns its files */
    VOLUME_TAKES_OPTIONS = 1 << 3, /* spec.mountOptions */
    VOLUME_IS_DATA = 1 << 4,       /* files from the API that are kept up to date */
    VOLUME_CAN_BLOCK = 1 << 5,     /* volumeMode Block */
    VOLUME_IS_REMOTE = 1 << 6,     /* a dead server may hold the kernel: umount by force */
};

/* For what a plan is made. */
struct volume_setup {
    const struct volume_spec *spec;
    const char *device_dir;             /* of plugins with VOLUME_HAS_DEVICE */
    const char *target;                 /* the pod's directory of the volume */
    const struct kube_data *data;       /* of configMap and secret; NULL: optional, and not there */
    const struct kube_data *auth;       /* the Secret of an iSCSI volume; or NULL */
    int64_t fs_group;                   /* -1 = none */
    const char *fs_group_change_policy; /* NULL = Always */
};

struct volume_plugin {
    const char *name; /* "kubernetes.io/nfs" */
    unsigned flags;   /* enum volume_plugin_flag */
    bool (*owns)(const struct volume_spec *spec);
    /* The device's name among all of the plug-in, the end of a unique name. */
    void (*identify)(const struct volume_spec *spec, struct ol_buf *to);
    /* The directory below ROOT/plugins/ where the device is mounted. Only with a device. */
    void (*device_dir)(const struct volume_spec *spec, struct ol_buf *to);
    /* The device on this node: made ready and mounted at s->device_dir. Only with a device. */
    int (*mount_device)(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err);
    /* And backwards; the directory has to say all (the volume may be known from it alone). */
    void (*unmount_device)(const char *device_dir, struct volume_plan *to);
    /* The volume in the pod's directory. -EINVAL with the sentence of the kubelet when the spec
     * can't be served. */
    int (*set_up)(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err);
    /* And backwards. 'is_forced': an earlier try didn't end in time. */
    void (*tear_down)(const char *target, bool is_forced, struct volume_plan *to);
};

extern const struct volume_plugin volume_csi, volume_nfs, volume_host_path, volume_local,
    volume_iscsi, volume_empty_dir, volume_config_map, volume_secret;
/* All of them; NULL-terminated. */
extern const struct volume_plugin *const volume_plugins[];

/* NULL when no row takes it. */
const struct volume_plugin *volume_plugin_of(const struct volume_spec *spec);
/* By "kubernetes.io/nfs" or by the form of directories, "kubernetes.io~nfs". */
const struct volume_plugin *volume_plugin_by_name(const char *name);
/* The PV's name, or the pod's name for the volume: what the pod's directory is called. */
const char *volume_spec_name(const struct volume_spec *spec);
/* Mounts must be read-only: the PV's source or the pod says so. */
bool volume_spec_is_read_only(const struct volume_spec *spec);
enum kube_volume_mode volume_spec_mode(const struct volume_spec *spec);

/*
 * Under this name nodes report a volume (status.volumesInUse) and controllers attach it:
 * "kubernetes.io/csi/DRIVER^HANDLE". A volume without device and attaching belongs to one pod, and
 * 'pod_uid' is in its name. -EINVAL when the spec has no plug-in.
 */
int volume_unique_name(const struct volume_spec *spec, const char *pod_uid, struct ol_buf *to)
    __attribute__((warn_unused_result));
