/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/network-internal.h"

/* One device of a section. */
struct v2_device {
    const char *where; /* "network: ethernets: eth0" */
    const char *key;
    const struct ol_val *cfg;
};

/* Absent, null or of that type: 0; else -EINVAL with the place. */
int v2_want_map(struct net_parser *p, const char *where, const struct ol_val *v)
    __attribute__((warn_unused_result));
/* "where: key" */
const char *v2_at(struct net_parser *p, const char *where, const char *key);
/* dhcp4, dhcp6, addresses, gateways, nameservers and routes of a device. */
int v2_read_ip(struct net_parser *p, const struct v2_device *d, struct net_iface *i)
    __attribute__((warn_unused_result));
