/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

/*
 * A CSI driver for the disks of this node: a volume is an image file with a file system on a loop
 * device, or a raw block device, or just a directory. It runs beside any Kubernetes (or other CO):
 * one per node, controller and node service in one process.
 *
 * The process itself validates, keeps the table of volumes and answers. Whatever touches disks runs
 * in a job with a deadline (job.h); a second call for a volume that is being worked on is ABORTED.
 */
struct driver_config {
    const char *name;         /* "local.orlop.dev" */
    const char *endpoint;     /* "unix:///run/csi.sock" */
    const char *node_id;      /* "node-1" */
    const char *state_dir;    /* absolute; records and data */
    const char *topology_key; /* "topology.local.orlop.dev/node" */
    int64_t capacity;         /* bytes for all volumes; 0 = what the file system has */
    int64_t max_volumes;      /* per node; 0 = no limit is told */
    bool has_attach;          /* ControllerPublishVolume is needed before a volume is staged */
};

struct driver;

/* Makes the state directory, reads the records and listens. 'config' is borrowed. */
int driver_start(struct ol_loop *loop, const struct driver_config *config, struct driver **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));
/* Stops listening at once; jobs that run are waited for, then 'stopped' (may be NULL) is called. */
void driver_stop(struct driver *d, void (*stopped)(void *ctx), void *ctx);
