/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "volume/csi/csi-access.h"

/*
 * Decisions about VolumeAttachments (external-attacher, mid 2026; CSI spec,
 * ControllerPublishVolume). Pure. attached=false doesn't mean "not attached": whatever carries
 * our finalizer is unpublished before it goes, whether publishing ever succeeded or not.
 */
enum attacher_step {
    ATTACHER_NOTHING,
    ATTACHER_MARK,        /* no call needed: status.attached */
    ATTACHER_FAIL,        /* status.attachError or detachError, and again later */
    ATTACHER_HOLD_VOLUME, /* finalizer on the PersistentVolume */
    ATTACHER_HOLD,        /* finalizer and node id on the attachment */
    ATTACHER_PUBLISH,
    ATTACHER_UNPUBLISH,
    ATTACHER_LET_GO, /* nothing to call: only the finalizer is in the way */
};

struct attacher_view {
    const struct kube_va *va;
    const struct kube_pv *pv;           /* NULL = not there */
    const struct kube_csinode *csinode; /* of the attachment's node; or NULL */
    unsigned controller;                /* the driver's capabilities */
    bool is_forced;                     /* the driver's own list says otherwise than the status */
};

struct attacher_plan {
    const char *node_id;
    const char *handle;
    bool is_read_only;
    enum csi_access_mode mode;
};

/* For FAIL with the sentence in err. 'ret' is filled in for HOLD, PUBLISH and UNPUBLISH;
 * borrowed. */
enum attacher_step attacher_decide(const struct attacher_view *v, struct attacher_plan *ret,
                                   struct ol_err *err);
/* The volume is going, and no attachment ('va' is any) needs our finalizer any more. */
bool attacher_frees_volume(const struct kube_pv *pv, const char *driver, const struct kube_va *va);
/* "external-attacher/" and the driver's name in letters, digits and dashes. */
void attacher_finalizer(const char *driver, char out[320]);
/* The change may change what is to be done; statuses that we write do not. */
bool attacher_is_news(const struct kube_va *old, const struct kube_va *now);

/* --- patches --- */
/* {"status":{"attached":true,…}}. */
void attacher_write_attached(struct ol_buf *to, const struct kube_map *metadata);
void attacher_write_detached(struct ol_buf *to, const struct kube_va *va);
/* 'member' is "attachError" or "detachError"; code < 0: none. */
void attacher_write_error(struct ol_buf *to, const char *member, ol_time now, int code,
                          const char *message);
