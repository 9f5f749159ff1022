/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "volume/plugin/plan.h"

/*
 * Does a plan's steps in order and stops at the first that fails. Blocks, perhaps for ever: for a
 * job (net/job.h) of our own binary.
 */
int volume_plan_run(struct ol_env *env, struct ol_buf *wire, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The function of the job "volume": the plan comes on standard input; the sentence of an
 * error goes to stderr, with exit status 1. For the table of ol_job_main(). */
int volume_job(int argc, char **argv);
#define VOLUME_JOB "volume"
