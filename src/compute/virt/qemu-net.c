/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "compute/virt/qemu-internal.h"
#include "core/cleanup.h"

/* Tap devices. One that we make lasts as long as its descriptor, which QEMU holds: none is left. */

/* "tap" and the first 11 characters of the port's id, as neutron's agents look for it. */
static void tap_name(const struct qemu_nic *nic, char ret[IFNAMSIZ])
{
    if (nic->n.tap)
        snprintf(ret, IFNAMSIZ, "%s", nic->n.tap);
    else
        snprintf(ret, IFNAMSIZ, "tap%.11s", nic->n.id);
}

static int ask(int s, unsigned long what, struct ifreq *r)
{
    return ioctl(s, what, r) < 0 ? -errno : 0;
}

static int join(struct qemu *q, const struct qemu_nic *nic, const char *name)
{
    ol_autoclose int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_mtu = nic->n.mtu};
    int result = s < 0 ? -errno : 0;

    if (!ol_change(q->base.env, "link", name))
        return 0;
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    if (result == 0 && nic->n.mtu > 0)
        result = ask(s, SIOCSIFMTU, &r);
    if (result == 0 && nic->n.bridge) {
        struct ifreq b = {.ifr_ifindex = (int)if_nametoindex(name)};

        snprintf(b.ifr_name, sizeof(b.ifr_name), "%s", nic->n.bridge);
        result = ask(s, SIOCBRADDIF, &b);
        if (result == -EBUSY) /* one that was made by others is on a bridge already */
            result = 0;
    }
    if (result == 0)
        result = ask(s, SIOCGIFFLAGS, &r);
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
    return result == 0 ? ask(s, SIOCSIFFLAGS, &r) : result;
}

int qemu_open_tap(struct qemu *q, const struct qemu_nic *nic, int *ret_fd, struct ol_err *err)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    ol_autoclose int fd = -1;
    int result = 0;

    tap_name(nic, r.ifr_name);
    if (!ol_change(q->base.env, "tap", r.ifr_name))
        return 0;
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
        result = -errno;
    if (result == 0)
        result = join(q, nic, r.ifr_name);
    if (result < 0)
        return ol_err_set(err, -result, "tap device '%s'%s%s: %s", r.ifr_name,
                          nic->n.bridge ? " on bridge " : "", nic->n.bridge ? nic->n.bridge : "",
                          strerror(-result));
    *ret_fd = ol_take_fd(&fd);
    return 0;
}
