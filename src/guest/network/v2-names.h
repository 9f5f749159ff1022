/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of bond and bridge parameters: version 1 (ifupdown's) and version 2 (netplan's), as in
 * cloud-init 26.2 net/network_state.py.
 */
struct net_v2_name {
    const char *v1; /* NULL ends a table */
    const char *v2; /* NULL = version 2 has no such parameter */
};

extern const struct net_v2_name net_v2_bond_names[], net_v2_bridge_names[];

/* NULL when the table does not have it. */
const char *net_v2_to_v1(const struct net_v2_name *table, const char *v2);
const char *net_v1_to_v2(const struct net_v2_name *table, const char *v1);
