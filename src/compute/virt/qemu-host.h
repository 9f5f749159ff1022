/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "compute/virt/qemu-def.h"
#include "compute/virt/virt-internal.h"

/*
 * The host as whoever runs QEMU on it sees it: us (qemu-*.c) or libvirt (libvirt-*.c). What takes
 * time is asked when it is first needed, and kept.
 */
#define QEMU_PRODUCT_VERSION "26.2.2" /* of nova, as DMI says it */

enum { QEMU_MAX_GROUPS = 32 };

struct qemu_host {
    struct ol_env *env;
    const struct compute_config *config;
    char *binary;      /* path */
    bool keeps_owners; /* QEMU runs as another one that is not ours to choose */
    bool has_user;     /* QEMU runs as this one, not as we do */
    uid_t uid;
    gid_t gid, groups[QEMU_MAX_GROUPS];
    int n_groups;
    char *boot_id;
    const char *cache; /* for files of ours */
    pthread_mutex_t lock;
    const char *accelerator; /* NULL = not asked yet; under 'lock' */
    int version;             /* 7002022; 0 = not asked yet; under 'lock' */
};

/* --- qemu-host.c --- */
/* Bits of qemu_host_init(): libvirt has a user of its own, and owns what it gives to QEMU. */
enum { QEMU_HOST_KEEPS_OWNERS = 1 << 0 };
int qemu_host_init(struct qemu_host *h, const struct virt_options *o, unsigned flags,
                   struct ol_err *err);
/* Also after a failed init, when 'h' was zeroed before. */
void qemu_host_done(struct qemu_host *h);
/* QEMU's version, 7002022; 0 when it does not say. */
int qemu_host_version(struct qemu_host *h);
/* All but what machines use: vcpus_used, the version and the host's name are the caller's. */
void qemu_host_resources(struct qemu_host *h, struct ol_arena *a, struct virt_resources *ret);
int qemu_uptime(struct virt *v, struct ol_arena *a, const char **ret, struct ol_err *err);
/* Bytes that a file of ours may still grow by. */
int64_t qemu_overcommitted(struct ol_env *env, const char *path, int64_t size);
/* Runs a tool that has to end with 0 in so many seconds. */
int qemu_tool(struct ol_env *env, const char *const *argv, int seconds, struct ol_err *err);

/* --- qemu-accel.c --- */
/* "kvm" or "tcg": as the option says, "auto" by trial, once per boot of the host. */
const char *qemu_accelerator(struct qemu_host *h);

/* --- qemu-disk.c --- */
/* Makes what is missing of the disks that are ours. */
int qemu_make_disks(struct qemu_host *h, const struct qemu_def *def, struct ol_err *err);
/* QEMU's user may open it. */
int qemu_give_file(struct qemu_host *h, const char *path, struct ol_err *err);

/* --- qemu-net.c --- */
/* The bridge of a NIC that is on one, made as os-vif makes it when we may; other NICs need none.
 * VirtualInterfacePlugException. */
int qemu_need_bridge(struct virt *v, const struct virt_nic *nic, struct ol_err *err);

/* --- qemu-log.c --- */
/* The last bytes of console.log, and of what it was before. */
int qemu_console(struct virt *v, const char *uuid, const char *directory, size_t max,
                 struct ol_buf *ret, struct ol_err *err);
