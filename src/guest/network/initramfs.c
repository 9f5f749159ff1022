/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/initramfs.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cmdline.h"

enum { FILE_MAX = 64 << 10 };

/* KEY=value, KEY='value' and KEY="value", one per line. */
static struct ol_val *read_assignments(struct ol_arena *a, const char *text)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    struct ol_val *map = ol_val_new_map(a);

    ol_strv_split(&lines, text, "\r\n");
    ol_strv_each (line, &lines) {
        const char *equals = strchr(line, '='), *value = equals ? equals + 1 : NULL;
        size_t len = value ? strlen(value) : 0;

        if (!value || equals == line || line[0] == '#')
            continue;
        if (len >= 2 && (value[0] == '\'' || value[0] == '"') && value[len - 1] == value[0]) {
            value++;
            len -= 2;
        }
        ol_val_set(a, map, ol_arena_memdup(a, line, (size_t)(equals - line)),
                   ol_val_new_strn(a, value, len));
    }
    return map;
}

static const char *value_of(const struct ol_val *map, const char *key)
{
    const char *v = ol_val_str(ol_val_get(map, key));

    return v && *v ? v : NULL;
}

static int read_proto(const struct ol_val *map, const char **ret, struct ol_err *err)
{
    static const char *const known[] = {"none", "dhcp", "dhcp6", NULL};
    const char *proto = value_of(map, "PROTO");

    if (!ol_val_get(map, "PROTO"))
        proto = value_of(map, "IPV6PROTO");
    if (!proto)
        proto = value_of(map, "filename") ? "dhcp" : "none";
    if (!strcmp(proto, "static") || !strcmp(proto, "off"))
        proto = "none";
    if (!ol_str_in(proto, known))
        return ol_err_set(err, EINVAL, "Unexpected value for PROTO: %s", proto);
    *ret = proto;
    return 0;
}

static void add_dns(struct ol_arena *a, const struct ol_val *map, const char *family,
                    struct ol_val *subnet)
{
    static const char *const keys[] = {"DNS0", "DNS1"};
    const char *search = value_of(map, "DOMAINSEARCH");
    struct ol_val *servers = ol_val_new_list(a), *domains = ol_val_new_list(a);
    ol_auto(ol_strv_done) struct ol_strv pieces = OL_STRV_INIT;

    for (size_t i = 0; i < ol_count(keys); i++) {
        const char *server = value_of(map, ol_arena_printf(a, "%s%s", family, keys[i]));

        /* ipconfig writes 0.0.0.0 or :: for none. */
        if (server && server[strspn(server, ":.0")])
            ol_val_append(a, servers, ol_val_new_str(a, server));
    }
    if (!ol_val_count(servers))
        return;
    ol_val_set(a, subnet, "dns_nameservers", servers);
    ol_strv_split(&pieces, search ? search : "", search && strchr(search, ',') ? "," : " \t");
    ol_strv_each (domain, &pieces)
        ol_val_append(a, domains, ol_val_new_str(a, domain));
    if (pieces.n)
        ol_val_set(a, subnet, "dns_search", domains);
}

/* The subnet of one family ("IPV4", "IPV6"); NULL when the file has none. */
static struct ol_val *read_subnet(struct ol_arena *a, const struct ol_val *map, const char *family,
                                  const char *proto)
{
    static const char *const copied[][2] = {
        {"NETMASK", "netmask"}, {"BROADCAST", "broadcast"}, {"GATEWAY", "gateway"}};
    const char *own = value_of(map, ol_arena_printf(a, "%sPROTO", family));
    const struct ol_val *address = ol_val_get(map, ol_arena_printf(a, "%sADDR", family));
    struct ol_val *subnet;

    if (!address)
        return NULL;
    if (own)
        proto = own;
    if (!strcmp(proto, "none"))
        proto = "static";
    subnet = ol_val_new_map(a);
    ol_val_set_str(a, subnet, "type", proto);
    ol_val_set_str(a, subnet, "control", "manual");
    if (!strcmp(proto, "static"))
        ol_val_set_str(a, subnet, "address", ol_val_str(address));
    for (size_t i = 0; i < ol_count(copied); i++) {
        const char *key = ol_arena_printf(a, "%s%s", family, copied[i][0]);

        if (ol_val_str(ol_val_get(map, key)))
            ol_val_set_str(a, subnet, copied[i][1], ol_val_str(ol_val_get(map, key)));
    }
    add_dns(a, map, family, subnet);
    return subnet;
}

int net_klibc_entry(const char *text, const struct nics *nics, struct ol_arena *a,
                    struct ol_val **ret, struct ol_err *err)
{
    static const char *const families[] = {"IPV4", "IPV6"};
    struct ol_val *map = read_assignments(a, text), *entry = ol_val_new_map(a);
    struct ol_val *subnets = ol_val_new_list(a);
    const char *name = value_of(map, ol_val_get(map, "DEVICE") ? "DEVICE" : "DEVICE6");
    const char *proto = NULL;
    const struct nic *nic;
    int r;

    if (!name)
        return ol_err_set(err, EINVAL, "no 'DEVICE' or 'DEVICE6' entry in data");
    r = read_proto(map, &proto, err);
    if (r < 0)
        return r;
    ol_val_set_str(a, entry, "type", "physical");
    ol_val_set_str(a, entry, "name", name);
    ol_val_set(a, entry, "subnets", subnets);
    nic = nics_find(nics, name);
    if (nic && nic->mac)
        ol_val_set_str(a, entry, "mac_address", nic->mac);
    for (size_t i = 0; i < ol_count(families); i++) {
        struct ol_val *subnet = read_subnet(a, map, families[i], proto);

        if (subnet)
            ol_val_append(a, subnets, subnet);
    }
    *ret = entry;
    return 0;
}

/* An interface may have a file per family. */
static void add_entry(struct ol_arena *a, struct ol_val *entries, struct ol_val *entry)
{
    const struct ol_val *more = ol_val_get(entry, "subnets");

    for (size_t i = 0; i < ol_val_count(entries); i++) {
        struct ol_val *known = entries->list.items[i];

        if (!ol_val_equal(ol_val_get(known, "name"), ol_val_get(entry, "name")))
            continue;
        for (size_t k = 0; k < ol_val_count(more); k++)
            ol_val_append(a, ol_val_get_mut(known, "subnets"), more->list.items[k]);
        return;
    }
    ol_val_append(a, entries, entry);
}

static bool is_asked_for(struct guest *g)
{
    const char *line = ol_arena_printf(g->arena, " %s", guest_cmdline(g));

    return strstr(line, " ip=") || strstr(line, " ip6=")
           || ol_exists(g->env, "/run/initramfs/open-iscsi.interface");
}

static int add_file(struct guest *g, const struct nics *nics, const char *name,
                    struct ol_val *entries, struct ol_err *err)
{
    const char *path = ol_arena_printf(g->arena, "/run/%s", name);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    struct ol_val *entry = NULL;
    int r = ol_file_read(g->env, path, &text, err);

    if (r < 0)
        return r;
    r = net_klibc_entry(text.data, nics, g->arena, &entry, err);
    if (r < 0)
        return ol_err_prefix(err, r, "%s", path);
    add_entry(g->arena, entries, entry);
    return 0;
}

int net_from_initramfs(struct guest *g, const struct nics *nics, const struct ol_val **ret,
                       struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_val *entries = ol_val_new_list(g->arena), *config;

    *ret = NULL;
    if (ol_list_dir(g->env, "/run", &names, NULL) < 0 || !is_asked_for(g))
        return 0;
    ol_strv_each (name, &names) {
        int r;

        if (!ol_str_ends(name, ".conf")
            || !(ol_str_starts(name, "net-") || ol_str_starts(name, "net6-")))
            continue;
        r = add_file(g, nics, name, entries, err);
        if (r < 0)
            return r;
    }
    if (!ol_val_count(entries))
        return 0;
    ol_debug(g->env, "Using initramfs network config from klibc");
    config = ol_val_new_map(g->arena);
    ol_val_set(g->arena, config, "config", entries);
    ol_val_set_int(g->arena, config, "version", 1);
    *ret = config;
    return 0;
}
