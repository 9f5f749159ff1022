/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "kube/apiserver/apiserver.h"
#include "kube/client/config.h"
#include "kube/client/events.h"
#include "kube/client/informer.h"
#include "kube/client/lease.h"
#include "net/daemon.h"

/*
 * Our client at work on an API: becomes the leader, makes COUNT ConfigMaps, writes to each of them,
 * deletes every second one, and ends when its cache says that all of that has happened. It prints
 * how often handlers were told of new, changed and gone objects, and the seconds.
 *
 *     kube-tool FILE COUNT          the API of a kubeconfig
 *     kube-tool --local DIR COUNT   our server in this process, its data in DIR
 *     kube-tool --watch FILE COUNT  makes nothing: waits until it has seen COUNT objects
 *
 * It goes on by itself when the server is away for a while.
 */
enum { AT_ONCE = 256 };

struct tool {
    struct ol_daemon d;
    struct apiserver *server;
    struct kube_client *client;
    struct kube_informers *all;
    struct kube_informer *maps;
    struct kube_recorder *recorder;
    struct kube_election *election;
    struct ol_timer retry;
    int n, n_begun, n_in_hand, n_new, n_changed, n_gone, n_retried;
    bool is_watching, has_ended;
    ol_time began;
    int status;
};

/* One ConfigMap on its way. */
struct one {
    struct tool *t;
    int i;
    enum { CREATE, PATCH, DELETE, DONE } step;
    struct ol_timer retry;
};

static void step(struct one *o);
static void begin_some(struct tool *t);

static void freed(void *ctx)
{
    struct tool *t = ctx;

    kube_informers_free(t->all);
    kube_client_free(t->client);
    t->all = NULL;
    t->client = NULL;
    ol_timer_done(&t->retry);
    if (t->server)
        apiserver_stop(t->server, NULL, NULL);
    ol_daemon_stop(&t->d);
}

static void end(struct tool *t)
{
    if (t->has_ended)
        return;
    t->has_ended = true;
    printf("new %d changed %d gone %d retried %d seconds %.3f\n", t->n_new, t->n_changed, t->n_gone,
           t->n_retried, (double)(ol_now_boot(&t->d.env) - t->began) / OL_SECOND);
    kube_informers_stop(t->all);
    kube_recorder_free(t->recorder);
    kube_election_free(t->election, freed, t);
}

static void look(void *ctx)
{
    struct tool *t = ctx;
    int n_left = t->n_new - t->n_gone;
    bool is_all = t->is_watching ? t->n_new >= t->n
                                 : !t->n_in_hand && t->n_begun == t->n && n_left == t->n - t->n / 2;

    if (is_all)
        end(t);
    else if (!t->has_ended)
        ol_timer_set(&t->retry, 20 * OL_MS);
}

static void changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct tool *t = ctx;
    const struct kube_object *o = now ? now : old;

    if (!ol_str_starts(o->meta.name, "tool-"))
        return;
    t->n_new += !old;
    t->n_changed += old && now;
    t->n_gone += !now;
}

static void on_retry(void *ctx)
{
    step(ctx);
}

static void on_answer(void *ctx, const struct kube_answer *a)
{
    struct one *o = ctx;

    /* The first answer to a write may have been lost. */
    bool is_made = a->reason == KUBE_OK || (o->step == CREATE && a->reason == KUBE_ALREADY_EXISTS)
                   || (o->step == DELETE && a->reason == KUBE_NOT_FOUND);

    if (is_made) {
        if (a->object)
            kube_informer_store(o->t->maps, a->object);
        o->step = o->step == CREATE ? PATCH : o->step == PATCH && o->i % 2 ? DELETE : DONE;
        step(o);
        return;
    }
    if (!kube_answer_is_transient(a)) {
        fprintf(stderr, "%s\n", a->message);
        o->t->status = 1;
    }
    o->t->n_retried++;
    ol_timer_set(&o->retry, 50 * OL_MS);
}

static void step(struct one *o)
{
    char name[32], body[256] = "";
    struct kube_ask ask = {.kind = &kube_config_map_kind, .ns = "default", .name = name};

    snprintf(name, sizeof(name), "tool-%d", o->i);
    if (o->step == DONE) {
        o->t->n_in_hand--;
        begin_some(o->t);
        ol_timer_done(&o->retry);
        free(o);
        return;
    }
    if (o->step == CREATE) {
        ask.verb = KUBE_VERB_CREATE;
        ask.name = NULL;
        snprintf(body, sizeof(body),
                 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\"},"
                 "\"data\":{\"a\":\"b\"}}",
                 name);
    } else if (o->step == PATCH) {
        ask.verb = KUBE_VERB_PATCH_MERGE;
        snprintf(body, sizeof(body), "{\"data\":{\"a\":\"%d\"}}", o->i);
    } else {
        ask.verb = KUBE_VERB_DELETE;
    }
    ask.body = *body ? body : NULL;
    ask.size = strlen(body);
    kube_send(o->t->client, &ask, on_answer, o);
}

/* No more at once than a controller would. */
static void begin_some(struct tool *t)
{
    while (t->n_begun < t->n && t->n_in_hand < AT_ONCE) {
        struct one *o = ol_xcalloc(1, sizeof(*o));

        o->t = t;
        o->i = t->n_begun++;
        t->n_in_hand++;
        ol_timer_init(&o->retry, &t->d.loop, on_retry, o);
        step(o);
    }
}

static void leads(void *ctx)
{
    struct tool *t = ctx;

    begin_some(t);
    look(t);
}

static void lost(void *ctx)
{
    (void)ctx;
    fprintf(stderr, "not the leader any more\n");
    exit(2);
}

static void synced(void *ctx)
{
    struct tool *t = ctx;

    t->began = ol_now_boot(&t->d.env);
    fprintf(stderr, "synced\n");
    if (t->is_watching) {
        look(t);
        return;
    }
    t->election = kube_election_new(t->client, &(struct kube_election_options){.ns = "default",
                                                                               .name = "kube-tool",
                                                                               .identity = "tool",
                                                                               .leads = leads,
                                                                               .lost = lost,
                                                                               .ctx = t});
}

static int connect_to(struct tool *t, const char *how, const char *where, struct ol_err *err)
{
    struct apiserver_options o = {.data_dir = where};
    int r;

    if (strcmp(how, "--local") != 0)
        return kube_client_from_config(&t->d.loop, where, NULL, &t->client, err);
    r = apiserver_start(&t->d.loop, &o, &t->server, err);
    if (r >= 0)
        t->client = apiserver_client(t->server);
    return r;
}

static void on_signal(void *ctx)
{
    end(ctx);
}

int main(int argc, char **argv)
{
    struct tool t = {0};
    struct ol_err err = OL_ERR_INIT;
    const char *how = argc == 4 ? argv[1] : "";

    if (argc < 3 || argc > 4 || ol_parse_int(argv[argc - 1], 10, 1, 1000000, &t.n) < 0)
        return 64;
    if (ol_daemon_init(&t.d, OL_LOG_WARNING, on_signal, &t, &err) < 0
        || connect_to(&t, how, argv[argc - 2], &err) < 0) {
        fprintf(stderr, "%s\n", ol_err_text(&err));
        return 1;
    }
    t.is_watching = strcmp(how, "--watch") == 0;
    ol_timer_init(&t.retry, &t.d.loop, look, &t);
    t.all = kube_informers_new(t.client);
    t.maps = kube_informer_of(t.all, &kube_config_map_kind);
    t.recorder = kube_recorder_new(t.client, "kube-tool", NULL);
    kube_informer_add_handler(t.maps, &(struct kube_handler){changed, &t});
    kube_informers_start(t.all, synced, &t);
    ol_daemon_run(&t.d);
    ol_daemon_done(&t.d);
    return t.status;
}
