/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/netlink.h>

#include "guest/network/nics.h"

/* The kernel's side of the interfaces, for the machine's own "/": rtnetlink and ethtool. */

/* For nics_scan(): ETHTOOL_GPERMADDR. -ENODATA: the driver knows none. */
int net_perm_mac(const char *name, char ret_mac[18]) __attribute__((warn_unused_result));

/* Sets has_address where an interface has an IPv4 address, or an IPv6 one that is global and
 * permanent: such a one is not to be taken down. */
int net_mark_addressed(struct nics *nics, struct ol_err *err) __attribute__((warn_unused_result));

/* One message of a dump; it is whole. */
typedef void (*net_dump_fn)(void *ctx, const struct nlmsghdr *head);

/* Asks the kernel for all of RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE; 0 or -errno. */
int net_dump(int type, int family, net_dump_fn fn, void *ctx, struct ol_err *err)
    __attribute__((warn_unused_result));
