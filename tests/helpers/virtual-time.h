/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

/*
 * Time that passes when a test says so. A program that links this has its ol_timer_*() from here
 * instead of from net/loop.c: timers fire in the order of their times, those of one time in the
 * order in which they were set, and a test of a day takes a millisecond.
 *
 *     struct virtual_time t;
 *     struct ol_env env = {.clock = &t.clock};
 *     struct ol_loop loop = {.uv = ..., .env = &env};
 *     virtual_time_init(&t);
 */
struct virtual_timer;

struct virtual_time {
    struct ol_clock clock; /* of the env of the loop whose timers these are */
    ol_time now;           /* of the boot clock; begins with 1000 s */
    ol_time wall_offset;   /* wall clock = now + wall_offset; begins in 2026 */
    struct virtual_timer *timers;
    uint64_t order;
};

void virtual_time_init(struct virtual_time *t);
/* Fires what is due, and what becomes due by that, until nothing happens without time passing. It
 * aborts the test after a million steps, since then something goes round in circles. */
void virtual_time_settle(struct virtual_time *t);
/* Lets 'span' pass with all that happens in it. */
void virtual_time_pass(struct virtual_time *t, ol_time span);
/* When the next timer fires; -1 = never. */
ol_time virtual_time_next(const struct virtual_time *t);
