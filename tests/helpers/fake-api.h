/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/strv.h"
#include "kube/client/client.h"
#include "virtual-time.h"

/*
 * A Kubernetes API in memory, in virtual time, for tests of what works on one: get, list (with
 * pages), watch, create, update, patches, delete, /status and pods/binding, resource versions,
 * finalizers, conflicts. It knows no defaults, no validation and no selectors, deletes pods at
 * once, and answers errors when a test says so.
 *
 *     struct fake_api *api = fake_api_new();
 *     struct kube_client *client = fake_api_client(api);
 *     fake_api_put(api, "{'kind': 'PersistentVolume', 'apiVersion': 'v1', ...}");
 *     ... start a controller ...
 *     fake_api_settle(api);
 *     assert_string_equal(fake_api_str(api, &kube_pvc_kind, "default/data", "spec/volumeName"),
 *                         "pv");
 *     kube_client_free(client);
 *     fake_api_free(api);
 */
struct fake_api {
    struct virtual_time time;
    struct ol_log log; /* a test may add a sink */
    struct ol_env env;
    struct ol_loop loop;
    struct ol_strv asked;   /* "PATCH /api/v1/persistentvolumes/pv BODY", without GETs */
    size_t piece;           /* watches tell so many bytes at once; 0 = what there is */
    struct ol_strv answers; /* to questions below */
    struct fake_store *store;
    struct fake_server *server;
};

struct fake_api *fake_api_new(void);
/* All clients and what runs on them must be gone. */
void fake_api_free(struct fake_api *f);
/* The caller frees it. */
struct kube_client *fake_api_client(struct fake_api *f);

/* What goes on until nothing happens without time passing. */
void fake_api_settle(struct fake_api *f);
void fake_api_pass(struct fake_api *f, ol_time span);

/* --- what others do --- */
/* Makes the object what it says, new or not; ' may stand for ". Fails the test when it is no JSON,
 * or of no kind of ours. */
void fake_api_put(struct fake_api *f, const char *json);
void fake_api_putf(struct fake_api *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Merges a patch into an object that must be there; status, too. */
void fake_api_patch(struct fake_api *f, const struct kube_kind *kind, const char *key,
                    const char *patch);
/* Asks for its deletion: with finalizers it stays for now. */
void fake_api_delete(struct fake_api *f, const struct kube_kind *kind, const char *key);

/* --- what there is --- */
/* JSON text, NULL when it is not there. 'key' is "ns/name" or "name". Borrowed until it changes. */
const char *fake_api_text(const struct fake_api *f, const struct kube_kind *kind, const char *key);
/* The text of the value at "spec/claimRef/name", other types as JSON; "" when it is not there.
 * Borrowed as long as f lives. Annotation keys with slashes: fake_api_map(). */
const char *fake_api_str(struct fake_api *f, const struct kube_kind *kind, const char *key,
                         const char *path);
/* A member of the map at the path: ("metadata/annotations", "pv.kubernetes.io/bind-completed"). */
const char *fake_api_map(struct fake_api *f, const struct kube_kind *kind, const char *key,
                         const char *path, const char *member);
size_t fake_api_count(const struct fake_api *f, const struct kube_kind *kind);
/* Requests so far whose text in 'asked' begins with this. */
size_t fake_api_asked(const struct fake_api *f, const char *beginning);
/* The newest event object with this reason: its message; NULL = none. Borrowed as long as f
 * lives. */
const char *fake_api_event(struct fake_api *f, const char *reason);

/* --- trouble --- */
struct fake_fault {
    const char *method; /* NULL = any */
    const char *path;   /* part of path and query; NULL = any */
    int http;           /* the answer; 0 = no answer at all */
    const char *reason; /* "Conflict"; NULL = none */
    bool is_done;       /* it is done all the same, the answer alone is wrong */
    unsigned times;     /* 0 = once */
    ol_time delay;      /* until the answer; with 'http' -1 that is all the trouble */
};
void fake_api_fault(struct fake_api *f, const struct fake_fault *fault);
/* Forgets history: watches and lists from before get 410. */
void fake_api_expire(struct fake_api *f);
/* Ends all watches, as a restart of the server does. */
void fake_api_break(struct fake_api *f);
/* Tells all watches how far things are. */
void fake_api_bookmark(struct fake_api *f);
/* Watches tell nothing until it is called with false. */
void fake_api_hold_watches(struct fake_api *f, bool want_hold);
/* Now as the server counts. */
uint64_t fake_api_version(const struct fake_api *f);
size_t fake_api_watches(const struct fake_api *f);
