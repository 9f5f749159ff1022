/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/table.h"
#include "kube/base/kind.h"
#include "volume/protection/live-internal.h"

struct waiter {
    struct kube_task *task;
    struct waiter *next;
};

struct listing {
    char *ns; /* first, for the table */
    struct live *live;
    struct kube_request *request;
    struct waiter *now, *later; /* of the list under way, and of the next */
};

struct live {
    struct live_options options;
    struct ol_table listings;
};

struct live *live_new(const struct live_options *options)
{
    struct live *l = ol_xcalloc(1, sizeof(*l));

    l->options = *options;
    l->listings = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    return l;
}

static void release_waiters(struct waiter *all)
{
    while (all) {
        struct waiter *w = all;

        all = w->next;
        kube_task_done(w->task);
        free(w);
    }
}

static void listing_free(struct listing *x)
{
    ol_table_remove(&x->live->listings, x);
    free(x->ns);
    free(x);
}

void live_free(struct live *l)
{
    struct listing *x = NULL;

    if (!l)
        return;
    for (size_t at = 0; (x = ol_table_each(&l->listings, &at)); at = 0) {
        kube_cancel(x->request);
        release_waiters(x->now);
        release_waiters(x->later);
        listing_free(x);
    }
    ol_table_done(&l->listings);
    free(l);
}

static void begin(struct listing *x);

static void tell(struct listing *x, const char *items, size_t len, const struct ol_err *err)
{
    const struct live_options *o = &x->live->options;

    while (x->now) {
        struct waiter *w = x->now;

        x->now = w->next;
        o->answer(o->ctx, w->task, items, len, err);
        free(w);
    }
}

static void on_list(void *ctx, const struct kube_answer *a)
{
    struct listing *x = ctx;
    struct ol_err err = OL_ERR_INIT;
    const char *items = NULL;
    size_t len = 0;

    x->request = NULL;
    if (kube_answer_error(a, &err) == 0
        && kube_text_member(a->body, a->size, "items", &items, &len) < 0) {
        items = "[]";
        len = 2;
    }
    tell(x, items, len, &err);
    if (x->later)
        begin(x);
    else
        listing_free(x);
}

static void begin(struct listing *x)
{
    x->now = x->later;
    x->later = NULL;
    x->request =
        kube_send(x->live->options.client,
                  &(struct kube_ask){.verb = KUBE_VERB_LIST, .kind = &kube_pod_kind, .ns = x->ns},
                  on_list, x);
}

void live_ask(struct live *l, const char *ns, struct kube_task *task)
{
    struct listing *x = ol_table_find_str(&l->listings, ns);
    struct waiter *w = ol_xcalloc(1, sizeof(*w));

    if (!x) {
        x = ol_xcalloc(1, sizeof(*x));
        x->ns = ol_xstrdup(ns);
        x->live = l;
        ol_table_put(&l->listings, x);
    }
    w->task = task;
    w->next = x->later;
    x->later = w;
    if (!x->request)
        begin(x);
}
