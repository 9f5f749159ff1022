/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* A moment or a span in nanoseconds. */
typedef int64_t ol_time;

#define OL_SECOND ((ol_time)1000000000)
#define OL_MS     ((ol_time)1000000)

/* Where time comes from; tests bring their own. */
struct ol_clock {
    /* Since the epoch. May jump: for stamps that people read, never for deadlines. */
    ol_time (*wall)(void *ctx);
    /* Since boot, suspend included. Never jumps: for deadlines and status.json. */
    ol_time (*boot)(void *ctx);
    /* Returns after 'span' has passed on this clock. */
    void (*sleep)(void *ctx, ol_time span);
    void *ctx;
};

/* The machine's own clocks. */
extern const struct ol_clock ol_clock_real;
