/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/clock.h"

/*
 * Which periodic tasks are due (oslo_service 3.0 periodic_task.py), pure: the clock and the dice
 * are the caller's. A task with spacing 0 runs each round of 60 s, one with a negative spacing
 * never. A task's times stay on the grid of its spacing, moved by up to 5 % of it, so that a late
 * round doesn't shift the next ones and hosts don't march in step.
 */
enum { PERIODIC_MAX = 32 };
#define PERIODIC_DEFAULT (60 * OL_SECOND)

struct periodic_task {
    ol_time spacing;
    ol_time last; /* -1 = due in the first round */
    bool is_off;
};

struct periodic {
    struct periodic_task tasks[PERIODIC_MAX];
    size_t n;
};

/* Adds a task; false when its spacing is negative. */
bool periodic_add(struct periodic *p, ol_time spacing, bool is_immediate, ol_time now);
/* True when the task is due; it then counts as run. 'dice' is in 0..1. Lowers *idle to the time at
 * which it is due next, at most its spacing. */
bool periodic_take(struct periodic *p, size_t at, ol_time now, double dice, ol_time *idle);
/* When the first round begins: 0..fuzzy_delay from the start, whole seconds. */
ol_time periodic_first(ol_time fuzzy_delay, double dice);
