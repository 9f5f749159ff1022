/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "volume/csi/csi-message-internal.h"
#include "volume/csi/provisioner-internal.h"

/* Volumes of CSI drivers: CreateVolume and DeleteVolume. */

static ol_time timeout_of(const struct provisioner *p)
{
    return p->o->timeout ? p->o->timeout : 15 * OL_SECOND;
}

static bool csi_is_ready(const struct provisioner *p, const char *name)
{
    return csi_driver_find(p->works.drivers, name) != NULL;
}

static unsigned csi_plugin(const struct provisioner *p, const char *name)
{
    const struct csi_driver *d = csi_driver_find(p->works.drivers, name);

    return d ? d->plugin : 0;
}

static unsigned csi_controller(const struct provisioner *p, const char *name)
{
    const struct csi_driver *d = csi_driver_find(p->works.drivers, name);

    return d ? d->controller : 0;
}

/* --- CreateVolume --- */
static bool may_reschedule(const struct csi_work *w, const struct provision_op *op)
{
    const char *node =
        kube_map_get(&op->claim->meta.annotations, "volume.kubernetes.io/selected-node");

    return (w->driver->plugin & CSI_PLUGIN_ACCESSIBILITY) && node && *node;
}

static void created(struct csi_work *w, const struct csi_reply *r)
{
    const Csi__V1__CreateVolumeResponse *m = (const void *)r->message_body;
    enum csi_outcome o = csi_create_outcome(r->code, may_reschedule(w, w->data));
    struct provision_volume v = {0};
    struct ol_err err = OL_ERR_INIT;

    /* What was not said by the driver says nothing about the volume: a reply that can't be read may
     * have been "made". */
    if (o != CSI_OUTCOME_OK && !r->is_from_peer)
        o = CSI_OUTCOME_UNSURE;
    if (o == CSI_OUTCOME_OK && (!m || !m->volume || !m->volume->volume_id[0])) {
        csi_error_say(&err, EPROTO, "CreateVolume succeeded without a volume_id");
        provision_made(w, CSI_OUTCOME_UNSURE, NULL, &err);
        return;
    }
    if (o == CSI_OUTCOME_OK)
        csi_message_read_volume(m->volume, &w->arena, &v);
    else
        csi_error_set(&err, r->code, r->message);
    provision_made(w, o, &v, &err);
}

static void create_with_secret(struct csi_work *w, int e, const struct ol_err *err)
{
    struct provisioner *p = w->ctx;
    struct provision_op *op = w->data;
    const struct csi_driver *d =
        csi_driver_find(p->works.drivers, kube_as_class(op->class)->provisioner);
    struct ol_err gone = OL_ERR_INIT;

    if (e == 0 && !d)
        e = ol_err_set(&gone, ENOTCONN, "CSI driver %s is not running or does not answer",
                       kube_as_class(op->class)->provisioner);
    if (e < 0) {
        /* Not asked now; whether it ever was is what the state says. */
        provision_made(w, op->state == PROVISION_HELD ? CSI_OUTCOME_FINAL : CSI_OUTCOME_UNSURE,
                       NULL, gone.code ? &gone : err);
        return;
    }
    csi_work_call(w, d, &csi_create_volume,
                  &csi_message_create(&op->plan, &w->secrets, &w->arena)->base, timeout_of(p),
                  op->plan.name, created);
}

static void csi_create(struct csi_work *w, const char *name)
{
    struct provision_op *op = w->data;

    csi_work_secret(w, &op->plan.parameters.secrets[CSI_SECRET_PROVISIONER], create_with_secret);
}

/* --- DeleteVolume --- */
static void deleted(struct csi_work *w, const struct csi_reply *r)
{
    const struct provision_removal *removal = w->removal;
    enum csi_outcome o = csi_remove_outcome(r->code);
    struct ol_err err = OL_ERR_INIT;

    if (o != CSI_OUTCOME_OK)
        csi_error_set(&err, r->code, r->message);
    removal->removed(w, o, &err);
}

/* A secret that is gone already doesn't keep a volume: the driver decides whether it can do
 * without. */
static void delete_with_secret(struct csi_work *w, int e, const struct ol_err *err)
{
    struct provisioner *p = w->ctx;
    const struct provision_removal *removal = w->removal;
    const struct csi_driver *d = csi_driver_find(p->works.drivers, removal->name);
    Csi__V1__DeleteVolumeRequest q = CSI__V1__DELETE_VOLUME_REQUEST__INIT;
    struct ol_err gone = OL_ERR_INIT;

    if (!d) {
        csi_error_say(&gone, ENOTCONN, "CSI driver %s is not running or does not answer",
                      removal->name);
        removal->removed(w, CSI_OUTCOME_UNSURE, &gone);
        return;
    }
    q.volume_id = (char *)removal->volume.handle;
    csi_message_map(&csi__v1__delete_volume_request__secrets_entry__descriptor, &w->secrets,
                    &w->arena, &q.n_secrets, &q.secrets);
    csi_work_call(w, d, &csi_delete_volume, &q.base, timeout_of(p), removal->volume.handle,
                  deleted);
}

static void csi_remove(struct csi_work *w, const struct provision_removal *removal)
{
    struct provision_removal *copy = ol_arena_alloc(&w->arena, sizeof(*copy));

    *copy = *removal;
    /* What they point to may change while the secret is fetched. */
    copy->name = ol_arena_strdup(&w->arena, removal->name);
    copy->volume.handle = ol_arena_strdup(&w->arena, removal->volume.handle);
    w->removal = copy;
    csi_work_secret(w, &removal->secret, delete_with_secret);
}

const struct provision_backend provision_csi = {
    .is_ready = csi_is_ready,
    .plugin = csi_plugin,
    .controller = csi_controller,
    .create = csi_create,
    .remove = csi_remove,
};

const struct provision_backend *provision_backend_of(const struct provisioner *p, const char *name)
{
    const struct csi_driver *d;

    if (provision_nfs_row(p, name))
        return &provision_nfs;
    for (size_t i = 0; (d = csi_driver_at(p->works.drivers, i)); i++)
        if (strcmp(d->name, name) == 0)
            return &provision_csi;
    return NULL;
}
