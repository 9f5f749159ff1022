/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/clock.h"

/*
 * A work queue of keys, as Kubernetes' controllers know it. A key that is added twice is handled
 * once; a key that is added while it is being handled comes again when that has ended, so no two
 * hands are on one key and no change is missed. A key that failed waits longer each time.
 *
 * No I/O and no clock of its own: the caller passes the time (of the boot clock).
 *
 *     ol_queue_add(q, "default/claim", now);
 *     while ((key = ol_queue_take(q, now)))
 *         ... work, then ol_queue_forget(q, key) or ol_queue_retry(q, key, now);
 *         ol_queue_done(q, key)
 *     arm a timer for ol_queue_next(q)
 */
struct ol_queue;

struct ol_backoff {
    ol_time first, most; /* first delay, doubled with each failure, never above 'most' */
};

struct ol_queue *ol_queue_new(const struct ol_backoff *backoff) __attribute__((warn_unused_result));
void ol_queue_free(struct ol_queue *q);

/* To be handled as soon as may be; also ends the waiting of a key that was to come later. */
void ol_queue_add(struct ol_queue *q, const char *key);
/* To be handled at 'when' or before; an earlier time that it has already stays. */
void ol_queue_add_at(struct ol_queue *q, const char *key, ol_time when);
/* After one more failure: add_at with the next delay. Counts the failure. */
void ol_queue_retry(struct ol_queue *q, const char *key, ol_time now);
/* It succeeded: the next failure waits for backoff.first again. */
void ol_queue_forget(struct ol_queue *q, const char *key);
/* Failures in a row so far. */
unsigned ol_queue_failures(const struct ol_queue *q, const char *key);

/* The oldest key whose time has come, now in the caller's hands until ol_queue_done(); NULL when
 * there is none. Borrowed until then. */
const char *ol_queue_take(struct ol_queue *q, ol_time now);
/* The caller's hands are off the key; it comes back if it was added meanwhile. */
void ol_queue_done(struct ol_queue *q, const char *key);

/* When ol_queue_take() will have something: 0 = now, -1 = never as it stands. */
ol_time ol_queue_next(const struct ol_queue *q, ol_time now);
/* Keys that wait, without those in hand. */
size_t ol_queue_length(const struct ol_queue *q);
/* No key waits and none is in hand; keys that wait for a later time count as waiting. */
bool ol_queue_is_idle(const struct ol_queue *q);

/* The delay after the n-th failure in a row, n from 1. */
ol_time ol_backoff_delay(const struct ol_backoff *b, unsigned n);
