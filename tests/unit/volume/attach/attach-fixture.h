/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "fake-api.h"
#include "volume/attach/component-internal.h"

/* The attach/detach component on an API in memory; the test is the attacher and the kubelets. */
struct fixture {
    struct fake_api *api;
    struct kube_client *client;
    struct kube_informers *all;
    struct attach_options options;
    struct attach_state_of *s;
};

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->api = fake_api_new();
    *state = f;
    return 0;
}

static inline void begin(struct fixture *f)
{
    struct kube_context k;
    void *s = NULL;

    f->client = fake_api_client(f->api);
    f->all = kube_informers_new(f->client);
    k = (struct kube_context){.loop = &f->api->loop, .client = f->client, .informers = f->all};
    assert_int_equal(attach_component.start(&k, &f->options, &s, NULL), 0);
    f->s = s;
    kube_informers_start(f->all, NULL, NULL);
    fake_api_settle(f->api);
    attach_component.run(f->s);
    fake_api_settle(f->api);
}

static inline void on_stopped(void *ctx) {}

static inline void end(struct fixture *f)
{
    if (!f->s)
        return;
    attach_component.stop(f->s, on_stopped, NULL);
    kube_informers_free(f->all);
    kube_client_free(f->client);
    f->s = NULL;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    end(f);
    fake_api_free(f->api);
    free(f);
    return 0;
}

/* --- what others do --- */
#define READY     "{'type':'Ready','status':'True'}"
#define NOT_READY "{'type':'Ready','status':'Unknown'}"

static inline void put_node(struct fixture *f, const char *name)
{
    fake_api_putf(f->api,
                  "{'kind':'Node','apiVersion':'v1','metadata':{'name':'%s','annotations':{"
                  "'volumes.kubernetes.io/controller-managed-attach-detach':'true'}},"
                  "'spec':{},'status':{'conditions':[" READY "]}}",
                  name);
}

/* A bound pair "NAME" of a CSI driver "d.example.org"; mode "ReadWriteOnce" … */
static inline void put_volume_in(struct fixture *f, const char *ns, const char *name,
                                 const char *mode)
{
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'%s'},'spec':{"
                  "'accessModes':['%s'],'claimRef':{'namespace':'%s','name':'%s','uid':'u-%s'},"
                  "'csi':{'driver':'d.example.org','volumeHandle':'h-%s'}},"
                  "'status':{'phase':'Bound'}}",
                  name, mode, ns, name, name, name);
    fake_api_putf(f->api,
                  "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'namespace':'%s',"
                  "'name':'%s','uid':'u-%s'},'spec':{'volumeName':'%s'},"
                  "'status':{'phase':'Bound'}}",
                  ns, name, name, name);
}

static inline void put_volume(struct fixture *f, const char *name, const char *mode)
{
    put_volume_in(f, "default", name, mode);
}

static inline void put_pod(struct fixture *f, const char *key, const char *node, const char *claim)
{
    char ns[254], name[254];

    assert_int_equal(kube_key_split(key, ns, name), 0);
    fake_api_putf(f->api,
                  "{'kind':'Pod','apiVersion':'v1','metadata':{'namespace':'%s','name':'%s'},"
                  "'spec':{'nodeName':'%s','volumes':[{'name':'data','persistentVolumeClaim':{"
                  "'claimName':'%s'}}]},'status':{'phase':'Running'}}",
                  ns, name, node, claim);
}

static inline struct attach_link *link_of(struct fixture *f, const char *volume, const char *node)
{
    char name[256];

    snprintf(name, sizeof(name), "kubernetes.io/csi/d.example.org^h-%s", volume);
    return attach_link_find(f->s->world, name, node);
}

static inline enum attach_state state_of(struct fixture *f, const char *volume, const char *node)
{
    const struct attach_link *l = link_of(f, volume, node);

    return l ? l->state : ATTACH_DETACHED;
}

static inline const char *va_of(struct fixture *f, const char *volume, const char *node)
{
    const struct attach_link *l = link_of(f, volume, node);

    return l && fake_api_text(f->api, &kube_va_kind, l->va_name) ? l->va_name : NULL;
}

static inline void patch_va(struct fixture *f, const char *volume, const char *node,
                            const char *patch)
{
    const char *name = va_of(f, volume, node);

    assert_non_null(name);
    fake_api_patch(f->api, &kube_va_kind, name, patch);
    fake_api_settle(f->api);
}

static inline void attacher_attaches(struct fixture *f, const char *volume, const char *node)
{
    patch_va(f, volume, node,
             "{'metadata':{'finalizers':['external-attacher/d-example-org']},"
             "'status':{'attached':true,'attachError':null}}");
}

static inline void attacher_detaches(struct fixture *f, const char *volume, const char *node)
{
    patch_va(f, volume, node, "{'metadata':{'finalizers':null}}");
}

static inline void node_uses(struct fixture *f, const char *node, const char *volume)
{
    char patch[512];

    snprintf(patch, sizeof(patch),
             "{'status':{'volumesInUse':['kubernetes.io/csi/d.example.org^h-%s']}}", volume);
    fake_api_patch(f->api, &kube_node_kind, node, volume ? patch : "{'status':{}}");
    fake_api_settle(f->api);
}

static inline void node_uses_nothing(struct fixture *f, const char *node)
{
    fake_api_patch(f->api, &kube_node_kind, node, "{'status':{'volumesInUse':[]}}");
    fake_api_settle(f->api);
}

static inline void node_breaks(struct fixture *f, const char *node)
{
    fake_api_patch(f->api, &kube_node_kind, node, "{'status':{'conditions':[" NOT_READY "]}}");
    fake_api_settle(f->api);
}

static inline bool is_reported(struct fixture *f, const char *node, const char *volume)
{
    char name[256];

    snprintf(name, sizeof(name), "\"kubernetes.io/csi/d.example.org^h-%s\"", volume);
    return strstr(fake_api_str(f->api, &kube_node_kind, node, "status/volumesAttached"), name);
}

/* A pod runs on a node with a volume that is attached there. */
static inline void run_pod(struct fixture *f, const char *pod, const char *node, const char *volume)
{
    put_pod(f, pod, node, volume);
    fake_api_settle(f->api);
    attacher_attaches(f, volume, node);
    assert_int_equal(state_of(f, volume, node), ATTACH_ATTACHED);
}

static inline void delete_pod(struct fixture *f, const char *pod)
{
    fake_api_delete(f->api, &kube_pod_kind, pod);
    fake_api_settle(f->api);
}

/* How often an event with this text was told. */
static inline size_t n_told(struct fixture *f, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < f->api->asked.n; i++) {
        const char *asked = f->api->asked.v[i];

        n += strstr(asked, "/events") && strstr(asked, text) && ol_str_starts(asked, "POST");
    }
    return n;
}

/* Where a request that begins so stands among all; -1 = it was never made. */
static inline int order_of(struct fixture *f, const char *begins, const char *has)
{
    for (size_t i = 0; i < f->api->asked.n; i++) {
        if (ol_str_starts(f->api->asked.v[i], begins) && strstr(f->api->asked.v[i], has))
            return (int)i;
    }
    return -1;
}
