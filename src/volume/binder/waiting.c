/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/binder/waiting-internal.h"

enum { MOST_LOOKS = 64 }; /* per volume; those that were looked at go to the end */

struct waiter {
    char *key; /* first, for the table */
    struct waiter *prev, *next;
};

void binder_waiting_init(struct waiting *w)
{
    *w = (struct waiting){.all = OL_TABLE_INIT(&ol_table_of_strings)};
}

static void append(struct waiting *w, struct waiter *i)
{
    i->prev = w->last;
    i->next = NULL;
    if (w->last)
        w->last->next = i;
    else
        w->first = i;
    w->last = i;
}

static void take_out(struct waiting *w, struct waiter *i)
{
    if (i->prev)
        i->prev->next = i->next;
    else
        w->first = i->next;
    if (i->next)
        i->next->prev = i->prev;
    else
        w->last = i->prev;
}

static void drop(struct waiting *w, struct waiter *i)
{
    take_out(w, i);
    ol_table_remove(&w->all, i);
    free(i->key);
    free(i);
}

void binder_waiting_done(struct waiting *w)
{
    while (w->first)
        drop(w, w->first);
    ol_table_done(&w->all);
}

void binder_waiting_add(struct waiting *w, const char *key)
{
    struct waiter *i = ol_table_find_str(&w->all, key);

    if (i)
        return;
    i = ol_xcalloc(1, sizeof(*i));
    i->key = ol_xstrdup(key);
    ol_table_put(&w->all, i);
    append(w, i);
}

void binder_waiting_remove(struct waiting *w, const char *key)
{
    struct waiter *i = ol_table_find_str(&w->all, key);

    if (i)
        drop(w, i);
}

static bool suits(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    char why[320];

    return !binder_mismatch(pv, claim, true, why)
           && (!claim->spec.selector
               || kube_labels_match(claim->spec.selector, &pv->o.meta.labels));
}

char *binder_waiting_take(struct waiting *w, const struct binder_rules *r, const struct kube_pv *pv)
{
    for (unsigned n = 0; n < MOST_LOOKS && n < w->all.n; n++) {
        struct waiter *i = w->first;
        char ns[254], name[254];
        const struct kube_pvc *claim = NULL;
        char *key = NULL;

        if (kube_key_split(i->key, ns, name) == 0)
            claim = r->view->claim(r->self, ns, name);
        if (claim && suits(pv, claim)) {
            key = ol_xstrdup(i->key);
            drop(w, i);
            return key;
        }
        take_out(w, i);
        append(w, i);
    }
    return NULL;
}
