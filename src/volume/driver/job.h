/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The blocking half of the driver: what it does outside runs in a process of its own (net/job.h),
 * one per request. There it reads the record, does one thing after the other, and writes the
 * record.
 *
 *     argv:    driver VERB STATE-DIR ID KILL-AT ARGUMENT …
 *     stdin:   what the verb takes beside its arguments, secret or long
 *     stdout:  "changes N", then a number per line: results
 *     stderr:  the sentence of an error
 *     status:  0, or DRIVER_STATUS + the gRPC code
 */
#define DRIVER_JOB "driver"
enum { DRIVER_STATUS = 64 };

/* For the table of ol_job_main(). */
int driver_job(int argc, char **argv);
