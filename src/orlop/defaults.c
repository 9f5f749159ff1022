/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/defaults.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

static const char driver[] = "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"CSIDriver\","
                             "\"metadata\":{\"name\":\"local.orlop.dev\"},"
                             "\"spec\":{\"attachRequired\":false,\"podInfoOnMount\":false,"
                             "\"volumeLifecycleModes\":[\"Persistent\"],"
                             "\"fsGroupPolicy\":\"ReadWriteOnceWithFSType\"}}";
static const char local_class[] =
    "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\","
    "\"metadata\":{\"name\":\"local\"},\"provisioner\":\"local.orlop.dev\","
    "\"volumeBindingMode\":\"WaitForFirstConsumer\",\"allowVolumeExpansion\":true}";

static const struct row {
    const struct kube_kind *kind;
    const char *name, *body;
} rows[] = {
    {&kube_csidriver_kind, "local.orlop.dev", driver},
    {&kube_class_kind, "local", local_class},
};

struct defaults;

struct making {
    struct defaults *all;
    const struct row *row;
    struct kube_request *request;
};

struct defaults {
    struct kube_context context;
    struct making making[sizeof(rows) / sizeof(rows[0])];
};

static void on_made(void *ctx, const struct kube_answer *a)
{
    struct making *m = ctx;

    m->request = NULL;
    /* What came in between is as good as ours. */
    if (a->reason != KUBE_OK && a->reason != KUBE_ALREADY_EXISTS)
        ol_warn(m->all->context.loop->env, "%s '%s' could not be made: %s", m->row->kind->kind,
                m->row->name, a->message);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct defaults *d = ol_xcalloc(1, sizeof(*d));

    (void)options;
    d->context = *k;
    for (size_t i = 0; i < ol_count(rows); i++) {
        d->making[i] = (struct making){.all = d, .row = &rows[i]};
        kube_informer_of(k->informers, rows[i].kind);
    }
    *ret_state = d;
    return 0;
}

static void run(void *state)
{
    struct defaults *d = state;

    for (size_t i = 0; i < ol_count(rows); i++) {
        const struct kube_informer *cache = kube_informer_of(d->context.informers, rows[i].kind);
        const struct kube_ask ask = {.verb = KUBE_VERB_CREATE,
                                     .kind = rows[i].kind,
                                     .body = rows[i].body,
                                     .size = strlen(rows[i].body)};

        if (!kube_informer_get(cache, "", rows[i].name))
            d->making[i].request = kube_send(d->context.client, &ask, on_made, &d->making[i]);
    }
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct defaults *d = state;

    for (size_t i = 0; i < ol_count(rows); i++)
        kube_cancel(d->making[i].request);
    free(d);
    stopped(ctx);
}

const struct kube_component defaults_component = {"defaults", start, run, stop};
