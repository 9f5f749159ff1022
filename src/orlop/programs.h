/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/cli.h"

/*
 * The programs that src/bin makes of this directory: their tables, of which man pages and
 * completions are made, and their mains.
 */
extern const struct ol_program orlop_program, apiserver_program, controller_program, node_program;

/* The exit status: 0 after SIGTERM, 1 when it could not start, 64 for a wrong command line. */
int orlop_main(int argc, char **argv);
int apiserver_main(int argc, char **argv);
int controller_main(int argc, char **argv);
int node_main(int argc, char **argv);
