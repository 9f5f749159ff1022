/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/reconcile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/queue.h"

#define COMPLAIN_EVERY (123 * OL_SECOND)

static const struct ol_backoff backoff = {500 * OL_MS, 122 * OL_SECOND};

struct round {
    struct node_world *w;
    struct node_actions *to;
    ol_time now, next;
};

static void look_again(struct round *r, ol_time when)
{
    if (when > r->now && (r->next < 0 || when < r->next))
        r->next = when;
}

static bool is_due(struct round *r, const struct node_retry *retry)
{
    look_again(r, retry->at);
    return retry->at <= r->now;
}

static void act(struct round *r, struct node_action a)
{
    if (a.volume)
        a.volume->is_busy = true;
    r->to->v = ol_xrealloc(r->to->v, r->to->n + 1, sizeof(*r->to->v));
    r->to->v[r->to->n++] = a;
}

/* Moves a life and orders what that means; false when the life has no such edge now. */
static bool begin(struct round *r, enum node_life *life, enum node_event event,
                  struct node_action a)
{
    if (!node_life_step(life, event))
        return false;
    act(r, a);
    return true;
}

static bool is_mounted(const struct node_mount *m)
{
    return m->life == NODE_THERE || m->life == NODE_REDOING;
}

/* Its containers may run; or it is there and what it wants can't be told as things stand. */
static bool is_held(const struct node_world *w, const char *pod_uid)
{
    const struct node_pod *p = ol_table_find_str(&w->pods, pod_uid);

    return (p && p->failed.n) || (w->held && ol_strv_has(w->held, pod_uid));
}

/* 1. A pod that is gone loses the volume. */
static bool tear_down(struct round *r, struct node_volume *v)
{
    if (!r->w->may_tear_down)
        return false;
    for (size_t i = 0; i < v->n_mounts; i++) {
        struct node_mount *m = v->mounts[i];

        if (!m->is_wanted && !is_held(r->w, m->pod_uid) && node_life_is_owed(m->life)
            && is_due(r, &m->retry)
            && begin(r, &m->life, NODE_EV_REMOVE, (struct node_action){NODE_TEAR_DOWN, v, m, NULL}))
            return true;
    }
    return false;
}

/* 2. It is attached, as far as this node needs to know. The handshake: the controller may detach
 * what volumesInUse does not have, so it must have it before anything is mounted. */
static bool is_attached(struct round *r, struct node_volume *v, struct node_mount *m)
{
    if (!v->is_attachable)
        return true;
    if (!r->w->attaches_itself)
        return v->is_reported && v->is_listed && v->is_attached;
    if (v->attachment == NODE_THERE)
        return true;
    if (is_due(r, &v->retry))
        (void)begin(r, &v->attachment, NODE_EV_BRING,
                    (struct node_action){NODE_ATTACH, v, m, NULL});
    return false;
}

static bool has_mounts(const struct node_volume *v)
{
    for (size_t i = 0; i < v->n_mounts; i++) {
        if (node_life_is_owed(v->mounts[i]->life))
            return true;
    }
    return false;
}

/* A file system that could not grow while it was mounted is mounted anew for the next pod,
 * though its device is there still: else pods that follow each other quickly would keep it small
 * for ever. */
static bool stage_anew(struct round *r, struct node_volume *v)
{
    if (!v->want_expansion || !v->has_refused_expansion || v->device != NODE_THERE || has_mounts(v)
        || !r->w->may_tear_down)
        return false;
    v->has_refused_expansion = false;
    v->retry = (struct node_retry){0};
    return begin(r, &v->device, NODE_EV_REMOVE,
                 (struct node_action){NODE_UNMOUNT_DEVICE, v, NULL, NULL});
}

static bool bring(struct round *r, struct node_volume *v, struct node_mount *m)
{
    const struct node_action device = {NODE_MOUNT_DEVICE, v, m, NULL};
    const struct node_action set_up = {NODE_SET_UP, v, m, NULL};

    if (!is_attached(r, v, m))
        return v->is_busy;
    if (stage_anew(r, v))
        return true;
    if (v->has_device && v->device != NODE_THERE)
        return is_due(r, &v->retry) && begin(r, &v->device, NODE_EV_BRING, device);
    return is_due(r, &m->retry) && begin(r, &m->life, NODE_EV_BRING, set_up);
}

/* 3. Every pod that wants it has it, and has it anew when its time has come. */
static bool set_up(struct round *r, struct node_volume *v)
{
    for (size_t i = 0; i < v->n_mounts; i++) {
        struct node_mount *m = v->mounts[i];

        if (m->is_wanted && !is_mounted(m) && bring(r, v, m))
            return true;
    }
    for (size_t i = 0; i < v->n_mounts; i++) {
        struct node_mount *m = v->mounts[i];

        if (!m->is_wanted || m->life != NODE_THERE || !m->redo_every)
            continue;
        look_again(r, m->redo_at);
        if (m->redo_at <= r->now && is_due(r, &m->retry)
            && begin(r, &m->life, NODE_EV_BRING, (struct node_action){NODE_SET_UP, v, m, NULL}))
            return true;
    }
    return false;
}

/* 4. What is mounted grows with its claim. */
static bool expand(struct round *r, struct node_volume *v)
{
    if (!v->want_expansion)
        return false;
    for (size_t i = 0; i < v->n_mounts; i++) {
        if (v->mounts[i]->is_wanted && is_mounted(v->mounts[i]) && is_due(r, &v->retry)) {
            act(r, (struct node_action){NODE_EXPAND, v, v->mounts[i], NULL});
            return true;
        }
    }
    return false;
}

static bool has_pods(const struct node_volume *v)
{
    for (size_t i = 0; i < v->n_mounts; i++) {
        if (v->mounts[i]->is_wanted || node_life_is_owed(v->mounts[i]->life))
            return true;
    }
    return false;
}

/* 5. With the last pod the device goes, then the attachment. True: the volume can be forgotten. */
static bool let_go(struct round *r, struct node_volume *v)
{
    if (has_pods(v) || !r->w->may_tear_down)
        return false;
    if (node_life_is_owed(v->device)) {
        if (is_due(r, &v->retry))
            (void)begin(r, &v->device, NODE_EV_REMOVE,
                        (struct node_action){NODE_UNMOUNT_DEVICE, v, NULL, NULL});
        return false;
    }
    if (node_life_is_owed(v->attachment)) {
        if (is_due(r, &v->retry))
            (void)begin(r, &v->attachment, NODE_EV_REMOVE,
                        (struct node_action){NODE_DETACH, v, NULL, NULL});
        return false;
    }
    return true;
}

static void complain(struct round *r)
{
    struct node_pod *p;
    size_t at = 0;

    while ((p = ol_table_each(&r->w->pods, &at))) {
        if (node_pod_is_ready(r->w, p)) {
            p->complain_at = r->now + COMPLAIN_EVERY;
            continue;
        }
        if (p->complain_at <= r->now) {
            act(r, (struct node_action){NODE_COMPLAIN, NULL, NULL, p});
            p->complain_at = r->now + COMPLAIN_EVERY;
        }
        look_again(r, p->complain_at);
    }
}

static void drop_finished_mounts(struct node_volume *v)
{
    for (size_t i = v->n_mounts; i-- > 0;) {
        if (!v->mounts[i]->is_wanted && !node_life_is_owed(v->mounts[i]->life))
            node_mount_forget(v->mounts[i]);
    }
}

ol_time node_reconcile(struct node_world *w, ol_time now, struct node_actions *ret)
{
    struct round r = {.w = w, .to = ret, .now = now, .next = -1};

    *ret = (struct node_actions){0};
    for (size_t i = 0; i < w->n_volumes; i++) {
        struct node_volume *v = w->volumes[i];

        if (v->is_busy)
            continue;
        drop_finished_mounts(v);
        if (tear_down(&r, v) || set_up(&r, v) || expand(&r, v))
            continue;
        if (let_go(&r, v)) {
            node_volume_forget(w, v);
            i--;
        }
    }
    complain(&r);
    return r.next;
}

/* --- answers --- */

static enum node_event event_of(enum node_outcome o)
{
    static const enum node_event events[] = {
        [NODE_OK] = NODE_EV_DONE, [NODE_NO] = NODE_EV_FAILED, [NODE_PERHAPS] = NODE_EV_MAYBE};

    return events[o];
}

static void settle(struct node_retry *retry, enum node_outcome outcome, ol_time now)
{
    if (outcome == NODE_OK)
        *retry = (struct node_retry){0};
    else
        retry->at = now + ol_backoff_delay(&backoff, ++retry->failures);
}

void node_answer(struct node_world *w, const struct node_action *a, enum node_outcome outcome,
                 ol_time now)
{
    struct node_volume *v = a->volume;
    struct node_mount *m = a->mount;
    enum node_event event = event_of(outcome);

    if (a->verb == NODE_COMPLAIN)
        return;
    assert(v->is_busy);
    v->is_busy = false;
    switch (a->verb) {
    case NODE_ATTACH:
    case NODE_DETACH:
        (void)node_life_step(&v->attachment, event);
        settle(&v->retry, outcome, now);
        break;
    case NODE_MOUNT_DEVICE:
    case NODE_UNMOUNT_DEVICE:
        (void)node_life_step(&v->device, event);
        settle(&v->retry, outcome, now);
        break;
    case NODE_SET_UP:
    case NODE_TEAR_DOWN:
        (void)node_life_step(&m->life, event);
        settle(&m->retry, outcome, now);
        m->is_forced = a->verb == NODE_TEAR_DOWN && outcome != NODE_OK;
        if (m->redo_every)
            m->redo_at = now + m->redo_every;
        break;
    case NODE_EXPAND:
        v->want_expansion = v->want_expansion && outcome != NODE_OK;
        v->has_refused_expansion = outcome != NODE_OK;
        settle(&v->retry, outcome, now);
        break;
    case NODE_COMPLAIN: break;
    }
}

void node_hurry(struct node_world *w, const char *driver)
{
    for (size_t i = 0; i < w->n_volumes; i++) {
        struct node_volume *v = w->volumes[i];

        if (!v->driver || strcmp(v->driver, driver) != 0)
            continue;
        v->retry = (struct node_retry){0};
        for (size_t k = 0; k < v->n_mounts; k++)
            v->mounts[k]->retry = (struct node_retry){0};
    }
}

const char *node_verb_name(enum node_verb v)
{
    static const char *const names[] = {
        [NODE_ATTACH] = "attach",
        [NODE_DETACH] = "detach",
        [NODE_MOUNT_DEVICE] = "mount device",
        [NODE_SET_UP] = "set up",
        [NODE_EXPAND] = "expand",
        [NODE_TEAR_DOWN] = "tear down",
        [NODE_UNMOUNT_DEVICE] = "unmount device",
        [NODE_COMPLAIN] = "complain",
    };

    return names[v];
}
