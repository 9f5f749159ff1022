/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/table.h"
#include "volume/binder/rules.h"

/*
 * Claims that found no volume, in the order in which they came: when one becomes free that suits
 * one of them, that claim is looked at again. Kubernetes leaves it to the next resync.
 */
struct waiting {
    struct ol_table all;
    struct waiter *first, *last;
};
void binder_waiting_init(struct waiting *w);
void binder_waiting_done(struct waiting *w);
/* 'key' of the claim; a second time changes nothing. */
void binder_waiting_add(struct waiting *w, const char *key);
/* It has what it wants, or is gone; unknown keys do nothing. */
void binder_waiting_remove(struct waiting *w, const char *key);
/* The key of a claim that the volume suits, NULL = none was found. The caller frees it; it waits no
 * more. */
char *binder_waiting_take(struct waiting *w, const struct binder_rules *r, const struct kube_pv *pv)
    __attribute__((warn_unused_result));
