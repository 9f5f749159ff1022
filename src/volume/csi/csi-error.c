/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/* Columns: CreateVolume, a removal, ControllerPublishVolume, ControllerExpandVolume,
 * ControllerModifyVolume. */
struct outcome_row {
    uint8_t create, remove, publish, expand, modify;
};

/* clang-format off */
#define O CSI_OUTCOME_OK
#define U CSI_OUTCOME_UNSURE
#define F CSI_OUTCOME_FINAL
#define I CSI_OUTCOME_INFEASIBLE
static const struct outcome_row outcomes[OL_GRPC_N_CODES] = {
    [OL_GRPC_OK]                  = {O, O, O, O, O},
    [OL_GRPC_CANCELLED]           = {U, U, U, U, U},
    [OL_GRPC_UNKNOWN]             = {F, F, F, F, F},
    [OL_GRPC_INVALID_ARGUMENT]    = {F, F, F, I, I},
    [OL_GRPC_DEADLINE_EXCEEDED]   = {U, U, U, U, U},
    [OL_GRPC_NOT_FOUND]           = {F, O, F, I, F},
    [OL_GRPC_ALREADY_EXISTS]      = {F, F, F, F, F},
    [OL_GRPC_PERMISSION_DENIED]   = {F, F, F, F, F},
    [OL_GRPC_RESOURCE_EXHAUSTED]  = {CSI_OUTCOME_RESCHEDULE, U, U, U, U},
    [OL_GRPC_FAILED_PRECONDITION] = {F, F, F, F, F},
    [OL_GRPC_ABORTED]             = {U, U, U, U, U},
    [OL_GRPC_OUT_OF_RANGE]        = {F, F, F, I, F},
    [OL_GRPC_UNIMPLEMENTED]       = {F, F, F, F, F},
    [OL_GRPC_INTERNAL]            = {F, F, F, F, F},
    [OL_GRPC_UNAVAILABLE]         = {U, U, U, U, U},
    [OL_GRPC_DATA_LOSS]           = {F, F, F, F, F},
    [OL_GRPC_UNAUTHENTICATED]     = {F, F, F, F, F},
};
#undef O
#undef U
#undef F
#undef I
/* clang-format on */

/* A number that no gRPC of ours knows comes from the peer all the same: as UNKNOWN. */
static const struct outcome_row *row_of(enum ol_grpc_code code)
{
    return &outcomes[(unsigned)code < OL_GRPC_N_CODES ? code : OL_GRPC_UNKNOWN];
}

enum csi_outcome csi_create_outcome(enum ol_grpc_code code, bool may_reschedule)
{
    enum csi_outcome o = row_of(code)->create;

    return o == CSI_OUTCOME_RESCHEDULE && !may_reschedule ? CSI_OUTCOME_FINAL : o;
}

enum csi_outcome csi_remove_outcome(enum ol_grpc_code code)
{
    return row_of(code)->remove;
}

enum csi_outcome csi_publish_outcome(enum ol_grpc_code code)
{
    return row_of(code)->publish;
}

enum csi_outcome csi_expand_outcome(enum ol_grpc_code code)
{
    return row_of(code)->expand;
}

enum csi_outcome csi_modify_outcome(enum ol_grpc_code code)
{
    return row_of(code)->modify;
}

void csi_error_set(struct ol_err *err, enum ol_grpc_code code, const char *message)
{
    int r = ol_err_set_domain(err, EIO, "gRPC", code, "rpc error: code = %s desc = %s",
                              ol_grpc_code_name(code), message);

    (void)r;
}

void csi_error_say(struct ol_err *err, int code, const char *fmt, ...)
{
    char text[sizeof(err->msg)];
    va_list ap;
    int r;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r = ol_err_set(err, code, "%s", text);
    (void)r;
}
