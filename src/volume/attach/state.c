/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/attach/state.h"

#define GO(next_, what_)                                                                           \
    {                                                                                              \
        .next = ATTACH_##next_, .what = ATTACH_DO_##what_, .is_edge = true                         \
    }

/* clang-format off */
static const struct attach_rule rules[ATTACH_N_STATES][ATTACH_N_EVENTS] = {
    [ATTACH_DETACHED] = {
        [ATTACH_EV_WANTED]    = GO(ATTACHING,   CREATE),
    },
    [ATTACH_ATTACHING] = {
        [ATTACH_EV_UNWANTED]  = GO(WITHDRAWING, WITHDRAW), /* deleting it undoes what is under way */
        [ATTACH_EV_CONFIRMED] = GO(ATTACHED,    REPORT),
        [ATTACH_EV_FAILED]    = GO(ATTACH_WAIT, LATER),
        [ATTACH_EV_GONE]      = GO(ATTACH_WAIT, LOST),
    },
    [ATTACH_ATTACH_WAIT] = {
        [ATTACH_EV_WANTED]    = GO(ATTACHING,   CREATE),
        [ATTACH_EV_UNWANTED]  = GO(WITHDRAWING, WITHDRAW), /* "failed" is not "not attached" */
        [ATTACH_EV_CONFIRMED] = GO(ATTACHED,    REPORT),
        [ATTACH_EV_GONE]      = GO(DETACHED,    LOST),
    },
    [ATTACH_ATTACHED] = {
        [ATTACH_EV_UNWANTED]  = GO(WITHDRAWING, WITHDRAW),
        [ATTACH_EV_FAILED]    = GO(ATTACH_WAIT, LOST),
        [ATTACH_EV_GONE]      = GO(DETACHED,    LOST),
    },
    [ATTACH_UNCERTAIN] = {
        [ATTACH_EV_WANTED]    = GO(ATTACHING,   CREATE),
        [ATTACH_EV_UNWANTED]  = GO(WITHDRAWING, WITHDRAW),
        [ATTACH_EV_GONE]      = GO(DETACHED,    LOST),
    },
    [ATTACH_WITHDRAWING] = {
        [ATTACH_EV_WITHDRAWN] = GO(DETACHING,   DELETE),
        [ATTACH_EV_REFUSED]   = GO(DETACH_WAIT, RESTORE),
        [ATTACH_EV_GONE]      = GO(DETACHED,    LOST),
    },
    [ATTACH_DETACHING] = {
        [ATTACH_EV_FAILED]    = GO(DETACH_WAIT, RESTORE),
        [ATTACH_EV_GONE]      = GO(DETACHED,    NOTHING),
    },
    [ATTACH_DETACH_WAIT] = {
        [ATTACH_EV_WANTED]    = GO(ATTACHING,   CREATE),
        [ATTACH_EV_UNWANTED]  = GO(WITHDRAWING, WITHDRAW),
        [ATTACH_EV_GONE]      = GO(DETACHED,    LOST),
    },
};
/* clang-format on */

struct attach_rule attach_rule_of(enum attach_state s, enum attach_event e)
{
    return rules[s][e];
}

const char *attach_state_name(enum attach_state s)
{
#define X(n) [ATTACH_##n] = #n,
    static const char *const names[] = {ATTACH_STATES(X)};
#undef X

    return names[s];
}

const char *attach_event_name(enum attach_event e)
{
#define X(n) [ATTACH_EV_##n] = #n,
    static const char *const names[] = {ATTACH_EVENTS(X)};
#undef X

    return names[e];
}

const char *attach_do_name(enum attach_do d)
{
    static const char *const names[ATTACH_N_DOS] = {
        [ATTACH_DO_NOTHING] = "",          [ATTACH_DO_CREATE] = "create",
        [ATTACH_DO_REPORT] = "report",     [ATTACH_DO_LATER] = "later",
        [ATTACH_DO_WITHDRAW] = "withdraw", [ATTACH_DO_DELETE] = "delete",
        [ATTACH_DO_RESTORE] = "restore",   [ATTACH_DO_LOST] = "lost",
    };

    return names[d];
}

bool attach_is_busy(enum attach_state s)
{
    return s == ATTACH_ATTACHING || s == ATTACH_WITHDRAWING || s == ATTACH_DETACHING;
}
