/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "kube/base/types.h"

/*
 * Decisions about bound claims that name another VolumeAttributesClass than the one in effect
 * (external-resizer pkg/modifycontroller, mid 2026; KEP-3751). Pure. What is under way stands in
 * the claim's status.modifyVolumeStatus: a target that may be on its way is asked for until the
 * answer is final, whatever the claim says meanwhile.
 */
enum modifier_step {
    MODIFIER_NOTHING,
    MODIFIER_CANCEL,  /* the wish was taken back and nothing is under way: the condition goes */
    MODIFIER_PEND,    /* the class is missing: status Pending */
    MODIFIER_MISSING, /* the class of what is under way is missing: try again later */
    MODIFIER_MARK,    /* status InProgress, then MODIFY */
    MODIFIER_MODIFY,  /* ControllerModifyVolume */
    MODIFIER_WAIT,    /* it was infeasible, and nothing has changed since */
    MODIFIER_N_STEPS,
};

struct modifier_view {
    const struct kube_pvc *claim;
    const struct kube_pv *pv; /* NULL = not there */
    unsigned controller;      /* the driver's capabilities */
    bool has_final_error;     /* the last answer for this claim was final */
    bool is_slow;             /* the last one was infeasible, not long ago */
    bool has_wanted_class;    /* the class that the claim names is there */
    bool has_target_class;    /* the one of what is under way */
};
/* *ret_class: the class that PEND, MISSING, MARK and MODIFY are about; borrowed of the claim. */
enum modifier_step modifier_decide(const struct modifier_view *v, const char **ret_class);
/* The change may change what is to be done; what we write does not, but for the end. */
bool modifier_is_news(const struct kube_pvc *old, const struct kube_pvc *now);
/* Of spec.volumeAttributesClassName; "" when there is none. */
const char *modifier_wanted(const struct kube_pvc *claim);
/* Of what is under way, or was tried last; "" = nothing. */
const char *modifier_target(const struct kube_pvc *claim);

/* --- strategic merge patches of the claim's status --- */
void modifier_write_pending(struct ol_buf *to, const struct kube_pvc *claim);
void modifier_write_mark(struct ol_buf *to, const struct kube_pvc *claim, const char *class_name,
                         ol_time now);

struct modifier_failure {
    const char *class_name;
    bool is_final, is_infeasible;
    const char *code, *message; /* "InvalidArgument", and the driver's own words */
};
void modifier_write_failed(struct ol_buf *to, const struct kube_pvc *claim,
                           const struct modifier_failure *f, ol_time now);
void modifier_write_cancelled(struct ol_buf *to, const struct kube_pvc *claim);
void modifier_write_finished(struct ol_buf *to, const struct kube_pvc *claim,
                             const char *class_name);
/* A merge patch of the volume. */
void modifier_write_volume(struct ol_buf *to, const char *class_name);
