/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "kube/base/kind.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/provisioner.h"

/* Value of a cell: 1 + the next state; 0 = no edge, the event comes too late. */
#define GO(n) (1 + PROVISION_##n)

/* clang-format off */
static const uint8_t edges[PROVISION_N_STATES][PROVISION_N_EVENTS] = {
    [PROVISION_IDLE] = {
        [PROVISION_EV_HELD]         = GO(HELD),
        [PROVISION_EV_FOUND]        = GO(UNSURE),
    },
    [PROVISION_HELD] = {
        [PROVISION_EV_MADE]         = GO(MADE),
        [PROVISION_EV_MADE_WRONG]   = GO(CLEANING),
        [PROVISION_EV_ASK_UNSURE]   = GO(UNSURE),
        [PROVISION_EV_ASK_FAILED]   = GO(SETTLED),
        [PROVISION_EV_SAVED]        = GO(SETTLED),
        [PROVISION_EV_UNWANTED]     = GO(SETTLED), /* nobody was asked yet */
    },
    [PROVISION_UNSURE] = {
        [PROVISION_EV_MADE]         = GO(MADE),
        [PROVISION_EV_MADE_WRONG]   = GO(CLEANING),
        [PROVISION_EV_ASK_FAILED]   = GO(SETTLED),
        [PROVISION_EV_SAVED]        = GO(SETTLED),
    },
    [PROVISION_MADE] = {
        [PROVISION_EV_SAVED]        = GO(SETTLED),
        [PROVISION_EV_SAVE_UNSURE]  = GO(SAVING),
        [PROVISION_EV_UNWANTED]     = GO(CLEANING),
    },
    [PROVISION_SAVING] = {
        [PROVISION_EV_SAVED]        = GO(SETTLED),
        [PROVISION_EV_SAVE_REFUSED] = GO(MADE),
    },
    [PROVISION_CLEANING] = {
        [PROVISION_EV_SAVED]        = GO(SETTLED), /* it has its PersistentVolume after all */
        [PROVISION_EV_REMOVED]      = GO(SETTLED),
    },
    [PROVISION_SETTLED] = {
        [PROVISION_EV_LET_GO]       = GO(IDLE),
        [PROVISION_EV_HELD]         = GO(HELD),
    },
};
/* clang-format on */

enum provision_state provision_next(enum provision_state s, enum provision_event ev)
{
    uint8_t next = edges[s][ev];

    return next ? (enum provision_state)(next - 1) : s;
}

const char *provision_state_name(enum provision_state s)
{
#define X(n) [PROVISION_##n] = #n,
    static const char *const names[] = {PROVISION_STATES(X)};
#undef X

    return names[s];
}

const char *provision_event_name(enum provision_event ev)
{
#define X(n) [PROVISION_EV_##n] = #n,
    static const char *const names[] = {PROVISION_EVENTS(X)};
#undef X

    return names[ev];
}

const char *provision_name_of(const struct kube_pvc *claim)
{
    const char *name = csi_annotation(&claim->o, "volume.kubernetes.io/storage-provisioner");

    return name ? name : csi_annotation(&claim->o, "volume.beta.kubernetes.io/storage-provisioner");
}

char *provision_volume_name(const char *prefix, const struct kube_pvc *claim)
{
    return ol_xasprintf("%s-%s", prefix && *prefix ? prefix : "pvc", claim->o.meta.uid);
}

static bool has_selected_node(const struct kube_pvc *claim)
{
    const char *node = csi_annotation(&claim->o, "volume.kubernetes.io/selected-node");

    return node && *node;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool provision_is_news(const struct kube_pvc *old, const struct kube_pvc *now)
{
    static const char node[] = "volume.kubernetes.io/selected-node";
    const struct ol_quantity *before, *after;

    if (!old || !now || strcmp(old->o.meta.uid, now->o.meta.uid) != 0)
        return true;
    before = kube_resource_get(&old->spec.requests, "storage");
    after = kube_resource_get(&now->spec.requests, "storage");
    return (old->o.meta.deleted == 0) != (now->o.meta.deleted == 0)
           || !same(old->spec.volume_name, now->spec.volume_name)
           || !same(provision_name_of(old), provision_name_of(now))
           || !same(csi_annotation(&old->o, node), csi_annotation(&now->o, node))
           || !same(kube_claim_class(old, &(bool){false}), kube_claim_class(now, &(bool){false}))
           || (before && after && ol_quantity_cmp(before, after) != 0);
}

/* A volume may still be made for it. */
static bool is_wanted(const struct provision_view *v)
{
    return !v->is_gone && v->claim->o.meta.deleted == 0
           && (!v->claim->spec.volume_name || !*v->claim->spec.volume_name);
}

static void follow(const struct provision_view *v, uint8_t *state)
{
    bool has_finalizer = !v->is_gone && csi_has_finalizer(&v->claim->o, PROVISIONER_IN_FLIGHT);

    if (*state == PROVISION_IDLE && has_finalizer)
        *state = (uint8_t)provision_next((enum provision_state) * state, PROVISION_EV_FOUND);
    if (v->pv)
        *state = (uint8_t)provision_next((enum provision_state) * state, PROVISION_EV_SAVED);
    else if (!is_wanted(v))
        *state = (uint8_t)provision_next((enum provision_state) * state, PROVISION_EV_UNWANTED);
}

/* Nothing is outstanding: is this a claim to begin with? */
static enum provision_step begin(const struct provision_view *v)
{
    if (v->pv || !is_wanted(v))
        return PROVISION_DO_NOTHING;
    if (!v->class)
        return PROVISION_DO_TELL_CLASS;
    if (!same(v->class->provisioner, provision_name_of(v->claim)))
        return PROVISION_DO_NOTHING;
    if (v->class->binding_mode == KUBE_WAIT_FOR_FIRST_CONSUMER && !has_selected_node(v->claim))
        return PROVISION_DO_NOTHING;
    return v->is_ready ? PROVISION_DO_HOLD : PROVISION_DO_TELL_DOWN;
}

enum provision_step provision_decide(const struct provision_view *v, uint8_t *state)
{
    bool has_finalizer = !v->is_gone && csi_has_finalizer(&v->claim->o, PROVISIONER_IN_FLIGHT);

    follow(v, state);
    switch ((enum provision_state) * state) {
    case PROVISION_HELD:
    case PROVISION_UNSURE:
        if (!v->class)
            return PROVISION_DO_TELL_CLASS;
        if (!v->is_ready)
            return PROVISION_DO_TELL_DOWN;
        /* Without it, somebody took it off; a claim that goes can't get it again. */
        return has_finalizer || !is_wanted(v) ? PROVISION_DO_ASK : PROVISION_DO_HOLD;
    case PROVISION_MADE:
    case PROVISION_SAVING: return PROVISION_DO_SAVE;
    case PROVISION_CLEANING: return v->is_ready ? PROVISION_DO_CLEAN : PROVISION_DO_TELL_DOWN;
    case PROVISION_SETTLED: return has_finalizer ? PROVISION_DO_LET_GO : PROVISION_DO_FORGET;
    case PROVISION_IDLE:
    case PROVISION_N_STATES: break;
    }
    return begin(v);
}

/* --- volumes that go --- */
const char *remove_name_of(const struct kube_pv *pv)
{
    const char *name = csi_annotation(&pv->o, "pv.kubernetes.io/provisioned-by");

    if (name)
        return name;
    return pv->spec.csi ? pv->spec.csi->driver : NULL;
}

enum remove_step remove_decide(const struct kube_pv *pv, const struct kube_va *va)
{
    bool has_finalizer = csi_has_finalizer(&pv->o, PROVISIONER_FINALIZER);
    bool is_deleted = pv->o.meta.deleted != 0;

    if (pv->spec.reclaim != KUBE_DELETE)
        return has_finalizer && pv->spec.reclaim != KUBE_RECLAIM_NONE ? REMOVE_DROP_FINALIZER
                                                                      : REMOVE_NOTHING;
    if (pv->status.phase == KUBE_PV_BOUND && !is_deleted && !has_finalizer)
        return REMOVE_ADD_FINALIZER;
    if (pv->status.phase != KUBE_PV_RELEASED || (is_deleted && !has_finalizer))
        return REMOVE_NOTHING;
    return va ? REMOVE_TELL_ATTACHED : REMOVE_VOLUME;
}
