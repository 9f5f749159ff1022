/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Arithmetic of addresses as text, where nova uses Python's netaddr. */

enum { ADDRESS_TEXT = 64 };

/* 4 or 6; 0 = neither an address nor "address/length". */
int address_version(const char *text);
/* The mask of "10.0.0.0/24": "255.255.255.0", of IPv6 "ffff:…::". False when it is no network;
 * an address alone is one of its own. */
bool address_netmask(const char *cidr, char ret[ADDRESS_TEXT]);
/* The network's first address: "10.0.0.0" of "10.0.0.7/24". */
bool address_network(const char *cidr, char ret[ADDRESS_TEXT]);
/* False as well when either can't be read. */
bool address_is_in(const char *address, const char *cidr);
