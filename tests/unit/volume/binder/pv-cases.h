/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/json.h"
#include "core/buf.h"
#include "fake-api.h"
#include "volume/binder/plugin.h"

/*
 * Runs table cases of the PV controller that are given as data: files of the form of
 * tests/unit/volume/binder/cases.json. The component itself runs, on an API in memory and in
 * virtual time; nothing depends on a case's id.
 */

/* One case, and why it fails. */
struct pv_case {
    const struct ol_val *doc;  /* the case */
    const struct ol_val *root; /* the file */
    struct ol_arena *arena;
    struct ol_buf why; /* empty = it passes */
};
void pv_case_fail(struct pv_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of the lists of a file. */
void pv_run_sync(struct pv_case *c);
void pv_run_index(struct pv_case *c);
void pv_run_finalizer(struct pv_case *c);
void pv_run_migration(struct pv_case *c);
void pv_run_cache(struct pv_case *c, struct ol_buf *stored);
const struct kube_class *pv_no_class(void *self, const char *name);

/* --- documents --- */
const char *pv_str(const struct ol_val *v, const char *key);
/* The objects that cases describe in short, as an API has them. */
struct ol_val *pv_volume_doc(struct ol_arena *a, const struct ol_val *v);
struct ol_val *pv_claim_doc(struct ol_arena *a, const struct ol_val *v);
struct ol_val *pv_class_doc(struct ol_arena *a, const struct ol_val *v);
struct ol_val *pv_pod_doc(struct ol_arena *a, const struct ol_val *v);
const char *pv_text(struct ol_arena *a, const struct ol_val *v);
/* Decoded; the caller unrefs it. Fails the case when it can't be. */
const struct kube_object *pv_decode(struct pv_case *c, const struct ol_val *doc);
/* The API has these volumes and claims and no others. */
void pv_compare(struct pv_case *c, struct fake_api *api);

/* --- a plug-in that does what a case says --- */
struct pv_mock {
    struct binder_plugin row;
    const struct binder_plugin *all[2];
    const struct ol_val *provision, *remove, *recycle; /* lists of results; NULL = it can't */
    size_t n_provision, n_remove, n_recycle;           /* used so far */
    struct fake_api *api;
    struct ol_timer timer; /* until the answer */
    struct binder_done done;
    const char *result;
    char capacity[64];
};
void pv_mock_init(struct pv_mock *m, const struct ol_val *run, struct fake_api *api);
void pv_mock_done(struct pv_mock *m);
/* NULL-terminated; empty when the case has no plug-in. */
const struct binder_plugin *const *pv_mock_plugins(const struct pv_mock *m);
