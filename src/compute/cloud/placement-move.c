/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "compute/cloud/cloud-internal.h"
#include "core/cleanup.h"

/*
 * What one consumer has becomes another's, in one write: how the allocation that a migration holds
 * goes back to its instance (nova.scheduler.client.report, move_allocations).
 */
#define V_CONSUMER_GENERATION "1.28"

enum { TRIES = 3, MOVE_ARENA = 2 << 20 };

static int read_consumer(struct cloud *c, const char *consumer, struct ol_arena *a,
                         const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_PLACEMENT,
        .method = "GET",
        .path = ol_arena_printf(a, "/allocations/%s", consumer),
        .version = V_CONSUMER_GENERATION,
    };
    int r = cloud_check_id("a consumer", consumer, err);

    return r < 0 ? r : cloud_call(c, &q, a, ret, err);
}

/* One consumer of the body: 'what' belongs to it from now on. A consumer that has nothing yet has
 * the generation null. */
static void add(struct ol_arena *a, struct ol_val *body, const char *consumer,
                const struct ol_val *what, const struct ol_val *owner, const struct ol_val *state)
{
    static const char *const same[] = {"project_id", "user_id"};
    const struct ol_val *generation = ol_val_get(state, "consumer_generation");
    struct ol_val *one = ol_val_new_map(a);

    ol_val_set(a, one, "allocations", what ? ol_val_copy(a, what) : ol_val_new_map(a));
    for (size_t i = 0; i < ol_count(same); i++)
        if (ol_val_get(owner, same[i]))
            ol_val_set(a, one, same[i], ol_val_copy(a, ol_val_get(owner, same[i])));
    ol_val_set(a, one, "consumer_generation",
               generation ? ol_val_copy(a, generation) : ol_val_new_null(a));
    ol_val_set(a, body, consumer, one);
}

static int move_once(struct cloud *c, const char *from, const char *to, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(MOVE_ARENA);
    const struct ol_val *source = NULL, *target = NULL, *what;
    struct ol_val *body = ol_val_new_map(&a);
    const struct cloud_ask q = {
        .service = CLOUD_PLACEMENT,
        .method = "POST",
        .path = "/allocations",
        .version = V_CONSUMER_GENERATION,
        .body = body,
    };
    int r = read_consumer(c, from, &a, &source, err);

    if (r >= 0)
        r = read_consumer(c, to, &a, &target, err);
    if (r < 0)
        return r;
    what = ol_val_get(source, "allocations");
    if (!ol_val_count(what))
        return 0; /* it was moved before */
    add(&a, body, from, NULL, source, source);
    add(&a, body, to, what, source, target);
    return cloud_call(c, &q, &a, NULL, err);
}

int placement_move_allocations(struct cloud *c, const char *from, const char *to,
                               struct ol_err *err)
{
    struct ol_err failure = OL_ERR_INIT;
    int r = -EBUSY;

    for (int i = 0; i < TRIES && (r == -EBUSY || cloud_is(&failure, 409)); i++) {
        failure = OL_ERR_INIT;
        r = move_once(c, from, to, &failure);
        if (r >= 0)
            return 0;
    }
    if (err)
        *err = failure;
    return r;
}
