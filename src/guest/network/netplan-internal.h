/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "guest/network/network-internal.h"

/* The sections of the file, in its order. */
enum netplan_section {
    NETPLAN_ETHERNETS,
    NETPLAN_BONDS,
    NETPLAN_BRIDGES,
    NETPLAN_VLANS,
    NETPLAN_N_SECTIONS
};

struct netplan_writer {
    const struct net_state *state;
    const struct net_render_args *args;
    struct ol_arena *arena;
    struct ol_val *sections[NETPLAN_N_SECTIONS];
};

/* Sets a value of the configuration without copying it: an alias may make it endless. Shared
 * values are never changed. */
void netplan_share(struct ol_arena *a, struct ol_val *map, const char *key, const struct ol_val *v);
/* Adds the whole "network:" document, translated from an interpreted state. */
int netplan_from_v1(struct netplan_writer *w, struct ol_buf *to, struct ol_err *err)
    __attribute__((warn_unused_result));
