/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/attacher.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "volume/csi/attacher-internal.h"

/* The component: caches, handlers, controllers. */
#define LIST_PERIOD (60 * OL_SECOND)
#define RESYNC      (10 * 60 * OL_SECOND)

static const struct ol_backoff backoff = {.first = OL_SECOND, .most = 300 * OL_SECOND};

static void va_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attacher *a = ctx;

    if (now && attacher_is_news(kube_as_va(old), kube_as_va(now)))
        kube_controller_add_object(a->attachments, now);
    if (!now && kube_as_va(old)->pv_name)
        kube_controller_add(a->volumes, kube_as_va(old)->pv_name);
}

static void pv_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attacher *a = ctx;
    const struct kube_object *o;
    size_t at = 0;

    if (now && now->meta.deleted != 0)
        kube_controller_add_object(a->volumes, now);
    if (!old) /* an attachment may have come first */
        while ((o = kube_index_each(a->va_by_pv, now->meta.name, &at)))
            kube_controller_add_object(a->attachments, o);
}

/* A node's driver may have come. */
static void csinode_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct attacher *a = ctx;
    const struct kube_object *o;
    size_t at = 0;

    while (now && (o = kube_index_each(a->va_by_node, now->meta.name, &at)))
        if (!kube_as_va(o)->status.is_attached)
            kube_controller_add_object(a->attachments, o);
}

static void wake(struct attacher *a, const char *driver)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(a->va_cache, &at)))
        if (strcmp(kube_as_va(o)->attacher, driver) == 0)
            kube_controller_add_object(a->attachments, o);
    at = 0;
    while ((o = kube_informer_each(a->pv_cache, &at)))
        if (o->meta.deleted != 0)
            kube_controller_add_object(a->volumes, o);
    kube_controller_add(a->lists, driver);
}

static void driver_changed(void *ctx, const struct csi_driver *d)
{
    if (d->state == CSI_DRIVER_READY)
        wake(ctx, d->name);
}

static void list_due(void *ctx)
{
    struct attacher *a = ctx;
    const struct csi_driver *d;

    for (size_t i = 0; (d = csi_driver_at(a->works.drivers, i)); i++)
        if (d->state == CSI_DRIVER_READY)
            kube_controller_add(a->lists, d->name);
    ol_timer_set(&a->list_timer, LIST_PERIOD);
}

static void all_attachments(void *ctx, struct kube_controller *c)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(((struct attacher *)ctx)->va_cache, &at)))
        kube_controller_add_object(c, o);
}

static void keys_by_pv(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    if (kube_as_va(o)->pv_name)
        emit(to, kube_as_va(o)->pv_name);
}

static void keys_by_node(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    emit(to, kube_as_va(o)->node);
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct attacher *a = ol_xcalloc(1, sizeof(*a));
    struct kube_controller_options o = {.name = "csi-attacher",
                                        .backoff = backoff,
                                        .resync = RESYNC,
                                        .n_workers = 100,
                                        .sync = attacher_sync,
                                        .resync_all = all_attachments,
                                        .ctx = a};

    a->k = k;
    a->o = options;
    a->works = (struct csi_works){.k = k, .drivers = a->o->drivers};
    a->attachments = kube_controller_new(k->loop, &o);
    o.resync = 0;
    o.resync_all = NULL;
    o.sync = attacher_sync_volume;
    a->volumes = kube_controller_new(k->loop, &o);
    o.sync = attacher_sync_list;
    a->lists = kube_controller_new(k->loop, &o);
    a->va_cache = kube_informer_of(k->informers, &kube_va_kind);
    a->pv_cache = kube_informer_of(k->informers, &kube_pv_kind);
    a->csinode_cache = kube_informer_of(k->informers, &kube_csinode_kind);
    a->va_by_pv = kube_informer_add_index(a->va_cache, keys_by_pv);
    a->va_by_node = kube_informer_add_index(a->va_cache, keys_by_node);
    kube_informer_add_handler(a->va_cache, &(struct kube_handler){.changed = va_changed, .ctx = a});
    kube_informer_add_handler(a->pv_cache, &(struct kube_handler){.changed = pv_changed, .ctx = a});
    kube_informer_add_handler(a->csinode_cache,
                              &(struct kube_handler){.changed = csinode_changed, .ctx = a});
    ol_timer_init(&a->list_timer, k->loop, list_due, a);
    *ret_state = a;
    return 0;
}

static void run(void *state)
{
    struct attacher *a = state;

    csi_drivers_listen(a->o->drivers,
                       &(struct csi_driver_listener){.changed = driver_changed, .ctx = a});
    kube_controller_run(a->attachments);
    kube_controller_run(a->volumes);
    kube_controller_run(a->lists);
    list_due(a);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct attacher *a = state;

    csi_drivers_unlisten(a->o->drivers, a);
    ol_timer_done(&a->list_timer);
    csi_works_cancel(&a->works);
    kube_controller_free(a->attachments);
    kube_controller_free(a->volumes);
    kube_controller_free(a->lists);
    ol_strv_done(&a->forced);
    free(a);
    stopped(ctx);
}

const struct kube_component csi_attacher_component = {
    .name = "csi-attacher", .start = start, .run = run, .stop = stop};
