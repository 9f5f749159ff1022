/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "codec/val.h"

/*
 * nova's model of an instance's network (network/model.py: VIF, Network, Subnet, IP) out of what
 * neutron says: pure. nova 26 network/neutron.py _build_vif_model() and what it calls.
 */
struct network_facts {
    const struct ol_val *ports;      /* in the order of the interfaces */
    const struct ol_val *networks;   /* with provider:… and segments, where we may see them */
    const struct ol_val *subnets;    /* of the ports' addresses */
    const struct ol_val *dhcp_ports; /* device_owner network:dhcp, of the networks */
    const struct ol_val *floating;   /* floating addresses of the ports */
    const char *ovs_bridge;          /* [neutron]ovs_bridge */
    bool is_injected;                /* flat_injected */
};
/* preserve_on_delete is false in it: neutron does not know who made a port. */
struct ol_val *network_info_make(struct ol_arena *a, const struct network_facts *f);
