/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* orlop-compute, also installed as nova-compute. The exit status: 0 after SIGTERM; 1 when it could
 * not start, after SIGINT, or when it left with work under way; 2 for a wrong command line or
 * configuration. */
int compute_main(int argc, char **argv);
