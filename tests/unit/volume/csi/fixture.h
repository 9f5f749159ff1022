/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fake-api.h"
#include "fake-driver.h"
#include "kube/client/component.h"

/* The components on an API and a driver in memory. */
struct csi_fixture {
    struct fake_api *api;
    struct fake_driver driver;
    struct csi_options options;
    struct kube_context k;
    void *states[4];
    bool is_running;
    int n_stopped;
};

int csi_fixture_setup(void **state);
int csi_fixture_teardown(void **state);
/* The program, from nothing but API and driver. */
void csi_fixture_start(struct csi_fixture *f);
/* Everything that it knew is gone, what it had sent is not. */
void csi_fixture_stop(struct csi_fixture *f);

/* default/data of class "fast", 1 GiB, to be made by csi.example.com. */
void csi_fixture_claim(struct csi_fixture *f);
void csi_fixture_class(struct csi_fixture *f, const char *members);
/* Members of a claim's finalizers as JSON text; "" when there is no claim. */
const char *csi_fixture_finalizers(struct csi_fixture *f, const struct kube_kind *kind,
                                   const char *key);
