/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/network-internal.h"
#include "guest/network/networkd-unit.h"

/* What the writers of .network and .netdev files share. */
struct networkd_writer {
    const struct net_state *state;
    const struct net_render_args *args;
    struct ol_arena *arena;
    struct net_files *files;
    struct ol_err *err;
};

/* A scalar as Python's str() shows it. */
const char *networkd_text(struct networkd_writer *w, const struct ol_val *v);
/* /etc/systemd/network/10-cloud-init-NAME.SUFFIX. -EINVAL: no file can have that name. */
int networkd_add_file(struct networkd_writer *w, const char *name, const char *suffix,
                      struct unit *u) __attribute__((warn_unused_result));

/* The .netdev file of one device; one that lacks its parts is noted and left out. */
int networkd_add_vlan(struct networkd_writer *w, const struct net_iface *i)
    __attribute__((warn_unused_result));
int networkd_add_bond(struct networkd_writer *w, const struct net_iface *i)
    __attribute__((warn_unused_result));
int networkd_add_bridge(struct networkd_writer *w, const struct net_iface *i)
    __attribute__((warn_unused_result));
