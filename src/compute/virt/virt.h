/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compute/config/config.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/env.h"
#include "core/err.h"
#include "core/strv.h"

/*
 * The contract of virt drivers, chosen by compute_driver. A driver knows machines, not nova: what
 * it is told is plain. Every call blocks, may come from any thread, and never twice at once for one
 * machine. Each is idempotent: done already is success, so that it can be repeated after a crash.
 */
enum virt_power { /* nova.compute.power_state */
                  VIRT_NOSTATE = 0,
                  VIRT_RUNNING = 1,
                  VIRT_PAUSED = 3,
                  VIRT_SHUTDOWN = 4,
                  VIRT_CRASHED = 6,
                  VIRT_SUSPENDED = 7,
};

enum virt_disk_format { VIRT_RAW, VIRT_QCOW2 };

struct virt_disk {
    /* File or block device, or what QEMU opens by itself: "nfs://SERVER/PATH/FILE",
     * "iscsi://ADDRESS:PORT/IQN/LUN". NULL for what the driver makes. */
    const char *path;
    const char *base; /* backing or source file to make it of; NULL = none */
    bool is_base_qcow2;
    enum virt_disk_format format;
    int64_t size;       /* bytes; of what the driver makes */
    const char *bus;    /* "virtio", "scsi", "ide", "sata"; NULL = the machine's own */
    const char *device; /* "/dev/vda" */
    const char *serial; /* volume id; NULL = none */
    const char *role;   /* "disk" root, "disk.eph0", "disk.swap", "disk.config", or a volume id */
    const char *initiator;       /* iscsi: our name; NULL = none */
    const char *user, *password; /* iscsi: CHAP; the password is a secret and never written down */
    bool is_cdrom, is_read_only;
    bool is_ours;   /* the driver makes it below the instance's directory and removes it */
    int boot_index; /* -1 = not bootable */
};

struct virt_nic {
    const char *id; /* port id, or our own name */
    const char *mac;
    const char *model;    /* "virtio"; NULL = virtio */
    const char *kind;     /* "user" (QEMU's own network), "bridge", "ovs", "tap" */
    const char *bridge;   /* of kind bridge or ovs */
    const char *tap;      /* device name; NULL = made by the driver */
    int mtu;              /* 0 = as it is */
    const char *forwards; /* kind user: "tcp:127.0.0.1:2222:22,…"; NULL = none */
};

struct virt_machine {
    const char *uuid, *name; /* name: instance_name_template, "instance-00000002" */
    const char *directory;   /* INSTANCES/UUID */
    int64_t memory_mb;
    int vcpus;
    const char *machine_type;              /* "q35", "pc"; NULL = the option's */
    const char *cpu_model;                 /* NULL = the option's */
    const char *kernel, *initrd, *cmdline; /* direct boot; NULL = from the disks */
    const struct virt_disk *disks;
    size_t n_disks;
    const struct virt_nic *nics;
    size_t n_nics;
    bool is_held;         /* spawn() leaves it paused: unpause() lets it go */
    bool has_status_port; /* virtio-serial port org.orlop.status */
};

struct virt_info {
    enum virt_power power;
    int64_t memory_kb, max_memory_kb;
    int vcpus;
    ol_time cpu_time;
};

struct virt_resources {
    int vcpus, vcpus_used;
    int64_t memory_mb, memory_mb_used;
    int64_t local_gb, local_gb_used, disk_available_least;
    const char *hypervisor_type; /* "QEMU" */
    int hypervisor_version;      /* 7002000 */
    const char *hypervisor_hostname;
    const char *cpu_info;    /* JSON */
    struct ol_strv hv_specs; /* "x86_64/qemu/hvm" */
    struct ol_strv traits;   /* COMPUTE_… and HW_CPU_… */
};

enum virt_event_kind {
    VIRT_EVENT_STARTED,
    VIRT_EVENT_STOPPED,
    VIRT_EVENT_PAUSED,
    VIRT_EVENT_RESUMED,
    VIRT_EVENT_SUSPENDED,
    VIRT_EVENT_CRASHED
};
struct virt_event {
    enum virt_event_kind kind;
    const char *uuid;
};

struct virt; /* an open driver */
struct privileged;

struct virt_options {
    struct ol_env *env;
    const struct compute_config *config;
    /* A machine changed by itself. In any thread; must not block. */
    void (*event)(void *ctx, const struct virt_event *e);
    void *ctx;
    /* Who does what needs root (compute/base/privileged.h); NULL = we do. Outlives the driver. */
    struct privileged *privileged;
};

/* What is known of a driver without asking it. */
enum virt_trait {
    VIRT_HAS_NO_DISKS = 1 << 0, /* machines in name only: neither image nor config drive is made */
};

struct virt_driver {
    const char *name;           /* "qemu" */
    bool has_wires;             /* neutron's agents wire its NICs, and tell when they have */
    unsigned traits;            /* enum virt_trait */
    const char *prefix;         /* of disks whose bus nobody named: "vd"; NULL = that */
    const char *const *aliases; /* values of compute_driver: "qemu.QemuDriver" */

    /* Starts the driver: finds machines that run already. NOVA_HYPERVISOR_UNAVAILABLE. */
    int (*open)(const struct virt_options *o, struct virt **ret, struct ol_err *err);
    void (*close)(struct virt *v); /* machines go on */

    int (*resources)(struct virt *v, struct ol_arena *a, struct virt_resources *ret,
                     struct ol_err *err);
    /* Seconds up, load averages as uptime(1) prints them, in one line. NOVA_NOT_IMPLEMENTED. */
    int (*uptime)(struct virt *v, struct ol_arena *a, const char **ret, struct ol_err *err);
    int (*list)(struct virt *v, struct ol_strv *ret_uuids, struct ol_err *err);
    /* NOVA_INSTANCE_NOT_FOUND */
    int (*info)(struct virt *v, const char *uuid, struct virt_info *ret, struct ol_err *err);

    /* Makes its disks and starts it. What it made is left when it fails: destroy() follows. */
    int (*spawn)(struct virt *v, const struct virt_machine *m, struct ol_err *err);
    /* Off at once and forgotten; with 'disks' its directory goes too. Missing is success. */
    int (*destroy)(struct virt *v, const char *uuid, const char *directory, bool disks,
                   struct ol_err *err);
    /* Asks the guest by ACPI, again each 'retry'; hard after 'timeout' (0 = at once). */
    int (*power_off)(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                     struct ol_err *err);
    /* From its definition as given; what is there of its disks is kept. */
    int (*power_on)(struct virt *v, const struct virt_machine *m, struct ol_err *err);
    /* soft: by the guest, -ETIME when it doesn't follow (hard comes next); hard: off and on
     * anew. */
    int (*reboot)(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err);
    int (*pause)(struct virt *v, const char *uuid, struct ol_err *err);
    int (*unpause)(struct virt *v, const char *uuid, struct ol_err *err);
    /* To disk and off: VIRT_SHUTDOWN, as libvirt says it; resume starts from there. */
    int (*suspend)(struct virt *v, const struct virt_machine *m, struct ol_err *err);
    int (*resume)(struct virt *v, const struct virt_machine *m, struct ol_err *err);
    /* The last 'max' bytes of the console's log. */
    int (*console)(struct virt *v, const char *uuid, const char *directory, size_t max,
                   struct ol_buf *ret, struct ol_err *err);
    /* While it runs or in its definition only. NOVA_DISK_NOT_FOUND for a detach of what is not
     * there. */
    int (*attach_disk)(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                       struct ol_err *err);
    int (*detach_disk)(struct virt *v, const struct virt_machine *m, const char *role,
                       struct ol_err *err);
    int (*attach_nic)(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                      struct ol_err *err);
    int (*detach_nic)(struct virt *v, const struct virt_machine *m, const char *id,
                      struct ol_err *err);
};

extern const struct virt_driver *const virt_drivers[]; /* NULL-terminated */
/* By compute_driver; NULL when there is none. */
const struct virt_driver *virt_driver_find(const char *compute_driver);
