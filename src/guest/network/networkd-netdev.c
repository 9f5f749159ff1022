/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/networkd-internal.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

static void add_netdev(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    unit_add(u, UNIT_NETDEV, "Name", i->name);
    unit_add(u, UNIT_NETDEV, "Kind", i->type);
    if (ol_val_is_truthy(i->mtu))
        unit_add(u, UNIT_NETDEV, "MTUBytes", networkd_text(w, i->mtu));
    if (i->mac)
        unit_add(u, UNIT_NETDEV, "MACAddress", i->mac);
}

int networkd_add_vlan(struct networkd_writer *w, const struct net_iface *i)
{
    ol_auto(unit_done) struct unit u = UNIT_INIT;

    if (!i->vlan_id || !i->vlan_link) {
        net_note(w->args, w->arena, OL_LOG_WARNING, "Skipping VLAN %s - missing 'id' or 'link'",
                 i->name);
        return 0;
    }
    add_netdev(w, i, &u);
    unit_add(&u, UNIT_VLAN, "Id", networkd_text(w, i->vlan_id));
    return networkd_add_file(w, i->name, "netdev", &u);
}

/* A parameter in any spelling of version 1: bond-miimon, bond_miimon. */
static const struct ol_val *bond_param(struct networkd_writer *w, const struct net_iface *i,
                                       const char *name)
{
    for (size_t n = 0; n < ol_val_count(i->params); n++) {
        const struct ol_pair *pair = ol_val_pair(i->params, n);
        char *key = ol_str_tr(ol_arena_strdup(w->arena, ol_val_str(pair->key)), '_', '-');

        if (strcmp(key, name) == 0 && pair->value->type != OL_VAL_NULL)
            return pair->value;
    }
    return NULL;
}

static void add_bond_params(struct networkd_writer *w, const struct net_iface *i, struct unit *u)
{
    static const struct {
        const char *param, *option, *unit;
    } names[] = {
        {"bond-ad-select", "AdSelect", ""},
        {"bond-arp-interval", "ARPIntervalSec", "ms"},
        {"bond-arp-validate", "ARPValidate", ""},
        {"bond-downdelay", "DownDelaySec", "ms"},
        {"bond-fail-over-mac", "FailOverMACPolicy", ""},
        {"bond-lacp-rate", "LACPTransmitRate", ""},
        {"bond-miimon", "MIIMonitorSec", "ms"},
        {"bond-min-links", "MinLinks", ""},
        {"bond-mode", "Mode", ""},
        {"bond-num-grat-arp", "GratuitousARP", ""},
        {"bond-primary-reselect", "PrimaryReselectPolicy", ""},
        {"bond-updelay", "UpDelaySec", "ms"},
        {"bond-xmit-hash-policy", "TransmitHashPolicy", ""},
        {"bond-all-slaves-active", "AllSlavesActive", ""},
        {"bond-arp-all-targets", "ARPAllTargets", ""},
        {"bond-learn-packet-interval", "LearnPacketIntervalSec", ""},
        {"bond-packets-per-slave", "PacketsPerSlave", ""},
    };

    for (size_t n = 0; n < ol_count(names); n++) {
        const struct ol_val *v = bond_param(w, i, names[n].param);
        char *text;

        if (!v)
            continue;
        text = ol_arena_printf(w->arena, "%s%s", networkd_text(w, v), names[n].unit);
        if (strcmp(names[n].option, "AllSlavesActive") == 0)
            ol_str_lower(text);
        unit_add(u, UNIT_BOND, names[n].option, text);
    }
}

static bool has_members(struct networkd_writer *w, const struct net_iface *bond)
{
    for (size_t n = 0; n < w->state->n_ifaces; n++) {
        const char *master = w->state->ifaces[n]->bond_master;

        if (master && strcmp(master, bond->name) == 0)
            return true;
    }
    return false;
}

int networkd_add_bond(struct networkd_writer *w, const struct net_iface *i)
{
    ol_auto(unit_done) struct unit u = UNIT_INIT;

    if (!has_members(w, i)) {
        net_note(w->args, w->arena, OL_LOG_WARNING, "Skipping bond %s - missing 'interfaces'",
                 i->name);
        return 0;
    }
    add_netdev(w, i, &u);
    add_bond_params(w, i, &u);
    return networkd_add_file(w, i->name, "netdev", &u);
}

int networkd_add_bridge(struct networkd_writer *w, const struct net_iface *i)
{
    static const char *const names[][2] = {
        {"bridge_ageing", "AgeingTimeSec"}, {"bridge_bridgeprio", "Priority"},
        {"bridge_fd", "ForwardDelaySec"},   {"bridge_hello", "HelloTimeSec"},
        {"bridge_maxage", "MaxAgeSec"},     {"bridge_stp", "STP"},
    };
    ol_auto(unit_done) struct unit u = UNIT_INIT;

    if (i->bridge_ports.n == 0) {
        net_note(w->args, w->arena, OL_LOG_WARNING, "Skipping bridge %s - missing 'interfaces'",
                 i->name);
        return 0;
    }
    add_netdev(w, i, &u);
    for (size_t n = 0; n < ol_count(names); n++) {
        const struct ol_val *v = ol_val_get(i->params, names[n][0]);

        if (ol_val_is_truthy(v))
            unit_add(&u, UNIT_BRIDGE, names[n][1],
                     ol_val_is(v, OL_VAL_BOOL) ? "yes" : networkd_text(w, v));
    }
    return networkd_add_file(w, i->name, "netdev", &u);
}
