/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/fallback.h"

#include <string.h>

#include "core/str.h"

enum rank { RANK_NONE, RANK_POSSIBLE, RANK_CONNECTED };

/* Laxer than nic_is_usable(): vlans and parts of other interfaces may do when nothing else is. */
static enum rank rank(const struct nic *nic)
{
    static const char *const states[] = {"dormant", "down", "lowerlayerdown", "unknown", NULL};
    unsigned bad = NIC_BRIDGE | NIC_BOND | NIC_LOOPBACK | NIC_FAILOVER_PART;

    if ((nic->kind & bad) || !nic->mac || ol_str_starts(nic->name, "veth"))
        return RANK_NONE;
    if (nic->has_carrier)
        return RANK_CONNECTED;
    return nic->is_dormant || ol_str_in(nic->operstate, states) ? RANK_POSSIBLE : RANK_NONE;
}

static bool is_better(const struct nic *a, const struct nic *b)
{
    enum rank of_a = rank(a), of_b = rank(b);

    if (of_a != of_b)
        return of_a > of_b;
    if (!strcmp(b->name, "eth0"))
        return false;
    return !strcmp(a->name, "eth0") || nic_name_compare(a->name, b->name) < 0;
}

static const struct nic *best(const struct nics *nics)
{
    const struct nic *found = NULL;

    for (size_t i = 0; i < nics->n; i++) {
        const struct nic *nic = &nics->items[i];

        if (rank(nic) == RANK_NONE || nic_is_shadow(nics, nic))
            continue;
        if (!found || is_better(nic, found))
            found = nic;
    }
    return found;
}

const char *net_fallback_nic(const struct nics *nics)
{
    const struct nic *nic = best(nics);

    return nic ? nic->name : NULL;
}

struct ol_val *net_fallback_config(const struct nics *nics, struct ol_arena *a)
{
    const struct nic *nic = best(nics);
    struct ol_val *config, *ethernets, *eth, *match;

    if (!nic)
        return NULL;
    match = ol_val_new_map(a);
    /* The three interfaces of a failover have one MAC. */
    if (nic->kind & NIC_FAILOVER_MASTER)
        ol_val_set_str(a, match, "name", nic->name);
    else
        ol_val_set_str(a, match, "macaddress", nic->mac);
    eth = ol_val_new_map(a);
    ol_val_set_bool(a, eth, "dhcp4", true);
    ol_val_set_bool(a, eth, "dhcp6", true);
    ol_val_set_str(a, eth, "set-name", nic->name);
    ol_val_set(a, eth, "match", match);
    ethernets = ol_val_new_map(a);
    ol_val_set(a, ethernets, nic->name, eth);
    config = ol_val_new_map(a);
    ol_val_set(a, config, "ethernets", ethernets);
    ol_val_set_int(a, config, "version", 2);
    return config;
}
