/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/cli.h"

/* The program orlop-csi-local: its options, and what they start. */
extern const struct ol_program driver_program;

/* The exit status: 0 after SIGTERM, 1 when it could not start, 64 for a wrong command line. */
int driver_main(int argc, char **argv) __attribute__((warn_unused_result));
