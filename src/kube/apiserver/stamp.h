/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"

/* What the server stamps on objects. */

/* From the kernel; always all of it. */
void api_random(void *to, size_t size);
/* A random UUID, version 4. */
void api_uuid(char out[37]);
/* RFC 3339 in UTC, whole seconds: "2026-01-02T03:04:05Z". */
void api_time_text(ol_time t, char out[32]);
