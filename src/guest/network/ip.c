/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/num.h"

struct ip {
    int family;
    unsigned char bytes[16];
};

static int family_bits(int family)
{
    return family == NET_IPV4 ? 32 : 128;
}

static bool parse_v6(const char *text, unsigned char bytes[16])
{
    const char *scope = strchr(text, '%');
    size_t len = scope ? (size_t)(scope - text) : strlen(text);
    char addr[INET6_ADDRSTRLEN];

    if (len >= sizeof(addr))
        return false;
    if (scope && (!scope[1] || strpbrk(scope + 1, "%/")))
        return false;
    memcpy(addr, text, len);
    addr[len] = '\0';
    return inet_pton(AF_INET6, addr, bytes) == 1;
}

static int parse_ip(const char *text, struct ip *ret)
{
    struct ip ip = {.family = 0};

    if (!text)
        return -EINVAL;
    if (inet_pton(AF_INET, text, ip.bytes) == 1)
        ip.family = NET_IPV4;
    else if (parse_v6(text, ip.bytes))
        ip.family = NET_IPV6;
    if (!ip.family)
        return -EINVAL;
    *ret = ip;
    return 0;
}

int net_ip_family(const char *addr)
{
    struct ip ip;

    return parse_ip(addr, &ip) < 0 ? 0 : ip.family;
}

/* Ones from the left, then only zeros: their number, else -EINVAL. */
static int count_ones(const unsigned char *bytes, int n_bits)
{
    int ones = 0;

    while (ones < n_bits && bytes[ones / 8] & (0x80 >> ones % 8))
        ones++;
    for (int i = ones; i < n_bits; i++)
        if (bytes[i / 8] & (0x80 >> i % 8))
            return -EINVAL;
    return ones;
}

int net_mask_to_prefix(int family, const char *mask)
{
    struct ip ip;
    int prefix;

    if (mask[0] >= '0' && mask[0] <= '9'
        && ol_parse_int(mask, 10, 0, family_bits(family), &prefix) == 0)
        return prefix;
    if (parse_ip(mask, &ip) < 0 || ip.family != family)
        return -EINVAL;
    prefix = count_ones(ip.bytes, family_bits(family));
    if (prefix >= 0 || family == NET_IPV6)
        return prefix;
    for (int i = 0; i < 4; i++)
        ip.bytes[i] = (unsigned char)~ip.bytes[i];
    return count_ones(ip.bytes, 32);
}

int net_cidr_parse(const char *text, struct net_cidr *ret)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct net_cidr cidr = {.prefix = -1};

    if (len >= sizeof(cidr.addr))
        return -EINVAL;
    memcpy(cidr.addr, text, len);
    cidr.family = net_ip_family(cidr.addr);
    if (!cidr.family)
        return -EINVAL;
    if (slash) {
        cidr.prefix = net_mask_to_prefix(cidr.family, slash + 1);
        if (cidr.prefix < 0)
            return -EINVAL;
    }
    *ret = cidr;
    return 0;
}

void net_prefix_to_mask(int prefix, char ret_mask[16])
{
    uint32_t mask = prefix <= 0 ? 0 : htonl(UINT32_MAX << (32 - prefix));

    inet_ntop(AF_INET, &mask, ret_mask, 16);
}

int net_ip_is_inside(const char *addr, const char *net_addr, int prefix)
{
    struct ip ip, net;

    if (parse_ip(addr, &ip) < 0 || parse_ip(net_addr, &net) < 0)
        return -EINVAL;
    if (prefix < 0 || prefix > family_bits(net.family))
        return -EINVAL;
    if (ip.family != net.family)
        return 0;
    for (int i = 0; i < prefix; i++)
        if ((ip.bytes[i / 8] ^ net.bytes[i / 8]) & (0x80 >> i % 8))
            return 0;
    return 1;
}
