/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "fake-server.h"

enum { BODY_MAX = 256 << 20 };

/* One exchange under way: a request that waits for its answer, or a watch. */
struct call {
    struct fake_api *f;
    struct kube_exchange x; /* its texts are those of 'q' */
    struct fake_request q;
    struct ol_timer timer;
    struct call *prev, *next;

    const struct kube_kind *kind; /* of a watch */
    char *ns;
    size_t at;     /* the event that comes next */
    bool is_watch; /* and begun */
    bool want_all; /* tells first what there is */
    bool want_410, want_end, want_bookmark;
};

struct fake_server {
    struct call *calls;
    struct fault {
        struct fake_fault what;
        char *method, *path, *reason;
        unsigned left;
        struct fault *next;
    } *faults;
    bool is_held;
};

static void free_call(struct call *c)
{
    struct fake_server *s = c->f->server;

    ol_timer_done(&c->timer);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c->q.method);
    free(c->q.path);
    free(c->q.content_type);
    ol_buf_done(&c->q.body);
    free(c->ns);
    free(c);
}

/* --- faults --- */

static char *copy(const char *s)
{
    return s ? ol_xstrdup(s) : NULL;
}

void fake_api_fault(struct fake_api *f, const struct fake_fault *fault)
{
    struct fault **last = &f->server->faults;
    struct fault *one = ol_xcalloc(1, sizeof(*one));

    one->what = *fault;
    one->method = copy(fault->method);
    one->path = copy(fault->path);
    one->reason = copy(fault->reason);
    one->left = fault->times ? fault->times : 1;
    while (*last)
        last = &(*last)->next;
    *last = one;
}

static struct fault *find_fault(struct fake_api *f, const struct fake_request *q)
{
    for (struct fault *one = f->server->faults; one; one = one->next) {
        if (!one->left || (one->method && strcmp(one->method, q->method) != 0)
            || (one->path && !strstr(q->path, one->path)))
            continue;
        one->left--;
        return one;
    }
    return NULL;
}

/* --- requests --- */

static void finish(struct call *c, int http, const char *body, size_t len, const struct ol_err *err)
{
    struct kube_exchange x = c->x;

    free_call(c);
    x.done(x.ctx, http, body, len, err);
}

static void no_answer(struct call *c)
{
    struct ol_err err = OL_ERR_INIT;

    if (ol_err_set(&err, ECONNREFUSED, "connection refused") < 0)
        finish(c, 0, "", 0, &err);
}

static void answer(struct call *c, const struct fault *fault)
{
    struct fake_api *f = c->f;
    struct fake_reply r = {.body = OL_BUF_INIT(BODY_MAX)};
    bool is_wrong = fault && fault->what.http >= 0;

    if (!is_wrong || fault->what.is_done)
        fake_answer(f, &c->q, &r);
    if (is_wrong && !fault->what.http) {
        no_answer(c);
    } else {
        if (is_wrong)
            fake_fail(&r, fault->what.http, fault->reason, "injected by the test");
        finish(c, r.http, r.body.data, r.body.len, NULL);
    }
    ol_buf_done(&r.body);
}

/* --- watches --- */

static void tell(struct call *c, const char *type, const char *object)
{
    ol_autofree char *line = ol_xasprintf("{\"type\":\"%s\",\"object\":%s}\n", type, object);
    size_t len = strlen(line), step = c->f->piece ? c->f->piece : len;

    for (size_t at = 0; at < len; at += step)
        c->x.data(c->x.ctx, 200, line + at, len - at < step ? len - at : step);
}

static void tell_all(struct call *c)
{
    size_t n = 0;
    ol_autofree struct fake_stored **all = fake_store_list(c->f->store, c->kind, c->ns, &n);

    for (size_t i = 0; i < n; i++)
        tell(c, "ADDED", all[i]->json);
    c->want_all = false;
}

static void tell_bookmark(struct call *c)
{
    ol_autofree char *object =
        ol_xasprintf("{\"kind\":\"%s\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"}}",
                     c->kind->kind, c->f->store->version);

    tell(c, "BOOKMARK", object);
    c->want_bookmark = false;
}

static void go_on(struct call *c)
{
    struct fake_store *s = c->f->store;

    if (c->f->server->is_held)
        return;
    if (c->want_410) {
        tell(c, "ERROR",
             "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\","
             "\"message\":\"too old resource version\"}");
        finish(c, 200, "", 0, NULL);
        return;
    }
    if (c->want_all)
        tell_all(c);
    for (; c->at < s->n_events; c->at++) {
        const struct fake_event *e = &s->events[c->at];

        if (e->kind == c->kind && (!*c->ns || strcmp(c->ns, e->ns) == 0))
            tell(c, e->type, e->json);
    }
    if (c->want_bookmark)
        tell_bookmark(c);
    if (c->want_end)
        finish(c, 200, "", 0, NULL);
}

static void begin_watch(struct call *c)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const char *text = fake_query(c->q.path, "resourceVersion", &a);
    const struct fake_store *s = c->f->store;
    uint64_t from = 0;

    if (!fake_watch_target(c->q.path, &c->kind, &c->ns)) {
        finish(c, 404, "", 0, NULL);
        return;
    }
    if (text && *text && ol_parse_u64(text, 10, &from) < 0)
        from = 0;
    c->is_watch = true;
    c->want_all = !from;
    c->want_410 = from && from < s->expired;
    while (c->at < s->n_events && (!from || s->events[c->at].version <= from))
        c->at++;
    go_on(c);
}

/* --- the transport --- */

static void on_timer(void *ctx)
{
    struct call *c = ctx;
    struct fault *fault;

    if (c->is_watch) {
        go_on(c);
        return;
    }
    fault = find_fault(c->f, &c->q);
    if (fault && fault->what.delay) {
        ol_timer_set(&c->timer, fault->what.delay);
        fault->what.delay = 0;
        fault->left++;
        return;
    }
    if (c->x.data && (!fault || fault->what.http < 0))
        begin_watch(c);
    else
        answer(c, fault);
}

static void *begin(void *self, const struct kube_exchange *x)
{
    struct fake_api *f = self;
    struct call *c = ol_xcalloc(1, sizeof(*c));

    c->f = f;
    c->x = *x;
    c->q.method = ol_xstrdup(x->method);
    c->q.path = ol_xstrdup(x->path);
    c->q.content_type = ol_xstrdup(x->content_type ? x->content_type : "");
    ol_buf_init(&c->q.body, BODY_MAX);
    ol_buf_add(&c->q.body, x->body ? x->body : "", x->body ? x->size : 0);
    if (strcmp(x->method, "GET") != 0)
        ol_strv_addf(&f->asked, "%s %s %s", x->method, x->path, c->q.body.data);
    c->next = f->server->calls;
    if (c->next)
        c->next->prev = c;
    f->server->calls = c;
    ol_timer_init(&c->timer, &f->loop, on_timer, c);
    ol_timer_set(&c->timer, 0);
    return c;
}

static void cancel(void *self, void *handle)
{
    (void)self;
    free_call(handle);
}

static void transport_free(void *self)
{
    (void)self;
}

struct kube_client *fake_api_client(struct fake_api *f)
{
    static const struct kube_transport transport = {begin, cancel, transport_free};

    return kube_client_new(&f->loop, &transport, f);
}

/* --- the whole --- */

struct fake_api *fake_api_new(void)
{
    struct fake_api *f = ol_xcalloc(1, sizeof(*f));

    virtual_time_init(&f->time);
    f->env = (struct ol_env){.root_fd = -1, .root = "/", .clock = &f->time.clock, .log = &f->log};
    f->loop = (struct ol_loop){.env = &f->env};
    f->store = fake_store_new();
    f->server = ol_xcalloc(1, sizeof(*f->server));
    return f;
}

void fake_api_free(struct fake_api *f)
{
    assert(!f->server->calls);
    while (f->server->faults) {
        struct fault *next = f->server->faults->next;

        free(f->server->faults->method);
        free(f->server->faults->path);
        free(f->server->faults->reason);
        free(f->server->faults);
        f->server->faults = next;
    }
    ol_strv_done(&f->answers);
    free(f->server);
    fake_store_free(f->store);
    ol_strv_done(&f->asked);
    free(f);
}

void fake_api_settle(struct fake_api *f)
{
    virtual_time_settle(&f->time);
}

void fake_api_pass(struct fake_api *f, ol_time span)
{
    virtual_time_pass(&f->time, span);
}

static void each_watch(struct fake_api *f, void (*mark)(struct call *c))
{
    for (struct call *c = f->server->calls; c; c = c->next) {
        if (!c->is_watch)
            continue;
        if (mark)
            mark(c);
        ol_timer_set(&c->timer, 0);
    }
}

static void mark_end(struct call *c)
{
    c->want_end = true;
}

static void mark_bookmark(struct call *c)
{
    c->want_bookmark = true;
}

void fake_wake(struct fake_api *f)
{
    each_watch(f, NULL);
}

void fake_api_break(struct fake_api *f)
{
    each_watch(f, mark_end);
}

void fake_api_bookmark(struct fake_api *f)
{
    each_watch(f, mark_bookmark);
}

void fake_api_expire(struct fake_api *f)
{
    f->store->expired = f->store->version++;
    f->store->expired++;
}

void fake_api_hold_watches(struct fake_api *f, bool want_hold)
{
    f->server->is_held = want_hold;
    if (!want_hold)
        fake_wake(f);
}

size_t fake_api_watches(const struct fake_api *f)
{
    size_t n = 0;

    for (const struct call *c = f->server->calls; c; c = c->next)
        n += c->is_watch;
    return n;
}
