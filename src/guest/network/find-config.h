/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/nics.h"

/* The configuration that holds, and where it is from. */
struct net_found {
    const struct ol_val *config; /* a map with "version"; NULL = networking is not to be touched */
    const char *source; /* "cmdline", "initramfs", "system_cfg", "ds", "fallback", or a path */
};

/*
 * In cloud-init's order: data/upgraded-network forbids all, then the kernel command line, the
 * initramfs, the configuration's "network", the datasource, the fallback. {config: disabled} ends
 * the search.
 * -EINVAL: the datasource's form of it cannot be read, or names a MAC that the machine lacks.
 */
int net_find_config(struct guest *g, const struct nics *nics, struct net_found *ret,
                    struct ol_err *err) __attribute__((warn_unused_result));
