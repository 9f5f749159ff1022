/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/*
 * Makes objects, so many requests at a time, and says how long it took. The program ends when a
 * request fails: a figure of a broken run is none.
 */
struct load;

enum load_what {
    LOAD_PAIRS,   /* a volume and a claim that fit each other: two objects per number */
    LOAD_VOLUMES, /* the volumes of those pairs alone */
    LOAD_CLAIMS,
    LOAD_SMALL, /* config maps of some 100 bytes */
};

struct load_options {
    enum load_what what;
    unsigned n, window;
    void (*done)(void *ctx, ol_time took); /* the load is gone then */
    void *ctx;
};
void load_start(struct kube_client *client, const struct load_options *options);
