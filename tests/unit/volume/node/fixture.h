/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/node/populate.h"
#include "volume/node/reconcile.h"

/* Objects by JSON, and the volumes of a node of which the test plays the machine. */
enum { FIXTURE_MAX = 64 };

struct fixture {
    const struct kube_object *objects[FIXTURE_MAX];
    size_t n;
    struct node_world world;
    struct node_action open[FIXTURE_MAX]; /* ordered and not answered */
    size_t n_open;
    ol_time now;
    ol_time next; /* what the last reconcile said */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Adds an object, or replaces the one of its kind and name. */
const struct kube_object *fixture_add(struct fixture *f, const struct kube_kind *kind,
                                      const char *json);
void fixture_delete(struct fixture *f, const struct kube_kind *kind, const char *name);
/* PV "pv-N" of driver "d.io" bound to claim "c-N"; 'more' is added to the spec (",…"). */
void fixture_claim(struct fixture *f, int n, const char *more);
/* Pod of this name and uid that mounts the volumes ("{…},{…}"), each named v-I. */
void fixture_pod(struct fixture *f, const char *name, const char *volumes);
void fixture_populate(struct fixture *f);
/* Populates, reconciles; the new actions as text: "mount device pv-1; set up pv-1 in p; ". Borrowed
 * until the next call. */
const char *fixture_step(struct fixture *f);
/* Answers the oldest open action of this volume. */
void fixture_answer(struct fixture *f, const char *volume, enum node_outcome outcome);
struct node_volume *fixture_volume(struct fixture *f, const char *spec_name);
/* All attachable volumes are reported, listed and attached. */
void fixture_attach_all(struct fixture *f);
/* Steps and answers OK until nothing is left to do; how many actions that took. */
int fixture_settle(struct fixture *f);
