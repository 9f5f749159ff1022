/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/base/context.h"

/*
 * What log lines of this thread belong to: a request, an instance. A log call is given neither, and
 * the same code runs for many requests at once in many threads, so this is thread-local: the one
 * thing about a thread that is not handed around. oslo.context keeps it so too.
 *
 *     ol_auto(log_context_unbind) struct log_binding bound;
 *     log_context_bind(&bound, &request->context, uuid);
 *
 * Bindings nest; all lie on the stack of their thread and borrow what they name.
 */
struct log_binding {
    const struct nova_context *context; /* NULL = none */
    const char *instance;               /* uuid; NULL = none */
    const struct log_binding *outer;
};

/* NULL for what stays as it is further out. */
void log_context_bind(struct log_binding *b, const struct nova_context *c, const char *instance);
/* In the opposite order of binding. */
void log_context_unbind(struct log_binding *b);
/* The innermost of this thread; NULL = none. */
const struct log_binding *log_context_current(void);
