/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/cleanup.h"
#include "fake-api.h"
#include "kube/base/kind.h"
#include "volume/binder/binder.h"
#include "volume/binder/match.h"

/* binder-bench: time per best match among N volumes, and CPU time per claim from Pending to Bound
 * with the component on an API in memory (whose own work is part of that time). */

static const struct kube_object *decoded(const char *text)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(NULL, text, strlen(text), &o, &err) < 0) {
        fprintf(stderr, "%s\n", ol_err_text(&err));
        exit(1);
    }
    return o;
}

static const struct kube_object *volume(unsigned i)
{
    char text[512];

    snprintf(
        text, sizeof(text),
        "{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"pv-%u\","
        "\"labels\":{\"n\":\"%u\"}},\"spec\":{\"capacity\":{\"storage\":\"%uMi\"},"
        "\"accessModes\":[\"%s\"],\"storageClassName\":\"c%u\"},"
        "\"status\":{\"phase\":\"Available\"}}",
        i, i % 1000, i * 7919 % 100000 + 1, i % 3 ? "ReadWriteOnce" : "ReadWriteMany", i % 4);
    return decoded(text);
}

static const struct kube_object *claim(unsigned i, const char *selector)
{
    char text[512];

    snprintf(text, sizeof(text),
             "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{"
             "\"namespace\":\"default\",\"name\":\"c\",\"uid\":\"u\"},\"spec\":{%s"
             "\"accessModes\":[\"ReadWriteOnce\"],\"storageClassName\":\"c%u\","
             "\"resources\":{\"requests\":{\"storage\":\"%uMi\"}}}}",
             selector, i % 4, i * 104729 % 100000 + 1);
    return decoded(text);
}

static ol_time cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * OL_SECOND
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static double per_match(struct binder_index *x, const char *selector, unsigned rounds)
{
    enum { CLAIMS = 64 };
    const struct kube_object *claims[CLAIMS];
    size_t n_found = 0;
    ol_time begin = 0, took = 0;

    for (unsigned i = 0; i < CLAIMS; i++)
        claims[i] = claim(i, selector);
    begin = cpu();
    for (unsigned i = 0; i < rounds; i++)
        n_found += binder_find_best(x, kube_as_pvc(claims[i % CLAIMS]), false) != NULL;
    took = cpu() - begin;
    for (unsigned i = 0; i < CLAIMS; i++)
        kube_object_unref(claims[i]);
    return n_found ? (double)took / 1000 / rounds : -1;
}

static void bench_matches(void)
{
    static const unsigned sizes[] = {1000, 10000, 100000};

    for (size_t s = 0; s < ol_count(sizes); s++) {
        struct binder_index *x = binder_index_new();
        const struct kube_object **all = calloc(sizes[s], sizeof(*all));
        ol_time begin = 0, filled = 0;

        for (unsigned i = 0; i < sizes[s]; i++)
            all[i] = volume(i);
        begin = cpu();
        for (unsigned i = 0; i < sizes[s]; i++)
            binder_index_put(x, kube_as_pv(all[i]));
        filled = cpu() - begin;
        printf("%7u volumes: best match %.2f us, with a selector %.1f us, put %.2f us\n", sizes[s],
               per_match(x, "", 200000),
               per_match(x, "\"selector\":{\"matchLabels\":{\"n\":\"7\"}},", 2000),
               (double)filled / 1000 / sizes[s]);
        binder_index_free(x);
        for (unsigned i = 0; i < sizes[s]; i++)
            kube_object_unref(all[i]);
        free(all);
    }
}

static void on_stopped(void *ctx) {}

static size_t count_bound(struct fake_api *api, unsigned n)
{
    size_t bound = 0;
    char key[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "default/c-%u", i);
        bound += strstr(fake_api_text(api, &kube_pvc_kind, key), "\"phase\":\"Bound\"") != NULL;
    }
    return bound;
}

static void bench_binding(unsigned n)
{
    struct fake_api *api = fake_api_new();
    struct kube_client *client = fake_api_client(api);
    struct kube_informers *informers = kube_informers_new(client);
    struct kube_context k = {.loop = &api->loop, .client = client, .informers = informers};
    ol_time begin = 0;
    double took = 0;
    void *state = NULL;

    for (unsigned i = 0; i < n; i++) {
        fake_api_putf(api,
                      "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'pv-%u'},"
                      "'spec':{'capacity':{'storage':'1Gi'},'accessModes':['ReadWriteOnce'],"
                      "'hostPath':{'path':'/srv/%u'}},'status':{'phase':'Available'}}",
                      i, i);
        fake_api_putf(
            api,
            "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'name':'c-%u'},"
            "'spec':{'resources':{'requests':{'storage':'1Gi'}},"
            "'accessModes':['ReadWriteOnce']},'status':{'phase':'Pending'}}",
            i);
    }
    if (binder_component.start(&k, NULL, &state, NULL) < 0)
        exit(1);
    kube_informers_start(informers, NULL, NULL);
    fake_api_settle(api);
    begin = cpu();
    binder_component.run(state);
    fake_api_settle(api);
    took = (double)(cpu() - begin) / 1e9;
    printf("%7u claims: %zu bound, %.0f per second of CPU, %zu requests\n", n, count_bound(api, n),
           n / took, api->asked.n);
    binder_component.stop(state, on_stopped, NULL);
    kube_informers_free(informers);
    kube_client_free(client);
    fake_api_free(api);
}

int main(void)
{
    bench_matches();
    bench_binding(1000);
    bench_binding(4000);
    return 0;
}
