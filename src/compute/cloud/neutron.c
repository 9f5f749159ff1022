/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/cloud/cloud-internal.h"
#include "compute/cloud/network-info.h"
#include "core/cleanup.h"

enum { MAX_QUERY = 16 << 10 };

/* One question about networks. */
struct question {
    struct cloud *c;
    const struct nova_context *user;
    struct ol_arena *a;
};

static int list(const struct question *q, const char *kind, const char *query,
                const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask ask = {
        .service = CLOUD_NEUTRON,
        .method = "GET",
        .path = ol_arena_printf(q->a, "/v2.0/%s?%s", kind, query),
        .user = q->user,
    };
    const struct ol_val *answer = NULL;
    int r = cloud_call(q->c, &ask, q->a, &answer, err);

    /* Paths have dashes, documents have none. */
    if (r == 0)
        *ret = ol_val_get(answer, strcmp(kind, "security-groups") == 0 ? "security_groups" : kind);
    return r;
}

int neutron_list(struct cloud *c, const struct nova_context *user, const char *kind,
                 const char *query, struct ol_arena *a, const struct ol_val **ret,
                 struct ol_err *err)
{
    const struct question q = {c, user, a};

    return list(&q, kind, query, ret, err);
}

int neutron_ports(struct cloud *c, const struct nova_context *user, const char *instance,
                  struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    const struct question q = {c, user, a};
    const struct ol_val *ports = NULL;
    int r = cloud_check_id("an instance", instance, err);

    if (r == 0)
        r = list(&q, "ports", ol_arena_printf(a, "device_id=%s", instance), &ports, err);
    if (r == 0)
        *ret = ports ? ports : ol_val_new_list(a);
    return r;
}

static int change(struct cloud *c, const struct cloud_ask *q, const char *port, struct ol_arena *a,
                  const struct ol_val **ret, struct ol_err *err)
{
    struct ol_err failure = OL_ERR_INIT;
    const struct ol_val *answer = NULL;
    int r = port ? cloud_check_id("a port", port, err) : 0;

    if (r < 0)
        return r;
    r = cloud_call(c, q, a, &answer, &failure);
    if (r < 0 && port && cloud_is(&failure, 404))
        return nova_fail(err, NOVA_PORT_NOT_FOUND, "Port id %s could not be found.", port);
    if (r < 0 && err)
        *err = failure;
    if (r == 0 && ret)
        *ret = ol_val_get(answer, "port");
    return r;
}

int neutron_port(struct cloud *c, const struct nova_context *user, const char *port,
                 struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_NEUTRON,
        .method = "GET",
        .path = ol_arena_printf(a, "/v2.0/ports/%s", port),
        .user = user,
    };

    return change(c, &q, port, a, ret, err);
}

static struct ol_val *wrap(struct ol_arena *a, const struct ol_val *port)
{
    struct ol_val *body = ol_val_new_map(a);

    ol_val_set(a, body, "port", ol_val_copy(a, port));
    return body;
}

int neutron_update_port(struct cloud *c, const struct nova_context *user, const char *port,
                        const struct ol_val *what, struct ol_arena *a, const struct ol_val **ret,
                        struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_NEUTRON,
        .method = "PUT",
        .path = ol_arena_printf(a, "/v2.0/ports/%s", port),
        .body = wrap(a, what),
        .user = user,
    };

    return change(c, &q, port, a, ret, err);
}

int neutron_create_port(struct cloud *c, const struct nova_context *user, const struct ol_val *port,
                        struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    const struct cloud_ask q = {
        .service = CLOUD_NEUTRON,
        .method = "POST",
        .path = "/v2.0/ports",
        .body = wrap(a, port),
        .user = user,
    };

    return change(c, &q, NULL, a, ret, err);
}

int neutron_delete_port(struct cloud *c, const struct nova_context *user, const char *port,
                        struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct cloud_ask q = {
        .service = CLOUD_NEUTRON,
        .method = "DELETE",
        .path = ol_arena_printf(&a, "/v2.0/ports/%s", port),
        .user = user,
    };
    struct ol_err failure = OL_ERR_INIT;
    int r = change(c, &q, port, &a, NULL, &failure);

    if (r < 0 && nova_is(&failure, NOVA_PORT_NOT_FOUND))
        return 0;
    if (r < 0 && err)
        *err = failure;
    return r;
}

/* "id=A&id=B" of the values that stand at 'key' in a list of maps, each once. */
static void add_values(struct ol_buf *query, struct ol_strv *seen, const char *name,
                       const char *value)
{
    if (!value || ol_strv_has(seen, value) || cloud_check_id("an object", value, NULL) < 0)
        return;
    ol_strv_add(seen, value);
    ol_buf_printf(query, "%s%s=%s", query->len ? "&" : "", name, value);
}

/* The list of one kind whose 'name' is one of what ports have at 'key' ('inner': of their fixed
 * addresses); empty without asking when they have none. */
struct lookup {
    const char *kind, *name, *key, *more;
    bool is_inner;
};

static int look_up(const struct question *q, const struct lookup *l, const struct ol_val *ports,
                   const struct ol_val **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf query = OL_BUF_INIT(MAX_QUERY);
    ol_auto(ol_strv_done) struct ol_strv seen = OL_STRV_INIT;

    for (size_t i = 0; i < ol_val_count(ports); i++) {
        const struct ol_val *port = ol_val_item(ports, i);
        const struct ol_val *fixed = ol_val_get(port, "fixed_ips");

        if (!l->is_inner)
            add_values(&query, &seen, l->name, ol_val_str(ol_val_get(port, l->key)));
        for (size_t j = 0; l->is_inner && j < ol_val_count(fixed); j++)
            add_values(&query, &seen, l->name,
                       ol_val_str(ol_val_get(ol_val_item(fixed, j), l->key)));
    }
    *ret = NULL;
    if (!seen.n)
        return 0;
    ol_buf_adds(&query, l->more);
    if (ol_buf_status(&query) < 0)
        return ol_err_set(err, EFBIG, "neutron: too many %s of one instance", l->kind);
    return list(q, l->kind, query.data, ret, err);
}

int neutron_network_info(struct cloud *c, const struct nova_context *user,
                         const struct ol_val *ports, struct ol_arena *a, struct ol_val **ret,
                         struct ol_err *err)
{
    static const struct lookup networks = {"networks", "id", "network_id", "", false};
    static const struct lookup subnets = {"subnets", "id", "subnet_id", "", true};
    static const struct lookup dhcp = {"ports", "network_id", "network_id",
                                       "&device_owner=network:dhcp", false};
    static const struct lookup floating = {"floatingips", "port_id", "id", "", false};
    const struct question q = {c, user, a};
    struct network_facts f = {
        .ports = ports,
        .ovs_bridge = c->config->ovs_bridge,
        .is_injected = c->config->flat_injected,
    };
    struct ol_err failure = OL_ERR_INIT;
    int r = look_up(&q, &networks, ports, &f.networks, err);

    if (r == 0)
        r = look_up(&q, &subnets, ports, &f.subnets, err);
    if (r == 0 && ol_val_count(f.subnets))
        r = look_up(&q, &dhcp, ports, &f.dhcp_ports, err);
    if (r < 0)
        return r;
    /* nova 26 _safe_get_floating_ips(): without the router extension there are none. */
    r = look_up(&q, &floating, ports, &f.floating, &failure);
    if (r < 0 && !cloud_is(&failure, 404)) {
        if (err)
            *err = failure;
        return r;
    }
    *ret = network_info_make(a, &f);
    return 0;
}
