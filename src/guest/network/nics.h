/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "guest/base/guest.h"

/*
 * The network interfaces that the machine has now, from /sys/class/net below the root. One look
 * serves all rules; strings live in the guest's arena. cloud-init 26.2 net/__init__.py.
 */

/* Bits of nic.kind */
enum nic_kind {
    NIC_LOOPBACK = 1 << 0,
    NIC_BRIDGE = 1 << 1,
    NIC_BOND = 1 << 2,
    NIC_VLAN = 1 << 3,
    NIC_PHYSICAL = 1 << 4,        /* has a device behind it */
    NIC_STOLEN_MAC = 1 << 5,      /* its address is that of another interface */
    NIC_HAS_MASTER = 1 << 6,      /* is part of another interface */
    NIC_IN_SWITCH = 1 << 7,       /* … which is a bridge, bond or Open vSwitch */
    NIC_FAILOVER_PART = 1 << 8,   /* primary or standby of a net_failover trio */
    NIC_FAILOVER_MASTER = 1 << 9, /* the interface that people use of it */
    NIC_INFINIBAND = 1 << 10,
    NIC_HAS_FINAL_NAME = 1 << 11, /* user space named it */
};

struct nic {
    const char *name;
    int index;                      /* the kernel's; 0 = unknown */
    const char *mac;                /* lower case; a bond slave's own one; NULL = it has none */
    const char *perm_mac;           /* burnt in, lower case; NULL = unknown */
    const char *driver, *device_id; /* NULL = none */
    const char *master;             /* NULL = none */
    const char *operstate; /* "up", "down", "unknown", "dormant" …; "" = cannot be told */
    bool has_carrier, is_dormant;
    bool is_enabled;  /* set up by somebody, with or without a carrier */
    bool has_address; /* false unless somebody asked the kernel: net_mark_addressed() */
    unsigned kind;    /* enum nic_kind */
};

struct nics {
    struct nic *items; /* in the order of names */
    size_t n, cap;
};

/* Stores the burnt-in address as text; 0 or -errno. */
typedef int (*nic_perm_mac_fn)(const char *name, char ret_mac[18]);

/* 'perm_mac' NULL = not asked for (another root than "/", tests). */
void nics_scan(struct guest *g, nic_perm_mac_fn perm_mac, struct nics *ret);
/* By name; NULL when there is none. */
const struct nic *nics_find(const struct nics *nics, const char *name);

/* The interface is up, or may be for all the kernel says: it cannot be renamed as it is. */
bool nic_is_up(const struct nic *nic);
/* One that configurations may speak of: no bridge, bond, vlan, part of a failover or of something
 * unknown, and with a MAC of its own (net.get_interfaces()). */
bool nic_is_usable(const struct nics *all, const struct nic *nic);

/* A Hyper-V virtual function: a synthetic interface has its MAC and is the one that people use. */
bool nic_is_shadow(const struct nics *all, const struct nic *nic);

/* Map: lower-case MAC → name, for net_render_args. -EEXIST: two interfaces have one MAC. */
int nics_known_macs(struct guest *g, const struct nics *all, struct ol_val **ret,
                    struct ol_err *err) __attribute__((warn_unused_result));

/* < 0, 0, > 0 in natural order: "ens9" before "ens10". */
int nic_name_compare(const char *a, const char *b);
