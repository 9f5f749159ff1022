/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/log-context.h"

#include <stddef.h>

static _Thread_local const struct log_binding *current;

void log_context_bind(struct log_binding *b, const struct nova_context *c, const char *instance)
{
    *b = (struct log_binding){.context = c, .instance = instance, .outer = current};
    if (!c && b->outer)
        b->context = b->outer->context;
    if (!instance && b->outer)
        b->instance = b->outer->instance;
    current = b;
}

void log_context_unbind(struct log_binding *b)
{
    current = b->outer;
}

const struct log_binding *log_context_current(void)
{
    return current;
}
