/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "volume/csi/csi-driver.h"

static const struct kube_component *const components[] = {
    &csi_provisioner_component, &csi_attacher_component, &csi_resizer_component,
    &csi_modifier_component};

enum { N = sizeof(components) / sizeof(components[0]) };

static void synced(void *ctx)
{
    struct csi_fixture *f = ctx;

    for (int i = 0; i < N; i++)
        components[i]->run(f->states[i]);
}

void csi_fixture_start(struct csi_fixture *f)
{
    struct ol_err err = OL_ERR_INIT;

    f->options.drivers = csi_drivers_new(&f->api->loop, &f->options);
    f->k.loop = &f->api->loop;
    f->k.client = fake_api_client(f->api);
    f->k.informers = kube_informers_new(f->k.client);
    for (int i = 0; i < N; i++)
        if (components[i]->start(&f->k, &f->options, &f->states[i], &err) < 0)
            abort();
    kube_informers_start(f->k.informers, synced, f);
    f->is_running = true;
    fake_api_settle(f->api);
}

static void stopped(void *ctx)
{
    ((struct csi_fixture *)ctx)->n_stopped++;
}

void csi_fixture_stop(struct csi_fixture *f)
{
    if (!f->is_running)
        return;
    f->n_stopped = 0;
    for (int i = N - 1; i >= 0; i--)
        components[i]->stop(f->states[i], stopped, f);
    assert(f->n_stopped == N);
    kube_informers_free(f->k.informers);
    kube_client_free(f->k.client);
    csi_drivers_free(f->options.drivers);
    f->options.drivers = NULL;
    f->is_running = false;
    fake_api_settle(f->api);
}

int csi_fixture_setup(void **state)
{
    struct csi_fixture *f = ol_xcalloc(1, sizeof(*f));

    f->api = fake_api_new();
    fake_driver_init(&f->driver, f->api);
    ol_strv_add(&f->options.sockets, "/csi.sock");
    *state = f;
    return 0;
}

int csi_fixture_teardown(void **state)
{
    struct csi_fixture *f = *state;

    csi_fixture_stop(f);
    fake_driver_done(&f->driver);
    fake_api_free(f->api);
    ol_strv_done(&f->options.sockets);
    ol_strv_done(&f->options.nfs);
    free(f);
    return 0;
}

void csi_fixture_class(struct csi_fixture *f, const char *members)
{
    fake_api_putf(
        f->api,
        "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'StorageClass', 'metadata': {'name': "
        "'fast'}, 'provisioner': 'csi.example.com', 'reclaimPolicy': 'Delete'%s%s}",
        members ? ", " : "", members ? members : "");
}

void csi_fixture_claim(struct csi_fixture *f)
{
    fake_api_put(f->api,
                 "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': {'name': "
                 "'data', 'namespace': 'default', 'uid': 'u1', 'finalizers': "
                 "['kubernetes.io/pvc-protection'], 'annotations': "
                 "{'volume.kubernetes.io/storage-provisioner': 'csi.example.com'}}, 'spec': "
                 "{'accessModes': ['ReadWriteOnce'], 'storageClassName': 'fast', 'volumeMode': "
                 "'Filesystem', 'resources': {'requests': {'storage': '1Gi'}}}, 'status': "
                 "{'phase': 'Pending'}}");
}

const char *csi_fixture_finalizers(struct csi_fixture *f, const struct kube_kind *kind,
                                   const char *key)
{
    return fake_api_text(f->api, kind, key) ? fake_api_str(f->api, kind, key, "metadata/finalizers")
                                            : "";
}
