/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "net/grpc.h"

/*
 * What a gRPC code means for the volume. The lists differ between the calls, as they do in the
 * reference sidecars; each stands once, in a table.
 */
enum csi_outcome {
    CSI_OUTCOME_OK,
    CSI_OUTCOME_UNSURE,     /* it may be going on, or have happened: ask again until it is final */
    CSI_OUTCOME_FINAL,      /* it did not happen and is not going on */
    CSI_OUTCOME_RESCHEDULE, /* final, and another node may have room */
    CSI_OUTCOME_INFEASIBLE, /* final, and asking again soon is no use */
    CSI_N_OUTCOMES,
};

/* external-provisioner checkError(): 'may_reschedule' when the driver knows topology and the claim
 * has a selected node. */
enum csi_outcome csi_create_outcome(enum ol_grpc_code code, bool may_reschedule);
/* DeleteVolume, ControllerUnpublishVolume: NotFound has the wanted end too. */
enum csi_outcome csi_remove_outcome(enum ol_grpc_code code);
/* external-attacher isFinalError(). */
enum csi_outcome csi_publish_outcome(enum ol_grpc_code code);
/* external-resizer IsFinalError(), IsInfeasibleError(). */
enum csi_outcome csi_expand_outcome(enum ol_grpc_code code);
/* The same, but InvalidArgument alone is infeasible (external-resizer pkg/modifycontroller). */
enum csi_outcome csi_modify_outcome(enum ol_grpc_code code);

/* "rpc error: code = Unavailable desc = no room", the words of grpc-go that users see in events.
 * The error's domain is "gRPC", its status the code. */
void csi_error_set(struct ol_err *err, enum ol_grpc_code code, const char *message);
/* ol_err_set() where the sentence alone is wanted. */
void csi_error_say(struct ol_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
