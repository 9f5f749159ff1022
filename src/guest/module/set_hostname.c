/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/hostname-set.h"
#include "guest/module/module.h"

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return hostname_set(g, call->cfg, err);
}

const struct module module_set_hostname = {
    .name = "set_hostname",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
