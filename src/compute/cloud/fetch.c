/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/cloud-internal.h"
#include "compute/cloud/endpoint.h"
#include "core/cleanup.h"
#include "core/version.h"

/* A try to send: where, with which tokens. */
struct attempt {
    int section; /* whose token it is; -1 = the user's */
    char *url, *token, *service_token;
    struct ol_strv headers; /* secret */
};

static void attempt_done(struct attempt *t)
{
    cloud_secret_free(&t->token);
    cloud_secret_free(&t->service_token);
    for (size_t i = 0; i < t->headers.n; i++)
        explicit_bzero(t->headers.v[i], strlen(t->headers.v[i]));
    ol_strv_done(&t->headers);
    free(t->url);
    t->url = NULL;
}

/* A header's value that came from outside: nothing that could end the line. */
static bool is_header_safe(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            return false;
    return true;
}

static void add_header(struct attempt *t, const char *name, const char *value)
{
    if (value && *value && is_header_safe(value))
        ol_strv_addf(&t->headers, "%s: %s", name, value);
}

static const char *request_id(const struct nova_context *user)
{
    const char *id = user ? ol_val_str(ol_val_get(user->values, "global_request_id")) : NULL;

    return id || !user ? id : nova_context_request_id(user);
}

/* A service token goes with what is asked on a user's behalf; placement knows none. */
static bool wants_service_token(const struct cloud *c, const struct cloud_ask *q)
{
    const struct compute_auth *auth = &c->config->service_user;

    return q->user && auth->send_service_user_token && auth->auth_url
           && q->service != CLOUD_PLACEMENT;
}

static int get_tokens(struct cloud *c, const struct cloud_ask *q, struct attempt *t,
                      struct ol_err *err)
{
    const struct cloud_service_row *row = &cloud_services[q->service];
    const char *user = q->user && !row->is_always_ours ? nova_context_token(q->user) : NULL;
    int r = 0;

    t->section = user ? -1 : cloud_section_of(c, q->service);
    if (!user && t->section < 0)
        return ol_err_set(err, ENOKEY, "%s: no credentials: [%s] has no auth_url and user name",
                          row->name, row->name);
    if (!user)
        r = cloud_token(c, (enum cloud_section)t->section, &t->token, err);
    if (r == 0 && wants_service_token(c, q))
        r = cloud_token(c, SECTION_SERVICE_USER, &t->service_token, err);
    if (r < 0)
        return ol_err_prefix(err, r, "%s", row->name);
    add_header(t, "X-Auth-Token", user ? user : t->token);
    add_header(t, "X-Service-Token", t->service_token);
    return 0;
}

static int make_attempt(struct cloud *c, const struct cloud_send *s, unsigned number,
                        struct attempt *t, struct ol_err *err)
{
    const struct cloud_ask *q = s->ask;
    const struct cloud_service_row *row = &cloud_services[q->service];
    int r = get_tokens(c, q, t, err);

    if (r < 0)
        return r;
    r = cloud_url(c, q, number, &t->url, err);
    if (r < 0)
        return r;
    ol_strv_addf(&t->headers, "User-Agent: orlop-compute/%s", ORLOP_VERSION);
    ol_strv_add(&t->headers, s->take ? "Accept: */*" : "Accept: application/json");
    if (s->body.len)
        ol_strv_add(&t->headers, "Content-Type: application/json");
    if (q->version && row->header)
        ol_strv_addf(&t->headers, "OpenStack-API-Version: %s %s", row->header, q->version);
    add_header(t, "X-OpenStack-Request-ID", request_id(q->user));
    return 0;
}

static int send_once(struct cloud *c, const struct cloud_send *s, const struct attempt *t,
                     struct ol_http_response *ret, struct ol_err *err)
{
    struct ol_http_request q = {
        .method = s->ask->method,
        .url = t->url,
        .headers = ol_strv_argv(&t->headers),
        .body = s->body.len ? s->body.data : NULL,
        .body_size = s->body.len,
        .timeout = s->ask->timeout,
        .idle = s->idle,
        .take = s->take,
        .take_ctx = s->ctx,
    };
    int r = s->begin ? s->begin(s->ctx) : 0;

    ol_buf_clear(&ret->body);
    if (r < 0)
        return ol_err_set(err, -r, "%s: %s", cloud_services[s->ask->service].name, strerror(-r));
    r = cloud_exchange(c, cloud_auth(c, s->ask->service), &q, ret, err);
    return r < 0 ? ol_err_prefix(err, r, "%s", cloud_services[s->ask->service].name) : 0;
}

/* After a 401: tokens that may be at fault are forgotten. False = there is nothing to renew. */
static bool drop_tokens(struct cloud *c, const struct attempt *t)
{
    if (t->token)
        cloud_token_drop(c, (enum cloud_section)t->section, t->token);
    if (t->service_token)
        cloud_token_drop(c, SECTION_SERVICE_USER, t->service_token);
    return t->token || t->service_token;
}

/* What was asked may be asked again: it changes nothing, or the same twice. */
static bool is_repeatable(const struct cloud_ask *q)
{
    return strcmp(q->method, "POST") != 0;
}

static bool is_worth_another(const struct cloud_ask *q, int r, long status)
{
    if (r == -ECONNREFUSED)
        return true; /* nothing was sent */
    if (r == -ECONNRESET || r == -EIO)
        return is_repeatable(q);
    return r == 0 && (status == 503 || status == 502) && !strcmp(q->method, "GET");
}

static unsigned tries_of(const struct cloud *c, const struct cloud_ask *q)
{
    const struct compute_config *f = c->config;
    int64_t more = q->service == CLOUD_GLANCE ? f->glance_num_retries
                                              : cloud_auth(c, q->service)->connect_retries;

    if (more > 20)
        more = 20;
    return more + 1 > CLOUD_TRIES ? (unsigned)more + 1 : CLOUD_TRIES;
}

static void pause_before(struct cloud *c, unsigned number)
{
    if (number > 1) /* the first one again at once: mostly a kept connection that was closed */
        c->env->clock->sleep(c->env->clock->ctx, 250 * OL_MS << (number < 6 ? number - 2 : 4));
}

int cloud_send(struct cloud *c, const struct cloud_send *s, struct ol_http_response *ret,
               struct ol_err *err)
{
    unsigned n_tries = tries_of(c, s->ask), number = 0;
    bool was_refused = false;

    for (;;) {
        ol_auto(attempt_done) struct attempt t = {.url = NULL};
        int r = make_attempt(c, s, number, &t, err);

        if (r < 0)
            return r;
        r = send_once(c, s, &t, ret, err);
        if (r == 0 && ret->status == 401 && !was_refused && drop_tokens(c, &t)) {
            was_refused = true;
            continue;
        }
        if (!is_worth_another(s->ask, r, ret->status) || ++number >= n_tries)
            return r;
        pause_before(c, number);
    }
}

/* Pages of proxies come with failures; a success that can't be read is not an empty one. */
static int read_answer(const struct cloud_ask *q, const struct ol_http_response *answer,
                       struct ol_arena *a, const struct ol_val **ret, struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT;
    struct ol_val *v = NULL;
    int r = 0;

    if (answer->body.len)
        r = ol_json_load(answer->body.data, answer->body.len, a, &v, &why);
    if (r < 0 && answer->status >= 200 && answer->status < 300)
        return ol_err_set(err, r == -EFBIG ? EFBIG : EPROTO,
                          "%s: %s %.160s: the answer cannot be read: %.160s",
                          cloud_services[q->service].name, q->method, q->path, ol_err_text(&why));
    *ret = r < 0 ? NULL : v;
    return 0;
}

int cloud_fetch(struct cloud *c, const struct cloud_ask *q, struct ol_arena *a, int *ret_status,
                const struct ol_val **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(CLOUD_MAX_ANSWER);
    struct ol_http_response answer = {.body = OL_BUF_INIT(CLOUD_MAX_ANSWER)};
    struct cloud_send s = {.ask = q};
    const struct ol_val *v = NULL;
    int r = q->body ? ol_json_dump(q->body, &ol_json_compact, &body) : 0;

    if (r < 0)
        return ol_err_set(err, -r, "%s: %s %s: what is to be sent is no JSON",
                          cloud_services[q->service].name, q->method, q->path);
    s.body = body; /* borrowed */
    r = cloud_send(c, &s, &answer, err);
    if (r == 0)
        r = read_answer(q, &answer, a, &v, err);
    ol_buf_done(&answer.body);
    if (r < 0)
        return r;
    *ret_status = (int)answer.status;
    *ret = v;
    return 0;
}

int cloud_fail(const struct cloud_ask *q, int status, const struct ol_val *body, struct ol_err *err)
{
    static const struct {
        int status, code;
    } codes[] = {{401, EACCES}, {403, EACCES}, {404, ENOENT}, {409, EBUSY}, {503, EAGAIN}};
    const char *message = cloud_message(body);
    int code = EPROTO;

    for (size_t i = 0; i < ol_count(codes); i++)
        if (codes[i].status == status)
            code = codes[i].code;
    return ol_err_set_domain(err, code, "http", status, "%s: %s %.160s: HTTP %d%s%.240s",
                             cloud_services[q->service].name, q->method, q->path, status,
                             message ? ": " : "", message ? message : "");
}

bool cloud_is(const struct ol_err *err, int status)
{
    return err->domain && !strcmp(err->domain, "http") && err->status == status;
}

int cloud_call(struct cloud *c, const struct cloud_ask *q, struct ol_arena *a,
               const struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *body = NULL;
    int status = 0;
    int r = cloud_fetch(c, q, a, &status, &body, err);

    if (r < 0)
        return r;
    if (status < 200 || status > 299)
        return cloud_fail(q, status, body, err);
    if (ret)
        *ret = body;
    return 0;
}

int cloud_check_id(const char *what, const char *id, struct ol_err *err)
{
    size_t len = id ? strlen(id) : 0;
    bool is_good = len && len <= 255 && *id != '.';

    for (size_t i = 0; i < len && is_good; i++)
        is_good = isalnum((unsigned char)id[i]) || strchr("_-.:", id[i]);
    return is_good ? 0
                   : ol_err_set(err, EINVAL, "'%.100s' is not the id of %s", id ? id : "", what);
}
