/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/num.h"

struct net {
    int version;
    int length; /* of the prefix in bits */
    unsigned char bytes[16];
};

static int bits(const struct net *n)
{
    return n->version == 4 ? 32 : 128;
}

static bool read_net(const char *text, struct net *ret)
{
    char address[ADDRESS_TEXT] = {0};
    size_t len = text ? strcspn(text, "/") : 0;
    struct net n = {.version = 0};

    if (!len || len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    if (inet_pton(AF_INET, address, n.bytes) == 1)
        n.version = 4;
    else if (inet_pton(AF_INET6, address, n.bytes) == 1)
        n.version = 6;
    if (!n.version)
        return false;
    n.length = bits(&n);
    if (text[len] && ol_parse_int(text + len + 1, 10, 0, bits(&n), &n.length) < 0)
        return false;
    *ret = n;
    return true;
}

/* The byte of the mask at 'at'. */
static unsigned char mask_byte(const struct net *n, int at)
{
    int left = n->length - 8 * at;

    if (left >= 8)
        return 0xff;
    if (left <= 0)
        return 0;
    return (unsigned char)(0x100 - (1 << (8 - left)));
}

static bool write_address(int version, const unsigned char *bytes, char ret[ADDRESS_TEXT])
{
    return inet_ntop(version == 4 ? AF_INET : AF_INET6, bytes, ret, ADDRESS_TEXT) != NULL;
}

int address_version(const char *text)
{
    struct net n;

    return read_net(text, &n) ? n.version : 0;
}

bool address_netmask(const char *cidr, char ret[ADDRESS_TEXT])
{
    unsigned char mask[16];
    struct net n;

    if (!read_net(cidr, &n))
        return false;
    for (int i = 0; i < 16; i++)
        mask[i] = mask_byte(&n, i);
    return write_address(n.version, mask, ret);
}

bool address_network(const char *cidr, char ret[ADDRESS_TEXT])
{
    struct net n;

    if (!read_net(cidr, &n))
        return false;
    for (int i = 0; i < 16; i++)
        n.bytes[i] &= mask_byte(&n, i);
    return write_address(n.version, n.bytes, ret);
}

bool address_is_in(const char *address, const char *cidr)
{
    struct net a, n;

    if (!read_net(address, &a) || !read_net(cidr, &n) || a.version != n.version)
        return false;
    for (int i = 0; i < bits(&n) / 8; i++)
        if ((a.bytes[i] ^ n.bytes[i]) & mask_byte(&n, i))
            return false;
    return true;
}
