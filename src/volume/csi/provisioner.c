/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/csi/csi-patch.h"
#include "volume/csi/provisioner-internal.h"

/* The component: caches, handlers, controllers. */
#define RESYNC          (15 * 60 * OL_SECOND)
#define CAPACITY_PERIOD (60 * OL_SECOND)

static const struct ol_backoff claim_backoff = {.first = OL_SECOND, .most = 300 * OL_SECOND};

/* --- what wakes what --- */
static void wake_source(struct provisioner *p, const struct kube_pvc *claim)
{
    const char *source = provision_source_of(claim);
    ol_autofree char *key = NULL;

    if (!source)
        return;
    key = ol_xasprintf("%s/%s", claim->o.meta.ns, source);
    kube_controller_add(p->clones, key);
}

static void claim_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct provisioner *p = ctx;
    const struct kube_object *any = now ? now : old;

    if (provision_is_news(kube_as_pvc(old), kube_as_pvc(now)))
        kube_controller_add_object(p->claims, any);
    if (csi_has_finalizer(any, PROVISIONER_CLONING))
        kube_controller_add_object(p->clones, any);
    wake_source(p, kube_as_pvc(any));
}

static void pv_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct provisioner *p = ctx;

    if (now)
        kube_controller_add_object(p->volumes, now);
}

/* A volume can go when its last attachment has gone. */
static void va_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct provisioner *p = ctx;

    if (!now && kube_as_va(old)->pv_name)
        kube_controller_add(p->volumes, kube_as_va(old)->pv_name);
}

static void volume_left(void *ctx, const char *driver, const char *handle)
{
    struct provisioner *p = ctx;
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(p->pv_cache, &at))) {
        const struct kube_pv *pv = kube_as_pv(o);

        if (pv->status.phase == KUBE_PV_RELEASED && pv->spec.csi
            && strcmp(pv->spec.csi->handle, handle) == 0
            && strcmp(pv->spec.csi->driver, driver) == 0)
            kube_controller_add_object(p->volumes, o);
    }
}

static void wake_capacity(struct provisioner *p)
{
    const struct csi_driver *d;

    for (size_t i = 0; (d = csi_driver_at(p->works.drivers, i)); i++)
        if (d->state == CSI_DRIVER_READY && (d->controller & CSI_CAN_GET_CAPACITY))
            kube_controller_add(p->capacity, d->name);
}

static void class_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    struct provisioner *p = ctx;
    const struct kube_object *o;
    size_t at = 0;

    wake_capacity(p);
    if (!now)
        return;
    while ((o = kube_informer_each(p->claim_cache, &at))) {
        const struct kube_pvc *claim = kube_as_pvc(o);
        bool is_bound = claim->spec.volume_name && *claim->spec.volume_name;

        if (!is_bound && strcmp(kube_claim_class(claim, &(bool){false}), now->meta.name) == 0)
            kube_controller_add_object(p->claims, o);
    }
}

static void csidriver_changed(void *ctx, const struct kube_object *old,
                              const struct kube_object *now)
{
    kube_controller_add(((struct provisioner *)ctx)->capacity, (now ? now : old)->meta.name);
}

static void wake_claims(struct provisioner *p, const char *driver, bool has_none)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(p->claim_cache, &at))) {
        const struct kube_pvc *claim = kube_as_pvc(o);
        const char *name = provision_name_of(claim);

        if (name && strcmp(name, driver) == 0 && !(has_none && *claim->spec.volume_name))
            kube_controller_add_object(p->claims, o);
    }
}

/* Claims of drivers that were on no node yet need not wait for their next try. */
static void csinode_changed(void *ctx, const struct kube_object *old, const struct kube_object *now)
{
    const struct kube_csinode *node = kube_as_csinode(now);
    const struct kube_csinode_driver *d = node ? node->drivers.v : NULL;

    wake_capacity(ctx);
    for (uint32_t i = 0; node && i < node->drivers.n; i++)
        wake_claims(ctx, d[i].name, true);
}

static void capacity_changed(void *ctx, const struct kube_object *old,
                             const struct kube_object *now)
{
    const char *driver =
        kube_map_get(&(now ? now : old)->meta.labels, "csi.storage.k8s.io/drivername");

    if (!now && driver)
        kube_controller_add(((struct provisioner *)ctx)->capacity, driver);
}

static void driver_changed(void *ctx, const struct csi_driver *d)
{
    struct provisioner *p = ctx;
    const struct kube_object *o;
    size_t at = 0;

    if (d->state != CSI_DRIVER_READY)
        return;
    wake_claims(p, d->name, false);
    while ((o = kube_informer_each(p->pv_cache, &at))) {
        const char *name = remove_name_of(kube_as_pv(o));

        if (name && strcmp(name, d->name) == 0)
            kube_controller_add_object(p->volumes, o);
    }
    kube_controller_add(p->capacity, d->name);
}

static void capacity_due(void *ctx)
{
    struct provisioner *p = ctx;

    wake_capacity(p);
    ol_timer_set(&p->capacity_timer,
                 p->o->capacity_period ? p->o->capacity_period : CAPACITY_PERIOD);
}

static void add_all(struct kube_informer *i, struct kube_controller *c)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(i, &at)))
        kube_controller_add_object(c, o);
}

static void all_claims(void *ctx, struct kube_controller *c)
{
    add_all(((struct provisioner *)ctx)->claim_cache, c);
}

static void all_volumes(void *ctx, struct kube_controller *c)
{
    add_all(((struct provisioner *)ctx)->pv_cache, c);
}

/* --- indexes --- */
static void keys_of_va(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    if (kube_as_va(o)->pv_name)
        emit(to, kube_as_va(o)->pv_name);
}

static void keys_of_clone(const struct kube_object *o, kube_emit_fn emit, void *to)
{
    const char *source = provision_source_of(kube_as_pvc(o));
    ol_autofree char *key = source ? ol_xasprintf("%s/%s", o->meta.ns, source) : NULL;

    if (key)
        emit(to, key);
}

/* --- life --- */
static void add_caches(struct provisioner *p)
{
    struct kube_informers *i = p->k->informers;
    const struct {
        struct kube_informer **at;
        const struct kube_kind *kind;
        void (*changed)(void *ctx, const struct kube_object *old, const struct kube_object *now);
    } rows[] = {
        {&p->claim_cache, &kube_pvc_kind, claim_changed},
        {&p->pv_cache, &kube_pv_kind, pv_changed},
        {&p->class_cache, &kube_class_kind, class_changed},
        {&p->node_cache, &kube_node_kind, NULL},
        {&p->csinode_cache, &kube_csinode_kind, csinode_changed},
        {&p->va_cache, &kube_va_kind, va_changed},
        {&p->csidriver_cache, &kube_csidriver_kind, csidriver_changed},
        {&p->attributes_cache, &kube_attributes_class_kind, NULL},
        {&p->capacity_cache, &kube_capacity_kind, capacity_changed},
    };

    for (size_t n = 0; n < ol_count(rows); n++) {
        *rows[n].at = kube_informer_of(i, rows[n].kind);
        if (rows[n].changed)
            kube_informer_add_handler(*rows[n].at,
                                      &(struct kube_handler){.changed = rows[n].changed, .ctx = p});
    }
    p->va_by_pv = kube_informer_add_index(p->va_cache, keys_of_va);
    p->clones_by_source = kube_informer_add_index(p->claim_cache, keys_of_clone);
}

static void add_controllers(struct provisioner *p)
{
    struct kube_controller_options o = {.name = "csi-provisioner",
                                        .backoff = claim_backoff,
                                        .n_workers = p->o->n_workers ? p->o->n_workers : 100,
                                        .resync = RESYNC,
                                        .sync = provision_sync_claim,
                                        .resync_all = all_claims,
                                        .ctx = p};

    p->claims = kube_controller_new(p->k->loop, &o);
    o.name = "csi-deleter";
    o.sync = provision_sync_volume;
    o.resync_all = all_volumes;
    p->volumes = kube_controller_new(p->k->loop, &o);
    o.resync = 0;
    o.resync_all = NULL;
    o.n_workers = 4;
    o.name = "csi-clone-protection";
    o.sync = provision_sync_clone;
    p->clones = kube_controller_new(p->k->loop, &o);
    o.name = "csi-capacity";
    o.sync = provision_sync_capacity;
    p->capacity = kube_controller_new(p->k->loop, &o);
}

static int add_nfs(struct provisioner *p, struct ol_arena *a, struct ol_err *err)
{
    p->nfs = ol_arena_alloc(a, (p->o->nfs.n + 1) * sizeof(*p->nfs));
    ol_strv_each (text, &p->o->nfs) {
        int r = nfs_row_parse(text, a, &p->nfs[p->n_nfs], err);

        if (r < 0)
            return ol_err_prefix(err, r, "--nfs-provisioner");
        p->n_nfs++;
    }
    return 0;
}

static void host_name(char out[256])
{
    if (gethostname(out, 256) < 0)
        out[0] = '\0';
    out[255] = '\0';
}

static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct provisioner *p = ol_xcalloc(1, sizeof(*p));
    char host[256];
    int r;

    p->k = k;
    p->o = options;
    ol_arena_init(&p->arena, 1 << 20);
    r = add_nfs(p, &p->arena, err);
    if (r < 0) {
        ol_arena_done(&p->arena);
        free(p);
        return r;
    }
    p->works = (struct csi_works){.k = k, .drivers = p->o->drivers};
    host_name(host);
    p->events = kube_recorder_new(k->client, "external-provisioner", host);
    add_controllers(p);
    add_caches(p);
    ol_timer_init(&p->capacity_timer, k->loop, capacity_due, p);
    *ret_state = p;
    return 0;
}

static void run(void *state)
{
    struct provisioner *p = state;

    csi_drivers_listen(
        p->o->drivers,
        &(struct csi_driver_listener){.changed = driver_changed, .left = volume_left, .ctx = p});
    kube_controller_run(p->claims);
    kube_controller_run(p->volumes);
    kube_controller_run(p->clones);
    kube_controller_run(p->capacity);
    capacity_due(p);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct provisioner *p = state;

    csi_drivers_unlisten(p->o->drivers, p);
    ol_timer_done(&p->capacity_timer);
    csi_works_cancel(&p->works);
    kube_controller_free(p->claims);
    kube_controller_free(p->volumes);
    kube_controller_free(p->clones);
    kube_controller_free(p->capacity);
    kube_recorder_free(p->events);
    provision_ops_free(p);
    ol_arena_done(&p->arena);
    free(p);
    stopped(ctx);
}

const struct kube_component csi_provisioner_component = {
    .name = "csi-provisioner", .start = start, .run = run, .stop = stop};
