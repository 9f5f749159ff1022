/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The life of what can be on a machine and has to be asked for: a device that is mounted once
 * (NodeStageVolume), a pod's mount of it (NodePublishVolume), and its attachment where the node
 * attaches itself. All three have the same states and edges; only what is done differs.
 *
 * UNSURE is what makes it safe: an answer that did not come, or that says "perhaps", leaves
 * something that may be there. It is undone before it is forgotten, and asked for again before it
 * is used.
 */
#define NODE_LIVES(X)                                                                              \
    X(ABSENT)                                                                                      \
    X(BRINGING) /* asked for; no answer yet */                                                     \
    X(THERE)                                                                                       \
    X(UNSURE)    /* it may be there */                                                             \
    X(KEPT)      /* found after a restart: it may be there, and in use */                          \
    X(REDOING)   /* it is there and asked for once more: new data, republish */                    \
    X(RECALLING) /* what was kept is asked for again */                                            \
    X(REMOVING)  /* asked away; no answer yet */

#define NODE_EVENTS(X)                                                                             \
    X(BRING)                                                                                       \
    X(REMOVE)                                                                                      \
    X(DONE)   /* the answer: yes */                                                                \
    X(FAILED) /* the answer: no, and nothing has happened */                                       \
    X(MAYBE)  /* no answer, or one that leaves it open */                                          \
    X(FOUND)  /* on disk after a restart */

#define X(n) NODE_##n,
enum node_life { NODE_LIVES(X) NODE_N_LIVES };
#undef X
#define X(n) NODE_EV_##n,
enum node_event { NODE_EVENTS(X) NODE_N_EVENTS };
#undef X

/* Moves *life along its edge. False: there is none; nothing has changed. What was found is
 * recalled: a "no" is not believed then, since it may be there from before
 * (operation_generator.go, IsVolumeDeviceReconstructed). */
bool node_life_step(enum node_life *life, enum node_event event);
const char *node_life_name(enum node_life l);
const char *node_event_name(enum node_event e);
/* An answer is awaited. */
bool node_life_is_moving(enum node_life l);
/* It has to be removed before it can be forgotten. */
bool node_life_is_owed(enum node_life l);
