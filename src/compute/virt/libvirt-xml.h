/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/virt/qemu-def.h"
#include "core/buf.h"
#include "core/strv.h"

/*
 * A machine as libvirt is told of it: the domain that nova's libvirt driver defines for the same
 * instance (nova 26.2 virt/libvirt/driver.py and config.py): the same devices, names and metadata.
 * Pure. All text is escaped; what may not stand in XML at all (control characters) becomes '?'.
 */
enum { LIBVIRT_XML_MAX = 1 << 20 };

struct libvirt_run {
    const char *type;       /* "kvm", "qemu" */
    const char *emulator;   /* NULL = libvirt's own */
    const char *cpu_mode;   /* [libvirt] cpu_mode; NULL or "" = host-model */
    const char *cpu_model;  /* of mode custom */
    const char *cache;      /* of disks: "none", … */
    const char *ovs_bridge; /* of NICs that name none */
    const char *product_version;
    const char *created; /* "2026-11-22 01:25:48"; NULL = nothing is said */
};

void libvirt_domain_xml(const struct qemu_def *d, const struct libvirt_run *run,
                        struct ol_buf *ret);
/* Of one device that comes later; 'target' is its name, "vdb". */
void libvirt_disk_xml(const struct virt_disk *disk, const char *target,
                      const struct libvirt_run *run, struct ol_buf *ret);
/* -EINVAL: its source is none, or takes a password (which would be a secret of libvirt's). */
int libvirt_check_disk(const struct virt_disk *disk, struct ol_err *err)
    __attribute__((warn_unused_result));
/* -EINVAL: it has 'forwards'. */
int libvirt_check_nic(const struct virt_nic *nic, struct ol_err *err)
    __attribute__((warn_unused_result));
void libvirt_nic_xml(const struct virt_nic *nic, const struct libvirt_run *run, struct ol_buf *ret);

/* The name of a disk's target: that of 'device' when it is free and fits the bus, else the first
 * free one. "vda", "sdb", "hda"; in the arena. */
const char *libvirt_target(struct ol_arena *a, const struct virt_disk *disk,
                           const struct ol_strv *taken);
/* "tap" and the first 11 characters of the port's id. */
const char *libvirt_tap(struct ol_arena *a, const struct virt_nic *nic);
/* The alias that libvirt keeps for a device of ours, "ua-ID"; NULL when the id can be none. */
const char *libvirt_alias(struct ol_arena *a, const char *id);
