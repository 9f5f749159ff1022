/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/base/types.h"

/*
 * Decisions about claims that ask for more than they have (external-resizer with
 * RecoverVolumeExpansionFailure, mid 2026; KEP-1790). Pure. What is under way stands in the claim's
 * status, so nothing is lost by a crash: allocatedResources is the size that the driver is
 * asked for, until the answer is final.
 */
enum resizer_step {
    RESIZER_NOTHING,
    RESIZER_FORGET_OLD, /* the volume's pre-resize-capacity annotation is not needed any more */
    RESIZER_MARK,       /* status: Resizing, allocatedResources; then EXPAND */
    RESIZER_EXPAND,     /* ControllerExpandVolume, or none when the node alone expands */
    RESIZER_WAIT,       /* it was infeasible, and nothing has changed since */
};

struct resizer_view {
    const struct kube_pvc *claim;
    const struct kube_pv *pv;  /* NULL = not there */
    unsigned controller, node; /* the driver's capabilities */
    bool has_final_error;      /* the last answer for this claim was final */
    bool is_slow;              /* the last one was infeasible, not long ago */
};

struct resizer_plan {
    struct ol_quantity size;
    bool is_new; /* another size than the one that is under way: old conditions go */
};
enum resizer_step resizer_decide(const struct resizer_view *v, struct resizer_plan *ret);
/* A volume of a CSI driver, bound to this claim from its own side too. */
bool resizer_is_its_volume(const struct kube_pvc *claim, const struct kube_pv *pv);
/* The change may change what is to be done; conditions that we write do not. */
bool resizer_is_news(const struct kube_pvc *old, const struct kube_pvc *now);

/* --- patches --- */
/* Strategic merge patches of the claim's status: conditions merge by their type. */
void resizer_write_mark(struct ol_buf *to, const struct kube_pvc *claim,
                        const struct resizer_plan *plan, ol_time now);
void resizer_write_failed(struct ol_buf *to, const char *message, bool is_infeasible, ol_time now);
void resizer_write_pending(struct ol_buf *to, const struct kube_pvc *claim, ol_time now);
void resizer_write_finished(struct ol_buf *to, const struct kube_pvc *claim,
                            const struct ol_quantity *size);
/* A merge patch of the volume. 'old' is remembered when the node has something left to do. */
void resizer_write_volume(struct ol_buf *to, const struct ol_quantity *size,
                          const struct ol_quantity *old);
