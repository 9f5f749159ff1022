/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/lease.h"

#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/time.h"

enum { BODY_MAX = 16 << 10 };
#define GIVE_BACK_WITHIN (3 * OL_SECOND)

/* A Lease as we saw it. */
struct record {
    char *holder, *version;
    int64_t duration_seconds, transitions;
    ol_time acquired, renewed; /* wall, of whoever wrote it */
};

struct kube_election {
    struct kube_client *client;
    struct kube_election_options options; /* ns, name, identity are ours */
    struct record seen;
    bool is_there;      /* 'seen' is a Lease of the server */
    ol_time seen_since; /* boot: when 'seen' was first like this */
    ol_time asked_at;   /* boot: when the request under way was sent */
    bool is_leader, is_stale;
    bool is_leaving, has_given_back;
    uint64_t random;
    struct kube_request *request;
    struct ol_timer next;     /* the next attempt */
    struct ol_timer deadline; /* until then the lease has to be renewed */
    void (*released)(void *ctx);
    void *released_ctx;
};

static void attempt(void *ctx);
static void leave(struct kube_election *e);

static ol_time now(const struct kube_election *e)
{
    return ol_now_boot(kube_client_loop(e->client)->env);
}

/* --- what was seen --- */

static void record_done(struct record *r)
{
    free(r->holder);
    free(r->version);
}

static bool is_same(const struct record *r, const struct kube_lease *l)
{
    return strcmp(r->holder ? r->holder : "", l->holder ? l->holder : "") == 0
           && r->duration_seconds == l->duration_seconds && r->transitions == l->transitions
           && r->acquired == l->acquired && r->renewed == l->renewed;
}

static void observe(struct kube_election *e, const struct kube_lease *l)
{
    struct record r = {.holder = ol_xstrdup(l->holder ? l->holder : ""),
                       .version = ol_xstrdup(l->o.meta.resource_version),
                       .duration_seconds = l->duration_seconds,
                       .transitions = l->transitions,
                       .acquired = l->acquired,
                       .renewed = l->renewed};

    if (!e->is_there || !is_same(&e->seen, l))
        e->seen_since = now(e);
    record_done(&e->seen);
    e->seen = r;
    e->is_there = true;
    e->is_stale = false;
}

static bool is_ours(const struct kube_election *e)
{
    return e->is_there && strcmp(e->seen.holder, e->options.identity) == 0;
}

/* Somebody else holds it, and changed it not too long ago on our clock. */
static bool is_taken(const struct kube_election *e)
{
    if (!e->is_there || !*e->seen.holder || is_ours(e))
        return false;
    return now(e) < e->seen_since + e->seen.duration_seconds * OL_SECOND;
}

/* --- writing --- */

static void add_time(struct ol_jw *w, const char *key, ol_time t)
{
    char text[KUBE_TIME_SIZE];

    kube_time_format_micro(t, text);
    ol_jw_str(w, key, text);
}

static void add_spec(const struct kube_election *e, struct ol_jw *w)
{
    ol_time wall = ol_now_wall(kube_client_loop(e->client)->env);
    ol_time seconds = e->options.lease / OL_SECOND;

    ol_jw_map(w, "spec");
    ol_jw_str(w, "holderIdentity", e->is_leaving ? "" : e->options.identity);
    ol_jw_int(w, "leaseDurationSeconds", e->is_leaving || seconds < 1 ? 1 : seconds);
    add_time(w, "renewTime", wall);
    add_time(w, "acquireTime", is_ours(e) && !e->is_leaving ? e->seen.acquired : wall);
    ol_jw_int(w, "leaseTransitions", e->is_there ? e->seen.transitions + !is_ours(e) : 0);
    ol_jw_end(w);
}

static void on_written(void *ctx, const struct kube_answer *a);

/* Makes the Lease ours, renews it, or gives it back; the version that we saw must be there. */
static void write_lease(struct kube_election *e)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = e->is_there ? KUBE_VERB_PATCH_MERGE : KUBE_VERB_CREATE,
                           .kind = &kube_lease_kind,
                           .is_urgent = true,
                           .ns = e->options.ns,
                           .name = e->is_there ? e->options.name : NULL};
    struct ol_jw w;

    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    if (!e->is_there) {
        ol_jw_str(&w, "kind", "Lease");
        ol_jw_str(&w, "apiVersion", "coordination.k8s.io/v1");
    }
    ol_jw_map(&w, "metadata");
    if (e->is_there) {
        ol_jw_str(&w, "resourceVersion", e->seen.version);
    } else {
        ol_jw_str(&w, "name", e->options.name);
        ol_jw_str(&w, "namespace", e->options.ns);
    }
    ol_jw_end(&w);
    add_spec(e, &w);
    ol_jw_end(&w);
    ask.body = body.data;
    ask.size = body.len;
    e->asked_at = now(e);
    e->request = kube_send(e->client, &ask, on_written, e);
}

/* --- leading --- */

/* The caller's 'lost' may free e: nothing may follow. */
static void lose(struct kube_election *e)
{
    ol_timer_stop(&e->deadline);
    e->is_leader = false;
    if (e->options.lost)
        e->options.lost(e->options.ctx);
}

static void on_deadline(void *ctx)
{
    struct kube_election *e = ctx;

    ol_warn(kube_client_loop(e->client)->env, "lease '%s/%s' was not renewed in time",
            e->options.ns, e->options.name);
    lose(e);
}

/* Who waits for a lease doesn't come at the same time as all others (client-go's factor is 1.2). */
static void try_again(struct kube_election *e)
{
    ol_time delay = e->options.retry;

    e->random = e->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    if (!e->is_leader)
        delay += (ol_time)((e->random >> 33) % (uint64_t)(e->options.retry * 12 / 10));
    ol_timer_set(&e->next, delay);
}

static void hold(struct kube_election *e)
{
    bool is_new = !e->is_leader;

    e->is_leader = true;
    /* The server may have got the request right after it was sent. */
    ol_timer_set(&e->deadline, e->asked_at + e->options.renew - now(e));
    try_again(e);
    if (is_new && e->options.leads)
        e->options.leads(e->options.ctx);
}

static void on_written(void *ctx, const struct kube_answer *a)
{
    struct kube_election *e = ctx;
    const struct kube_lease *l = kube_as_lease(a->object);

    e->request = NULL;
    if (a->reason == KUBE_OK && l)
        observe(e, l);
    else
        e->is_stale = true;
    if (e->is_leaving) {
        e->has_given_back = e->has_given_back || e->is_stale || !is_ours(e);
        leave(e);
        return;
    }
    if (!e->is_stale && is_ours(e)) {
        hold(e);
        return;
    }
    ol_debug(kube_client_loop(e->client)->env, "lease '%s/%s': %s", e->options.ns, e->options.name,
             a->message);
    try_again(e);
}

static void on_read(void *ctx, const struct kube_answer *a)
{
    struct kube_election *e = ctx;
    const struct kube_lease *l = kube_as_lease(a->object);

    e->request = NULL;
    if (a->reason == KUBE_NOT_FOUND)
        e->is_there = false;
    else if (a->reason == KUBE_OK && l)
        observe(e, l);
    if (e->is_leaving) {
        leave(e);
        return;
    }
    if (a->reason != KUBE_OK && a->reason != KUBE_NOT_FOUND) {
        ol_debug(kube_client_loop(e->client)->env, "lease '%s/%s': %s", e->options.ns,
                 e->options.name, a->message);
        try_again(e);
        return;
    }
    if (!is_taken(e)) {
        write_lease(e);
        return;
    }
    try_again(e);
    if (e->is_leader)
        lose(e);
}

static void attempt(void *ctx)
{
    struct kube_election *e = ctx;
    struct kube_ask ask = {.verb = KUBE_VERB_GET,
                           .kind = &kube_lease_kind,
                           .is_urgent = true,
                           .ns = e->options.ns,
                           .name = e->options.name};

    if (e->is_leaving) { /* giving back takes too long */
        kube_cancel(e->request);
        e->request = NULL;
        e->has_given_back = true;
        leave(e);
        return;
    }
    if (e->request) /* the server is slow; the deadline goes on */
        return;
    if (e->is_leader && is_ours(e) && !e->is_stale) {
        write_lease(e);
        return;
    }
    e->request = kube_send(e->client, &ask, on_read, e);
}

/* --- life --- */

struct kube_election *kube_election_new(struct kube_client *client,
                                        const struct kube_election_options *o)
{
    struct kube_election *e = ol_xcalloc(1, sizeof(*e));

    e->client = client;
    e->options = *o;
    e->options.ns = ol_xstrdup(o->ns);
    e->options.name = ol_xstrdup(o->name);
    e->options.identity = ol_xstrdup(o->identity);
    if (!o->lease)
        e->options.lease = 15 * OL_SECOND;
    if (!o->renew)
        e->options.renew = 10 * OL_SECOND;
    if (!o->retry)
        e->options.retry = 2 * OL_SECOND;
    e->random = (uint64_t)now(e);
    ol_timer_init(&e->next, kube_client_loop(client), attempt, e);
    ol_timer_init(&e->deadline, kube_client_loop(client), on_deadline, e);
    ol_timer_set(&e->next, 0);
    return e;
}

/* Ends it when nothing is left to be done, else does that. */
static void leave(struct kube_election *e)
{
    void (*released)(void *ctx) = e->released;
    void *ctx = e->released_ctx;

    if (e->request)
        return;
    if (e->is_leader && is_ours(e) && !e->has_given_back) {
        e->has_given_back = true;
        write_lease(e);
        return;
    }
    ol_timer_done(&e->next);
    ol_timer_done(&e->deadline);
    record_done(&e->seen);
    free((char *)e->options.ns);
    free((char *)e->options.name);
    free((char *)e->options.identity);
    free(e);
    if (released)
        released(ctx);
}

void kube_election_free(struct kube_election *e, void (*released)(void *ctx), void *ctx)
{
    if (!e) {
        if (released)
            released(ctx);
        return;
    }
    e->released = released;
    e->released_ctx = ctx;
    e->is_leaving = true;
    ol_timer_stop(&e->deadline);
    if (!e->is_leader) {
        kube_cancel(e->request);
        e->request = NULL;
    }
    ol_timer_set(&e->next, GIVE_BACK_WITHIN);
    leave(e);
}

bool kube_election_is_leader(const struct kube_election *e)
{
    return e->is_leader && !e->is_leaving;
}
