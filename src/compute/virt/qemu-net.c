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
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/base/privileged.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/*
 * Tap devices. One that we make lasts as long as its descriptor, which QEMU holds: none is left. A
 * Linux bridge forgets it by itself; an Open vSwitch has to be told, as os-vif does it. Those that
 * the privileged helper makes for us stay until it is told.
 */
enum { OVS_SECONDS = 120 };

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

static int bring_up(int s, const char *name)
{
    struct ifreq r = {.ifr_flags = 0};
    int result;

    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    result = ask(s, SIOCGIFFLAGS, &r);
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
    return result < 0 ? result : ask(s, SIOCSIFFLAGS, &r);
}

/* A bridge that the network's agent has not made yet is made, as os-vif does. */
static int need_bridge(struct ol_env *env, int s, const char *bridge)
{
    char name[IFNAMSIZ];

    if (if_nametoindex(bridge) || !ol_change(env, "bridge", bridge))
        return 0;
    snprintf(name, sizeof(name), "%s", bridge);
    if (ioctl(s, SIOCBRADDBR, name) < 0 && errno != EEXIST)
        return -errno;
    return bring_up(s, name);
}

int qemu_need_bridge(struct virt *v, const struct virt_nic *nic, struct ol_err *err)
{
    ol_autoclose int s = -1;
    int r;

    if (strcmp(nic->kind, "bridge") != 0 || !nic->bridge || geteuid() != 0)
        return 0;
    s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    r = s < 0 ? -errno : need_bridge(v->env, s, nic->bridge);
    if (r < 0)
        return nova_fail(err, NOVA_VIF_PLUG, "Virtual interface plugin failed: bridge '%s': %s",
                         nic->bridge, strerror(-r));
    return 0;
}

static int join_bridge(struct qemu *q, int s, const char *bridge, const char *name)
{
    struct ifreq b = {.ifr_ifindex = (int)if_nametoindex(name)};
    int r = need_bridge(q->base.env, s, bridge);

    snprintf(b.ifr_name, sizeof(b.ifr_name), "%s", bridge);
    if (r == 0)
        r = ask(s, SIOCBRADDIF, &b);
    return r == -EBUSY ? 0 : r; /* one that was made by others is on a bridge already */
}

static bool is_ovs(const struct qemu_nic *nic)
{
    return strcmp(nic->n.kind, "ovs") == 0;
}

static int join(struct qemu *q, const struct qemu_nic *nic, const char *name)
{
    ol_autoclose int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq mtu = {.ifr_mtu = nic->n.mtu};
    int r = s < 0 ? -errno : 0;

    if (!ol_change(q->base.env, "link", name))
        return 0;
    snprintf(mtu.ifr_name, sizeof(mtu.ifr_name), "%s", name);
    if (r == 0 && nic->n.mtu > 0)
        r = ask(s, SIOCSIFMTU, &mtu);
    if (r == 0 && nic->n.bridge && strcmp(nic->n.kind, "bridge") == 0)
        r = join_bridge(q, s, nic->n.bridge, name);
    return r == 0 ? bring_up(s, name) : r;
}

/* A device that stays, ours to open, on its bridge and up; one that is there stays as it is. */
static int add_privileged(struct qemu_machine *m, const struct qemu_nic *nic, const char *name,
                          struct ol_err *err)
{
    bool is_bridged = nic->n.bridge && strcmp(nic->n.kind, "bridge") == 0;
    ol_autofree char *mtu = ol_xasprintf("%d", nic->n.mtu);
    char user[VIRT_USER_SIZE];
    const char *argv[] = {"tap-add", name, user, is_bridged ? nic->n.bridge : "", mtu, NULL};
    int r = if_nametoindex(name) ? 0 : virt_own_user(user, err);

    if (r < 0 || if_nametoindex(name))
        return r;
    return privileged_run(m->q->base.privileged, m->q->base.env, argv, err);
}

static int open_device(struct ifreq *r)
{
    ol_autoclose int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    return fd < 0 || ioctl(fd, TUNSETIFF, r) < 0 ? -errno : ol_take_fd(&fd);
}

static const char *ovs_bridge(const struct qemu_machine *m, const struct qemu_nic *nic)
{
    const char *set = m->q->base.config->ovs_bridge;

    return nic->n.bridge ? nic->n.bridge : set && *set ? set : "br-int";
}

/* vif_plug_ovs' create_ovs_vif_port(): the agent finds its port by iface-id. */
static int join_ovs(struct qemu_machine *m, const struct qemu_nic *nic, const char *name,
                    struct ol_err *err)
{
    ol_autofree char *id = ol_xasprintf("external_ids:iface-id=%s", nic->n.id);
    ol_autofree char *mac = ol_xasprintf("external_ids:attached-mac=%s", nic->n.mac);
    ol_autofree char *vm = ol_xasprintf("external_ids:vm-uuid=%s", m->uuid);
    const char *argv[] = {"ovs-vsctl",
                          "--timeout=60",
                          "--",
                          "--if-exists",
                          "del-port",
                          name,
                          "--",
                          "add-port",
                          ovs_bridge(m, nic),
                          name,
                          "--",
                          "set",
                          "Interface",
                          name,
                          id,
                          "external_ids:iface-status=active",
                          mac,
                          vm,
                          NULL};

    return qemu_tool(m->q->base.env, argv, OVS_SECONDS, err);
}

static int leave_ovs(struct qemu_machine *m, const struct qemu_nic *nic, const char *name,
                     struct ol_err *err)
{
    const char *argv[] = {"ovs-vsctl", "--timeout=60",     "--", "--if-exists",
                          "del-port",  ovs_bridge(m, nic), name, NULL};

    return qemu_tool(m->q->base.env, argv, OVS_SECONDS, err);
}

int qemu_release_tap(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err)
{
    char name[IFNAMSIZ];
    const char *argv[] = {"tap-delete", name, NULL};
    int r = 0;

    if (!qemu_nic_has_tap(nic))
        return 0;
    tap_name(nic, name);
    if (is_ovs(nic))
        r = leave_ovs(m, nic, name, err);
    if (r == 0 && m->q->base.privileged && if_nametoindex(name))
        r = privileged_run(m->q->base.privileged, m->q->base.env, argv, err);
    return r;
}

/* The device, on its bridge and up. */
static int make_tap(struct qemu_machine *m, const struct qemu_nic *nic, struct ifreq *r,
                    struct ol_err *err)
{
    bool is_privileged = m->q->base.privileged != NULL;
    ol_autoclose int fd = -1;
    int result = is_privileged ? add_privileged(m, nic, r->ifr_name, err) : 0;

    if (result < 0)
        return result;
    fd = result = open_device(r);
    if (result >= 0 && !is_privileged)
        result = join(m->q, nic, r->ifr_name);
    if (result < 0)
        return ol_err_set(err, -result, "%s", strerror(-result));
    return ol_take_fd(&fd);
}

int qemu_open_tap(struct qemu_machine *m, const struct qemu_nic *nic, int *ret_fd,
                  struct ol_err *err)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    struct ol_err why = OL_ERR_INIT;
    ol_autoclose int fd = -1;
    int result;

    tap_name(nic, r.ifr_name);
    if (!ol_change(m->q->base.env, "tap", r.ifr_name))
        return 0;
    fd = result = make_tap(m, nic, &r, &why);
    if (result >= 0 && is_ovs(nic))
        result = join_ovs(m, nic, r.ifr_name, &why);
    if (result < 0)
        return nova_fail(err, NOVA_VIF_PLUG, "Virtual interface plugin failed: %s '%s' on '%s': %s",
                         nic->n.kind, r.ifr_name, nic->n.bridge ? nic->n.bridge : "",
                         ol_err_text(&why));
    *ret_fd = ol_take_fd(&fd);
    return 0;
}
