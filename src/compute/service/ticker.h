/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/clock.h"

/*
 * A thread of its own that does one thing again and again: reports and periodic tasks block, and
 * must not wait for a free task thread behind builds.
 */
struct ticker;

/* 'tick' says how long to wait for the next one; negative = there is none. Begins after 'first'.
 * NULL when no thread can be made. */
struct ticker *ticker_start(const char *name, ol_time first, ol_time (*tick)(void *ctx), void *ctx)
    __attribute__((warn_unused_result));
/* No tick begins any more. */
void ticker_stop(struct ticker *t);
/* No tick runs or will run. */
bool ticker_is_over(struct ticker *t);
/* Stops it and waits for its thread, which may be in a tick, for 'patience'. False when it is in
 * one still: it is left alone then, to die with the process. True frees it. */
bool ticker_free(struct ticker *t, ol_time patience) __attribute__((warn_unused_result));
