/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/node/world.h"

/*
 * The volume manager's decisions, in virtual time: what has to be done now so that what is there
 * becomes what is wanted. Order per volume as in the kubelet's reconciler: tear down what is not
 * wanted, wait for the attachment, mount the device, set up each pod, grow; and when no pod is
 * left, unmount the device. One action at a time for a volume, any number beside each other.
 *
 * Nothing is torn down until every pod of the API has been looked at (node_world.may_tear_down).
 */
enum node_verb {
    NODE_ATTACH, /* by the node itself */
    NODE_DETACH,
    NODE_MOUNT_DEVICE,
    NODE_SET_UP,
    NODE_EXPAND,
    NODE_TEAR_DOWN,
    NODE_UNMOUNT_DEVICE,
    NODE_COMPLAIN, /* a pod waits too long: nothing to answer */
};

struct node_action {
    enum node_verb verb;
    struct node_volume *volume; /* borrowed: it stays until the answer */
    struct node_mount *mount;   /* for SET_UP and TEAR_DOWN; the first one wanted for the others */
    struct node_pod *pod;       /* for COMPLAIN */
};
struct node_actions {
    struct node_action *v; /* heap; free() it */
    size_t n;
};

enum node_outcome {
    NODE_OK,
    NODE_NO,     /* it failed, and nothing has happened */
    NODE_PERHAPS /* it failed, and something may have happened */
};

/* Decides and marks what it decided as under way. Returns when to look again at the latest though
 * nothing has changed: a time, or -1. */
ol_time node_reconcile(struct node_world *w, ol_time now, struct node_actions *ret);
/* The answer to an action; then reconcile again. Volume and mount may be gone afterwards. */
void node_answer(struct node_world *w, const struct node_action *a, enum node_outcome outcome,
                 ol_time now);
/* A driver has come: what failed for want of it is due at once. */
void node_hurry(struct node_world *w, const char *driver);
const char *node_verb_name(enum node_verb v);
