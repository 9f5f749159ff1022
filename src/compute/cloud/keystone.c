/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/keystone.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

/* A user's or project's own domain, else the default one of the section, else keystone's. */
static void write_domain(struct ol_jw *w, const struct compute_auth *auth, const char *id,
                         const char *name)
{
    if (!id && !name) {
        id = auth->default_domain_id;
        name = auth->default_domain_name;
    }
    ol_jw_map(w, "domain");
    if (id)
        ol_jw_str(w, "id", id);
    else
        ol_jw_str(w, "name", name ? name : "Default");
    ol_jw_end(w);
}

static void write_password(struct ol_jw *w, const struct compute_auth *auth)
{
    ol_jw_list(w, "methods");
    ol_jw_str(w, NULL, "password");
    ol_jw_end(w);
    ol_jw_map(w, "password");
    ol_jw_map(w, "user");
    ol_jw_str(w, "password", auth->password);
    if (auth->user_id) {
        ol_jw_str(w, "id", auth->user_id);
    } else {
        ol_jw_str(w, "name", auth->username);
        write_domain(w, auth, auth->user_domain_id, auth->user_domain_name);
    }
    ol_jw_end(w);
    ol_jw_end(w);
}

static void write_credential(struct ol_jw *w, const struct compute_auth *auth)
{
    ol_jw_list(w, "methods");
    ol_jw_str(w, NULL, "application_credential");
    ol_jw_end(w);
    ol_jw_map(w, "application_credential");
    ol_jw_str(w, "id", auth->application_credential_id);
    ol_jw_str(w, "secret", auth->application_credential_secret);
    ol_jw_end(w);
}

static void write_scope(struct ol_jw *w, const struct compute_auth *auth)
{
    if (!auth->system_scope && !auth->project_name && !auth->project_id)
        return;
    ol_jw_map(w, "scope");
    ol_jw_map(w, auth->system_scope ? "system" : "project");
    if (auth->system_scope) {
        ol_jw_bool(w, "all", true);
    } else if (auth->project_id) {
        ol_jw_str(w, "id", auth->project_id);
    } else {
        ol_jw_str(w, "name", auth->project_name);
        write_domain(w, auth, auth->project_domain_id, auth->project_domain_name);
    }
    ol_jw_end(w);
    ol_jw_end(w);
}

void keystone_body(const struct compute_auth *auth, struct ol_buf *ret)
{
    bool is_credential = auth->application_credential_id != NULL;
    struct ol_jw w;

    ol_jw_init(&w, ret);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "auth");
    ol_jw_map(&w, "identity");
    if (is_credential)
        write_credential(&w, auth);
    else
        write_password(&w, auth);
    ol_jw_end(&w);
    if (!is_credential)
        write_scope(&w, auth);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

void keystone_url(const struct compute_auth *auth, struct ol_buf *ret)
{
    const char *url = auth->auth_url;
    size_t len = strlen(url);

    while (len && url[len - 1] == '/')
        len--;
    ol_buf_add(ret, url, len);
    if (len < 3 || memcmp(url + len - 3, "/v3", 3) != 0)
        ol_buf_adds(ret, "/v3");
    ol_buf_adds(ret, "/auth/tokens");
}

static bool read_number(const char *text, size_t len, int *ret)
{
    char digits[8] = {0};

    memcpy(digits, text, len);
    return ol_parse_int(digits, 10, 0, 9999, ret) == 0;
}

/* "2026-11-22T02:03:49.000000Z"; seconds, or -1. */
static int64_t read_time(const char *s)
{
    struct tm tm = {0};

    if (!s || strlen(s) < 20 || s[strlen(s) - 1] != 'Z')
        return -1;
    if (!read_number(s, 4, &tm.tm_year) || !read_number(s + 5, 2, &tm.tm_mon)
        || !read_number(s + 8, 2, &tm.tm_mday) || !read_number(s + 11, 2, &tm.tm_hour)
        || !read_number(s + 14, 2, &tm.tm_min) || !read_number(s + 17, 2, &tm.tm_sec))
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return (int64_t)timegm(&tm);
}

ol_time keystone_lifetime(const struct ol_val *token)
{
    int64_t from = read_time(ol_val_str(ol_val_get(token, "issued_at")));
    int64_t to = read_time(ol_val_str(ol_val_get(token, "expires_at")));

    if (from < 0 || to <= from || to - from > (int64_t)366 * 24 * 3600)
        return 0;
    return (to - from) * OL_SECOND;
}

/* os-service-types: a service may stand in a catalogue under an older name of its type. */
static bool is_type(const char *want, const char *type)
{
    static const char *const block_storage[] = {"block-storage", "volumev3", "volume", NULL};

    if (!type)
        return false;
    return !strcmp(want, type)
           || (ol_str_in(want, block_storage) && ol_str_in(type, block_storage));
}

static bool is_interface(const char *want, const char *have, size_t have_len)
{
    size_t len = strlen(want);

    if (ol_str_ends(want, "URL"))
        len -= 3;
    return len == have_len && !memcmp(want, have, len);
}

static bool is_region(const struct catalog_query *q, const struct ol_val *endpoint)
{
    const char *region = ol_val_str(ol_val_get(endpoint, "region_id"));

    if (!region)
        region = ol_val_str(ol_val_get(endpoint, "region"));
    return !q->region || (region && !strcmp(region, q->region));
}

/* Of one endpoint: {"interface": "public", "url": …}, or {"publicURL": …, …}. */
static const char *endpoint_url(const struct ol_val *endpoint, const char *interface)
{
    const char *kind = ol_val_str(ol_val_get(endpoint, "interface"));
    char key[32];

    if (kind)
        return is_interface(interface, kind, strlen(kind)) ? ol_val_str(ol_val_get(endpoint, "url"))
                                                           : NULL;
    snprintf(key, sizeof(key), "%.20s%s", interface, ol_str_ends(interface, "URL") ? "" : "URL");
    return ol_val_str(ol_val_get(endpoint, key));
}

static const char *find_interface(const struct ol_val *catalog, const struct catalog_query *q,
                                  const char *interface)
{
    for (size_t i = 0; i < ol_val_count(catalog); i++) {
        const struct ol_val *service = ol_val_item(catalog, i);
        const struct ol_val *endpoints = ol_val_get(service, "endpoints");
        const char *name = ol_val_str(ol_val_get(service, "name"));

        if (!is_type(q->type, ol_val_str(ol_val_get(service, "type")))
            || (q->name && (!name || strcmp(q->name, name) != 0)))
            continue;
        for (size_t j = 0; j < ol_val_count(endpoints); j++) {
            const struct ol_val *e = ol_val_item(endpoints, j);
            const char *url = is_region(q, e) ? endpoint_url(e, interface) : NULL;

            if (url && *url)
                return url;
        }
    }
    return NULL;
}

const char *catalog_find(const struct ol_val *catalog, const struct catalog_query *q)
{
    const char *url = NULL;

    if (q->interfaces && q->interfaces->n) {
        ol_strv_each (interface, q->interfaces)
            if (!url)
                url = find_interface(catalog, q, interface);
        return url;
    }
    if (q->interface)
        return find_interface(catalog, q, q->interface);
    url = find_interface(catalog, q, "internal");
    return url ? url : find_interface(catalog, q, "public");
}
