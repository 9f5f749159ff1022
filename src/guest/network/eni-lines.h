/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "guest/network/network-internal.h"

/*
 * The lines of a stanza in /etc/network/interfaces (cloud-init 26.2 net/eni.py). Each function
 * adds its lines sorted.
 */
struct eni_writer {
    const struct net_render_args *args;
    struct ol_arena *arena;
    struct ol_buf *out;
};

/* Address, gateway and DNS of a subnet; of the nameservers those of the stanza's family. */
void eni_add_subnet(struct eni_writer *w, const struct net_subnet *s, bool is_ipv6);
/* What belongs to the device and stands in its first stanza only. 's' is that stanza's subnet,
 * NULL = it has none. */
void eni_add_device(struct eni_writer *w, const struct net_iface *i, const struct net_subnet *s);
/* The commands that set and remove a route. 'dev' is the interface for a route without gateway;
 * NULL = not known, such a route is noted and left out. */
void eni_add_route(struct eni_writer *w, const struct net_route *r, const char *indent,
                   const char *dev);
