/* SPDX-License-Identifier: Apache-2.0 */
#include "match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/match.h"

enum { CLAIMS = 64, ROUNDS = 200000 };

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
        "{\"kind\":\"PersistentVolume\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"pv-%u\"},"
        "\"spec\":{\"capacity\":{\"storage\":\"%uMi\"},\"accessModes\":[\"%s\"],"
        "\"storageClassName\":\"c%u\"},\"status\":{\"phase\":\"Available\"}}",
        i, i * 7919 % 100000 + 1, i % 3 ? "ReadWriteOnce" : "ReadWriteMany", i % 4);
    return decoded(text);
}

static const struct kube_object *claim(unsigned i)
{
    char text[512];

    snprintf(text, sizeof(text),
             "{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"metadata\":{"
             "\"namespace\":\"default\",\"name\":\"c\",\"uid\":\"u\"},\"spec\":{"
             "\"accessModes\":[\"ReadWriteOnce\"],\"storageClassName\":\"c%u\","
             "\"resources\":{\"requests\":{\"storage\":\"%uMi\"}}}}",
             i % 4, i * 104729 % 100000 + 1);
    return decoded(text);
}

static ol_time cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * OL_SECOND + t.tv_nsec;
}

static double microseconds_per_match(struct binder_index *x)
{
    const struct kube_object *claims[CLAIMS];
    size_t n_found = 0;
    ol_time began = 0, took = 0;

    for (unsigned i = 0; i < CLAIMS; i++)
        claims[i] = claim(i);
    began = cpu();
    for (unsigned i = 0; i < ROUNDS; i++)
        n_found += binder_find_best(x, kube_as_pvc(claims[i % CLAIMS]), false) != NULL;
    took = cpu() - began;
    for (unsigned i = 0; i < CLAIMS; i++)
        kube_object_unref(claims[i]);
    return n_found ? (double)took / 1000 / ROUNDS : -1;
}

void bench_match(void)
{
    static const unsigned sizes[] = {1000, 10000, 100000};

    for (size_t s = 0; s < ol_count(sizes); s++) {
        struct binder_index *x = binder_index_new();
        const struct kube_object **all = ol_xcalloc(sizes[s], sizeof(*all));

        for (unsigned i = 0; i < sizes[s]; i++) {
            all[i] = volume(i);
            binder_index_put(x, kube_as_pv(all[i]));
        }
        printf("%u %.3f\n", sizes[s], microseconds_per_match(x));
        binder_index_free(x);
        for (unsigned i = 0; i < sizes[s]; i++)
            kube_object_unref(all[i]);
        free(all);
    }
}
