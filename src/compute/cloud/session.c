/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/cloud-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

enum {
    MAX_CATALOG = 4 << 20, /* bytes of a token's answer and of what is made of it */
    MAX_TOKEN = 16 << 10,
    MAX_HEAD = 64 << 10,
    RENEW_BEFORE_S = 30, /* keystoneauth1 access.py STALE_TOKEN_DURATION */
    UNKNOWN_LIFE_S = 300,
};

void cloud_session_init(struct cloud_session *s, const struct compute_auth *auth)
{
    *s = (struct cloud_session){.auth = auth, .arena = OL_ARENA_INIT(MAX_CATALOG)};
    pthread_mutex_init(&s->lock, NULL);
}

void cloud_secret_free(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

static void forget(struct cloud_session *s)
{
    cloud_secret_free(&s->token);
    s->catalog = NULL;
    ol_arena_done(&s->arena);
}

void cloud_session_done(struct cloud_session *s)
{
    forget(s);
    pthread_mutex_destroy(&s->lock);
}

static void buf_done_secret(struct ol_buf *b)
{
    if (b->cap)
        explicit_bzero(b->data, b->len);
    ol_buf_done(b);
}

static int refuse(const struct ol_http_response *answer, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_val *body = NULL;
    const char *message = NULL;

    if (ol_json_load(answer->body.data, answer->body.len, &a, &body, NULL) == 0)
        message = cloud_message(body);
    return ol_err_set_domain(err, answer->status == 401 ? EACCES : EPROTO, "http",
                             (int)answer->status, "keystone: sign-in: HTTP %ld%s%.200s",
                             answer->status, message ? ": " : "", message ? message : "");
}

/* Keeps what keystone's answer says. */
static int take_answer(struct cloud *c, struct cloud_session *s,
                       const struct ol_http_response *answer, struct ol_err *err)
{
    size_t len = 0;
    const char *token = ol_http_head_get(answer->head, "X-Subject-Token", &len);
    struct ol_val *body = NULL;
    ol_time life;
    int r;

    if (answer->status != 201 && answer->status != 200)
        return refuse(answer, err);
    if (!token || !len || len > MAX_TOKEN)
        return ol_err_set(err, EPROTO, "keystone: sign-in: an answer without a token");
    r = ol_json_load(answer->body.data, answer->body.len, &s->arena, &body, err);
    if (r < 0)
        return ol_err_prefix(err, r, "keystone: sign-in");
    life = keystone_lifetime(ol_val_get(body, "token"));
    s->catalog = ol_val_at(body, "token/catalog");
    s->token = ol_xstrndup(token, len);
    life = life ? life : UNKNOWN_LIFE_S * OL_SECOND;
    life -= life > 2 * RENEW_BEFORE_S * OL_SECOND ? RENEW_BEFORE_S * OL_SECOND : life / 4;
    s->until = ol_now_boot(c->env) + life;
    return 0;
}

static int sign_in(struct cloud *c, struct cloud_session *s, struct ol_err *err)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", NULL};
    ol_auto(buf_done_secret) struct ol_buf body = OL_BUF_INIT(64 << 10);
    ol_auto(buf_done_secret) struct ol_buf head = OL_BUF_INIT(MAX_HEAD);
    ol_auto(ol_buf_done) struct ol_buf url = OL_BUF_INIT(2048);
    struct ol_http_response answer = {.body = OL_BUF_INIT(MAX_CATALOG), .head = &head};
    struct ol_http_request q = {.method = "POST", .headers = headers};
    int r;

    keystone_body(s->auth, &body);
    keystone_url(s->auth, &url);
    r = ol_buf_status(&body);
    r = r < 0 ? r : ol_buf_status(&url);
    if (r < 0)
        return ol_err_set(err, -r, "keystone: sign-in: credentials are too long");
    q.url = url.data;
    q.body = body.data;
    q.body_size = body.len;
    r = -ECONNRESET;
    /* A sign-in that is made twice harms nobody. */
    for (int i = 0; i < CLOUD_TRIES && r == -ECONNRESET; i++)
        r = cloud_exchange(c, s->auth, &q, &answer, err);
    if (r < 0)
        r = ol_err_prefix(err, r, "keystone");
    else
        r = take_answer(c, s, &answer, err);
    ol_buf_done(&answer.body);
    return r;
}

/* With the session's lock held: signed in afterwards. */
static int ensure(struct cloud *c, struct cloud_session *s, struct ol_err *err)
{
    int r;

    if (s->token && ol_now_boot(c->env) < s->until)
        return 0;
    forget(s);
    r = sign_in(c, s, err);
    if (r < 0)
        forget(s);
    return r;
}

int cloud_token(struct cloud *c, enum cloud_section at, char **ret, struct ol_err *err)
{
    struct cloud_session *s = &c->sessions[at];
    int r;

    pthread_mutex_lock(&s->lock);
    r = ensure(c, s, err);
    if (r == 0)
        *ret = ol_xstrdup(s->token);
    pthread_mutex_unlock(&s->lock);
    return r;
}

void cloud_token_drop(struct cloud *c, enum cloud_section at, const char *refused)
{
    struct cloud_session *s = &c->sessions[at];

    pthread_mutex_lock(&s->lock);
    if (s->token && !strcmp(s->token, refused))
        forget(s);
    pthread_mutex_unlock(&s->lock);
}

int cloud_catalog(struct cloud *c, enum cloud_section at, const struct catalog_query *q, char **ret,
                  struct ol_err *err)
{
    struct cloud_session *s = &c->sessions[at];
    const char *url = NULL;
    int r;

    pthread_mutex_lock(&s->lock);
    r = ensure(c, s, err);
    if (r == 0) {
        url = catalog_find(s->catalog, q);
        if (url)
            *ret = ol_xstrdup(url);
        else
            r = ol_err_set(err, ENOENT, "keystone: the catalogue has no endpoint of '%s'%s%s",
                           q->type, q->region ? " in " : "", q->region ? q->region : "");
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}
