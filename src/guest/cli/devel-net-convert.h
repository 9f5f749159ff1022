/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "core/env.h"
#include "core/err.h"
#include "core/strv.h"

/* The options of "devel net-convert", named as in upstream's cmd/devel/net_convert.py. */
struct devel_net_convert_args {
    const char *network_data; /* -p, --network-data FILE */
    const char *kind;         /* -k, --kind: eni, yaml, network_data.json */
    const char *directory;    /* -d, --directory: made when it is missing */
    const char *distro;       /* -D, --distro */
    struct ol_strv macs;      /* -m, --mac "name,mac", repeatable */
    bool is_debug;            /* --debug: shows what was read */
    const char *output_kind;  /* -O, --output-kind: eni, netplan, networkd */
};

/*
 * Converts one network configuration into the files of one renderer, below a directory. Says
 * on 'err_out' what was read and written, and the warnings of the conversion.
 *
 * -EOPNOTSUPP: a kind that is known but not done yet; -EINVAL: an unknown kind or a
 * configuration that makes no sense, with its place; -errno: a file cannot be read or written.
 */
int devel_net_convert(struct ol_env *env, const struct devel_net_convert_args *args, FILE *err_out,
                      struct ol_err *err) __attribute__((warn_unused_result));
