/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/spawn.h"
#include "guest/base/guest.h"

/*
 * Children that run beside the modules, like the making of host keys: started early, awaited
 * before the stage ends (so before the units that are ordered after it).
 */
struct guest_job {
    const char *name; /* for messages: "ssh-keygen ed25519" */
    /* Called once with the finished child's result; logs or records what went wrong. */
    void (*done)(struct guest *g, void *ctx, int ret, const struct ol_spawn_result *result);
    void *ctx; /* in g->arena */
};

/* Starts it; 'spawn' is copied as needed. */
int guest_job_start(struct guest *g, const struct guest_job *job, const struct ol_spawn *spawn,
                    struct ol_err *err) __attribute__((warn_unused_result));
/* Waits for every job, in the order of their start. */
void guest_jobs_await(struct guest *g);
