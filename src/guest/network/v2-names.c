/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/v2-names.h"

#include <stddef.h>
#include <string.h>

const struct net_v2_name net_v2_bond_names[] = {
    {"bond-ad-select", "ad-select"},
    {"bond-all-slaves-active", "all-slaves-active"},
    {"bond-arp-all-targets", "arp-all-targets"},
    {"bond-arp-interval", "arp-interval"},
    {"bond-arp-ip-target", "arp-ip-target"},
    {"bond-arp-validate", "arp-validate"},
    {"bond-downdelay", "down-delay"},
    {"bond-fail-over-mac", "fail-over-mac-policy"},
    {"bond-lacp-rate", "lacp-rate"},
    {"bond-learn-packet-interval", "learn-packet-interval"},
    {"bond-miimon", "mii-monitor-interval"},
    {"bond-min-links", "min-links"},
    {"bond-mode", "mode"},
    {"bond-num-grat-arp", "gratuitous-arp"},
    {"bond-num-grat-arp", "gratuitious-arp"}, /* netplan's old spelling */
    {"bond-packets-per-slave", "packets-per-slave"},
    {"bond-primary", "primary"},
    {"bond-primary-reselect", "primary-reselect-policy"},
    {"bond-updelay", "up-delay"},
    {"bond-xmit-hash-policy", "transmit-hash-policy"},
    {NULL, NULL},
};

const struct net_v2_name net_v2_bridge_names[] = {
    {"bridge_ageing", "ageing-time"},
    {"bridge_bridgeprio", "priority"},
    {"bridge_fd", "forward-delay"},
    {"bridge_gcint", NULL},
    {"bridge_hello", "hello-time"},
    {"bridge_maxage", "max-age"},
    {"bridge_maxwait", NULL},
    {"bridge_pathcost", "path-cost"},
    {"bridge_portprio", "port-priority"},
    {"bridge_stp", "stp"},
    {"bridge_waitport", NULL},
    {NULL, NULL},
};

const char *net_v2_to_v1(const struct net_v2_name *table, const char *v2)
{
    for (; table->v1; table++)
        if (table->v2 && strcmp(table->v2, v2) == 0)
            return table->v1;
    return NULL;
}

const char *net_v1_to_v2(const struct net_v2_name *table, const char *v1)
{
    for (; table->v1; table++)
        if (strcmp(table->v1, v1) == 0)
            return table->v2;
    return NULL;
}
