/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "core/cleanup.h"

int fixture_setup(void **state)
{
    struct fixture *f = ol_xcalloc(1, sizeof(*f));

    node_world_init(&f->world);
    f->world.may_tear_down = true;
    f->now = 1000 * OL_SECOND;
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    node_world_done(&f->world);
    for (size_t i = 0; i < f->n; i++)
        kube_object_unref(f->objects[i]);
    free(f);
    return 0;
}

void fixture_delete(struct fixture *f, const struct kube_kind *kind, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->objects[i]->kind != kind || strcmp(f->objects[i]->meta.name, name) != 0)
            continue;
        kube_object_unref(f->objects[i]);
        f->objects[i] = f->objects[--f->n];
        return;
    }
}

const struct kube_object *fixture_add(struct fixture *f, const struct kube_kind *kind,
                                      const char *json)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(kind, json, strlen(json), &o, &err) < 0)
        fail_msg("%s: %s", json, ol_err_text(&err));
    fixture_delete(f, kind, o->meta.name);
    f->objects[f->n++] = o;
    return o;
}

void fixture_claim(struct fixture *f, int n, const char *more)
{
    ol_autofree char *pv = ol_xasprintf(
        "{\"metadata\":{\"name\":\"pv-%d\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
        "\"capacity\":{\"storage\":\"1Gi\"},\"claimRef\":{\"namespace\":\"ns\",\"name\":\"c-%d\","
        "\"uid\":\"claim-%d\"},\"csi\":{\"driver\":\"d.io\",\"volumeHandle\":\"h-%d\"}%s}}",
        n, n, n, n, more);
    ol_autofree char *claim = ol_xasprintf(
        "{\"metadata\":{\"name\":\"c-%d\",\"namespace\":\"ns\",\"uid\":\"claim-%d\"},\"spec\":{"
        "\"volumeName\":\"pv-%d\"},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":"
        "\"1Gi\"}}}",
        n, n, n);

    fixture_add(f, &kube_pv_kind, pv);
    fixture_add(f, &kube_pvc_kind, claim);
}

void fixture_pod(struct fixture *f, const char *name, const char *volumes)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(64 << 10);
    ol_auto(ol_buf_done) struct ol_buf mounts = OL_BUF_INIT(64 << 10);

    for (int i = 1; i <= 9; i++)
        ol_buf_printf(&mounts, "%s{\"name\":\"v-%d\",\"mountPath\":\"/v%d\"}", i > 1 ? "," : "", i,
                      i);
    ol_buf_printf(&json,
                  "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"ns\",\"uid\":\"%s\"},\"spec\":{"
                  "\"volumes\":[%s],\"containers\":[{\"name\":\"c\",\"volumeMounts\":[%s]}]}}",
                  name, name, volumes, mounts.data);
    fixture_add(f, &kube_pod_kind, json.data);
}

static const struct kube_object *find(struct fixture *f, const struct kube_kind *kind,
                                      const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->objects[i]->kind == kind && !strcmp(f->objects[i]->meta.name, name))
            return f->objects[i];
    }
    return NULL;
}

static const struct kube_pvc *find_claim(void *ctx, const char *ns, const char *name)
{
    return kube_as_pvc(find(ctx, &kube_pvc_kind, name));
}

static const struct kube_pv *find_pv(void *ctx, const char *name)
{
    return kube_as_pv(find(ctx, &kube_pv_kind, name));
}

static const struct kube_csidriver *find_driver(void *ctx, const char *name)
{
    return kube_as_csidriver(find(ctx, &kube_csidriver_kind, name));
}

static const struct kube_node *find_node(void *ctx)
{
    return kube_as_node(find(ctx, &kube_node_kind, "node"));
}

void fixture_populate(struct fixture *f)
{
    const struct node_lookup lookup = {f, find_claim, find_pv, find_driver, find_node};
    const struct kube_pod *pods[FIXTURE_MAX];
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (f->objects[i]->kind == &kube_pod_kind)
            pods[n++] = kube_as_pod(f->objects[i]);
    }
    node_populate(&f->world, &lookup, pods, n, f->now);
}

const char *fixture_step(struct fixture *f)
{
    static char text[4096];
    struct node_actions actions;
    struct ol_buf to = OL_BUF_INIT(sizeof(text) - 1);

    fixture_populate(f);
    f->next = node_reconcile(&f->world, f->now, &actions);
    for (size_t i = 0; i < actions.n; i++) {
        const struct node_action *a = &actions.v[i];

        ol_buf_adds(&to, node_verb_name(a->verb));
        if (a->volume)
            ol_buf_printf(&to, " %s", a->volume->spec_name);
        if (a->mount && (a->verb == NODE_SET_UP || a->verb == NODE_TEAR_DOWN))
            ol_buf_printf(&to, " in %s", a->mount->pod_uid);
        if (a->pod)
            ol_buf_printf(&to, " of %s", a->pod->uid);
        ol_buf_adds(&to, "; ");
        if (a->verb != NODE_COMPLAIN)
            f->open[f->n_open++] = *a;
    }
    free(actions.v);
    memcpy(text, to.data, to.len + 1);
    ol_buf_done(&to);
    return text;
}

void fixture_answer(struct fixture *f, const char *volume, enum node_outcome outcome)
{
    for (size_t i = 0; i < f->n_open; i++) {
        struct node_action a = f->open[i];

        if (strcmp(a.volume->spec_name, volume) != 0)
            continue;
        memmove(&f->open[i], &f->open[i + 1], (--f->n_open - i) * sizeof(a));
        node_answer(&f->world, &a, outcome, f->now);
        return;
    }
    fail_msg("nothing is open for %s", volume);
}

struct node_volume *fixture_volume(struct fixture *f, const char *spec_name)
{
    for (size_t i = 0; i < f->world.n_volumes; i++) {
        if (!strcmp(f->world.volumes[i]->spec_name, spec_name))
            return f->world.volumes[i];
    }
    return NULL;
}

void fixture_attach_all(struct fixture *f)
{
    fixture_populate(f);
    for (size_t i = 0; i < f->world.n_volumes; i++) {
        struct node_volume *v = f->world.volumes[i];

        v->is_reported = v->is_listed = v->is_attached = true;
    }
}

int fixture_settle(struct fixture *f)
{
    int n = 0;

    fixture_attach_all(f);
    while (*fixture_step(f) || f->n_open) {
        fixture_attach_all(f);
        while (f->n_open) {
            fixture_answer(f, f->open[0].volume->spec_name, NODE_OK);
            n++;
        }
    }
    return n;
}
