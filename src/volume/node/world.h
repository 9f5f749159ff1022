/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/clock.h"
#include "core/strv.h"
#include "core/table.h"
#include "kube/base/kind.h"
#include "volume/node/life.h"
#include "volume/plugin/plugin.h"

/*
 * The volumes of a node: which are wanted (by pods of the API, the desired world) and which are
 * there (by what was done and answered, and by what a restart found on disk, the actual world), in
 * one structure. No I/O and no clock. Changed by the functions here and in reconcile.h alone.
 */

/* When something that failed is tried again: 500 ms, doubled up to 2 min 2 s (kubelet). */
struct node_retry {
    unsigned failures;
    ol_time at;
};

struct node_volume {
    const char *name; /* unique name; first, for the table */
    const struct volume_plugin *plugin;
    char *spec_name;          /* the PV's name, or the pod's for it: what paths are made of */
    char *driver, *handle;    /* of CSI; else NULL */
    const struct kube_pv *pv; /* a reference; NULL: in the pod's own words, or only found on disk */
    bool is_block, is_inline;
    bool has_device;            /* one mount per node (staging), then one per pod */
    bool is_attachable;         /* a controller, or this node itself, attaches it first */
    bool is_reported;           /* the API's node.status.volumesInUse has it */
    bool is_listed;             /* the API's node.status.volumesAttached has it */
    bool is_attached;           /* CSI: its VolumeAttachment says so */
    bool want_expansion;        /* the claim waits for this node to grow the file system */
    bool has_refused_expansion; /* while it was mounted */
    bool is_busy;               /* an action is under way: one at a time for a volume */
    enum node_life device, attachment;
    struct node_retry retry;
    struct node_mount **mounts;
    size_t n_mounts;
};

struct node_mount { /* a volume in a pod */
    struct node_volume *volume;
    char *pod_uid;
    char *outer;                /* the pod's name for the volume; NULL when only found on disk */
    const struct kube_pod *pod; /* a reference; NULL when only found on disk */
    bool is_wanted, is_marked;  /* marked: own */
    bool is_read_only;
    bool is_forced; /* a teardown did not end in time: the next one uses force */
    enum node_life life;
    ol_time redo_every, redo_at; /* 0 = once is enough */
    struct node_retry retry;
};

/* A pod whose volumes are wanted. */
struct node_pod {
    const char *uid;            /* first, for the table */
    const struct kube_pod *pod; /* a reference */
    bool is_marked;             /* own */
    ol_time complain_at;
    struct ol_strv wanted;   /* the pod's names of the volumes that it mounts */
    struct ol_strv failed;   /* of them those that can't be mounted as things stand … */
    struct ol_strv problems; /* … and why */
};

struct node_world {
    bool is_populated;          /* every pod of the API has been looked at once */
    bool may_tear_down;         /* … and what runs on this machine is known, too */
    const struct ol_strv *held; /* uids of pods whose containers may run: nothing of theirs goes */
    bool attaches_itself;       /* --enable-controller-attach-detach=false */
    struct node_volume **volumes; /* in the order of their coming */
    size_t n_volumes;
    struct ol_table by_name, pods; /* node_volume, node_pod */
};

void node_world_init(struct node_world *w);
void node_world_done(struct node_world *w);

/* --- what is wanted: between begin and end every pod and volume is told anew --- */
struct node_want {
    const char *name; /* unique name */
    struct volume_spec spec;
    const struct kube_pod *pod;
    const char *outer;
    bool is_attachable;
    ol_time redo_every;
};
void node_want_begin(struct node_world *w);
struct node_pod *node_want_pod(struct node_world *w, const struct kube_pod *pod, ol_time now);
struct node_mount *node_want_volume(struct node_world *w, const struct node_want *want);
/* It can't be mounted as things stand; 'problem' as the kubelet words it. What the pod has mounted
 * already it keeps: a claim that is being deleted goes on serving those who have it. */
void node_want_failed(struct node_world *w, struct node_pod *p, const char *outer,
                      const char *problem);
/* What was not told is not wanted any more. */
void node_want_end(struct node_world *w);

/* --- what is there --- */
/* Found on disk after a restart. */
struct node_found {
    const char *name; /* unique name */
    const struct volume_plugin *plugin;
    const char *spec_name, *driver, *handle; /* of other plug-ins with devices: its directory */
    const char *pod_uid;                     /* NULL: a device alone */
    bool is_block, is_inline, has_device, is_device_there;
};
void node_world_found(struct node_world *w, const struct node_found *f);

struct node_volume *node_volume_find(const struct node_world *w, const char *name);
struct node_mount *node_mount_find(const struct node_volume *v, const char *pod_uid);
/* Removes a volume of which nothing is wanted and nothing is left. */
void node_volume_forget(struct node_world *w, struct node_volume *v);
void node_mount_forget(struct node_mount *m);
/* Wanted or still there, as a device or in a pod. */
bool node_volume_is_held(const struct node_volume *v);
/* For node.status.volumesInUse: attachable, and wanted or still there. */
bool node_volume_is_in_use(const struct node_volume *v);
/* The spec as far as it is known. */
struct volume_spec node_mount_spec(const struct node_mount *m);

/* --- questions about a pod --- */
/* Everything that it mounts is there. */
bool node_pod_is_ready(const struct node_world *w, const struct node_pod *p);
/* Nothing of it is left, nor under way. */
bool node_pod_is_gone(const struct node_world *w, const char *uid);
/* "unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: …" */
void node_pod_complaint(const struct node_world *w, const struct node_pod *p, struct ol_buf *to);
