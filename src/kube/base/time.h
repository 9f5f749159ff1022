/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/clock.h"

/* Times of the API: RFC 3339, in UTC when we write them. */
enum { KUBE_TIME_SIZE = 32 };

/* "2026-01-02T03:04:05Z", with or without a fraction, any offset. -EINVAL. What an ol_time can't
 * hold is capped; Go's zero time is 0, which means absent. */
int kube_time_parse(const char *text, size_t len, ol_time *ret) __attribute__((warn_unused_result));
/* metav1.Time: whole seconds. */
void kube_time_format(ol_time t, char out[KUBE_TIME_SIZE]);
/* metav1.MicroTime: six decimals. */
void kube_time_format_micro(ol_time t, char out[KUBE_TIME_SIZE]);
/* duration.HumanDuration: "5s", "3m20s", "47h", "2y10d". */
void kube_time_human(ol_time span, char out[KUBE_TIME_SIZE]);
