/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/endpoint.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

/* [cinder]catalog_info: "type:name:interface", each may be empty. */
struct catalog_info {
    char type[64], name[64], interface[64];
};

static void read_info(const char *text, struct catalog_info *ret)
{
    char *const to[] = {ret->type, ret->name, ret->interface};

    *ret = (struct catalog_info){.type = ""};
    for (size_t i = 0; i < ol_count(to) && text; i++) {
        size_t len = strcspn(text, ":");

        if (len < sizeof(ret->type))
            memcpy(to[i], text, len);
        text = text[len] ? text + len + 1 : NULL;
    }
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

static int find_in_catalogs(struct cloud *c, const struct cloud_ask *q, char **ret,
                            struct ol_err *err)
{
    const struct compute_auth *auth = cloud_auth(c, q->service);
    const struct cloud_service_row *row = &cloud_services[q->service];
    struct catalog_query want = {
        .type = or_null(auth->service_type) ? auth->service_type : row->type,
        .name = or_null(auth->service_name),
        .region = or_null(auth->region_name),
        .interfaces = &auth->valid_interfaces,
    };
    int section = cloud_section_of(c, q->service);
    struct catalog_info info;
    const char *url = NULL;

    if (q->service == CLOUD_CINDER && c->config->cinder_catalog_info) {
        read_info(c->config->cinder_catalog_info, &info);
        want.type = *info.type ? info.type : want.type;
        want.name = or_null(info.name);
        want.interface = or_null(info.interface);
        want.interfaces = want.interface ? NULL : want.interfaces;
    }
    if (q->user && nova_context_token(q->user) && !row->is_always_ours)
        url = catalog_find(ol_val_get(q->user->values, "service_catalog"), &want);
    if (url) {
        *ret = ol_xstrdup(url);
        return 0;
    }
    if (section < 0)
        return ol_err_set(err, ENOENT, "%s: no endpoint is known, and no credentials to ask for it",
                          row->name);
    return cloud_catalog(c, (enum cloud_section)section, &want, ret, err);
}

/* glance's servers one after the other, beginning with another one for each question. */
static const char *glance_server(struct cloud *c, unsigned number)
{
    const struct ol_strv *servers = &c->config->glance_api_servers;
    unsigned at;

    pthread_mutex_lock(&c->lock);
    at = number ? c->next_server + number : ++c->next_server;
    pthread_mutex_unlock(&c->lock);
    return servers->v[at % servers->n];
}

/* [cinder]endpoint_template: "http://host:8776/v3/%(project_id)s", of the user's project. */
static int fill_template(const struct cloud_ask *q, const char *text, char **ret,
                         struct ol_err *err)
{
    static const char *const names[] = {"%(project_id)s", "%(tenant_id)s"};
    const char *name = cloud_services[q->service].name;

    for (size_t i = 0; i < ol_count(names); i++) {
        const char *at = strstr(text, names[i]);
        const char *project =
            q->user ? ol_val_str(ol_val_get(q->user->values, "project_id")) : NULL;
        int r = at ? cloud_check_id("a project", project, err) : 0;

        if (r < 0)
            return ol_err_prefix(err, r, "%s: endpoint_template", name);
        if (at) {
            *ret = ol_xasprintf("%.*s%s%s", (int)(at - text), text, project, at + strlen(names[i]));
            return 0;
        }
    }
    *ret = ol_xstrdup(text);
    return 0;
}

int cloud_url(struct cloud *c, const struct cloud_ask *q, unsigned number, char **ret,
              struct ol_err *err)
{
    const struct compute_auth *auth = cloud_auth(c, q->service);
    const struct cloud_service_row *row = &cloud_services[q->service];
    ol_autofree char *base = NULL;
    const char *scheme;
    size_t len;
    int r = 0;

    if (or_null(auth->endpoint_override))
        r = fill_template(q, auth->endpoint_override, &base, err);
    else if (q->service == CLOUD_GLANCE && c->config->glance_api_servers.n)
        base = ol_xstrdup(glance_server(c, number));
    else
        r = find_in_catalogs(c, q, &base, err);
    if (r < 0)
        return ol_err_prefix(err, r, "%s", row->name);
    len = strlen(base);
    while (len && base[len - 1] == '/')
        base[--len] = '\0';
    if (row->suffix && ol_str_ends(base, row->suffix))
        base[len - strlen(row->suffix)] = '\0';
    scheme = strstr(base, "://") ? "" : "http://"; /* api_servers may be "host:port" */
    *ret = ol_xasprintf("%s%s%s", scheme, base, q->path);
    return 0;
}
