/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/cli.h"

/* The program orlop-volume-controller: the components named by --controllers on any Kubernetes API. */
extern const struct ol_program controller_program;
int controller_main(int argc, char **argv);
