/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/modifier-internal.h"
#include "volume/csi/modifier.h"
#include "volume/csi/resizer.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

const char *modifier_wanted(const struct kube_pvc *claim)
{
    return or_empty(claim->spec.attributes_class);
}

const char *modifier_target(const struct kube_pvc *claim)
{
    return claim->status.modify ? claim->status.modify->target : "";
}

/* Status Infeasible and Pending are at rest: the driver is doing nothing. */
static bool is_in_progress(const struct kube_pvc *claim)
{
    return claim->status.modify && strcmp(claim->status.modify->status, MODIFIER_IN_PROGRESS) == 0;
}

static bool can_modify(const struct modifier_view *v)
{
    return v->pv && (v->controller & CSI_CAN_MODIFY) && v->claim->status.phase == KUBE_PVC_BOUND
           && resizer_is_its_volume(v->claim, v->pv);
}

static bool is_settled(const struct kube_pvc *claim)
{
    return !claim->status.modify
           && strcmp(modifier_wanted(claim), or_empty(claim->status.attributes_class)) == 0;
}

static bool is_waiting(const struct modifier_view *v)
{
    return v->is_slow && v->claim->status.modify && v->claim->spec.attributes_class
           && strcmp(modifier_wanted(v->claim), modifier_target(v->claim)) == 0;
}

/* The claim names no class, and the driver is doing nothing. */
static enum modifier_step step_without_wish(const struct kube_pvc *claim)
{
    return csi_condition(claim, MODIFIER_MODIFYING) ? MODIFIER_CANCEL : MODIFIER_NOTHING;
}

enum modifier_step modifier_decide(const struct modifier_view *v, const char **ret_class)
{
    bool has_wish = *modifier_wanted(v->claim);

    if (!can_modify(v) || is_settled(v->claim))
        return MODIFIER_NOTHING;
    if (is_waiting(v))
        return MODIFIER_WAIT;
    if (!has_wish && !is_in_progress(v->claim))
        return step_without_wish(v->claim);
    if (is_in_progress(v->claim) && (!v->has_final_error || !has_wish)) {
        *ret_class = modifier_target(v->claim);
        return v->has_target_class ? MODIFIER_MODIFY : MODIFIER_MISSING;
    }
    *ret_class = modifier_wanted(v->claim);
    return v->has_wanted_class ? MODIFIER_MARK : MODIFIER_PEND;
}

bool modifier_is_news(const struct kube_pvc *old, const struct kube_pvc *now)
{
    if (!old || !now || strcmp(old->o.meta.uid, now->o.meta.uid) != 0)
        return true;
    return old->status.phase != now->status.phase
           || strcmp(modifier_wanted(old), modifier_wanted(now)) != 0
           || strcmp(or_empty(old->status.attributes_class), or_empty(now->status.attributes_class))
                  != 0
           || (old->status.modify && !now->status.modify);
}
