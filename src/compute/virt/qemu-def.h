/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/val.h"
#include "compute/virt/virt.h"

/*
 * A machine as QEMU is told of it: what the caller defined, in memory of our own, with every choice
 * made (machine type, bus and place of each device). The same definition gives the same devices at
 * the same addresses: what a suspended machine resumes with. It is kept as machine.json in the
 * instance's directory. Pure.
 */
enum {
    QEMU_MAX_DEVICES = 24, /* on PCI: disks of bus virtio, and NICs */
    QEMU_MAX_DISKS = 64,
    QEMU_MAX_NICS = 16,
    QEMU_SPARE_PORTS = 8, /* for what comes while it runs, on q35 */
    QEMU_DEF_MAX = 1 << 18,
};

struct qemu_disk {
    struct virt_disk d; /* 'bus' is never NULL; 'path' is not NULL once it is ours */
    int unit;           /* on its bus, from 1: PCI port, SCSI id, IDE place */
};

struct qemu_nic {
    struct virt_nic n;
    int unit; /* PCI port */
};

struct qemu_def {
    struct ol_arena arena;
    struct virt_machine m; /* its 'disks' and 'nics' are not used */
    struct qemu_disk disks[QEMU_MAX_DISKS];
    size_t n_disks;
    struct qemu_nic nics[QEMU_MAX_NICS];
    size_t n_nics;
    int n_ports;         /* root ports on q35 */
    const char *boot_id; /* of the host when it was started last; NULL = never */
};

/* True for what can stand in a list of QEMU's options: letters, digits, '.', '_' and '-' within. */
bool qemu_is_word(const char *s);

/* A copy of it with all choices made. -EINVAL: too many devices, an unknown bus. */
int qemu_def_make(const struct virt_machine *m, const struct compute_config *c,
                  struct qemu_def **ret, struct ol_err *err) __attribute__((warn_unused_result));
void qemu_def_free(struct qemu_def *d);
/* Who starts a machine again does not say what its disks were made of: that stays, so that one that
 * was lost is made of the same, never blank. */
void qemu_def_inherit(struct qemu_def *d, struct qemu_def *before);

/* One more device with the first free place; *ret is in the definition. -EEXIST it is there (and
 * *ret is it), -ENOSPC no place. */
int qemu_def_add_disk(struct qemu_def *d, const struct virt_disk *disk, struct qemu_disk **ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
int qemu_def_add_nic(struct qemu_def *d, const struct virt_nic *nic, struct qemu_nic **ret,
                     struct ol_err *err) __attribute__((warn_unused_result));
/* NULL when there is none. */
struct qemu_disk *qemu_def_disk(struct qemu_def *d, const char *role);
struct qemu_nic *qemu_def_nic(struct qemu_def *d, const char *id);
void qemu_def_remove_disk(struct qemu_def *d, const struct qemu_disk *disk);
void qemu_def_remove_nic(struct qemu_def *d, const struct qemu_nic *nic);

/* machine.json. -EINVAL: it is none of ours. */
int qemu_def_dump(const struct qemu_def *d, struct ol_buf *to) __attribute__((warn_unused_result));
int qemu_def_load(const char *text, size_t size, struct qemu_def **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

bool qemu_def_is_q35(const struct qemu_def *d);
