/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

struct load {
    struct kube_client *client;
    struct load_options options;
    unsigned sent, answered, total;
    ol_time began;
};

static void send_next(struct load *l);

static void on_answer(void *ctx, const struct kube_answer *a)
{
    struct load *l = ctx;

    if (a->reason != KUBE_OK) {
        fprintf(stderr, "object %u: HTTP %d: %s\n", l->answered, a->http, a->message);
        exit(1);
    }
    l->answered++;
    if (l->sent < l->total) {
        send_next(l);
    } else if (l->answered == l->total) {
        l->options.done(l->options.ctx, ol_clock_real.boot(NULL) - l->began);
        free(l);
    }
}

static int volume_text(char *to, size_t size, unsigned i)
{
    return snprintf(to, size,
                    "{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{"
                    "\"name\":\"pv-%u\"},\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},"
                    "\"accessModes\":[\"ReadWriteOnce\"],\"storageClassName\":\"manual\","
                    "\"hostPath\":{\"path\":\"/srv/%u\"}}}",
                    i, i);
}

static int claim_text(char *to, size_t size, unsigned i)
{
    return snprintf(to, size,
                    "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{"
                    "\"namespace\":\"default\",\"name\":\"claim-%u\"},\"spec\":{"
                    "\"accessModes\":[\"ReadWriteOnce\"],\"storageClassName\":\"manual\","
                    "\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
                    i);
}

static int small_text(char *to, size_t size, unsigned i)
{
    return snprintf(to, size,
                    "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"
                    "\"namespace\":\"default\",\"name\":\"small-%u\"},\"data\":{\"n\":\"%u\"}}",
                    i, i);
}

static void send_next(struct load *l)
{
    char text[512];
    unsigned i = l->sent++;
    struct kube_ask ask = {.verb = KUBE_VERB_CREATE, .ns = "default", .body = text};

    if (l->options.what == LOAD_SMALL) {
        ask.kind = &kube_config_map_kind;
        ask.size = (size_t)small_text(text, sizeof(text), i);
    } else if (l->options.what != LOAD_CLAIMS && i < l->options.n) {
        ask.kind = &kube_pv_kind;
        ask.ns = "";
        ask.size = (size_t)volume_text(text, sizeof(text), i);
    } else {
        ask.kind = &kube_pvc_kind;
        ask.size = (size_t)claim_text(text, sizeof(text), i % l->options.n);
    }
    kube_send(l->client, &ask, on_answer, l);
}

void load_start(struct kube_client *client, const struct load_options *options)
{
    struct load *l = ol_xcalloc(1, sizeof(*l));

    l->client = client;
    l->options = *options;
    l->total = options->n * (options->what == LOAD_PAIRS ? 2 : 1);
    l->began = ol_clock_real.boot(NULL);
    for (unsigned i = 0; i < options->window && i < l->total; i++)
        send_next(l);
}
