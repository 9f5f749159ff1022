/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "pv-cases.h"
#include "volume/binder/component-internal.h"

#define RESYNC (15 * OL_SECOND)
enum { MOST_RESYNCS = 40, MOST_MIGRATIONS = 16 };

/* A case's world: the component on an API in memory. */
struct world {
    struct pv_case *c;
    struct fake_api *api;
    struct kube_client *client;
    struct kube_informers *informers;
    struct binder_component_options options;
    struct binder_migration migrations[MOST_MIGRATIONS + 1];
    struct pv_mock mock;
    struct binder_component_state *state;
    bool is_injected;
    bool is_over; /* the round */
    enum binder_result result;
};

/* --- what a case changes while it runs --- */
static const struct ol_val *expected_named(struct world *w, const char *list, const char *text)
{
    const struct ol_val *all = ol_val_at(w->c->doc, list);

    for (size_t i = 0; i < ol_val_count(all); i++) {
        if (strstr(text, pv_str(ol_val_item(all, i), "name")))
            return ol_val_item(all, i);
    }
    return NULL;
}

/* Into the API and, while the watches are held, into the cache. */
static void put_everywhere(struct world *w, const struct ol_val *doc)
{
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    const char *name = pv_str(ol_val_get(doc, "metadata"), "name");
    const char *ns = pv_str(ol_val_get(doc, "metadata"), "namespace");
    bool is_pv = strcmp(pv_str(doc, "kind"), "PersistentVolume") == 0;
    const struct kube_kind *kind = is_pv ? &kube_pv_kind : &kube_pvc_kind;
    const char *key = ol_arena_printf(w->c->arena, "%s%s%s", ns, is_pv ? "" : "/", name);
    const char *text = NULL;

    fake_api_put(w->api, pv_text(w->c->arena, doc));
    text = fake_api_text(w->api, kind, key);
    if (kube_decode_text(kind, text, strlen(text), &o, NULL) == 0)
        kube_informer_store(is_pv ? w->state->pvs : w->state->claims, o);
}

static struct ol_val *unbound(struct world *w, const struct ol_val *pv)
{
    struct ol_val *doc = pv_volume_doc(w->c->arena, pv);

    ol_val_remove(ol_val_get_mut(doc, "spec"), "claimRef");
    ol_val_remove(ol_val_get_mut(doc, "metadata"), "annotations");
    ol_val_set_str(w->c->arena, ol_val_get_mut(doc, "status"), "phase", "Available");
    return doc;
}

static void inject_volume(struct world *w, const char *text)
{
    const struct ol_val *pv = expected_named(w, "expected/pvs", text);

    if (!pv)
        pv_case_fail(w->c, "no volume for: %s", text);
    else if (strstr(text, "unbound"))
        put_everywhere(w, unbound(w, pv));
    else
        put_everywhere(w, pv_volume_doc(w->c->arena, pv));
}

/* A bound claim comes back, and with it its volume's phase. */
static void resurrect(struct world *w, const struct ol_val *claim)
{
    const char *volume = pv_str(claim, "volumeName");

    put_everywhere(w, pv_claim_doc(w->c->arena, claim));
    if (fake_api_text(w->api, &kube_pv_kind, volume))
        fake_api_patch(w->api, &kube_pv_kind, volume, "{'status': {'phase': 'Bound'}}");
}

/* What others do at the moment an operation begins. */
static void inject(void *ctx, const char *operation)
{
    struct world *w = ctx;
    const char *text = pv_str(ol_val_get(w->c->doc, "run"), "inject");
    const struct ol_val *first = ol_val_item(ol_val_at(w->c->doc, "initial/pvs"), 0);

    if (w->is_injected || !text[0])
        return;
    w->is_injected = true;
    if (strstr(text, "PV is deleted from the API")) {
        fake_api_delete(w->api, &kube_pv_kind, pv_str(first, "name"));
    } else if (strstr(text, "resurrected")) {
        resurrect(w, expected_named(w, "expected/pvcs", text));
    } else if (strstr(text, "marks the PV Available")) {
        fake_api_put(w->api, pv_text(w->c->arena, unbound(w, first)));
    } else if (strstr(text, "external provisioner has created")) {
        inject_volume(w, text);
    } else {
        pv_case_fail(w->c, "nobody knows how to: %s", text);
    }
}

/* "provisioned-by of the first PV is overwritten with NAME": on both sides, so here before. */
static void overwrite(struct world *w, struct ol_val *doc)
{
    const char *text = pv_str(ol_val_get(w->c->doc, "run"), "custom");
    const char *with = strstr(text, "overwritten with ");
    struct ol_val *meta = ol_val_get_mut(doc, "metadata");
    char name[128] = "";

    if (!with || sscanf(with, "overwritten with %127[^ ]", name) != 1)
        return;
    if (!ol_val_get(meta, "annotations"))
        ol_val_set(w->c->arena, meta, "annotations", ol_val_new_map(w->c->arena));
    ol_val_set_str(w->c->arena, ol_val_get_mut(meta, "annotations"), BINDER_PROVISIONED_BY, name);
}

/* --- setting up --- */
static bool is_api_only(const struct ol_val *v)
{
    return ol_val_get(ol_val_get(v, "annotations"), "pv-testing-skip-local-store") != NULL;
}

static void put_objects(struct world *w, bool want_api_only)
{
    const struct ol_val *pvs = ol_val_at(w->c->doc, "initial/pvs");
    const struct ol_val *claims = ol_val_at(w->c->doc, "initial/pvcs");

    for (size_t i = 0; i < ol_val_count(pvs); i++) {
        struct ol_val *doc = pv_volume_doc(w->c->arena, ol_val_item(pvs, i));

        if (i == 0)
            overwrite(w, doc);
        if (is_api_only(ol_val_item(pvs, i)) == want_api_only)
            fake_api_put(w->api, pv_text(w->c->arena, doc));
    }
    for (size_t i = 0; i < ol_val_count(claims); i++) {
        if (is_api_only(ol_val_item(claims, i)) == want_api_only)
            fake_api_put(w->api,
                         pv_text(w->c->arena, pv_claim_doc(w->c->arena, ol_val_item(claims, i))));
    }
}

static void put_others(struct world *w)
{
    const struct ol_val *classes = ol_val_get(w->c->doc, "storageClasses");
    const struct ol_val *pods = ol_val_get(w->c->doc, "pods");

    for (size_t i = 0; i < ol_val_count(classes); i++)
        fake_api_put(w->api,
                     pv_text(w->c->arena, pv_class_doc(w->c->arena, ol_val_item(classes, i))));
    for (size_t i = 0; i < ol_val_count(pods); i++)
        fake_api_put(w->api, pv_text(w->c->arena, pv_pod_doc(w->c->arena, ol_val_item(pods, i))));
}

static void inject_errors(struct world *w)
{
    static const struct {
        const char *verb, *method;
    } verbs[] = {{"create", "POST"},
                 {"update", "PATCH"},
                 {"patch", "PATCH"},
                 {"delete", "DELETE"},
                 {"get", "GET"}};
    const struct ol_val *all = ol_val_get(w->c->doc, "injectedApiErrors");

    for (size_t i = 0; i < ol_val_count(all); i++) {
        const struct ol_val *e = ol_val_item(all, i);
        bool exists = strcmp(pv_str(e, "error"), "AlreadyExists") == 0;
        struct fake_fault fault = {.http = exists ? 409 : 500,
                                   .reason = exists ? "AlreadyExists" : "InternalError",
                                   .path =
                                       ol_arena_printf(w->c->arena, "/%s", pv_str(e, "resource"))};

        for (size_t v = 0; v < ol_count(verbs); v++) {
            if (strcmp(verbs[v].verb, pv_str(e, "verb")) == 0)
                fault.method = verbs[v].method;
        }
        fake_api_fault(w->api, &fault);
    }
}

static bool is_gate_off(const struct world *w, const char *gate, bool by_default)
{
    const struct ol_val *v = ol_val_get(ol_val_get(w->c->doc, "featureGates"), gate);

    return v ? !ol_val_is_truthy(v) : by_default;
}

/* "every plugin migrated to DRIVER" */
static void set_migrations(struct world *w)
{
    const char *text = pv_str(ol_val_get(w->c->doc, "run"), "csiMigration");
    const char *driver = strstr(text, "migrated to ");
    const struct ol_val *classes = ol_val_get(w->c->doc, "storageClasses");
    size_t n = 0;

    if (!driver)
        return;
    driver += strlen("migrated to ");
    w->migrations[n++] = (struct binder_migration){driver, driver}; /* "every" */
    for (size_t i = 0; i < ol_val_count(classes) && n < MOST_MIGRATIONS; i++) {
        const char *name = pv_str(ol_val_item(classes, i), "provisioner");

        if (ol_str_starts(name, "kubernetes.io/"))
            w->migrations[n++] = (struct binder_migration){name, driver};
    }
    w->options.rules.migrations = w->migrations;
}

static void set_options(struct world *w)
{
    /* Cases that were read from a version before the gate was on by default. */
    bool is_old = strcmp(pv_str(w->c->doc, "basis"), "v1.20.2") == 0;

    if (is_gate_off(w, "HonorPVReclaimPolicy", is_old))
        w->options.rules.off |= BINDER_OFF_HONOR_RECLAIM;
    if (is_gate_off(w, "VolumeAttributesClass", false))
        w->options.rules.off |= BINDER_OFF_ATTRIBUTES_CLASS;
    w->options.rules.plugins = pv_mock_plugins(&w->mock);
    w->options.rules.begins = inject;
    w->options.rules.begins_ctx = w;
    set_migrations(w);
}

static void open_world(struct world *w, struct pv_case *c)
{
    struct kube_context k;
    void *state = NULL;

    *w = (struct world){.c = c};
    w->api = fake_api_new();
    pv_mock_init(&w->mock, ol_val_get(c->doc, "run"), w->api);
    set_options(w);
    put_others(w);
    put_objects(w, false);
    w->client = fake_api_client(w->api);
    w->informers = kube_informers_new(w->client);
    k = (struct kube_context){
        .loop = &w->api->loop, .client = w->client, .informers = w->informers};
    if (binder_component.start(&k, &w->options, &state, NULL) < 0)
        abort();
    w->state = state;
    kube_informers_start(w->informers, NULL, NULL);
    fake_api_settle(w->api);
    fake_api_hold_watches(w->api, true);
    put_objects(w, true);
    inject_errors(w);
}

static void on_stopped(void *ctx) {}

static void close_world(struct world *w)
{
    binder_component.stop(w->state, on_stopped, NULL);
    kube_informers_free(w->informers);
    kube_client_free(w->client);
    pv_mock_done(&w->mock);
    fake_api_free(w->api);
}

/* --- harnesses --- */
static void on_round(void *ctx, enum binder_result result, const struct ol_err *err)
{
    struct world *w = ctx;

    w->is_over = true;
    w->result = result;
}

static const char *key_of(struct world *w, const char *kind)
{
    bool is_pv = strcmp(kind, "pvs") == 0;
    const struct ol_val *first =
        ol_val_item(ol_val_at(w->c->doc, is_pv ? "initial/pvs" : "initial/pvcs"), 0);

    if (is_pv)
        return pv_str(first, "name");
    return ol_arena_printf(w->c->arena, "%s/%s", pv_str(first, "namespace"), pv_str(first, "name"));
}

/* One round of one object, and the operations that it begins. */
static void run_single(struct world *w)
{
    const struct ol_val *run = ol_val_get(w->c->doc, "run");
    bool is_claim = strcmp(pv_str(run, "call"), "syncClaim") == 0;
    bool want_error = ol_val_is_truthy(ol_val_get(run, "expectError"));

    binder_engine_sync(w->state->engine, key_of(w, is_claim ? "pvcs" : "pvs"), on_round, w);
    fake_api_settle(w->api);
    for (int i = 0; i < MOST_RESYNCS && binder_engine_n_operations(w->state->engine); i++)
        fake_api_pass(w->api, 10 * OL_SECOND);
    fake_api_settle(w->api);
    if (!w->is_over)
        pv_case_fail(w->c, "the round has not ended");
    else if ((w->result == BINDER_FAILED) != want_error)
        pv_case_fail(w->c, want_error ? "the round did not fail" : "the round failed");
}

/* Everything runs until a whole resync changes nothing. */
static void run_multi(struct world *w)
{
    uint64_t before = 0;
    int quiet = 0;

    run_single(w);
    fake_api_hold_watches(w->api, false);
    binder_component.run(w->state);
    fake_api_settle(w->api);
    for (int i = 0; i < MOST_RESYNCS && quiet < 2; i++) {
        before = fake_api_version(w->api);
        fake_api_pass(w->api, RESYNC);
        quiet = before == fake_api_version(w->api) ? quiet + 1 : 0;
    }
}

static bool is_timed(struct world *w, const char *text, const char *word, const char *kind,
                     enum binder_timed op)
{
    return strstr(text, word)
           && binder_metrics_since(binder_engine_metrics(w->state->engine), key_of(w, kind), op)
                  > 0;
}

static void check_timers(struct world *w, const char *text)
{
    if (strstr(text, "delete-operation start timestamp")
        && !is_timed(w, text, "must exist", "pvs", BINDER_TIMED_DELETE))
        pv_case_fail(w->c, "no time of the deletion's start");
    if (is_timed(w, text, "no delete timestamp may remain", "pvs", BINDER_TIMED_DELETE))
        pv_case_fail(w->c, "the deletion's time remains");
    if (is_timed(w, text, "timestamp must be gone", "pvcs", BINDER_TIMED_PROVISION))
        pv_case_fail(w->c, "the provisioning's time remains");
}

/* "… claim-deleted event …", "… volume-deleted event …", in the order of the text. */
static void play(struct world *w, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (ol_str_starts(at, "wait until a provision timestamp exists")
            && !is_timed(w, text, "", "pvcs", BINDER_TIMED_PROVISION))
            pv_case_fail(w->c, "no time of the provisioning's start");
        if (ol_str_starts(at, "wait for claim phase Lost")
            && strcmp(fake_api_str(w->api, &kube_pvc_kind, key_of(w, "pvcs"), "status/phase"),
                      "Lost")
                   != 0)
            pv_case_fail(w->c, "the claim is not Lost");
        if (ol_str_starts(at, "claim-deleted event"))
            fake_api_delete(w->api, &kube_pvc_kind, key_of(w, "pvcs"));
        else if (ol_str_starts(at, "volume-deleted event"))
            fake_api_delete(w->api, &kube_pv_kind, key_of(w, "pvs"));
        fake_api_settle(w->api);
    }
}

static void run_controller(struct world *w)
{
    const char *text = pv_str(ol_val_get(w->c->doc, "run"), "custom");

    fake_api_hold_watches(w->api, false);
    binder_component.run(w->state);
    fake_api_settle(w->api);
    play(w, text);
    fake_api_pass(w->api, RESYNC + OL_SECOND);
    check_timers(w, text);
}

/* --- events --- */
static bool read_event(struct pv_case *c, const char *asked, const char **ret)
{
    const char *body = strchr(asked, '{');
    struct ol_val *v = NULL;

    if (!ol_str_starts(asked, "POST ") || !strstr(asked, "/events") || !body)
        return false;
    if (ol_json_load(body, strlen(body), c->arena, &v, NULL) < 0)
        return false;
    *ret = ol_arena_printf(c->arena, "%s %s %s", pv_str(v, "type"), pv_str(v, "reason"),
                           pv_str(v, "message"));
    return true;
}

static void compare_events(struct world *w)
{
    const struct ol_val *want = ol_val_at(w->c->doc, "expected/events");
    size_t at = 0;

    for (size_t i = 0; i < w->api->asked.n && at < ol_val_count(want); i++) {
        const char *text = NULL, *prefix = ol_val_str(ol_val_item(want, at));

        if (!read_event(w->c, w->api->asked.v[i], &text))
            continue;
        if (!ol_str_starts(text, prefix))
            pv_case_fail(w->c, "event '%s', want '%s'", text, prefix);
        at++;
    }
    if (at < ol_val_count(want))
        pv_case_fail(w->c, "no event '%s'", ol_val_str(ol_val_item(want, at)));
}

static void overwrite_expected(struct world *w)
{
    const char *text = pv_str(ol_val_get(w->c->doc, "run"), "custom");
    const struct ol_val *first = ol_val_item(ol_val_at(w->c->doc, "expected/pvs"), 0);
    struct ol_val *annotations = ol_val_get_mut((struct ol_val *)first, "annotations");
    char name[128] = "";
    const char *with = strstr(text, "overwritten with ");

    if (with && annotations && sscanf(with, "overwritten with %127[^ ]", name) == 1)
        ol_val_set_str(w->c->arena, annotations, BINDER_PROVISIONED_BY, name);
}

void pv_run_sync(struct pv_case *c)
{
    const char *harness = pv_str(c->doc, "harness");
    struct world w;

    open_world(&w, c);
    overwrite_expected(&w);
    if (strcmp(harness, "controller") == 0)
        run_controller(&w);
    else if (strcmp(harness, "multi") == 0)
        run_multi(&w);
    else
        run_single(&w);
    pv_compare(c, w.api);
    compare_events(&w);
    close_world(&w);
}
