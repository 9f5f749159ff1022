/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-work-internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* A secret of Kubernetes has 1 MiB at most, a claim and its class less. */
enum { ARENA_MAX = 8 << 20 };
#define CONFLICT_DELAY (20 * OL_MS)

struct csi_work *csi_work_begin(struct csi_works *all, struct kube_task *task, void *ctx)
{
    struct csi_work *w = ol_xcalloc(1, sizeof(*w));

    ol_arena_init(&w->arena, ARENA_MAX);
    w->all = all;
    w->task = task;
    w->ctx = ctx;
    w->next = all->first;
    w->at = &all->first;
    if (w->next)
        w->next->at = &w->next;
    all->first = w;
    return w;
}

static void work_free(struct csi_work *w)
{
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    for (uint32_t i = 0; i < w->secrets.n; i++)
        explicit_bzero((char *)w->secrets.v[i].value, strlen(w->secrets.v[i].value));
    ol_arena_done(&w->arena);
    free(w);
}

void csi_works_cancel(struct csi_works *all)
{
    while (all->first) {
        struct csi_work *w = all->first;

        if (w->request)
            kube_cancel(w->request);
        if (w->call)
            ol_grpc_cancel(w->call);
        if (w->job)
            ol_job_cancel(w->job);
        work_free(w);
    }
}

/* --- ends --- */
void csi_work_done(struct csi_work *w)
{
    struct kube_task *task = w->task;

    work_free(w);
    kube_task_done(task);
}

void csi_work_again(struct csi_work *w)
{
    struct kube_task *task = w->task;

    work_free(w);
    kube_task_again(task);
}

void csi_work_after(struct csi_work *w, ol_time delay)
{
    struct kube_task *task = w->task;

    work_free(w);
    kube_task_after(task, delay);
}

void csi_work_fail(struct csi_work *w, const struct ol_err *err)
{
    struct kube_task *task = w->task;
    struct ol_err copy = *err; /* it may live in the work's arena */

    work_free(w);
    kube_task_fail(task, &copy);
}

void csi_work_next(struct csi_work *w, const struct kube_answer *a)
{
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND) {
        csi_work_again(w);
        return;
    }
    if (a->reason == KUBE_CONFLICT) { /* the cache is behind, and about to catch up */
        csi_work_after(w, CONFLICT_DELAY);
        return;
    }
    (void)kube_answer_error(a, &err);
    csi_work_fail(w, &err);
}

/* --- steps --- */
static void api_done(void *ctx, const struct kube_answer *a)
{
    struct csi_work *w = ctx;

    w->request = NULL;
    if (w->is_write && a->reason == KUBE_OK && a->object)
        kube_informer_store(kube_informer_of(w->all->k->informers, w->kind), a->object);
    w->answered(w, a);
}

void csi_work_api(struct csi_work *w, const struct kube_ask *ask,
                  void (*answered)(struct csi_work *w, const struct kube_answer *a))
{
    w->answered = answered;
    w->kind = ask->kind;
    w->is_write =
        ask->verb != KUBE_VERB_GET && ask->verb != KUBE_VERB_LIST && ask->verb != KUBE_VERB_DELETE;
    w->request = kube_send(w->all->k->client, ask, api_done, w);
}

void csi_work_patch_claim(struct csi_work *w, const struct kube_pvc *claim,
                          const struct ol_buf *body,
                          void (*answered)(struct csi_work *w, const struct kube_answer *a))
{
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_STRATEGIC,
                           .kind = &kube_pvc_kind,
                           .ns = claim->o.meta.ns,
                           .name = claim->o.meta.name,
                           .subresource = "status",
                           .body = body->data,
                           .size = body->len};

    csi_work_api(w, &ask, answered);
}

void csi_work_patch_volume(struct csi_work *w, const char *name, const struct ol_buf *body,
                           void (*answered)(struct csi_work *w, const struct kube_answer *a))
{
    struct kube_ask ask = {.verb = KUBE_VERB_PATCH_MERGE,
                           .kind = &kube_pv_kind,
                           .name = name,
                           .body = body->data,
                           .size = body->len};

    csi_work_api(w, &ask, answered);
}

static void call_done(void *ctx, const struct csi_reply *r)
{
    struct csi_work *w = ctx;

    w->call = NULL;
    if (r->code == OL_GRPC_UNAVAILABLE && !r->is_from_peer)
        csi_driver_lost(w->all->drivers, w->driver);
    w->replied(w, r);
}

void csi_work_call(struct csi_work *w, const struct csi_driver *d, const struct csi_rpc *rpc,
                   const ProtobufCMessage *request, ol_time timeout, const char *changes,
                   void (*replied)(struct csi_work *w, const struct csi_reply *r))
{
    if (changes && !ol_change(w->all->k->loop->env, rpc->method, changes)) {
        csi_work_done(w);
        return;
    }
    w->replied = replied;
    w->driver = d;
    w->call = csi_call(d->channel, rpc, request, timeout, call_done, w);
}

static void job_done(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct csi_work *w = ctx;

    w->job = NULL;
    w->finished(w, status, err);
}

void csi_work_job(struct csi_work *w, const char *const *argv, ol_time timeout,
                  void (*finished)(struct csi_work *w, int status, const struct ol_buf *err))
{
    struct ol_job_options o = {
        .argv = argv, .is_function = true, .timeout = timeout, .done = job_done, .ctx = w};

    w->finished = finished;
    w->job = ol_job_start(w->all->k->loop, &o);
}

/* --- secrets --- */
static void take_secret(struct csi_work *w, const struct kube_data *s)
{
    const struct kube_datum *d = s->data.v;

    w->secrets.v = ol_arena_alloc(&w->arena, (s->data.n + 1) * sizeof(*w->secrets.v));
    for (uint32_t i = 0; i < s->data.n; i++)
        w->secrets.v[w->secrets.n++] =
            (struct kube_pair){ol_arena_strdup(&w->arena, d[i].key),
                               ol_arena_memdup(&w->arena, d[i].value.data, d[i].value.size)};
}

static void secret_answered(struct csi_work *w, const struct kube_answer *a)
{
    const struct csi_secret_ref *ref = w->ref;
    const struct kube_data *secret = kube_as_secret(a->object);
    struct ol_err err = OL_ERR_INIT;
    int r = 0;

    if (a->reason == KUBE_OK && secret) {
        take_secret(w, secret);
    } else {
        r = kube_answer_error(a, &err);
        r = ol_err_prefix(&err, r, "error getting secret %s in namespace %s", ref->name, ref->ns);
    }
    w->got_secret(w, r, &err);
}

void csi_work_secret(struct csi_work *w, const struct csi_secret_ref *ref,
                     void (*got)(struct csi_work *w, int r, const struct ol_err *err))
{
    struct kube_ask ask = {
        .verb = KUBE_VERB_GET, .kind = &kube_secret_kind, .ns = ref->ns, .name = ref->name};
    struct csi_secret_ref *copy;

    w->got_secret = got;
    if (!ref->name || !*ref->name) {
        got(w, 0, &OL_ERR_INIT);
        return;
    }
    copy = ol_arena_alloc(&w->arena, sizeof(*copy));
    *copy = *ref;
    w->ref = copy;
    csi_work_api(w, &ask, secret_answered);
}
