/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/periodic.h"

#include <assert.h>

bool periodic_add(struct periodic *p, ol_time spacing, bool is_immediate, ol_time now)
{
    assert(p->n < PERIODIC_MAX);
    p->tasks[p->n++] = (struct periodic_task){
        .spacing = spacing ? spacing : PERIODIC_DEFAULT,
        .last = is_immediate ? -1 : now,
        .is_off = spacing < 0,
    };
    return spacing >= 0;
}

static ol_time nearest_boundary(const struct periodic_task *t, ol_time now, double dice)
{
    ol_time jitter = (ol_time)((double)t->spacing * dice / 20) / OL_SECOND * OL_SECOND;

    return t->last < 0 ? now : now - (now - t->last) % t->spacing + jitter;
}

bool periodic_take(struct periodic *p, size_t at, ol_time now, double dice, ol_time *idle)
{
    struct periodic_task *t = &p->tasks[at];

    if (t->is_off)
        return false;
    if (t->spacing < *idle)
        *idle = t->spacing;
    if (t->last >= 0 && t->last + t->spacing > now) {
        if (t->last + t->spacing - now < *idle)
            *idle = t->last + t->spacing - now;
        return false;
    }
    t->last = nearest_boundary(t, now, dice);
    return true;
}

ol_time periodic_first(ol_time fuzzy_delay, double dice)
{
    ol_time seconds = fuzzy_delay / OL_SECOND;
    ol_time pick = (ol_time)(dice * (double)(seconds + 1));

    return (pick > seconds ? seconds : pick) * OL_SECOND;
}
