/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/str.h"
#include "pv-cases.h"
#include "volume/binder/match.h"

static bool is_in_tree(const struct kube_pv *pv)
{
    return !pv->spec.csi;
}

/* The answer comes a moment later, as a real one's. */
static void answer(void *ctx)
{
    struct pv_mock *m = ctx;
    struct ol_err err = OL_ERR_INIT;
    struct binder_made made = {
        .source_name = "gcePersistentDisk", .source = "{}", .capacity = m->capacity};
    bool has_failed = ol_str_starts(m->result, "error: ");

    if (has_failed)
        (void)!ol_err_set(&err, EIO, "%s", m->result + strlen("error: "));
    m->done.fn(m->done.ctx, has_failed ? NULL : &made, &err);
}

static int begin(struct pv_mock *m, const struct ol_val *list, size_t *used, const char *what,
                 const struct binder_done *done, struct ol_err *err)
{
    const struct ol_val *next = ol_val_item(list, *used);

    if (!next)
        return ol_err_set(err, EIO, "Mock plugin error: no %sCalls configured", what);
    (*used)++;
    m->result = ol_val_str(next) ? ol_val_str(next) : pv_str(next, "result");
    m->done = *done;
    ol_timer_set(&m->timer, OL_MS);
    return 0;
}

static bool has_parameters(const struct kube_map *has, const struct ol_val *want)
{
    for (size_t i = 0; i < ol_val_count(want); i++) {
        const struct ol_pair *p = ol_val_pair(want, i);
        const char *value = kube_map_get(has, ol_val_str(p->key));

        if (!value || strcmp(value, ol_val_str(p->value)) != 0)
            return false;
    }
    return has->n == ol_val_count(want);
}

static int provision(void *self, const struct binder_order *order, const struct binder_done *done,
                     void **ret_handle, struct ol_err *err)
{
    struct pv_mock *m = self;
    const struct ol_val *next = ol_val_item(m->provision, m->n_provision);
    const struct ol_val *want = ol_val_get(next, "expectedParameters");
    struct ol_quantity asked = binder_claim_size(order->claim);
    int r = 0;

    ol_quantity_format(&asked, m->capacity);
    r = begin(m, m->provision, &m->n_provision, "provision", done, err);
    if (r >= 0 && want && !has_parameters(&order->cls->parameters, want))
        m->result = "error: the parameters are others";
    return r;
}

static int remove_volume(void *self, const struct kube_pv *pv, const struct binder_done *done,
                         void **ret_handle, struct ol_err *err)
{
    struct pv_mock *m = self;

    return begin(m, m->remove, &m->n_remove, "delete", done, err);
}

static int recycle(void *self, const struct kube_pv *pv, const struct binder_done *done,
                   void **ret_handle, struct ol_err *err)
{
    struct pv_mock *m = self;

    return begin(m, m->recycle, &m->n_recycle, "recycle", done, err);
}

static void cancel(void *self, void *handle)
{
    struct pv_mock *m = self;

    ol_timer_stop(&m->timer);
}

void pv_mock_init(struct pv_mock *m, const struct ol_val *run, struct fake_api *api)
{
    *m = (struct pv_mock){.api = api};
    m->provision = ol_val_get(run, "provisionCalls");
    m->remove = ol_val_get(run, "deleteCalls");
    m->recycle = ol_val_get(run, "recycleCalls");
    m->row = (struct binder_plugin){
        .name = "kubernetes.io/mock-volume",
        .self = m,
        .can_support = is_in_tree,
        .provision = m->provision ? provision : NULL,
        .remove = m->remove ? remove_volume : NULL,
        .recycle = m->recycle ? recycle : NULL,
        .cancel = cancel,
    };
    if (m->provision || m->remove || m->recycle)
        m->all[0] = &m->row;
    ol_timer_init(&m->timer, &api->loop, answer, m);
}

void pv_mock_done(struct pv_mock *m)
{
    ol_timer_done(&m->timer);
}

const struct binder_plugin *const *pv_mock_plugins(const struct pv_mock *m)
{
    return m->all;
}
