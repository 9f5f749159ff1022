/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/netlink.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/cleanup.h"
#include "guest/network/rename.h"

enum { ANSWER_MAX = 32 << 10, ETHER_SIZE = 6 };

int net_perm_mac(const char *name, char ret_mac[18])
{
    union {
        struct ethtool_perm_addr head;
        unsigned char room[sizeof(struct ethtool_perm_addr) + 32];
    } answer = {.head = {.cmd = ETHTOOL_GPERMADDR, .size = 32}};
    const unsigned char *mac = answer.head.data;
    struct ifreq req = {.ifr_data = (void *)&answer};
    ol_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (strlen(name) >= sizeof(req.ifr_name))
        return -EINVAL;
    memcpy(req.ifr_name, name, strlen(name));
    if (ioctl(fd, SIOCETHTOOL, &req) < 0)
        return -errno;
    if (answer.head.size != ETHER_SIZE || !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]))
        return -ENODATA;
    snprintf(ret_mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
    return 0;
}

static int open_route(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    return fd < 0 ? -errno : fd;
}

struct link_request {
    struct nlmsghdr head;
    struct ifinfomsg info;
    struct rtattr name_head;
    char name[IFNAMSIZ];
};

/* The kernel's verdict on the request that was sent last. */
static int receive_ack(int fd)
{
    union {
        struct nlmsghdr head;
        char room[4096];
    } answer;
    ssize_t n = recv(fd, &answer, sizeof(answer), 0);
    const struct nlmsgerr *verdict = NLMSG_DATA(&answer.head);

    if (n < 0)
        return -errno;
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(*verdict)) || answer.head.nlmsg_type != NLMSG_ERROR)
        return -EPROTO;
    return verdict->error;
}

/* Renames by index, or sets the link up or down: each is one request with one answer. */
static int run_step(void *ctx, const struct rename_step *step)
{
    struct link_request req = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof(req.info)),
                 .nlmsg_type = RTM_NEWLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                 .nlmsg_seq = 1},
        .info = {.ifi_family = AF_UNSPEC, .ifi_index = step->index},
    };
    ol_autoclose int fd = open_route();

    if (fd < 0)
        return fd;
    if (step->op == RENAME_NAME) {
        size_t len = strlen(step->to) + 1;

        if (len > sizeof(req.name))
            return -EINVAL;
        memcpy(req.name, step->to, len);
        req.name_head.rta_type = IFLA_IFNAME;
        req.name_head.rta_len = (unsigned short)RTA_LENGTH(len);
        req.head.nlmsg_len =
            (uint32_t)(NLMSG_ALIGN(req.head.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(len)));
    } else {
        req.info.ifi_change = IFF_UP;
        req.info.ifi_flags = step->op == RENAME_UP ? IFF_UP : 0;
    }
    if (send(fd, &req, req.head.nlmsg_len, 0) < 0)
        return -errno;
    return receive_ack(fd);
}

const struct rename_ops net_rename_kernel = {.run = run_step};

/* Flags do not fit the message's own octet any more: IFA_FLAGS has them all. */
static uint32_t address_flags(const struct ifaddrmsg *msg, size_t len)
{
    for (const struct rtattr *a = IFA_RTA(msg); RTA_OK(a, len); a = RTA_NEXT(a, len))
        if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) >= sizeof(uint32_t))
            return *(const uint32_t *)RTA_DATA(a);
    return msg->ifa_flags;
}

static void mark(void *ctx, const struct nlmsghdr *head)
{
    struct nics *nics = ctx;
    const struct ifaddrmsg *msg = NLMSG_DATA(head);
    uint32_t flags = address_flags(msg, IFA_PAYLOAD(head));

    if (msg->ifa_family == AF_INET6
        && (msg->ifa_scope != RT_SCOPE_UNIVERSE || !(flags & IFA_F_PERMANENT)))
        return;
    for (size_t i = 0; i < nics->n; i++)
        if (nics->items[i].index == (int)msg->ifa_index)
            nics->items[i].has_address = true;
}

/* One datagram of the dump: 1 when it was the last, 0 when there is more, -errno. */
static int receive_some(int fd, net_dump_fn fn, void *ctx)
{
    union {
        struct nlmsghdr head;
        char room[ANSWER_MAX];
    } answer;
    ssize_t n = recv(fd, &answer, sizeof(answer), 0);
    size_t left = n < 0 ? 0 : (size_t)n;

    if (n < 0)
        return -errno;
    for (const struct nlmsghdr *h = &answer.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 1;
        if (h->nlmsg_type == NLMSG_ERROR)
            return -EPROTO;
        fn(ctx, h);
    }
    return 0;
}

int net_dump(int type, int family, net_dump_fn fn, void *ctx, struct ol_err *err)
{
    struct {
        struct nlmsghdr head;
        struct rtgenmsg msg;
    } req = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof(req.msg)),
                 .nlmsg_type = (uint16_t)type,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = 1},
        .msg = {.rtgen_family = (unsigned char)family},
    };
    ol_autoclose int fd = open_route();
    int r = fd;

    if (fd < 0)
        return ol_err_set(err, -fd, "open rtnetlink: %s", strerror(-fd));
    if (send(fd, &req, req.head.nlmsg_len, 0) < 0)
        return ol_err_set(err, errno, "ask rtnetlink: %s", strerror(errno));
    do
        r = receive_some(fd, fn, ctx);
    while (r == 0);
    if (r < 0)
        return ol_err_set(err, -r, "receive from rtnetlink: %s", strerror(-r));
    return 0;
}

int net_mark_addressed(struct nics *nics, struct ol_err *err)
{
    return net_dump(RTM_GETADDR, AF_UNSPEC, mark, nics, err);
}
