/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arithmetic on the text of IP addresses, netmasks and prefixes. What counts as an address
 * is what Python's ipaddress module accepts, since configurations are written for it; the
 * text itself is never rewritten.
 */
enum { NET_IPV4 = 4, NET_IPV6 = 6 };

/* "192.0.2.1/24" taken apart. */
struct net_cidr {
    int family;    /* NET_IPV4 or NET_IPV6 */
    int prefix;    /* -1 = none was given */
    char addr[80]; /* as it was written */
};

/* NET_IPV4, NET_IPV6 (a scope "%eth0" is allowed), or 0 when it is no address. NULL is none. */
int net_ip_family(const char *addr);
/* "addr", "addr/prefix" or "addr/netmask". 0, or -EINVAL: the result is untouched. */
int net_cidr_parse(const char *text, struct net_cidr *ret) __attribute__((warn_unused_result));
/* Prefix length of "24", "255.255.255.0", "0.0.0.255" (a host mask), "64" or "ffff:ffff::";
 * -EINVAL for others. */
int net_mask_to_prefix(int family, const char *mask) __attribute__((warn_unused_result));
/* Netmask of an IPv4 prefix 0..32. 'ret_mask' has room for 16 bytes. */
void net_prefix_to_mask(int prefix, char ret_mask[16]);
/* Whether 'addr' lies in the network of 'net_addr'/'prefix': 1, 0 (also for another family),
 * or -EINVAL when one of them is no address. */
int net_ip_is_inside(const char *addr, const char *net_addr, int prefix)
    __attribute__((warn_unused_result));
