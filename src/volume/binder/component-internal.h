/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/controller.h"
#include "kube/client/events.h"
#include "volume/binder/binder.h"
#include "volume/binder/engine.h"
#include "volume/binder/in-tree.h"

struct binder_component_state {
    struct binder_component_options options;
    struct ol_loop *loop;
    struct kube_client *client;
    struct kube_informer *pvs, *claims, *classes, *pods, *nodes;
    struct kube_index *pods_by_claim;
    struct kube_recorder *recorder;
    struct kube_controller *controller;
    struct binder_engine *engine;
    struct binder_in_tree *in_tree; /* when the options name no plug-ins */
    struct ol_timer timer;
    ol_time wake_at; /* 0 = not armed */
};

extern const struct binder_view binder_component_view;
extern const struct binder_ports binder_component_ports;

/* Puts the result of an own write into a cache. 1: stored; 0: the cache is ahead; -EINVAL: a
 * resource version is no number, so the watch has to bring the object. */
int binder_cache_store(struct kube_informer *i, const struct kube_object *o, struct ol_err *err);
