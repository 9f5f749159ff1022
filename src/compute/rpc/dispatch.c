/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/dispatch.h"

#include <string.h>

#include "compute/base/exception.h"
#include "core/cleanup.h"
#include "core/num.h"

struct version {
    int major, minor, revision;
};

/* "6.1" or "6.1.2". */
static bool read_version(const char *text, struct version *ret)
{
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT;
    int *const to[] = {&ret->major, &ret->minor, &ret->revision};

    if (strlen(text) > RPC_MAX_NAME)
        return false;
    ol_strv_split(&parts, text, ".");
    *ret = (struct version){0};
    if (parts.n < 2)
        return false;
    for (size_t i = 0; i < parts.n && i < ol_count(to); i++)
        if (ol_parse_int(parts.v[i], 10, 0, INT32_MAX, to[i]) < 0)
            return false;
    return true;
}

bool rpc_version_fits(const char *served, const char *wanted)
{
    struct version s, w;

    if (strcmp(served, wanted) == 0)
        return true;
    if (!read_version(served, &s) || !read_version(wanted, &w))
        return false;
    return s.major == w.major
           && (w.minor < s.minor || (w.minor == s.minor && w.revision <= s.revision));
}

static bool is_served(const struct rpc_endpoint *e, const struct rpc_packet *p)
{
    if (strcmp(e->space ? e->space : "", p->space ? p->space : "") != 0)
        return false;
    for (const char *const *v = e->versions; *v; v++)
        if (rpc_version_fits(*v, p->version))
            return true;
    return false;
}

int rpc_dispatch(const struct rpc_server *s, const struct rpc_packet *p,
                 const struct rpc_method **ret, struct ol_err *err)
{
    bool has_version = false;

    for (size_t i = 0; i < s->n_endpoints; i++) {
        if (!is_served(&s->endpoints[i], p))
            continue;
        has_version = true;
        for (const struct rpc_method *m = s->endpoints[i].methods; m->name; m++) {
            if (strcmp(m->name, p->method) != 0)
                continue;
            *ret = m;
            return 0;
        }
    }
    if (has_version)
        return nova_fail(err, NOVA_NO_SUCH_METHOD, "Endpoint does not support RPC method %s",
                         p->method);
    return nova_fail(err, NOVA_UNSUPPORTED_VERSION,
                     "Endpoint does not support RPC version %s. Attempted method: %s", p->version,
                     p->method);
}

bool rpc_recent_add(struct rpc_recent *r, const char *id)
{
    if (!id || !*id || strlen(id) >= RPC_RECENT_ID)
        return true;
    for (unsigned i = 0; i < RPC_RECENT; i++)
        if (strcmp(r->ids[i], id) == 0)
            return false;
    memcpy(r->ids[r->next], id, strlen(id) + 1);
    r->next = (r->next + 1) % RPC_RECENT;
    return true;
}
