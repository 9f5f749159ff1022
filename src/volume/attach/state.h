/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Life of one volume on one node, as the attach/detach controller sees it. A table without I/O:
 * docs/design/attach.md shows it, and a test compares the two.
 */
#define ATTACH_STATES(X)                                                                           \
    X(DETACHED)    /* nothing is there as far as we know */                                        \
    X(ATTACHING)   /* the VolumeAttachment is written, or is there and says nothing yet */         \
    X(ATTACH_WAIT) /* that failed, but may have happened all the same; tried again later */        \
    X(ATTACHED)    /* confirmed */                                                                 \
    X(UNCERTAIN)   /* found when we started, not confirmed */                                      \
    X(WITHDRAWING) /* the node's status is written without it */                                   \
    X(DETACHING)   /* the VolumeAttachment is deleted, but not gone yet */                         \
    X(DETACH_WAIT) /* that failed; the node is told that it is attached; tried again later */

#define ATTACH_EVENTS(X)                                                                           \
    X(WANTED)    /* a pod on the node wants it, and nothing is in the way */                       \
    X(UNWANTED)  /* no pod does, and it may be taken away */                                       \
    X(CONFIRMED) /* the VolumeAttachment says attached */                                          \
    X(FAILED)    /* it has an error, took too long, or could not be written */                     \
    X(WITHDRAWN) /* the node's status was written */                                               \
    X(REFUSED)   /* it could not be, or the node uses the volume */                                \
    X(GONE)      /* the VolumeAttachment is gone */

#define X(n) ATTACH_##n,
enum attach_state { ATTACH_STATES(X) ATTACH_N_STATES };
#undef X
#define X(n) ATTACH_EV_##n,
enum attach_event { ATTACH_EVENTS(X) ATTACH_N_EVENTS };
#undef X

/* What the caller has to do after a step. */
enum attach_do {
    ATTACH_DO_NOTHING,
    ATTACH_DO_CREATE,   /* make the VolumeAttachment, or look at the one that is there */
    ATTACH_DO_REPORT,   /* the node's status names the volume */
    ATTACH_DO_LATER,    /* again after the backoff */
    ATTACH_DO_WITHDRAW, /* the node's status no longer names it */
    ATTACH_DO_DELETE,   /* delete the VolumeAttachment */
    ATTACH_DO_RESTORE,  /* REPORT and LATER */
    ATTACH_DO_LOST,     /* no longer named, without waiting for it; again after the backoff */
    ATTACH_N_DOS,
};

struct attach_rule {
    enum attach_state next;
    enum attach_do what;
    bool is_edge; /* false: an event that comes too late, nothing changes */
};
/* The one way from state to state. */
struct attach_rule attach_rule_of(enum attach_state s, enum attach_event e);
const char *attach_state_name(enum attach_state s);
const char *attach_event_name(enum attach_event e);
const char *attach_do_name(enum attach_do d);
/* Something is under way; no other node may begin with a volume of one node meanwhile. */
bool attach_is_busy(enum attach_state s);
