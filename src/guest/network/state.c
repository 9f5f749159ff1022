/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network-internal.h"

#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "guest/network/ip.h"

/* Room for one more element at the end of an arena array; the element is zeroed. */
static void *grow(struct ol_arena *a, void *items, size_t *n, size_t *cap, size_t size)
{
    if (*n == *cap) {
        size_t wanted = *cap ? *cap * 2 : 4;

        items = ol_arena_grow(a, items, *cap * size, wanted * size);
        *cap = wanted;
    }
    memset((char *)items + *n * size, 0, size);
    (*n)++;
    return items;
}

void net_list_add(struct net_list *l, struct ol_arena *a, const char *s)
{
    l->items = grow(a, l->items, &l->n, &l->cap, sizeof(*l->items));
    l->items[l->n - 1] = s;
}

void net_list_add_all(struct net_list *l, struct ol_arena *a, const struct net_list *from)
{
    for (size_t i = 0; i < from->n; i++)
        net_list_add(l, a, from->items[i]);
}

const char *net_list_join(const struct net_list *l, struct ol_arena *a)
{
    size_t size = 1;
    char *text, *at;

    for (size_t i = 0; i < l->n; i++)
        size += strlen(l->items[i]) + 1;
    text = at = ol_arena_alloc(a, size);
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            *at++ = ' ';
        at = stpcpy(at, l->items[i]);
    }
    return text;
}

struct net_iface *net_state_find(const struct net_state *s, const char *key)
{
    for (size_t i = 0; i < s->n_ifaces; i++)
        if (strcmp(s->ifaces[i]->key, key) == 0)
            return s->ifaces[i];
    return NULL;
}

struct net_iface *net_state_add(struct net_state *s, struct ol_arena *a, const char *key)
{
    struct net_iface *i = net_state_find(s, key);

    if (i)
        return i;
    i = ol_arena_alloc(a, sizeof(*i));
    i->key = i->name = key;
    i->params = ol_val_new_map(a);
    s->ifaces = grow(a, s->ifaces, &s->n_ifaces, &s->cap_ifaces, sizeof(struct net_iface *));
    s->ifaces[s->n_ifaces - 1] = i;
    return i;
}

struct net_subnet *net_iface_add_subnet(struct net_iface *i, struct ol_arena *a, const char *type)
{
    struct net_subnet *s;

    i->subnets = grow(a, i->subnets, &i->n_subnets, &i->cap_subnets, sizeof(*i->subnets));
    s = &i->subnets[i->n_subnets - 1];
    s->type = type;
    s->prefix = -1;
    return s;
}

void net_subnet_add_route(struct net_subnet *s, struct ol_arena *a, const struct net_route *route)
{
    s->routes = grow(a, s->routes, &s->n_routes, &s->cap_routes, sizeof(*s->routes));
    s->routes[s->n_routes - 1] = *route;
}

void net_state_add_route(struct net_state *s, struct ol_arena *a, const struct net_route *route)
{
    s->routes = grow(a, s->routes, &s->n_routes, &s->cap_routes, sizeof(*s->routes));
    s->routes[s->n_routes - 1] = *route;
}

bool net_subnet_is_static(const struct net_subnet *s)
{
    return strcmp(s->type, "static") == 0 || strcmp(s->type, "static6") == 0;
}

bool net_subnet_is_ipv6(const struct net_subnet *s)
{
    static const char *const dynamic[] = {"ipv6_slaac", "ipv6_dhcpv6-stateless",
                                          "ipv6_dhcpv6-stateful", NULL};

    if (ol_str_ends(s->type, "6") || ol_str_in(s->type, dynamic))
        return true;
    return strcmp(s->type, "static") == 0 && net_ip_family(s->address) == NET_IPV6;
}

bool net_route_is_default(const struct net_route *r)
{
    const char *any = r->family == NET_IPV6 ? "::" : "0.0.0.0";

    return r->prefix == 0 && strcmp(r->network, any) == 0;
}

const char *net_name_by_mac(const struct net_render_args *args, const char *mac)
{
    for (size_t n = 0; mac && n < ol_val_count(args->known_macs); n++) {
        const struct ol_pair *pair = ol_val_pair(args->known_macs, n);

        if (ol_val_str(pair->key) && ol_str_eq_nocase(ol_val_str(pair->key), mac))
            return ol_val_str(pair->value);
    }
    return NULL;
}

void net_files_add(struct net_files *files, struct ol_arena *a, const struct net_file *file)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->items[i].path, file->path) == 0) {
            files->items[i] = *file;
            return;
        }
    }
    files->items = grow(a, files->items, &files->n, &files->cap, sizeof(*files->items));
    files->items[files->n - 1] = *file;
}

void net_note(const struct net_render_args *args, struct ol_arena *a, enum ol_log_level level,
              const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);
    struct net_notes *notes = args->notes;
    va_list ap;

    if (!notes)
        return;
    va_start(ap, fmt);
    ol_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    notes->items = grow(a, notes->items, &notes->n, &notes->cap, sizeof(*notes->items));
    notes->items[notes->n - 1] =
        (struct net_note){.level = level, .text = ol_arena_strdup(a, b.data)};
}

int net_take_text(struct ol_buf *b, const char *path, struct ol_arena *a, const char **ret,
                  struct ol_err *err)
{
    int r = ol_buf_status(b);

    if (r < 0)
        return ol_err_set(err, -r, "%s: %s", path, strerror(-r));
    *ret = ol_arena_memdup(a, b->data, b->len);
    return 0;
}
