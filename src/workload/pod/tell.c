/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "workload/pod/runner-internal.h"

/* Status and events of a pod. */

enum { STATUS_MAX = 256 << 10 };

static void told(void *ctx, const struct kube_answer *answer)
{
    struct pod_run *p = ctx;
    struct ol_err err = OL_ERR_INIT;

    p->status = NULL;
    if (answer->reason == KUBE_OK && answer->object) {
        kube_informer_store(p->r->pods, answer->object);
    } else if (answer->reason != KUBE_OK && answer->reason != KUBE_NOT_FOUND) {
        if (kube_answer_error(answer, &err) < 0)
            ol_warn(p->r->env, "status of pod %s: %s", p->pod->o.meta.name, ol_err_text(&err));
        ol_buf_clear(&p->told);
    }
    runner_wake(p->r);
}

/* What only the clock has changed is no news. */
static void without_now(const struct pod_view *v, const char *address, struct ol_buf *to)
{
    pod_status(v, address, 0, to);
}

void pod_run_tell(struct pod_run *p)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(STATUS_MAX),
                                       body = OL_BUF_INIT(STATUS_MAX);
    const struct kube_meta *m = &p->pod->o.meta;
    const char *address = node_address(p->r->node);

    if (p->status || p->view.is_gone || p->view.is_delete_sent)
        return;
    without_now(&p->view, address, &text);
    if (!strcmp(text.data, p->told.data))
        return;
    ol_buf_clear(&p->told);
    ol_buf_add(&p->told, text.data, text.len);
    pod_status(&p->view, address, ol_now_wall(p->r->env), &body);
    p->status = kube_send(p->r->k.client,
                          &(struct kube_ask){.verb = KUBE_VERB_PATCH_STRATEGIC,
                                             .kind = &kube_pod_kind,
                                             .ns = m->ns,
                                             .name = m->name,
                                             .subresource = "status",
                                             .body = body.data,
                                             .size = body.len},
                          told, p);
}

void pod_run_event(struct pod_run *p, enum kube_event_type type, const char *reason,
                   const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(&text, fmt, ap);
    va_end(ap);
    if (!p->view.is_gone)
        kube_event_add(p->r->recorder, &p->pod->o, type, reason, "%s", text.data);
}
