/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/clock.h"

/*
 * What a server of calls costs at least: librabbitmq alone, which consumes bench.b, acknowledges
 * each request and sends a text in which nothing but the id is its own. No JSON, no confirms, no
 * threads. Until the standard input ends. -1 with a sentence on stderr.
 */
int rpc_echo(const char *url, size_t *ret_n_served, ol_time *ret_cpu);
