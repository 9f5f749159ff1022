/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"

/*
 * What becomes of an event: client-go's EventCorrelator (tools/record/events_cache.go) without I/O.
 * The same words about the same object are counted; from the tenth sentence of one reason within
 * ten minutes on they are combined; an object may have 25 events at once and then one in five
 * minutes. It remembers 4,096 of each, the latest.
 */
struct correlator;
struct correlator *correlator_new(void);
void correlator_free(struct correlator *c);

struct event_facts {
    const char *object; /* kind, namespace, name, uid and API version in one */
    const char *type, *reason, *message;
    const char *name; /* for a new event: OBJECT.<hex of the time> */
    ol_time when;     /* wall */
};

enum event_action {
    EVENT_CREATE,
    EVENT_PATCH, /* count and time of the event 'name' */
    EVENT_SKIP,  /* too many of this object */
};

struct event_plan {
    enum event_action action;
    bool is_combined;
    char *key;  /* for event_written() */
    char *name; /* of the event object */
    int64_t count;
    ol_time first; /* wall */
};
#define COMBINED "(combined from similar events): "
void event_plan_done(struct event_plan *p);

/* 'now' is the boot clock's. */
void event_correlate(struct correlator *c, const struct event_facts *e, ol_time now,
                     struct event_plan *ret);
