/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/cloud-internal.h"

/* A connection that is idle, or NULL for a new one. */
static struct ol_http_keep *take_keep(struct cloud *c)
{
    struct ol_http_keep *keep = NULL;

    pthread_mutex_lock(&c->lock);
    if (c->n_keeps)
        keep = c->keeps[--c->n_keeps];
    pthread_mutex_unlock(&c->lock);
    return keep;
}

static void give_keep(struct cloud *c, struct ol_http_keep *keep)
{
    if (!keep)
        return;
    pthread_mutex_lock(&c->lock);
    if (c->n_keeps < CLOUD_MAX_KEEPS) {
        c->keeps[c->n_keeps++] = keep;
        keep = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    ol_http_keep_free(c->env, keep);
}

/* An option that is set to nothing is not set. */
static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

int cloud_exchange(struct cloud *c, const struct compute_auth *auth, struct ol_http_request *q,
                   struct ol_http_response *ret, struct ol_err *err)
{
    const struct ol_http_tls tls = {
        .ca_file = or_null(auth->cafile),
        .cert_file = or_null(auth->certfile),
        .key_file = or_null(auth->keyfile),
        .is_insecure = auth->insecure,
    };
    struct ol_http_keep *keep = take_keep(c);
    int r;

    q->tls = &tls;
    q->keep = &keep;
    q->is_redirect_refused = true;
    if (!q->timeout)
        q->timeout = auth->timeout ? auth->timeout : 60 * OL_SECOND;
    r = ol_http_fetch(c->env, q, ret, err);
    q->tls = NULL;
    q->keep = NULL;
    give_keep(c, keep);
    return r;
}

void cloud_connections_free(struct cloud *c)
{
    while (c->n_keeps)
        ol_http_keep_free(c->env, c->keeps[--c->n_keeps]);
}
