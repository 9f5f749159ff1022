/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "volume/node/node-internal.h"
#include "volume/plugin/run.h"

/* Actions of the reconciler become operations: chains of requests, calls and jobs. */

static void op_free(struct node_op *op)
{
    if (op->fetched)
        kube_object_unref(op->fetched);
    free(op);
}

static void op_unlink(struct node_op *op)
{
    struct node_op **at = &op->n->ops;

    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
}

static bool may_be_last(const struct node *n, const struct node_op *op, enum node_outcome outcome)
{
    return n->left && outcome == NODE_OK && op->a.volume->driver
           && (op->a.verb == NODE_TEAR_DOWN || op->a.verb == NODE_UNMOUNT_DEVICE);
}

static void tell_left(struct node *n, const char *name, const char *driver, const char *handle)
{
    const struct node_volume *v = ol_table_find_str(&n->world.by_name, name);

    if (!v || !node_volume_is_held(v))
        n->left(n->left_ctx, driver, handle);
}

void node_op_end(struct node_op *op, enum node_outcome outcome, const char *problem)
{
    struct node *n = op->n;

    node_report(n, &op->a, outcome, problem ? problem : "");
    op_unlink(op);
    /* Perhaps the last that a pod has waited for: torn down, or refused when it had gone. */
    if (op->a.verb == NODE_TEAR_DOWN || (op->a.mount && !op->a.mount->is_wanted))
        n->wants_sweep = true;
    if (may_be_last(n, op, outcome)) {
        ol_autofree char *name = ol_xstrdup(op->a.volume->name);
        ol_autofree char *driver = ol_xstrdup(op->a.volume->driver);
        ol_autofree char *handle = ol_xstrdup(op->a.volume->handle);

        node_answer(&n->world, &op->a, outcome, ol_now_boot(n->env));
        tell_left(n, name, driver, handle);
    } else {
        node_answer(&n->world, &op->a, outcome, ol_now_boot(n->env));
    }
    op_free(op);
    node_wake(n);
}

void node_ops_cancel(struct node *n)
{
    while (n->ops) {
        struct node_op *op = n->ops;

        n->ops = op->next;
        if (op->call)
            ol_grpc_cancel(op->call);
        if (op->job)
            ol_job_cancel(op->job);
        if (op->request)
            kube_cancel(op->request);
        op_free(op);
    }
}

void node_act(struct node *n, const struct node_action *a)
{
    struct node_op *op;

    if (a->verb == NODE_COMPLAIN) {
        node_report(n, a, NODE_NO, "");
        return;
    }
    op = ol_xcalloc(1, sizeof(*op));
    *op = (struct node_op){.next = n->ops, .n = n, .a = *a};
    n->ops = op;
    ol_debug(n->env, "%s: %s", node_verb_name(a->verb), a->volume->name);
    if (a->verb == NODE_ATTACH || a->verb == NODE_DETACH)
        node_attach_begin(op);
    else if (a->verb == NODE_EXPAND)
        node_expand_begin(op);
    else if (a->volume->plugin == &volume_csi)
        node_csi_begin(op);
    else
        node_tree_begin(op);
}

static void fetched(void *ctx, const struct kube_answer *answer)
{
    struct node_op *op = ctx;
    struct ol_err err = OL_ERR_INIT;
    int r;

    op->request = NULL;
    if (answer->reason == KUBE_OK && answer->object) {
        op->fetched = kube_object_ref(answer->object);
        op->then(op);
        return;
    }
    if (answer->reason == KUBE_NOT_FOUND) {
        op->is_missing = true;
        op->then(op);
        return;
    }
    r = kube_answer_error(answer, &err);
    node_op_end(op, NODE_NO, r < 0 ? ol_err_text(&err) : "the API server gave no object");
}

void node_op_fetch(struct node_op *op, const struct kube_kind *kind, const char *ns,
                   const char *name, void (*then)(struct node_op *op))
{
    const struct kube_ask ask = {.verb = KUBE_VERB_GET, .kind = kind, .ns = ns, .name = name};

    op->then = then;
    op->request = kube_send(op->n->k.client, &ask, fetched, op);
}

void node_op_run(struct node_op *op, const struct volume_plan *plan, ol_time timeout,
                 void (*done)(void *ctx, int status, const struct ol_buf *out,
                              const struct ol_buf *err))
{
    const char *const argv[] = {VOLUME_JOB, op->a.volume->spec_name, NULL};
    const struct ol_job_options options = {
        .argv = argv,
        .is_function = true,
        .in = plan->wire.data,
        .in_size = plan->wire.len,
        .timeout = timeout,
        .done = done,
        .ctx = op,
    };

    op->job = ol_job_start(op->n->k.loop, &options);
}

enum node_outcome node_job_outcome(int status, const struct ol_buf *err, struct ol_buf *problem)
{
    size_t len = 0;
    const char *text = err ? ol_str_strip(err->data, err->len, &len) : "";

    if (status == 0)
        return NODE_OK;
    if (status == -ETIMEDOUT) {
        ol_buf_adds(problem, "it did not end in time; the server may be gone");
        return NODE_PERHAPS;
    }
    if (status < 0)
        ol_buf_adds(problem, strerror(-status));
    else if (len)
        ol_buf_add(problem, text, len);
    else
        ol_buf_printf(problem, "its process ended with status %d", status);
    return status < 0 || len ? NODE_NO : NODE_PERHAPS;
}

void node_op_ran(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct node_op *op = ctx;
    ol_auto(ol_buf_done) struct ol_buf problem = OL_BUF_INIT(64 << 10);
    enum node_outcome outcome = node_job_outcome(status, err, &problem);

    op->job = NULL;
    node_op_end(op, outcome, problem.data);
}
