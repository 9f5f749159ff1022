/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/nics.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/path.h"
#include "core/str.h"

static const char *sys_path(struct guest *g, const char *name, const char *file)
{
    return ol_arena_printf(g->arena, "/sys/class/net/%s/%s", name, file);
}

/* In the arena; NULL when it cannot be read or is empty. */
static const char *read_fact(struct guest *g, const char *name, const char *file)
{
    ol_autofree char *text = ol_file_read_line(g->env, sys_path(g, name, file));

    return text && *text ? ol_arena_strdup(g->arena, text) : NULL;
}

static int read_number(struct guest *g, const char *name, const char *file, int fallback)
{
    const char *text = read_fact(g, name, file);
    int v;

    return text && ol_parse_int(text, 10, INT32_MIN, INT32_MAX, &v) == 0 ? v : fallback;
}

/* IFF_UP and others, in hexadecimal. */
static int read_flags(struct guest *g, const char *name)
{
    const char *text = read_fact(g, name, "flags");
    int v;

    return text && ol_parse_int(text, 0, 0, INT32_MAX, &v) == 0 ? v : 0;
}

static bool has_entry(struct guest *g, const char *name, const char *file)
{
    return ol_exists(g->env, sys_path(g, name, file));
}

static const char *link_name(struct guest *g, const char *name, const char *file)
{
    ol_autofree char *target = ol_readlink(g->env, sys_path(g, name, file));

    return target ? ol_arena_strdup(g->arena, ol_path_base(target)) : NULL;
}

static const char *read_mac(struct guest *g, const char *name)
{
    bool is_slave = ol_is_dir(g->env, sys_path(g, name, "bonding_slave"));
    const char *mac = read_fact(g, name, is_slave ? "bonding_slave/perm_hwaddr" : "address");

    return mac ? ol_str_lower(ol_arena_strdup(g->arena, mac)) : NULL;
}

static const char *read_perm_mac(struct guest *g, const char *name, nic_perm_mac_fn ask)
{
    char mac[18] = "";

    if (!ask || ask(name, mac) < 0 || !*mac)
        return NULL;
    return ol_str_lower(ol_arena_strdup(g->arena, mac));
}

/* VIRTIO_NET_F_STANDBY is bit 62. */
static bool has_standby(struct guest *g, const char *name)
{
    const char *features = read_fact(g, name, "device/features");

    return features && strlen(features) >= 64 && features[62] == '1';
}

static bool is_virtio(const char *driver)
{
    return driver && !strcmp(driver, "virtio_net");
}

static unsigned failover_kind(struct guest *g, const struct nic *nic)
{
    if (is_virtio(nic->driver)) {
        if (!has_standby(g, nic->name))
            return 0;
        return nic->master ? NIC_FAILOVER_PART : NIC_FAILOVER_MASTER;
    }
    if (!nic->master || !is_virtio(link_name(g, nic->master, "device/driver")))
        return 0;
    return has_standby(g, nic->master) ? NIC_FAILOVER_PART : 0;
}

static unsigned master_kind(struct guest *g, const struct nic *nic)
{
    if (!nic->master)
        return 0;
    if (has_entry(g, nic->name, "master/bonding") || has_entry(g, nic->name, "master/bridge")
        || has_entry(g, nic->name, "upper_ovs-system"))
        return NIC_HAS_MASTER | NIC_IN_SWITCH;
    return NIC_HAS_MASTER;
}

/* addr_assign_type 2 is "stolen from another device". */
static unsigned read_kind(struct guest *g, const struct nic *nic)
{
    const char *name = nic->name, *type = read_fact(g, name, "type");
    ol_autofree char *uevent = ol_file_read_line(g->env, sys_path(g, name, "uevent"));
    int naming = read_number(g, name, "name_assign_type", 0);
    unsigned kind = failover_kind(g, nic) | master_kind(g, nic);
    const struct {
        bool is_so;
        unsigned kind;
    } facts[] = {
        {!strcmp(name, "lo"), NIC_LOOPBACK},
        {has_entry(g, name, "bridge"), NIC_BRIDGE},
        {has_entry(g, name, "bonding"), NIC_BOND},
        {uevent && strstr(uevent, "DEVTYPE=vlan"), NIC_VLAN},
        {has_entry(g, name, "device"), NIC_PHYSICAL},
        {read_number(g, name, "addr_assign_type", 0) == 2, NIC_STOLEN_MAC},
        {type && !strcmp(type, "32"), NIC_INFINIBAND},
        {naming == 3 || naming == 4, NIC_HAS_FINAL_NAME},
    };

    for (size_t i = 0; i < ol_count(facts); i++)
        if (facts[i].is_so)
            kind |= facts[i].kind;
    return kind;
}

static struct nic read_nic(struct guest *g, const char *name, nic_perm_mac_fn perm_mac)
{
    struct nic nic = {.name = ol_arena_strdup(g->arena, name)};
    const char *operstate = read_fact(g, name, "operstate");

    nic.index = read_number(g, name, "ifindex", 0);
    nic.mac = read_mac(g, name);
    nic.perm_mac = read_perm_mac(g, name, perm_mac);
    nic.driver = link_name(g, name, "device/driver");
    nic.device_id = read_fact(g, name, "device/device");
    nic.master = link_name(g, name, "master");
    nic.operstate = operstate ? operstate : "";
    nic.has_carrier = read_number(g, name, "carrier", 0) > 0;
    nic.is_enabled = read_flags(g, name) & IFF_UP;
    nic.is_dormant = read_number(g, name, "dormant", 0) > 0;
    nic.kind = read_kind(g, &nic);
    return nic;
}

void nics_scan(struct guest *g, nic_perm_mac_fn perm_mac, struct nics *ret)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    *ret = (struct nics){0};
    if (ol_list_dir(g->env, "/sys/class/net", &names, NULL) < 0)
        return;
    ret->items = ol_arena_alloc(g->arena, (names.n + 1) * sizeof(*ret->items));
    ret->cap = names.n;
    ol_strv_each (name, &names) {
        /* "bonding_masters" is a plain file beside the interfaces. */
        if (ol_is_dir(g->env, sys_path(g, name, "")))
            ret->items[ret->n++] = read_nic(g, name, perm_mac);
    }
}

const struct nic *nics_find(const struct nics *nics, const char *name)
{
    for (size_t i = 0; i < nics->n; i++)
        if (!strcmp(nics->items[i].name, name))
            return &nics->items[i];
    return NULL;
}

bool nic_is_up(const struct nic *nic)
{
    return nic->is_enabled || !strcmp(nic->operstate, "up") || !strcmp(nic->operstate, "unknown");
}

static bool is_zero_mac(const char *mac)
{
    return !mac[strspn(mac, "0:")];
}

bool nic_is_shadow(const struct nics *all, const struct nic *nic)
{
    if (nic->driver && !strcmp(nic->driver, "hv_netvsc"))
        return false;
    for (size_t i = 0; i < all->n; i++) {
        const struct nic *other = &all->items[i];

        if (other->driver && !strcmp(other->driver, "hv_netvsc") && other->mac
            && !strcmp(other->mac, nic->mac))
            return true;
    }
    return false;
}

bool nic_is_usable(const struct nics *all, const struct nic *nic)
{
    unsigned bad = NIC_BRIDGE | NIC_BOND | NIC_VLAN | NIC_STOLEN_MAC | NIC_FAILOVER_PART;

    if ((nic->kind & bad) || !nic->mac)
        return false;
    if ((nic->kind & NIC_HAS_MASTER) && !(nic->kind & NIC_IN_SWITCH))
        return false;
    if (is_zero_mac(nic->mac) && !(nic->kind & NIC_LOOPBACK))
        return false;
    return !nic_is_shadow(all, nic);
}

/* Switch chips and modems whose ports share a MAC until their drivers have settled. */
static bool may_share_mac(const struct nic *nic)
{
    static const char *const drivers[] = {"fsl_enetc", "mscc_felix", "qmi_wwan", NULL};

    return nic->driver && ol_str_in(nic->driver, drivers);
}

/* OpenStack speaks of an infiniband GUID as an ethernet address: octets 13-15 and 18-20. */
static void add_infiniband(struct guest *g, struct ol_val *macs, const struct nic *nic)
{
    size_t len = strlen(nic->mac);
    const char *short_mac;

    if (!(nic->kind & NIC_INFINIBAND) || len != 59)
        return;
    short_mac = ol_arena_printf(g->arena, "%.9s%s", nic->mac + 36, nic->mac + 51);
    if (ol_val_get(macs, short_mac))
        ol_warn(g->env,
                "Ethernet and InfiniBand interfaces have the same address both '%s' and "
                "'%s' have address '%s'.",
                nic->name, ol_val_str(ol_val_get(macs, short_mac)), short_mac);
    else
        ol_val_set_str(g->arena, macs, short_mac, nic->name);
}

int nics_known_macs(struct guest *g, const struct nics *all, struct ol_val **ret,
                    struct ol_err *err)
{
    struct ol_val *macs = ol_val_new_map(g->arena);

    for (size_t i = 0; i < all->n; i++) {
        const struct nic *nic = &all->items[i];
        const char *other;

        if (!nic_is_usable(all, nic))
            continue;
        other = ol_val_str(ol_val_get(macs, nic->mac));
        if (other && may_share_mac(nic))
            continue;
        if (other)
            return ol_err_set(err, EEXIST, "duplicate mac found! both '%s' and '%s' have mac '%s'.",
                              nic->name, other, nic->mac);
        ol_val_set_str(g->arena, macs, nic->mac, nic->name);
        add_infiniband(g, macs, nic);
    }
    *ret = macs;
    return 0;
}

/* Compares the runs of digits at *a and *b as numbers and moves behind them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t na, nb;
    int r;

    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    na = strspn(*a, "0123456789");
    nb = strspn(*b, "0123456789");
    r = na != nb ? (na < nb ? -1 : 1) : strncmp(*a, *b, na);
    *a += na;
    *b += nb;
    return r;
}

int nic_name_compare(const char *a, const char *b)
{
    while (*a && *b) {
        int r;

        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b))
            r = compare_numbers(&a, &b);
        else
            r = tolower((unsigned char)*a++) - tolower((unsigned char)*b++);
        if (r)
            return r;
    }
    return (unsigned char)*a - (unsigned char)*b;
}
