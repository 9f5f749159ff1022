/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-cloud.h"

#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

#define TOKEN                                                                                      \
    "{'token': {'issued_at': '2026-11-22T01:00:00.000000Z', 'expires_at': "                        \
    "'2099-11-22T02:00:00.000000Z', 'catalog': []}}"

static void add_json(struct ol_buf *to, const char *text)
{
    ol_autofree char *copy = strdup(text);

    ol_buf_adds(to, ol_str_tr(copy, '\'', '"'));
}

static const char *answer_of(const struct fake_cloud *c, const char *asked)
{
    const char *body = ol_str_starts(asked, "GET /v2.0/") ? "{}" : NULL;

    for (const struct fake_cloud_row *row = c->rows; row && row->what; row++)
        if (ol_str_starts(asked, row->what))
            body = row->body;
    return body;
}

static int fetch(struct ol_env *env, const struct ol_http_request *q, struct ol_http_response *ret,
                 struct ol_err *err)
{
    struct fake_cloud *c = env->test;
    const char *path = strchr(strstr(q->url, "//") + 2, '/'), *body;

    (void)err;
    if (ol_str_ends(q->url, "/auth/tokens")) {
        add_json(&ret->body, TOKEN);
        if (ret->head)
            ol_buf_adds(ret->head, "HTTP/1.1 201\r\nX-Subject-Token: t\r\n");
        ret->status = 201;
        return 0;
    }
    pthread_mutex_lock(&c->lock);
    ol_strv_addf(&c->asked, "%s %s %.*s", q->method, path, (int)q->body_size,
                 q->body ? (const char *)q->body : "");
    body = answer_of(c, c->asked.v[c->asked.n - 1]);
    ret->status = body ? 200 : 404;
    if (c->failing && ol_str_starts(c->asked.v[c->asked.n - 1], c->failing)) {
        ret->status = 500;
        body = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    add_json(&ret->body, body ? body : "{'message': 'no'}");
    return 0;
}

static const struct ol_http http = {.fetch = fetch};

void fake_cloud_init(struct fake_cloud *c, struct ol_env *env, struct compute_config *config)
{
    struct compute_auth auth = {.auth_url = "http://keystone/v3",
                                .username = "nova",
                                .password = "p",
                                .project_name = "service",
                                .user_domain_name = "Default",
                                .project_domain_name = "Default"};

    *c = (struct fake_cloud){.is_there = true};
    pthread_mutex_init(&c->lock, NULL);
    config->neutron = config->cinder = auth;
    config->neutron.endpoint_override = "http://neutron";
    config->cinder.endpoint_override = "http://cinder";
    env->http = &http;
    env->test = c;
}

void fake_cloud_done(struct fake_cloud *c)
{
    if (!c->is_there)
        return;
    ol_strv_done(&c->asked);
    pthread_mutex_destroy(&c->lock);
}

size_t fake_cloud_asked(const struct fake_cloud *c, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < c->asked.n; i++)
        n += ol_str_starts(c->asked.v[i], what);
    return n;
}

const char *fake_cloud_last(const struct fake_cloud *c, const char *what)
{
    for (size_t i = c->asked.n; i > 0; i--)
        if (ol_str_starts(c->asked.v[i - 1], what))
            return c->asked.v[i - 1];
    return NULL;
}
