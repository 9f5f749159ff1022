/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "kube/apiserver/apiserver.h"
#include "net/daemon.h"
#include "volume/binder/binder.h"

/* binder-speed DIR [N]: N volumes and claims are made on our own API server with its store in
 * DIR, then bound by the component in the same process; claims per second until all are durably
 * Bound. */
enum { IN_FLIGHT = 256 };

struct speed {
    struct ol_daemon daemon;
    struct apiserver *server;
    struct kube_client *client;
    struct kube_informers *informers;
    void *state;
    int n, n_asked, n_made, n_bound;
    ol_time begin;
    struct ol_timer over; /* not from within a cache's handler */
};

static ol_time now(struct speed *s)
{
    return ol_now_boot(&s->daemon.env);
}

static void on_closed(void *ctx) {}

static void on_binder_stopped(void *ctx)
{
    struct speed *s = ctx;

    kube_informers_free(s->informers);
    kube_client_free(s->client);
    apiserver_stop(s->server, on_closed, NULL);
}

static void stop(void *ctx)
{
    struct speed *s = ctx;

    binder_component.stop(s->state, on_binder_stopped, s);
}

static void on_claim(void *ctx, const struct kube_object *old, const struct kube_object *is)
{
    struct speed *s = ctx;
    const struct kube_pvc *claim = kube_as_pvc(is), *was = kube_as_pvc(old);
    double took = 0;

    if (!claim || claim->status.phase != KUBE_PVC_BOUND
        || (was && was->status.phase == KUBE_PVC_BOUND))
        return;
    if (++s->n_bound < s->n)
        return;
    took = (double)(now(s) - s->begin) / (double)OL_SECOND;
    printf("%d claims bound in %.2f s: %.0f per second\n", s->n, took, s->n / took);
    ol_timer_set(&s->over, 0);
}

static void on_over(void *ctx)
{
    struct speed *s = ctx;

    ol_timer_done(&s->over);
    ol_daemon_stop(&s->daemon);
}

static void on_synced(void *ctx)
{
    struct speed *s = ctx;

    s->begin = now(s);
    binder_component.run(s->state);
}

static void begin_binding(struct speed *s)
{
    struct kube_handler h = {.changed = on_claim, .ctx = s};
    struct kube_context k = {.loop = &s->daemon.loop, .client = s->client};

    printf("%d objects made in %.2f s\n", s->n_made,
           (double)(now(s) - s->begin) / (double)OL_SECOND);
    s->informers = kube_informers_new(s->client);
    k.informers = s->informers;
    if (binder_component.start(&k, NULL, &s->state, NULL) < 0)
        abort();
    kube_informer_add_handler(kube_informer_of(s->informers, &kube_pvc_kind), &h);
    kube_informers_start(s->informers, on_synced, s);
}

static void make_next(struct speed *s);

static void on_made(void *ctx, const struct kube_answer *a)
{
    struct speed *s = ctx;

    if (a->reason != KUBE_OK)
        fprintf(stderr, "%s\n", a->message);
    if (++s->n_made == 2 * s->n)
        begin_binding(s);
    else
        make_next(s);
}

static void make_next(struct speed *s)
{
    char text[1024];
    int i = s->n_asked / 2;
    bool is_claim = s->n_asked % 2;

    if (s->n_asked >= 2 * s->n)
        return;
    s->n_asked++;
    if (is_claim)
        snprintf(text, sizeof(text),
                 "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
                 "\"c-%d\"},\"spec\":{\"storageClassName\":\"\",\"resources\":{\"requests\":{"
                 "\"storage\":\"1Gi\"}},\"accessModes\":[\"ReadWriteOnce\"]}}",
                 i);
    else
        snprintf(text, sizeof(text),
                 "{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
                 "\"pv-%d\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":["
                 "\"ReadWriteOnce\"],\"hostPath\":{\"path\":\"/srv/%d\"}}}",
                 i, i);
    kube_send(s->client,
              &(struct kube_ask){.verb = KUBE_VERB_CREATE,
                                 .kind = is_claim ? &kube_pvc_kind : &kube_pv_kind,
                                 .ns = is_claim ? "default" : "",
                                 .body = text,
                                 .size = strlen(text)},
              on_made, s);
}

int main(int argc, char **argv)
{
    struct speed s = {.n = 5000};
    struct ol_err err = OL_ERR_INIT;

    if (argc < 2 || (argc > 2 && ol_parse_int(argv[2], 10, 1, 1000000, &s.n) < 0)) {
        fprintf(stderr, "binder-speed DIR [N]\n");
        return 64;
    }
    if (ol_daemon_init(&s.daemon, OL_LOG_WARNING, stop, &s, &err) < 0
        || apiserver_start(&s.daemon.loop, &(struct apiserver_options){.data_dir = argv[1]},
                           &s.server, &err)
               < 0) {
        fprintf(stderr, "%s\n", ol_err_text(&err));
        return 1;
    }
    ol_timer_init(&s.over, &s.daemon.loop, on_over, &s);
    s.client = apiserver_client(s.server);
    s.begin = now(&s);
    for (int i = 0; i < IN_FLIGHT; i++)
        make_next(&s);
    ol_daemon_run(&s.daemon);
    ol_daemon_done(&s.daemon);
    return 0;
}
