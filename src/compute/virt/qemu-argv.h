/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/virt/qemu-def.h"

/*
 * The command line of a machine, and of its devices the JSON that QMP takes. Pure: all that is open
 * comes as descriptors of fixed numbers, secrets too, so nothing in it is one and QEMU opens no
 * more than its disks. Its working directory is the instance's.
 */
enum qemu_fd {
    QEMU_FD_LOCK = 3, /* held for as long as it lives */
    QEMU_FD_MONITOR,  /* listening sockets */
    QEMU_FD_CONSOLE,
    QEMU_FD_LOG,    /* console.log, to append */
    QEMU_FD_STATUS, /* status.log, to append; when has_status_port */
    QEMU_FD_STATE,  /* a suspended machine's memory, to resume from */
    QEMU_FD_PID,
    QEMU_FD_TAP, /* the n-th NIC that is no 'user' has QEMU_FD_TAP + n; secrets of disks follow */
};

/* How a machine is run; what is no part of it. */
struct qemu_run {
    const char *binary;
    const char *accelerator; /* "kvm", "tcg" */
    const char *cpu_model;   /* the option's; NULL or "" = by accelerator */
    const char *cache;       /* a row of qemu_caches by name */
    const char *product_version;
    bool is_resuming;
};

/* Cache modes as [libvirt] disk_cachemodes names them; NULL when there is none. */
struct qemu_cache {
    const char *name;
    bool is_direct, is_unsafe, has_write_cache;
};
const struct qemu_cache *qemu_cache_find(const char *name);

void qemu_argv(const struct qemu_def *d, const struct qemu_run *run, struct ol_strv *argv);

/* "vd1", "sd1", "hd1": the id of a disk's device; its node has "node-" before. */
const char *qemu_disk_id(struct ol_arena *a, const struct qemu_disk *disk);
const char *qemu_nic_id(struct ol_arena *a, const struct qemu_nic *nic);
/* Arguments of blockdev-add, and of -blockdev. */
struct ol_val *qemu_blockdev(struct ol_arena *a, const struct qemu_def *d,
                             const struct qemu_disk *disk, const struct qemu_run *run);
/* --- qemu-source.c: what a disk is read from --- */
/* True of a path that is a server's, not the host's. */
bool qemu_is_remote(const char *path);
/* Its parts; false when it is none, or no good one. Texts with a length are not terminated. */
struct qemu_remote {
    const char *host, *path;     /* of nfs */
    const char *portal, *target; /* of iscsi: "ADDRESS:PORT", its name */
    int host_len, portal_len, target_len;
    int64_t lun;
};
bool qemu_source_split(const char *path, struct qemu_remote *ret);
/* -EINVAL: a URL that cannot be taken apart. */
int qemu_source_check(const struct virt_disk *d, struct ol_err *err);
/* The protocol node below a disk's format; 'cache' is that of local files. */
struct ol_val *qemu_source(struct ol_arena *a, const struct qemu_def *d,
                           const struct virt_disk *disk, struct ol_val *cache);
/* "secret-vd1"; NULL for a disk that has none. The object that a disk's node names. */
const char *qemu_secret_id(struct ol_arena *a, const struct qemu_disk *disk);

/* Arguments of device_add, and of -device. */
struct ol_val *qemu_disk_device(struct ol_arena *a, const struct qemu_def *d,
                                const struct qemu_disk *disk, const struct qemu_run *run);
struct ol_val *qemu_nic_device(struct ol_arena *a, const struct qemu_def *d,
                               const struct qemu_nic *nic);
/* Arguments of netdev_add, and of -netdev; 'fd' is a number, or a name given by getfd. */
struct ol_val *qemu_netdev(struct ol_arena *a, const struct qemu_nic *nic, const char *fd);
/* True of a NIC that gets a descriptor. */
bool qemu_nic_has_tap(const struct qemu_nic *nic);
