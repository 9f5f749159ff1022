/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/resizer.h"

#define OLD_CAPACITY "volume.alpha.kubernetes.io/pre-resize-capacity"

/* claim.status.allocatedResourceStatuses[storage] */
enum progress {
    NONE,
    CONTROLLER_IN_PROGRESS,
    CONTROLLER_INFEASIBLE,
    NODE_PENDING,
    NODE_IN_PROGRESS,
    NODE_INFEASIBLE,
};

static enum progress progress_of(const struct kube_pvc *claim)
{
    static const char *const names[] = {
        [NONE] = "",
        [CONTROLLER_IN_PROGRESS] = "ControllerResizeInProgress",
        [CONTROLLER_INFEASIBLE] = "ControllerResizeInfeasible",
        [NODE_PENDING] = "NodeResizePending",
        [NODE_IN_PROGRESS] = "NodeResizeInProgress",
        [NODE_INFEASIBLE] = "NodeResizeInfeasible",
    };
    const char *text = kube_map_get(&claim->status.allocated_statuses, "storage");

    for (int i = NODE_INFEASIBLE; text && i > NONE; i--)
        if (strcmp(text, names[i]) == 0)
            return (enum progress)i;
    return NONE;
}

/* Sizes of one claim. */
struct sizes {
    const struct ol_quantity *spec, *status, *pv, *allocated; /* allocated may be NULL */
};

static bool read_sizes(const struct resizer_view *v, struct sizes *s)
{
    s->spec = kube_resource_get(&v->claim->spec.requests, "storage");
    s->status = kube_resource_get(&v->claim->status.capacity, "storage");
    s->pv = kube_resource_get(&v->pv->spec.capacity, "storage");
    s->allocated = kube_resource_get(&v->claim->status.allocated, "storage");
    return s->spec && s->status && s->pv;
}

bool resizer_is_its_volume(const struct kube_pvc *claim, const struct kube_pv *pv)
{
    const struct kube_ref *ref = pv->spec.claim;

    return pv->spec.csi && ref && strcmp(ref->ns, claim->o.meta.ns) == 0
           && strcmp(ref->uid, claim->o.meta.uid) == 0;
}

/* The volume is smaller than asked. NULL: nothing to ask the driver for. */
static const struct ol_quantity *size_to_grow(const struct resizer_view *v, const struct sizes *s)
{
    const struct ol_quantity *allocated = s->allocated ? s->allocated : s->spec;

    switch (progress_of(v->claim)) {
    case NODE_INFEASIBLE: return allocated;
    case NODE_PENDING:
    case NODE_IN_PROGRESS: /* the node's turn, unless the volume isn't even that large */
        return ol_quantity_cmp(s->pv, allocated) >= 0 ? NULL : allocated;
    case CONTROLLER_IN_PROGRESS: /* a size that may be in the making can't be taken back */
        return v->has_final_error ? s->spec : allocated;
    case CONTROLLER_INFEASIBLE:
    case NONE: break;
    }
    return s->spec;
}

/* The volume is large enough, the claim's status isn't: finish what was begun. */
static const struct ol_quantity *size_to_finish(const struct resizer_view *v, const struct sizes *s)
{
    const struct ol_quantity *allocated = s->allocated ? s->allocated : s->spec;

    switch (progress_of(v->claim)) {
    case NODE_PENDING:
    case NODE_IN_PROGRESS: return NULL;
    case NODE_INFEASIBLE: return v->controller & CSI_CAN_EXPAND ? allocated : s->spec;
    case CONTROLLER_IN_PROGRESS:
    case CONTROLLER_INFEASIBLE: return allocated;
    case NONE: break;
    }
    /* An API server without these members has the condition alone. */
    if (!s->allocated
        && kube_condition_is_true(&v->claim->status.conditions, "FileSystemResizePending"))
        return NULL;
    return allocated;
}

static bool needs_resize(const struct resizer_view *v, const struct sizes *s)
{
    return v->claim->status.phase == KUBE_PVC_BOUND && ol_quantity_cmp(s->spec, s->status) > 0
           && ((v->controller & CSI_CAN_EXPAND) || (v->node & CSI_NODE_CAN_EXPAND));
}

/* What the driver has to be asked for now; NULL = nothing. */
static const struct ol_quantity *size_of(const struct resizer_view *v, const struct sizes *s)
{
    if (!needs_resize(v, s))
        return NULL;
    return ol_quantity_cmp(s->pv, s->spec) < 0 ? size_to_grow(v, s) : size_to_finish(v, s);
}

static bool is_marked(const struct kube_pvc *claim)
{
    return progress_of(claim) == CONTROLLER_IN_PROGRESS
           && kube_condition_is_true(&claim->status.conditions, "Resizing");
}

enum resizer_step resizer_decide(const struct resizer_view *v, struct resizer_plan *ret)
{
    const struct ol_quantity *size;
    bool is_same;
    struct sizes s;

    if (!v->pv || !resizer_is_its_volume(v->claim, v->pv) || !read_sizes(v, &s))
        return RESIZER_NOTHING;
    if (csi_annotation(&v->pv->o, OLD_CAPACITY) && ol_quantity_cmp(s.status, s.pv) >= 0)
        return RESIZER_FORGET_OLD;
    size = size_of(v, &s);
    if (!size)
        return RESIZER_NOTHING;
    is_same = s.allocated && ol_quantity_cmp(s.allocated, size) == 0;
    if (is_same && v->is_slow)
        return RESIZER_WAIT;
    *ret = (struct resizer_plan){.size = *size, .is_new = !is_same};
    return is_same && is_marked(v->claim) ? RESIZER_EXPAND : RESIZER_MARK;
}

static bool same_amount(const struct kube_resources *a, const struct kube_resources *b)
{
    const struct ol_quantity *x = kube_resource_get(a, "storage");
    const struct ol_quantity *y = kube_resource_get(b, "storage");

    return x && y ? ol_quantity_cmp(x, y) == 0 : x == y;
}

bool resizer_is_news(const struct kube_pvc *old, const struct kube_pvc *now)
{
    if (!old || !now || strcmp(old->o.meta.uid, now->o.meta.uid) != 0)
        return true;
    return old->status.phase != now->status.phase
           || !same_amount(&old->spec.requests, &now->spec.requests)
           || !same_amount(&old->status.capacity, &now->status.capacity);
}
