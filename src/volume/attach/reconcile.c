/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "volume/attach/world-internal.h"

#define OUT_OF_SERVICE "node.kubernetes.io/out-of-service"

static void at_latest(ol_time *next, ol_time when)
{
    if (!*next || when < *next)
        *next = when;
}

static void add(struct attach_actions *to, enum attach_action_kind kind, struct attach_link *l)
{
    attach_tell(to, l, NULL, false, "%s", "");
    to->v[to->n - 1].kind = kind;
    to->v[to->n - 1].reason = NULL;
}

/* --- what is under way --- */
void attach_failed(struct attach_link *l, ol_time now, const char *why, struct attach_actions *to)
{
    ol_auto(ol_buf_done) struct ol_buf suffix = OL_BUF_INIT(4096);

    if (l->state == ATTACH_ATTACHING) {
        ol_buf_printf(&suffix, ": %s", why);
        attach_tell_all(to, l, true, "AttachVolume.Attach failed", suffix.data);
    }
    (void)attach_step(l, ATTACH_EV_FAILED, now);
}

static void confirm(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    attach_tell_all(to, l, false, "AttachVolume.Attach succeeded", "");
    (void)attach_step(l, ATTACH_EV_CONFIRMED, now);
}

static void late(struct attach_link *l, ol_time now, const char *what, struct attach_actions *to)
{
    ol_auto(ol_buf_done) struct ol_buf why = OL_BUF_INIT(4096);

    ol_buf_printf(&why, "timed out waiting for external-attacher of %s CSI driver to %s volume %s",
                  l->volume->spec.driver, what, l->volume->spec.handle);
    attach_failed(l, now, why.data, to);
}

static void look_attaching(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    const struct kube_va *va = l->va;

    if (attach_is_in_tree(l) || (va && !va->o.meta.deleted && va->status.is_attached))
        confirm(l, now, to);
    else if (va && va->o.meta.deleted)
        attach_failed(l, now, "volume attachment is being deleted", to);
    else if (va && va->status.attach_error)
        attach_failed(l, now, va->status.attach_error->message, to);
    else if (now >= l->deadline)
        late(l, now, "attach", to);
}

static void look_detaching(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    if (attach_is_in_tree(l))
        (void)attach_step(l, ATTACH_EV_GONE, now);
    else if (l->va && l->va->status.detach_error)
        attach_failed(l, now, l->va->status.detach_error->message, to);
    else if (now >= l->deadline)
        late(l, now, "detach", to);
}

/* Only a write that is older than what the link asked for has not happened. */
static void look_withdrawing(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    if (l->node->object && l->node->written < l->withdrawn_with)
        return;
    if (l->n_pods && !l->is_forced) {
        (void)attach_step(l, ATTACH_EV_REFUSED, now); /* a pod came back in time */
        return;
    }
    if (attach_step(l, ATTACH_EV_WITHDRAWN, now) == ATTACH_DO_DELETE && !attach_is_in_tree(l)) {
        l->is_in_flight = true;
        add(to, ATTACH_DELETE, l);
    }
}

/* A VolumeAttachment that is there to stay says something else than we hold to be so. */
static void look_resting(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    if (!l->va || l->va->o.meta.deleted)
        return;
    if (l->state == ATTACH_ATTACH_WAIT && l->va->status.is_attached)
        confirm(l, now, to);
    else if (l->state == ATTACH_ATTACHED && !l->va->status.is_attached)
        (void)attach_step(l, ATTACH_EV_FAILED, now);
}

void attach_look(struct attach_link *l, ol_time now, struct attach_actions *to)
{
    if (l->is_in_flight)
        return;
    if (l->state == ATTACH_WITHDRAWING)
        look_withdrawing(l, now, to);
    if (l->state == ATTACH_ATTACHING)
        look_attaching(l, now, to);
    else if (l->state == ATTACH_DETACHING && !l->is_in_flight)
        look_detaching(l, now, to);
    else
        look_resting(l, now, to);
}

/* --- detaching --- */
static bool is_ready(const struct attach_node *n)
{
    return n->object && kube_condition_is_true(&n->object->status.conditions, "Ready");
}

static bool is_out_of_service(const struct attach_node *n)
{
    const struct kube_taint *taints = n->object ? n->object->taints.v : NULL;

    for (uint32_t i = 0; taints && i < n->object->taints.n; i++) {
        if (strcmp(taints[i].key, OUT_OF_SERVICE) == 0)
            return true;
    }
    return false;
}

/* Of a node that is gone nobody knows. */
static bool is_in_use(const struct attach_link *l)
{
    return !l->node->object
           || kube_strs_has(&l->node->object->status.volumes_in_use, l->volume->name);
}

/* A node that works is never robbed of what it uses, however long that takes. */
static bool may_detach(struct attach_link *l, ol_time now, ol_time *next)
{
    const struct attach_options *o = &l->world->options;
    ol_time expires = l->unwanted_since + o->max_wait_for_unmount;
    bool is_late = now > expires && !o->is_force_disabled;
    bool is_lost = is_out_of_service(l->node);

    l->is_forced = is_in_use(l) && (is_lost || (is_late && !is_ready(l->node)));
    if (!is_in_use(l) || l->is_forced) {
        if (l->is_forced)
            l->world->n_forced[is_lost ? ATTACH_FORCED_OUT_OF_SERVICE : ATTACH_FORCED_TIMEOUT]++;
        return true;
    }
    if (now <= expires)
        at_latest(next, expires + OL_MS);
    return false;
}

/* Another node's hands are on a volume that one node alone may have. */
static bool is_blocked(const struct attach_link *l)
{
    if (l->volume->spec.is_shareable)
        return false;
    for (const struct attach_link *o = l->volume->links; o; o = o->of_volume) {
        if (o != l && (attach_is_busy(o->state) || o->is_in_flight))
            return true;
    }
    return false;
}

static void try_detach(struct attach_link *l, ol_time now, struct attach_actions *to, ol_time *next)
{
    if (l->state == ATTACH_DETACHED || l->state == ATTACH_WITHDRAWING
        || l->state == ATTACH_DETACHING || is_blocked(l))
        return;
    if (!l->unwanted_since)
        l->unwanted_since = now;
    if (now < l->not_before) {
        at_latest(next, l->not_before);
        return;
    }
    if (!may_detach(l, now, next))
        return;
    (void)attach_step(l, ATTACH_EV_UNWANTED, now);
    attach_look(l, now, to);
}

/* --- attaching --- */
/* "a, b" and how many in other namespaces, of those that use the volume on other nodes. */
static size_t count_others(const struct attach_link *l, const struct kube_pod *pod,
                           struct ol_buf *names, size_t *ret_foreign)
{
    size_t n_local = 0;

    for (const struct attach_link *o = l->volume->links; o; o = o->of_volume) {
        if (o == l || o->state == ATTACH_DETACHED)
            continue;
        for (size_t i = 0; i < o->n_pods; i++) {
            bool is_local = strcmp(o->pods[i]->o.meta.ns, pod->o.meta.ns) == 0;

            *ret_foreign += !is_local;
            if (is_local)
                ol_buf_printf(names, "%s%s", n_local++ ? ", " : "", o->pods[i]->o.meta.name);
        }
    }
    return n_local;
}

static void tell_conflict(struct attach_link *l, const struct kube_pod *pod,
                          struct attach_actions *to)
{
    ol_auto(ol_buf_done) struct ol_buf names = OL_BUF_INIT(4096);
    size_t n_foreign = 0, n_local = count_others(l, pod, &names, &n_foreign);
    const char *shown = l->volume->spec.shown;

    if (!n_local && !n_foreign)
        attach_tell(to, l, pod, true,
                    "Multi-Attach error for volume \"%s\" Volume is already exclusively attached "
                    "to one node and can't be attached to another",
                    shown);
    else if (!n_local)
        attach_tell(to, l, pod, true,
                    "Multi-Attach error for volume \"%s\" Volume is already used by %zu pod(s) in "
                    "different namespaces",
                    shown, n_foreign);
    else if (!n_foreign)
        attach_tell(to, l, pod, true,
                    "Multi-Attach error for volume \"%s\" Volume is already used by pod(s) %s",
                    shown, names.data);
    else
        attach_tell(to, l, pod, true,
                    "Multi-Attach error for volume \"%s\" Volume is already used by pod(s) %s and "
                    "%zu pod(s) in different namespaces",
                    shown, names.data, n_foreign);
}

/* It is, or may be, on another node that may have it alone. Told once, when it is certain. */
static bool is_elsewhere(struct attach_link *l, struct attach_actions *to)
{
    bool is_certain = false, is_possible = false;

    if (l->volume->spec.is_shareable)
        return false;
    for (const struct attach_link *o = l->volume->links; o; o = o->of_volume) {
        if (o == l)
            continue;
        is_certain |= o->state == ATTACH_ATTACHED || o->state == ATTACH_DETACH_WAIT;
        is_possible |= o->state != ATTACH_DETACHED;
    }
    if (is_certain && !l->has_shown_conflict) {
        for (size_t i = 0; i < l->n_pods; i++)
            tell_conflict(l, l->pods[i], to);
        l->has_shown_conflict = true;
    }
    return is_possible;
}

static void try_attach(struct attach_link *l, ol_time now, struct attach_actions *to, ol_time *next)
{
    l->unwanted_since = 0;
    if (l->state == ATTACH_ATTACHED || attach_is_busy(l->state) || is_blocked(l)
        || is_elsewhere(l, to))
        return;
    if (now < l->not_before) {
        at_latest(next, l->not_before);
        return;
    }
    if (attach_step(l, ATTACH_EV_WANTED, now) != ATTACH_DO_CREATE)
        return;
    if (!attach_is_in_tree(l) && !l->va) {
        l->is_in_flight = true;
        add(to, ATTACH_CREATE, l);
    }
    attach_look(l, now, to);
}

/* The volume itself may go with its last link. */
static void trim(struct attach_volume *v)
{
    struct attach_link *next = NULL;

    for (struct attach_link *l = v->links; l; l = next) {
        next = l->of_volume;
        attach_link_trim(l);
    }
}

static void try_all(struct attach_volume *v, ol_time now, struct attach_actions *to, ol_time *next)
{
    /* Freeing places comes before taking them. */
    for (struct attach_link *l = v->links; l; l = l->of_volume) {
        if (!l->n_pods && !l->is_in_flight)
            try_detach(l, now, to, next);
    }
    for (struct attach_link *l = v->links; l; l = l->of_volume) {
        if (l->n_pods && !l->is_in_flight)
            try_attach(l, now, to, next);
    }
}

ol_time attach_reconcile(struct attach_world *w, const char *volume, ol_time now,
                         struct attach_actions *to)
{
    struct attach_volume *v = ol_table_find_str(&w->volumes, volume);
    ol_time next = 0;

    if (!v)
        return 0;
    for (struct attach_link *l = v->links; l; l = l->of_volume)
        attach_look(l, now, to);
    try_all(v, now, to, &next);
    for (struct attach_link *l = v->links; l; l = l->of_volume) {
        if (l->state == ATTACH_ATTACHING || l->state == ATTACH_DETACHING)
            at_latest(&next, l->deadline);
    }
    trim(v);
    return next;
}
