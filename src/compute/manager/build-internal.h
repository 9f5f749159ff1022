/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/manager/manager-internal.h"

/* A build under way: what its steps leave for those after them and for the way back. */
struct build {
    struct work *w;
    struct nova_object *mappings; /* BlockDeviceMappingList, read anew */
    struct ol_val *network_info;  /* VIFs; NULL = none yet */
    struct image_base base;
    bool has_base, is_claimed, has_networks, has_volumes, is_spawned;
};

/* How a build that failed ends. */
enum build_end {
    BUILD_ABORT,      /* error: trying elsewhere would not help */
    BUILD_RESCHEDULE, /* another host may do better */
    BUILD_GONE,       /* the instance was deleted meanwhile */
};
/* Pure: the end that goes with a failure, as nova sorts its exceptions. */
enum build_end build_end_of(const struct ol_err *why);

/* images.c: they fit the flavor and are on this host; kernel and ramdisk of a direct boot are in
 * the instance's directory. */
int build_fetch_images(struct build *b, struct ol_err *err) __attribute__((warn_unused_result));
/* Ports and their rows away again; what fails is logged. */
void build_drop_networks(struct work *w);
/* The steps up to the machine's start; each saves the progress that it made. */
int build_steps(struct build *b, struct ol_err *err) __attribute__((warn_unused_result));
/* Machine, volumes and, unless they can be used elsewhere, ports: all of it away again. */
void build_undo(struct build *b, enum build_end end);
