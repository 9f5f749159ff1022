/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/component-internal.h"

/* How many objects there are of each set of labels. */
struct counted {
    char *labels; /* first, for the table */
    size_t n;
};

static void count(struct ol_table *t, char *labels)
{
    ol_autofree char *own = labels;
    struct counted *c = ol_table_find_str(t, own);

    if (!c) {
        c = ol_xcalloc(1, sizeof(*c));
        c->labels = ol_take_ptr(own);
        ol_table_put(t, c);
    }
    c->n++;
}

static void write_counts(struct ol_buf *to, const char *name, struct ol_table *t)
{
    struct counted *c = NULL;

    ol_buf_printf(to, "# TYPE %s gauge\n", name);
    for (size_t at = 0; (c = ol_table_each(t, &at));) {
        ol_buf_printf(to, "%s{%s} %zu\n", name, c->labels, c->n);
        free(c->labels);
        free(c);
    }
    ol_table_done(t);
}

static const char *plugin_of(const struct kube_pv *pv)
{
    if (pv->spec.csi)
        return "kubernetes.io/csi";
    if (pv->spec.nfs)
        return "kubernetes.io/nfs";
    if (pv->spec.host_path)
        return "kubernetes.io/host-path";
    if (pv->spec.local)
        return "kubernetes.io/local-volume";
    return pv->spec.iscsi ? "kubernetes.io/iscsi" : "N/A";
}

static void write_volumes(const struct binder_index *x, struct ol_buf *to)
{
    struct ol_table total = OL_TABLE_INIT(&ol_table_of_strings),
                    bound = OL_TABLE_INIT(&ol_table_of_strings),
                    unbound = OL_TABLE_INIT(&ol_table_of_strings);
    const struct kube_pv *pv = NULL;

    for (size_t at = 0; (pv = binder_index_each(x, &at));) {
        bool is_block = pv->spec.volume_mode == KUBE_MODE_BLOCK;

        count(&total, ol_xasprintf("plugin_name=\"%s\",volume_mode=\"%s\"", plugin_of(pv),
                                   is_block ? "Block" : "Filesystem"));
        count(pv->status.phase == KUBE_PV_BOUND ? &bound : &unbound,
              ol_xasprintf("storage_class=\"%s\"", kube_pv_class(pv)));
    }
    write_counts(to, "pv_collector_total_pv_count", &total);
    write_counts(to, "pv_collector_bound_pv_count", &bound);
    write_counts(to, "pv_collector_unbound_pv_count", &unbound);
}

static void write_claims(const struct kube_informer *claims, struct ol_buf *to)
{
    struct ol_table bound = OL_TABLE_INIT(&ol_table_of_strings),
                    unbound = OL_TABLE_INIT(&ol_table_of_strings);
    const struct kube_object *o = NULL;

    for (size_t at = 0; (o = kube_informer_each(claims, &at));)
        count(kube_as_pvc(o)->status.phase == KUBE_PVC_BOUND ? &bound : &unbound,
              ol_xasprintf("namespace=\"%s\"", o->meta.ns));
    write_counts(to, "pv_collector_bound_pvc_count", &bound);
    write_counts(to, "pv_collector_unbound_pvc_count", &unbound);
}

static void write_timing(const struct binder_timing *row, struct ol_buf *to)
{
    static const char *const operations[] = {"provision", "delete"};
    ol_autofree char *labels =
        ol_xasprintf("plugin_name=\"%s\",operation_name=\"%s\"", row->plugin, operations[row->op]);
    uint64_t so_far = 0;

    for (size_t i = 0; i < BINDER_N_BUCKETS; i++) {
        so_far += row->buckets[i];
        ol_buf_printf(to, "volume_operation_total_seconds_bucket{%s,le=\"%g\"} %" PRIu64 "\n",
                      labels, binder_buckets[i], so_far);
    }
    ol_buf_printf(to,
                  "volume_operation_total_seconds_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n"
                  "volume_operation_total_seconds_sum{%s} %g\n"
                  "volume_operation_total_seconds_count{%s} %" PRIu64 "\n",
                  labels, row->n, labels, (double)row->sum / (double)OL_SECOND, labels, row->n);
    ol_buf_printf(to, "volume_operation_total_errors{%s} %" PRIu64 "\n", labels, row->n_errors);
}

void binder_write_metrics(void *state, struct ol_buf *to)
{
    const struct binder_component_state *s = state;
    const struct binder_metrics *m = binder_engine_metrics(s->engine);

    write_volumes(binder_engine_index(s->engine), to);
    write_claims(s->claims, to);
    ol_buf_adds(to, "# TYPE volume_operation_total_seconds histogram\n");
    for (size_t i = 0; i < m->n_rows; i++)
        write_timing(&m->rows[i], to);
    ol_buf_printf(to,
                  "# TYPE retroactive_storageclass_total counter\n"
                  "retroactive_storageclass_total %" PRIu64 "\n"
                  "retroactive_storageclass_errors_total %" PRIu64 "\n",
                  m->retroactive, m->retroactive_errors);
}
