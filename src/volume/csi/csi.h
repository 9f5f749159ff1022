/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/strv.h"
#include "kube/client/component.h"
#include "net/job.h"

/*
 * What the sidecars external-provisioner, external-attacher and external-resizer do, in one process
 * for any number of CSI drivers, and a provisioner of NFS subdirectories. See
 * docs/design/provisioning.md.
 *
 *     drivers = csi_drivers_new(loop, &options);
 *     options.drivers = drivers;
 *     … the components, each with &options …
 *     csi_drivers_free(drivers), when they have stopped
 */
struct csi_drivers;

struct csi_options {
    struct csi_drivers *drivers; /* shared by the components; required */

    struct ol_strv sockets; /* --csi-socket PATH, each a driver */
    struct ol_strv
        directories;    /* --csi-socket-dir PATH: PATH/x.sock and PATH/x/csi.sock, as they come */
    struct ol_strv nfs; /* --nfs-provisioner NAME=SERVER:/PATH[,local=DIR] */

    const char *identity;           /* of this process in volumes' attributes; NULL = "orlop" */
    const char *volume_name_prefix; /* NULL = "pvc" */
    const char *default_fs_type;    /* NULL = "" */
    const char *capacity_namespace; /* of CSIStorageCapacity objects; NULL = "kube-system" */
    ol_time timeout;                /* of CreateVolume and such; 0 = 15 s */
    ol_time capacity_period;        /* 0 = 1 min */
    unsigned n_workers;             /* claims in hand at once; 0 = 100 */
    bool is_strict_topology;
    bool no_immediate_topology; /* --immediate-topology=false */
    bool want_create_metadata;  /* --extra-create-metadata */
};

extern const struct kube_component csi_provisioner_component, csi_attacher_component,
    csi_resizer_component, csi_modifier_component;

/* What this directory does in jobs: rows for the program's table of ol_job_main(). */
extern const struct ol_job_function nfs_directory_job;
