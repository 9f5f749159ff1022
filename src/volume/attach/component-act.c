/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/attach/component-internal.h"

enum { BODY_MAX_BYTES = 4 << 20 };

/* A request under way: about a link, or about a node's status. */
struct attach_call {
    struct attach_state_of *s;
    struct attach_link *link; /* stays while it is in flight */
    char *node;
    struct kube_request *request;
    struct attach_call *prev, *next;
};

static struct attach_call *call_new(struct attach_state_of *s)
{
    struct attach_call *c = ol_xcalloc(1, sizeof(*c));

    c->s = s;
    c->next = s->calls;
    if (c->next)
        c->next->prev = c;
    s->calls = c;
    return c;
}

static void call_free(struct attach_call *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        c->s->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c->node);
    free(c);
}

void attach_act_stop(struct attach_state_of *s)
{
    while (s->calls) {
        kube_cancel(s->calls->request);
        call_free(s->calls);
    }
}

static ol_time now_of(const struct attach_state_of *s)
{
    return ol_now_boot(s->loop->env);
}

/* --- VolumeAttachments --- */
static void run_actions(struct attach_state_of *s, struct attach_actions *a);

static void on_created(void *ctx, const struct kube_answer *a)
{
    struct attach_call *c = ctx;
    struct attach_state_of *s = c->s;
    struct attach_link *l = c->link;
    ol_auto(attach_actions_done) struct attach_actions actions = {0};
    struct ol_err err = OL_ERR_INIT;
    bool is_made = a->reason == KUBE_OK || a->reason == KUBE_ALREADY_EXISTS;

    call_free(c);
    if (a->reason == KUBE_OK && a->object)
        kube_informer_store(s->vas, a->object);
    if (!is_made)
        (void)!kube_answer_error(a, &err);
    attach_created(l, now_of(s), is_made ? NULL : &err, &actions);
    run_actions(s, &actions);
}

static void create(struct attach_state_of *s, struct attach_link *l)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX_BYTES);
    struct attach_call *c = call_new(s);
    struct ol_jw w;

    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "apiVersion", "storage.k8s.io/v1");
    ol_jw_str(&w, "kind", "VolumeAttachment");
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "name", l->va_name);
    ol_jw_end(&w);
    ol_jw_map(&w, "spec");
    ol_jw_str(&w, "attacher", l->volume->spec.driver);
    ol_jw_str(&w, "nodeName", l->node->name);
    ol_jw_map(&w, "source");
    ol_jw_str(&w, "persistentVolumeName", l->volume->spec.pv_name);
    while (w.depth)
        ol_jw_end(&w);
    c->link = l;
    c->request = kube_send(
        s->client,
        &(struct kube_ask){
            .verb = KUBE_VERB_CREATE, .kind = &kube_va_kind, .body = body.data, .size = body.len},
        on_created, c);
}

/* Deleted, but there until the attacher has taken its finalizer away. */
static bool is_held(const struct kube_answer *a, const struct kube_object **ret)
{
    if (kube_decode_text(&kube_va_kind, a->body, a->size, ret, NULL) < 0)
        return false;
    return (*ret)->meta.deleted && (*ret)->meta.finalizers.n;
}

static void on_deleted(void *ctx, const struct kube_answer *a)
{
    ol_auto(kube_object_unref_at) const struct kube_object *va = NULL;
    struct attach_call *c = ctx;
    struct attach_state_of *s = c->s;
    struct attach_link *l = c->link;
    struct ol_err err = OL_ERR_INIT;
    bool is_gone = a->reason == KUBE_NOT_FOUND;

    call_free(c);
    if (a->reason == KUBE_OK && is_held(a, &va))
        kube_informer_store(s->vas, va);
    else if (a->reason == KUBE_OK)
        is_gone = true;
    else if (!is_gone)
        (void)!kube_answer_error(a, &err);
    if (err.code)
        ol_warn(s->loop->env, "attachdetach: volume \"%s\" can't be detached from node \"%s\": %s",
                l->volume->name, l->node->name, ol_err_text(&err));
    attach_deleted(l, now_of(s), is_gone, err.code ? &err : NULL);
}

static void delete_va(struct attach_state_of *s, struct attach_link *l)
{
    struct attach_call *c = call_new(s);

    c->link = l;
    c->request = kube_send(
        s->client,
        &(struct kube_ask){.verb = KUBE_VERB_DELETE, .kind = &kube_va_kind, .name = l->va_name},
        on_deleted, c);
}

static void run_actions(struct attach_state_of *s, struct attach_actions *a)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct attach_action *x = &a->v[i];

        if (x->kind == ATTACH_CREATE)
            create(s, x->link);
        else if (x->kind == ATTACH_DELETE)
            delete_va(s, x->link);
        else
            kube_event_add(s->recorder, &x->pod->o, x->is_warning ? KUBE_WARNING : KUBE_NORMAL,
                           x->reason, "%s", x->text);
    }
}

static void end_task(struct attach_state_of *s, struct kube_task *task, ol_time next)
{
    ol_time now = now_of(s);

    if (next)
        kube_task_after(task, next > now ? next - now : 0);
    else
        kube_task_done(task);
}

void attach_act_volume(struct attach_state_of *s, const char *volume, struct kube_task *task)
{
    ol_auto(attach_actions_done) struct attach_actions actions = {0};
    ol_time next = attach_reconcile(s->world, volume, now_of(s), &actions);

    run_actions(s, &actions);
    end_task(s, task, next);
}

/* --- the status of nodes --- */
static void on_node_written(void *ctx, const struct kube_answer *a)
{
    struct attach_call *c = ctx;
    struct attach_state_of *s = c->s;
    ol_autofree char *node = ol_take_ptr(c->node);
    struct ol_err err = OL_ERR_INIT;
    bool is_over = a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND;

    call_free(c);
    if (a->reason == KUBE_OK && a->object)
        kube_informer_store(s->nodes, a->object);
    if (!is_over) {
        (void)!kube_answer_error(a, &err);
        ol_warn(s->loop->env, "attachdetach: status of node \"%s\": %s", node, ol_err_text(&err));
    }
    attach_node_written(s->world, node, now_of(s), kube_as_node(a->object), is_over ? NULL : &err);
}

void attach_act_node(struct attach_state_of *s, const char *node, struct kube_task *task)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX_BYTES);
    ol_time next = 0;
    struct attach_call *c = NULL;

    if (attach_node_write(s->world, node, now_of(s), &body, &next)) {
        c = call_new(s);
        c->node = ol_xstrdup(node);
        c->request = kube_send(s->client,
                               &(struct kube_ask){.verb = KUBE_VERB_PATCH_MERGE,
                                                  .kind = &kube_node_kind,
                                                  .name = node,
                                                  .subresource = "status",
                                                  .body = body.data,
                                                  .size = body.len},
                               on_node_written, c);
    }
    end_task(s, task, next);
}
