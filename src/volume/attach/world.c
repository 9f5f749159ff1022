/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/attach/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/sha256.h"
#include "core/str.h"
#include "volume/attach/world-internal.h"

#define CSI_PREFIX "kubernetes.io/csi/"
#define MANAGED    "volumes.kubernetes.io/controller-managed-attach-detach"

struct attach_world *attach_world_new(const struct attach_options *o)
{
    struct attach_world *w = ol_xcalloc(1, sizeof(*w));

    w->options = *o;
    if (!w->options.max_wait_for_unmount)
        w->options.max_wait_for_unmount = 360 * OL_SECOND;
    if (!w->options.operation_timeout)
        w->options.operation_timeout = 120 * OL_SECOND;
    if (!w->options.backoff.first)
        w->options.backoff = (struct ol_backoff){.first = 500 * OL_MS, .most = 122 * OL_SECOND};
    w->volumes = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    w->nodes = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    w->links = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    return w;
}

void attach_spec_done(struct attach_spec *s)
{
    free(s->name);
    free(s->driver);
    free(s->handle);
    free(s->pv_name);
    free(s->shown);
    *s = (struct attach_spec){0};
}

static void volume_free(struct attach_volume *v)
{
    attach_spec_done(&v->spec);
    free(v);
}

static void node_free(struct attach_node *n)
{
    kube_object_unref(n->object ? &n->object->o : NULL);
    free(n->name);
    free(n);
}

static void link_free(struct attach_link *l)
{
    for (size_t i = 0; i < l->n_pods; i++)
        kube_object_unref(&l->pods[i]->o);
    kube_object_unref(l->va ? &l->va->o : NULL);
    free(l->pods);
    free(l->device_path);
    free((char *)l->va_name);
    free(l);
}

void attach_world_free(struct attach_world *w)
{
    void *item = NULL;

    if (!w)
        return;
    for (size_t at = 0; (item = ol_table_each(&w->links, &at));)
        link_free(item);
    for (size_t at = 0; (item = ol_table_each(&w->volumes, &at));)
        volume_free(item);
    for (size_t at = 0; (item = ol_table_each(&w->nodes, &at));)
        node_free(item);
    ol_table_done(&w->links);
    ol_table_done(&w->volumes);
    ol_table_done(&w->nodes);
    free(w);
}

/* --- volumes --- */
/* A name that a node's status has says what it is of. */
static void read_name(struct attach_spec *s, const char *name)
{
    const char *at = ol_str_starts(name, CSI_PREFIX) ? strchr(name, '^') : NULL;
    const char *driver = name + strlen(CSI_PREFIX);

    s->name = ol_xstrdup(name);
    s->shown = ol_xstrdup(name);
    s->is_shareable = true; /* nobody knows; the driver will say no */
    if (!at)
        return;
    s->driver = ol_xstrndup(driver, (size_t)(at - driver));
    s->handle = ol_xstrdup(at + 1);
}

struct attach_volume *attach_volume_get(struct attach_world *w, const char *name)
{
    struct attach_volume *v = ol_table_find_str(&w->volumes, name);

    if (v)
        return v;
    v = ol_xcalloc(1, sizeof(*v));
    read_name(&v->spec, name);
    v->name = v->spec.name;
    ol_table_put(&w->volumes, v);
    return v;
}

/* The spec is better than a name alone; a newer one is better than an older one. */
static void learn(struct attach_world *w, struct attach_volume *v, struct attach_spec *spec)
{
    ol_table_remove(&w->volumes, v);
    attach_spec_done(&v->spec);
    v->spec = *spec;
    *spec = (struct attach_spec){0};
    v->name = v->spec.name;
    v->is_known = true;
    ol_table_put(&w->volumes, v);
}

/* --- links --- */
bool attach_is_in_tree(const struct attach_link *l)
{
    return l->volume->spec.driver == NULL;
}

/* "csi-" and sha256(HANDLE DRIVER NODE), as the CSI plug-in names it; in-tree volumes have none,
 * and get a name that no object can have. */
static char *va_name(const struct attach_spec *s, const char *node)
{
    ol_autofree char *text = NULL;
    unsigned char digest[OL_SHA256_SIZE];
    char hex[2 * OL_SHA256_SIZE + 1] = "";

    if (!s->driver)
        return ol_xasprintf("%s %s", s->name, node);
    text = ol_xasprintf("%s%s%s", s->handle, s->driver, node);
    ol_sha256(text, strlen(text), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return ol_xasprintf("csi-%s", hex);
}

struct attach_link *attach_link_get(struct attach_world *w, struct attach_volume *v,
                                    struct attach_node *n)
{
    struct attach_link *l = v->links;

    while (l && l->node != n)
        l = l->of_volume;
    if (l)
        return l;
    l = ol_xcalloc(1, sizeof(*l));
    l->world = w;
    l->volume = v;
    l->node = n;
    l->va_name = va_name(&v->spec, n->name);
    l->of_volume = v->links;
    v->links = l;
    l->of_node = n->links;
    n->links = l;
    ol_table_put(&w->links, l);
    return l;
}

static void unlink_from(struct attach_link *l)
{
    struct attach_link **at = &l->volume->links;

    while (*at != l)
        at = &(*at)->of_volume;
    *at = l->of_volume;
    for (at = &l->node->links; *at != l;)
        at = &(*at)->of_node;
    *at = l->of_node;
    ol_table_remove(&l->world->links, l);
}

static void node_trim(struct attach_world *w, struct attach_node *n)
{
    if (n->object || n->links || n->writing)
        return;
    ol_table_remove(&w->nodes, n);
    node_free(n);
}

void attach_link_trim(struct attach_link *l)
{
    struct attach_world *w = l->world;
    struct attach_volume *v = l->volume;
    struct attach_node *n = l->node;

    if (l->state != ATTACH_DETACHED || l->n_pods || l->is_in_flight || l->va)
        return;
    unlink_from(l);
    link_free(l);
    node_trim(w, n);
    if (v->links)
        return;
    ol_table_remove(&w->volumes, v);
    volume_free(v);
}

void attach_touch(struct attach_link *l)
{
    l->world->options.touched(l->world->options.ctx, l->volume->name);
}

void attach_report(struct attach_link *l, bool is_reported)
{
    if (l->is_reported == is_reported)
        return;
    l->is_reported = is_reported;
    l->node->generation++;
    l->world->options.node_touched(l->world->options.ctx, l->node->name);
}

struct attach_link *attach_link_find(struct attach_world *w, const char *volume, const char *node)
{
    struct attach_volume *v = ol_table_find_str(&w->volumes, volume);
    struct attach_link *l = v ? v->links : NULL;

    while (l && strcmp(l->node->name, node) != 0)
        l = l->of_volume;
    return l;
}

struct attach_link *attach_link_of_va(struct attach_world *w, const char *name)
{
    return ol_table_find_str(&w->links, name);
}

struct attach_node *attach_node_find(struct attach_world *w, const char *name)
{
    return ol_table_find_str(&w->nodes, name);
}

unsigned long attach_n_forced(const struct attach_world *w, enum attach_forced why)
{
    return w->n_forced[why];
}

void attach_count(const struct attach_world *w, size_t *ret_desired, size_t *ret_actual)
{
    const struct attach_link *l = NULL;
    size_t desired = 0, actual = 0;

    for (size_t at = 0; (l = ol_table_each(&w->links, &at));) {
        desired += l->n_pods > 0;
        actual += l->state != ATTACH_DETACHED;
    }
    *ret_desired = desired;
    *ret_actual = actual;
}

/* --- nodes --- */
static struct attach_node *node_get(struct attach_world *w, const char *name)
{
    struct attach_node *n = ol_table_find_str(&w->nodes, name);

    if (n)
        return n;
    n = ol_xcalloc(1, sizeof(*n));
    n->name = ol_xstrdup(name);
    ol_table_put(&w->nodes, n);
    return n;
}

static void touch_all(struct attach_node *n)
{
    for (struct attach_link *l = n->links; l; l = l->of_node)
        attach_touch(l);
}

/* What the status says is how an earlier run left it. */
static void take_over(struct attach_world *w, struct attach_node *n)
{
    const struct kube_attached_volume *all = n->object->status.volumes_attached.v;

    for (uint32_t i = 0; i < n->object->status.volumes_attached.n; i++) {
        struct attach_link *l = attach_link_get(w, attach_volume_get(w, all[i].name), n);

        l->state = ATTACH_ATTACHED;
        l->is_reported = true;
        free(l->device_path);
        l->device_path = ol_xstrdup(all[i].device_path);
        attach_touch(l);
    }
}

void attach_node_set(struct attach_world *w, const struct kube_node *node, bool is_start)
{
    struct attach_node *n = node_get(w, node->o.meta.name);
    bool is_new = !n->object;

    kube_object_ref(&node->o);
    kube_object_unref(n->object ? &n->object->o : NULL);
    n->object = node;
    if (is_start && attach_is_managed(w, n->name))
        take_over(w, n);
    else if (is_new && n->links)
        n->generation++; /* it came back: its status is to say what we know */
    touch_all(n);
    if (n->generation != n->written)
        w->options.node_touched(w->options.ctx, n->name);
}

void attach_node_gone(struct attach_world *w, const char *name)
{
    struct attach_node *n = ol_table_find_str(&w->nodes, name);

    if (!n)
        return;
    kube_object_unref(n->object ? &n->object->o : NULL);
    n->object = NULL;
    touch_all(n);
    node_trim(w, n);
}

bool attach_is_managed(const struct attach_world *w, const char *node)
{
    const struct attach_node *n = ol_table_find_str(&w->nodes, node);
    const char *mark =
        n && n->object ? kube_map_get(&n->object->o.meta.annotations, MANAGED) : NULL;

    return mark && strcmp(mark, "false") != 0;
}

/* --- pods --- */
static void forget_pod(struct attach_link *l, size_t at)
{
    kube_object_unref(&l->pods[at]->o);
    memmove(&l->pods[at], &l->pods[at + 1], (l->n_pods - at - 1) * sizeof(l->pods[0]));
    l->n_pods--;
    attach_touch(l);
}

static size_t find_pod(const struct attach_link *l, const struct kube_pod *pod)
{
    size_t i = 0;

    while (i < l->n_pods && strcmp(l->pods[i]->o.meta.uid, pod->o.meta.uid) != 0)
        i++;
    return i;
}

void attach_pod_wants(struct attach_world *w, const struct kube_pod *pod, struct attach_spec *spec)
{
    struct attach_volume *v = attach_volume_get(w, spec->name);
    struct attach_link *l = NULL;
    size_t at = 0;

    learn(w, v, spec);
    l = attach_link_get(w, v, node_get(w, pod->spec.node));
    at = find_pod(l, pod);
    kube_object_ref(&pod->o);
    if (at < l->n_pods) {
        kube_object_unref(&l->pods[at]->o);
    } else {
        l->pods = ol_xrealloc(l->pods, l->n_pods + 1, sizeof(l->pods[0]));
        l->n_pods++;
        attach_touch(l);
    }
    l->pods[at] = pod;
}

void attach_pod_drops(struct attach_world *w, const struct kube_pod *pod, const char *unique)
{
    struct attach_node *n = ol_table_find_str(&w->nodes, pod->spec.node);
    struct attach_link *next = NULL;

    for (struct attach_link *l = n ? n->links : NULL; l; l = next) {
        size_t at = find_pod(l, pod);

        next = l->of_node;
        if (at < l->n_pods && (!unique || strcmp(unique, l->volume->name) == 0))
            forget_pod(l, at);
    }
}

void attach_drop_pods(struct attach_world *w,
                      bool (*is_there)(void *ctx, const struct kube_pod *pod), void *ctx)
{
    struct attach_link *l = NULL;

    for (size_t at = 0; (l = ol_table_each(&w->links, &at));) {
        for (size_t i = l->n_pods; i-- > 0;) {
            if (!is_there(ctx, l->pods[i]))
                forget_pod(l, i);
        }
    }
}

/* --- VolumeAttachments --- */
void attach_va_set(struct attach_world *w, const struct kube_va *va, struct attach_spec *spec)
{
    struct attach_link *l = ol_table_find_str(&w->links, va->o.meta.name);
    struct attach_volume *v = NULL;

    if (!l && spec && attach_is_managed(w, va->node)) {
        v = attach_volume_get(w, spec->name);
        learn(w, v, spec);
        l = attach_link_get(w, v, node_get(w, va->node));
        l->state = ATTACH_UNCERTAIN;
    }
    if (!l)
        return;
    kube_object_ref(&va->o);
    kube_object_unref(l->va ? &l->va->o : NULL);
    l->va = va;
    attach_touch(l);
}

void attach_va_gone(struct attach_world *w, const char *name, ol_time now)
{
    struct attach_link *l = ol_table_find_str(&w->links, name);

    if (!l)
        return;
    kube_object_unref(l->va ? &l->va->o : NULL);
    l->va = NULL;
    (void)attach_step(l, ATTACH_EV_GONE, now);
    attach_touch(l);
}

void attach_verify(struct attach_world *w, ol_time now)
{
    struct attach_link *l = NULL;

    for (size_t at = 0; (l = ol_table_each(&w->links, &at));) {
        if (l->state == ATTACH_ATTACHED && !attach_is_in_tree(l) && !l->va)
            (void)attach_step(l, ATTACH_EV_GONE, now);
    }
}
