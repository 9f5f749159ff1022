/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "volume/attach/world-internal.h"

void attach_created(struct attach_link *l, ol_time now, const struct ol_err *err,
                    struct attach_actions *to)
{
    l->is_in_flight = false;
    if (err && l->state == ATTACH_ATTACHING)
        attach_failed(l, now, ol_err_text(err), to);
    attach_touch(l);
}

void attach_deleted(struct attach_link *l, ol_time now, bool is_gone, const struct ol_err *err)
{
    l->is_in_flight = false;
    if (is_gone) {
        /* What the cache still shows is the past. */
        kube_object_unref(l->va ? &l->va->o : NULL);
        l->va = NULL;
        (void)attach_step(l, ATTACH_EV_GONE, now);
    }
    if (!is_gone && err)
        (void)attach_step(l, ATTACH_EV_FAILED, now);
    attach_touch(l);
}

/* --- the status of nodes --- */
static const char *device_path(const struct attach_link *l)
{
    return l->device_path ? l->device_path : "";
}

/* The status says already what it should. */
static bool is_written(const struct attach_node *n)
{
    const struct kube_attached_volume *all = n->object->status.volumes_attached.v;
    uint32_t n_has = n->object->status.volumes_attached.n, n_want = 0;

    for (const struct attach_link *l = n->links; l; l = l->of_node) {
        bool is_there = false;

        if (!l->is_reported)
            continue;
        n_want++;
        for (uint32_t i = 0; i < n_has; i++)
            is_there |= strcmp(all[i].name, l->volume->name) == 0;
        if (!is_there)
            return false;
    }
    return n_want == n_has;
}

static void write_status(const struct attach_node *n, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_list(&w, "volumesAttached");
    for (const struct attach_link *l = n->links; l; l = l->of_node) {
        if (!l->is_reported)
            continue;
        ol_jw_map(&w, NULL);
        ol_jw_str(&w, "name", l->volume->name);
        ol_jw_str(&w, "devicePath", device_path(l));
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

static void touch_withdrawing(struct attach_node *n)
{
    for (struct attach_link *l = n->links; l; l = l->of_node) {
        if (l->state == ATTACH_WITHDRAWING)
            attach_touch(l);
    }
}

bool attach_node_write(struct attach_world *w, const char *node, ol_time now, struct ol_buf *to,
                       ol_time *ret_when)
{
    struct attach_node *n = ol_table_find_str(&w->nodes, node);

    *ret_when = 0;
    if (!n || n->writing || n->generation == n->written)
        return false;
    if (n->object && now < n->not_before) {
        *ret_when = n->not_before;
        return false;
    }
    if (!n->object || is_written(n)) {
        n->written = n->generation;
        touch_withdrawing(n);
        return false;
    }
    n->writing = n->generation;
    write_status(n, to);
    return true;
}

/*
 * The write and what the node uses are one state of the object: the node puts a volume into
 * volumesInUse before it looks for it in volumesAttached, so what it doesn't use in the answer it
 * can't begin to use any more.
 */
static bool is_used_in(const struct attach_link *l, const struct kube_node *answer)
{
    return answer && !l->is_forced
           && kube_strs_has(&answer->status.volumes_in_use, l->volume->name);
}

void attach_node_written(struct attach_world *w, const char *node, ol_time now,
                         const struct kube_node *answer, const struct ol_err *err)
{
    struct attach_node *n = ol_table_find_str(&w->nodes, node);
    uint64_t generation = n ? n->writing : 0;

    if (!n)
        return;
    n->writing = 0;
    if (err)
        n->not_before = now + ol_backoff_delay(&w->options.backoff, ++n->failures);
    else
        n->failures = 0;
    if (!err)
        n->written = generation;
    for (struct attach_link *l = n->links; l; l = l->of_node) {
        if (l->state != ATTACH_WITHDRAWING || l->withdrawn_with > generation)
            continue;
        if (err || is_used_in(l, answer))
            (void)attach_step(l, ATTACH_EV_REFUSED, now);
        attach_touch(l);
    }
    if (n->generation != n->written)
        w->options.node_touched(w->options.ctx, n->name);
}
