/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/life.h"

struct rule {
    enum node_life next;
    bool is_edge;
};

#define GO(to)                                                                                     \
    {                                                                                              \
        .next = NODE_##to, .is_edge = true                                                         \
    }

/* clang-format off */
/* The whole machine. An absent cell is an event that comes too late or makes no sense: it is ignored. */
static const struct rule rules[NODE_N_LIVES][NODE_N_EVENTS] = {
    [NODE_ABSENT] = {
        [NODE_EV_BRING]  = GO(BRINGING),
        [NODE_EV_FOUND]  = GO(KEPT),
    },
    [NODE_BRINGING] = {
        [NODE_EV_DONE]   = GO(THERE),
        [NODE_EV_FAILED] = GO(ABSENT),
        [NODE_EV_MAYBE]  = GO(UNSURE),
    },
    [NODE_THERE] = {
        [NODE_EV_BRING]  = GO(REDOING),
        [NODE_EV_REMOVE] = GO(REMOVING),
    },
    [NODE_UNSURE] = {
        [NODE_EV_BRING]  = GO(BRINGING), /* a "no" now is final: nothing is there */
        [NODE_EV_REMOVE] = GO(REMOVING),
    },
    [NODE_REDOING] = {
        [NODE_EV_DONE]   = GO(THERE),
        [NODE_EV_FAILED] = GO(THERE),
        [NODE_EV_MAYBE]  = GO(THERE),
    },
    [NODE_KEPT] = {
        [NODE_EV_BRING]  = GO(RECALLING),
        [NODE_EV_REMOVE] = GO(REMOVING),
    },
    [NODE_RECALLING] = {
        [NODE_EV_DONE]   = GO(THERE),
        [NODE_EV_FAILED] = GO(KEPT), /* "no" to this call; what was there before may be there */
        [NODE_EV_MAYBE]  = GO(KEPT),
    },
    [NODE_REMOVING] = {
        [NODE_EV_DONE]   = GO(ABSENT),
        [NODE_EV_FAILED] = GO(UNSURE), /* half removed: asked for anew before it is used again */
        [NODE_EV_MAYBE]  = GO(UNSURE),
    },
};
/* clang-format on */

bool node_life_step(enum node_life *life, enum node_event event)
{
    const struct rule *rule = &rules[*life][event];

    if (!rule->is_edge)
        return false;
    *life = rule->next;
    return true;
}

const char *node_life_name(enum node_life l)
{
#define X(n) [NODE_##n] = #n,
    static const char *const names[] = {NODE_LIVES(X)};
#undef X

    return names[l];
}

const char *node_event_name(enum node_event e)
{
#define X(n) [NODE_EV_##n] = #n,
    static const char *const names[] = {NODE_EVENTS(X)};
#undef X

    return names[e];
}

bool node_life_is_moving(enum node_life l)
{
    return l == NODE_BRINGING || l == NODE_REDOING || l == NODE_RECALLING || l == NODE_REMOVING;
}

bool node_life_is_owed(enum node_life l)
{
    return l != NODE_ABSENT;
}
