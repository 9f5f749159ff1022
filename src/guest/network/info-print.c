/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/cleanup.h"
#include "guest/network/info.h"

static const char prefix[] = "ci-info: ";

enum { COLUMNS_MAX = 6 };

struct row {
    const char *cell[COLUMNS_MAX];
};

struct table {
    const char *title;
    size_t n_columns, n_rows;
    struct row *rows; /* the first one names the columns */
    size_t width[COLUMNS_MAX];
};

static void start(const struct net_info *info, struct table *t, const struct row *names)
{
    while (t->n_columns < COLUMNS_MAX && names->cell[t->n_columns])
        t->n_columns++;
    t->rows = ol_arena_alloc(info->arena, (2 * NET_INFO_MAX + 1) * sizeof(*t->rows));
    t->rows[t->n_rows++] = *names;
}

static void put_row(struct table *t, const struct row *row)
{
    if (t->n_rows <= 2 * NET_INFO_MAX)
        t->rows[t->n_rows++] = *row;
}

/* Python's str.center(): the odd blank goes left when the width is odd. */
static void put_cell(struct ol_buf *to, const char *text, size_t width)
{
    size_t pad = width - strlen(text);
    size_t left = pad / 2 + (pad & width & 1);

    ol_buf_addn(to, ' ', left);
    ol_buf_adds(to, text);
    ol_buf_addn(to, ' ', pad - left);
}

static void put_divider(const struct table *t, struct ol_buf *to)
{
    ol_buf_adds(to, prefix);
    for (size_t i = 0; i < t->n_columns; i++) {
        ol_buf_addc(to, '+');
        ol_buf_addn(to, '-', t->width[i] + 2);
    }
    ol_buf_adds(to, "+\n");
}

static void put_title(const struct table *t, struct ol_buf *to)
{
    size_t len = strlen(t->title), total = 1;
    size_t pad;

    for (size_t i = 0; i < t->n_columns; i++)
        total += t->width[i] + 3;
    pad = total > len ? total - len : 0;
    ol_buf_adds(to, prefix);
    ol_buf_addn(to, '+', pad / 2);
    ol_buf_adds(to, t->title);
    ol_buf_addn(to, '+', pad - pad / 2);
    ol_buf_addc(to, '\n');
}

static void put_table(struct table *t, struct ol_buf *to)
{
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t i = 0; i < t->n_columns; i++)
            if (strlen(t->rows[r].cell[i]) > t->width[i])
                t->width[i] = strlen(t->rows[r].cell[i]);
    put_title(t, to);
    put_divider(t, to);
    for (size_t r = 0; r < t->n_rows; r++) {
        ol_buf_adds(to, prefix);
        for (size_t i = 0; i < t->n_columns; i++) {
            ol_buf_addc(to, '|');
            put_cell(to, t->rows[r].cell[i], t->width[i] + 2);
        }
        ol_buf_adds(to, "|\n");
        if (r == 0)
            put_divider(t, to);
    }
    put_divider(t, to);
}

static const char *or_dot(const char *text)
{
    return *text ? text : ".";
}

/* IPv4 before IPv6; false when there is no address of that family. */
static bool put_addresses(const struct net_info *info, const struct net_info_link *link, int family,
                          struct table *t)
{
    bool is_any = false;

    for (size_t i = 0; i < info->n_addresses; i++) {
        const struct net_info_address *a = &info->addresses[i];

        if (a->index != link->index || a->family != family)
            continue;
        put_row(t, &(struct row){{link->name, link->is_up ? "True" : "False", a->ip,
                                  or_dot(a->mask), a->scope, or_dot(link->mac)}});
        is_any = true;
    }
    return is_any;
}

static int compare_links(const void *a, const void *b)
{
    const struct net_info_link *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static void print_devices(const struct net_info *info, struct ol_buf *to)
{
    const struct row names = {{"Device", "Up", "Address", "Mask", "Scope", "Hw-Address"}};
    struct table t = {.title = "Net device info"};
    struct net_info_link *links = ol_arena_alloc(info->arena, (info->n_links + 1) * sizeof(*links));

    if (!info->n_links)
        return;
    memcpy(links, info->links, info->n_links * sizeof(*links));
    qsort(links, info->n_links, sizeof(*links), compare_links);
    start(info, &t, &names);
    for (size_t i = 0; i < info->n_links; i++) {
        const struct net_info_link *l = &links[i];
        bool has_v4 = put_addresses(info, l, AF_INET, &t);
        bool has_v6 = put_addresses(info, l, AF_INET6, &t);

        if (!has_v4 && !has_v6)
            put_row(&t, &(struct row){
                            {l->name, l->is_up ? "True" : "False", ".", ".", ".", or_dot(l->mac)}});
    }
    put_table(&t, to);
}

static const char *link_name(const struct net_info *info, int index)
{
    for (size_t i = 0; i < info->n_links; i++)
        if (info->links[i].index == index)
            return info->links[i].name;
    return "";
}

/* The routes of one family, numbered; those of IPv6 over the loopback count without being shown. */
static void print_routes(const struct net_info *info, int family, struct ol_buf *to)
{
    static const struct row names_v4 = {
        {"Route", "Destination", "Gateway", "Genmask", "Interface", "Flags"}};
    static const struct row names_v6 = {{"Route", "Destination", "Gateway", "Interface", "Flags"}};
    bool is_v4 = family == AF_INET;
    struct table t = {.title = is_v4 ? "Route IPv4 info" : "Route IPv6 info"};
    size_t n = 0;

    start(info, &t, is_v4 ? &names_v4 : &names_v6);
    for (size_t i = 0; i < info->n_routes; i++) {
        const struct net_info_route *r = &info->routes[i];
        const char *device = link_name(info, r->index);
        const char *number = ol_arena_printf(info->arena, "%zu", n);

        if (r->family != family)
            continue;
        n++;
        if (is_v4)
            put_row(&t,
                    &(struct row){{number, r->destination, r->gateway, r->mask, device, r->flags}});
        else if (strcmp(device, "lo") != 0)
            put_row(&t, &(struct row){{number, r->destination, r->gateway, device, r->flags}});
    }
    if (n)
        put_table(&t, to);
}

void net_info_print(const struct net_info *info, struct ol_buf *to)
{
    print_devices(info, to);
    print_routes(info, AF_INET, to);
    print_routes(info, AF_INET6, to);
}
