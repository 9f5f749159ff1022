/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Prints one line "VOLUMES MICROSECONDS" per size: CPU time of one search for the best match
 * without a selector. */
void bench_match(void);
