/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/controller.h"
#include "kube/client/events.h"
#include "volume/attach/attach.h"
#include "volume/attach/spec.h"

struct attach_state_of {
    struct ol_loop *loop;
    struct kube_client *client;
    struct kube_informer *pods, *claims, *pvs, *nodes, *vas, *drivers;
    struct kube_index *pods_by_claim;
    struct kube_recorder *recorder;
    struct kube_controller *controller; /* keys: 'v' VOLUME, 'n' NODE */
    struct ol_timer populator;
    unsigned n_populated; /* rounds of the populator so far */
    struct attach_world *world;
    struct attach_call *calls;
    bool is_filled; /* the worlds were filled from the caches */
};

/* component-feed.c: what the caches say, into the world. */
extern const struct attach_view attach_component_view;
void attach_feed_open(struct attach_state_of *s, struct kube_informers *all);
void attach_feed_fill(struct attach_state_of *s);
/* The populator's round: pods that are gone, and now and then pods that were missed. */
void attach_feed_populate(struct attach_state_of *s);
/* component-act.c: what the world wants. */
void attach_act_volume(struct attach_state_of *s, const char *volume, struct kube_task *task);
void attach_act_node(struct attach_state_of *s, const char *node, struct kube_task *task);
void attach_act_stop(struct attach_state_of *s);
