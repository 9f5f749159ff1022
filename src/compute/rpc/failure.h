/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/err.h"

/*
 * Exceptions over the wire (oslo.messaging 14, _drivers/common.py: serialize_remote_exception()):
 * JSON text with class, module, message, tb, args and kwargs. A caller rebuilds the class out of
 * args and kwargs when it allows the module, else it raises RemoteError.
 */

/* Writes what 'err' says; a plain errno is told as NovaException. */
void rpc_failure_write(const struct ol_err *err, struct ol_buf *to);
/* Records the exception that the text names in 'err' and returns its -errno; what can't be read is
 * a RemoteError, too. */
int rpc_failure_read(const char *json, struct ol_err *err) __attribute__((warn_unused_result));
