/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/csi/attacher-internal.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-message-internal.h"
#include "volume/csi/csi-patch.h"

/* What a driver itself says is published where, against the statuses. What differs is synced as
 * if the status said nothing. */
enum { PAGE = 500, PUBLISHED_MAX = 1000000 };

/* The survey of one driver: "handle\nnode id" of everything published. */
struct survey {
    const char *driver;
    struct kube_strs published; /* in the work's arena */
    uint32_t cap;
};

static struct attacher *owner(const struct csi_work *w)
{
    return w->ctx;
}

static void add(struct csi_work *w, struct survey *s, const char *handle, const char *node)
{
    if (s->published.n >= PUBLISHED_MAX)
        return;
    if (s->published.n == s->cap) {
        uint32_t cap = s->cap ? 2 * s->cap : 64;

        s->published.v =
            ol_arena_grow(&w->arena, s->published.v, s->cap * sizeof(char *), cap * sizeof(char *));
        s->cap = cap;
    }
    s->published.v[s->published.n++] = ol_arena_printf(&w->arena, "%s\n%s", handle, node);
}

static int text_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_published(const struct survey *s, const char *handle, const char *node)
{
    ol_autofree char *text = ol_xasprintf("%s\n%s", handle, node);
    const char *key = text;

    return s->published.n > 0
           && bsearch(&key, s->published.v, s->published.n, sizeof(key), text_cmp) != NULL;
}

static const char *node_of(const struct attacher *a, const struct kube_va *va)
{
    struct attacher_view v = {.va = va};
    struct attacher_plan plan;
    struct ol_err err = OL_ERR_INIT;
    const char *id = csi_annotation(&va->o, "csi.alpha.kubernetes.io/node-id");

    if (id)
        return id;
    v.pv = va->pv_name ? kube_as_pv(kube_informer_get(a->pv_cache, "", va->pv_name)) : NULL;
    v.csinode = kube_as_csinode(kube_informer_get(a->csinode_cache, "", va->node));
    v.controller = CSI_CAN_PUBLISH;
    v.is_forced = true;
    (void)attacher_decide(&v, &plan, &err);
    return plan.node_id;
}

static void compare(struct attacher *a, const struct survey *s)
{
    const struct kube_object *o;
    size_t at = 0;

    if (s->published.n > 0)
        qsort(s->published.v, s->published.n, sizeof(char *), text_cmp);
    while ((o = kube_informer_each(a->va_cache, &at))) {
        const struct kube_va *va = kube_as_va(o);
        const struct kube_pv *pv =
            va->pv_name ? kube_as_pv(kube_informer_get(a->pv_cache, "", va->pv_name)) : NULL;
        const char *node = strcmp(va->attacher, s->driver) == 0 ? node_of(a, va) : NULL;

        if (!node || !pv || !pv->spec.csi
            || is_published(s, pv->spec.csi->handle, node) == va->status.is_attached)
            continue;
        if (!ol_strv_has(&a->forced, o->meta.name))
            ol_strv_add(&a->forced, o->meta.name);
        kube_controller_add_object(a->attachments, o);
    }
}

static void ask(struct csi_work *w, const char *token);

static void got_page(struct csi_work *w, const struct csi_reply *r)
{
    const Csi__V1__ListVolumesResponse *m = (const void *)r->message_body;
    struct survey *s = w->data;
    struct ol_err err = OL_ERR_INIT;

    if (!m) {
        csi_error_set(&err, r->code, r->message);
        csi_work_fail(w, &err);
        return;
    }
    for (size_t i = 0; i < m->n_entries; i++) {
        const Csi__V1__ListVolumesResponse__Entry *e = m->entries[i];

        for (size_t k = 0; e->volume && e->status && k < e->status->n_published_node_ids; k++)
            add(w, s, e->volume->volume_id, e->status->published_node_ids[k]);
    }
    if (m->next_token[0] && s->published.n < PUBLISHED_MAX && !ol_arena_is_over(&w->arena)) {
        ask(w, m->next_token);
        return;
    }
    /* Half a list would say of the rest that it is detached. */
    if (!m->next_token[0])
        compare(owner(w), s);
    csi_work_done(w);
}

static void ask(struct csi_work *w, const char *token)
{
    const struct survey *s = w->data;
    const struct csi_driver *d = csi_driver_find(owner(w)->works.drivers, s->driver);
    Csi__V1__ListVolumesRequest q = CSI__V1__LIST_VOLUMES_REQUEST__INIT;

    if (!d) {
        csi_work_done(w);
        return;
    }
    q.max_entries = PAGE;
    q.starting_token = (char *)token;
    csi_work_call(w, d, &csi_list_volumes, &q.base, attacher_timeout(owner(w)), NULL, got_page);
}

void attacher_sync_list(void *ctx, struct kube_task *task)
{
    const unsigned need = CSI_CAN_PUBLISH | CSI_CAN_LIST | CSI_CAN_LIST_PUBLISHED_NODES;
    struct attacher *a = ctx;
    const struct csi_driver *d = csi_driver_find(a->works.drivers, kube_task_key(task));
    struct csi_work *w;
    struct survey *s;

    if (!d || (d->controller & need) != need) {
        kube_task_done(task);
        return;
    }
    w = csi_work_begin(&a->works, task, a);
    w->arena.max = 256 << 20;
    s = ol_arena_alloc(&w->arena, sizeof(*s));
    s->driver = ol_arena_strdup(&w->arena, d->name);
    w->data = s;
    ask(w, "");
}
