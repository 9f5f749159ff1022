/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/table.h"
#include "kube/client/events-internal.h"

enum {
    REMEMBERED = 4096,
    SIMILAR = 10, /* different sentences, then they are combined */
    BURST = 25,   /* events of an object */
};
#define SIMILAR_FOR (600 * OL_SECOND)
#define REFILL      (300 * OL_SECOND) /* one more event of an object */

/* What is remembered under a key; of the three kinds of memory each uses its own part. */
struct memory {
    const char *key; /* 'text'; first, for the table */
    struct memory *older, *newer;
    union {
        struct {
            int64_t count;
            char *name;
            ol_time first;
        } seen; /* one sentence about one object */
        struct {
            uint64_t messages[SIMILAR - 1]; /* hashes */
            unsigned n;
            ol_time last;
        } similar; /* one reason */
        struct {
            ol_time tokens; /* in time: REFILL is one token */
            ol_time last;
        } object;
    };
    char text[];
};

struct memories {
    struct ol_table table;
    struct memory *oldest, *newest;
};

struct correlator {
    struct memories seen, similar, objects;
};

static void unlink_memory(struct memories *m, struct memory *one)
{
    if (one->older)
        one->older->newer = one->newer;
    else
        m->oldest = one->newer;
    if (one->newer)
        one->newer->older = one->older;
    else
        m->newest = one->older;
    one->older = one->newer = NULL;
}

static void link_newest(struct memories *m, struct memory *one)
{
    one->older = m->newest;
    if (m->newest)
        m->newest->newer = one;
    else
        m->oldest = one;
    m->newest = one;
}

/* The memory of a key, all zero when it is new; the oldest one makes room. '*ret_evicted' is what
 * the caller releases. */
static struct memory *recall(struct memories *m, const char *key, struct memory **ret_evicted)
{
    struct memory *one = ol_table_find_str(&m->table, key);
    size_t size = strlen(key) + 1;

    *ret_evicted = NULL;
    if (one) {
        unlink_memory(m, one);
        link_newest(m, one);
        return one;
    }
    if (m->table.n >= REMEMBERED) {
        *ret_evicted = m->oldest;
        ol_table_remove(&m->table, m->oldest);
        unlink_memory(m, m->oldest);
    }
    one = ol_xcalloc(1, sizeof(*one) + size);
    memcpy(one->text, key, size);
    one->key = one->text;
    ol_table_put(&m->table, one);
    link_newest(m, one);
    return one;
}

struct correlator *correlator_new(void)
{
    struct correlator *c = ol_xcalloc(1, sizeof(*c));

    c->seen.table = c->similar.table = c->objects.table =
        (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    return c;
}

static void forget_all(struct memories *m, bool has_names)
{
    while (m->oldest) {
        struct memory *next = m->oldest->newer;

        if (has_names)
            free(m->oldest->seen.name);
        free(m->oldest);
        m->oldest = next;
    }
    ol_table_done(&m->table);
}

void correlator_free(struct correlator *c)
{
    if (!c)
        return;
    forget_all(&c->seen, true);
    forget_all(&c->similar, false);
    forget_all(&c->objects, false);
    free(c);
}

void event_plan_done(struct event_plan *p)
{
    free(p->key);
    free(p->name);
    *p = (struct event_plan){0};
}

static uint64_t hash_message(const char *message)
{
    return (uint64_t)ol_hash_str(OL_HASH_SEED, message) << 32
           | ol_hash_str(OL_HASH_SEED ^ 0x5bd1e995, message);
}

/* True when this is the tenth different sentence, or one after it. */
static bool is_one_of_many(struct correlator *c, const struct event_facts *e,
                           const char *reason_key, ol_time now)
{
    struct memory *evicted = NULL;
    struct memory *one = recall(&c->similar, reason_key, &evicted);
    uint64_t hash = hash_message(e->message);
    bool is_old = one->similar.n && now - one->similar.last > SIMILAR_FOR;

    free(evicted);
    if (is_old)
        one->similar.n = 0;
    one->similar.last = now;
    for (unsigned i = 0; i < one->similar.n; i++)
        if (one->similar.messages[i] == hash)
            return false;
    if (one->similar.n == SIMILAR - 1)
        return true;
    one->similar.messages[one->similar.n++] = hash;
    return false;
}

static bool has_token(struct correlator *c, const char *object, ol_time now)
{
    struct memory *evicted = NULL;
    struct memory *one = recall(&c->objects, object, &evicted);

    free(evicted);
    if (!one->object.last)
        one->object.tokens = BURST * REFILL;
    else
        one->object.tokens += now - one->object.last;
    one->object.last = now;
    if (one->object.tokens > BURST * REFILL)
        one->object.tokens = BURST * REFILL;
    if (one->object.tokens < REFILL)
        return false;
    one->object.tokens -= REFILL;
    return true;
}

void event_correlate(struct correlator *c, const struct event_facts *e, ol_time now,
                     struct event_plan *ret)
{
    ol_autofree char *reason_key = ol_xasprintf("%s\n%s\n%s", e->object, e->type, e->reason);
    struct event_plan plan = {.action = EVENT_CREATE};
    struct memory *one, *evicted = NULL;

    plan.is_combined = is_one_of_many(c, e, reason_key, now);
    plan.key =
        plan.is_combined ? ol_take_ptr(reason_key) : ol_xasprintf("%s\n%s", reason_key, e->message);
    one = recall(&c->seen, plan.key, &evicted);
    if (evicted)
        free(evicted->seen.name);
    free(evicted);
    if (one->seen.count) {
        plan.action = EVENT_PATCH;
    } else {
        one->seen.first = e->when;
        one->seen.name = ol_xstrdup(e->name);
    }
    one->seen.count++;
    plan.count = one->seen.count;
    plan.first = one->seen.first;
    plan.name = ol_xstrdup(one->seen.name);
    /* Skipped ones count all the same. */
    if (!has_token(c, e->object, now))
        plan.action = EVENT_SKIP;
    *ret = plan;
}
