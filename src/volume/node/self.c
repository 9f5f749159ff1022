/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/time.h"
#include "volume/node/machine.h"
#include "volume/node/node-internal.h"

/*
 * The node in the API: its object (made if it is missing), the status, a Lease that is renewed, and
 * the half of the attach handshake that is the node's: status.volumesInUse.
 */

#define LEASE_NS      "kube-node-lease"
#define RENEW_EVERY   (10 * OL_SECOND)
#define STATUS_EVERY  (300 * OL_SECOND)
#define LEASE_SECONDS 40

struct node_self {
    struct node *n;
    struct node_machine machine;
    struct ol_timer beat;
    struct kube_request *request;
    bool is_running, exists, has_lease, has_lease_ns;
    bool has_news; /* for the status, which one under way may not tell */
    ol_time status_at, lease_at, retry_at;
};

static void work(struct node_self *s);

static void fail(struct node_self *s, const struct kube_answer *answer, const char *what)
{
    struct ol_err err = OL_ERR_INIT;

    (void)kube_answer_error(answer, &err);
    ol_warn(s->n->env, "node %s: %s: %s", s->n->name, what, ol_err_text(&err));
    s->retry_at = ol_now_boot(s->n->env) + OL_SECOND;
}

static void send_ask(struct node_self *s, const struct kube_ask *ask, const struct ol_buf *body,
                     kube_done_fn done)
{
    struct kube_ask whole = *ask;

    whole.body = body->data;
    whole.size = body->len;
    s->request = kube_send(s->n->k.client, &whole, done, s);
}

/* --- the object --- */

static void put_identity(struct node_self *s, bool is_new, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    if (is_new) {
        ol_jw_str(&w, "apiVersion", "v1");
        ol_jw_str(&w, "kind", "Node");
    }
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "name", s->n->name);
    ol_jw_map(&w, "labels");
    ol_jw_str(&w, "kubernetes.io/hostname", s->n->name);
    ol_jw_str(&w, "kubernetes.io/os", "linux");
    ol_jw_str(&w, "kubernetes.io/arch", s->machine.arch);
    ol_jw_end(&w);
    ol_jw_map(&w, "annotations");
    if (!s->n->world.attaches_itself)
        ol_jw_str(&w, "volumes.kubernetes.io/controller-managed-attach-detach", "true");
    else if (!is_new)
        ol_jw_null(&w, "volumes.kubernetes.io/controller-managed-attach-detach");
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

static void wrote_object(void *ctx, const struct kube_answer *answer)
{
    struct node_self *s = ctx;

    s->request = NULL;
    if (answer->reason == KUBE_OK) {
        s->exists = true;
        if (answer->object)
            kube_informer_store(s->n->nodes, answer->object);
        node_registry_run(s->n->registry);
        node_wake(s->n);
    } else if (answer->reason == KUBE_ALREADY_EXISTS) {
        s->retry_at = ol_now_boot(s->n->env) + OL_SECOND / 5; /* the cache will have it soon */
    } else {
        fail(s, answer, "registering");
    }
    work(s);
}

static void write_object(struct node_self *s)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(64 << 10);
    bool is_new = !node_own_object(s->n);
    const struct kube_ask ask = {
        .verb = is_new ? KUBE_VERB_CREATE : KUBE_VERB_PATCH_MERGE,
        .kind = &kube_node_kind,
        .name = is_new ? NULL : s->n->name,
    };

    put_identity(s, is_new, &body);
    send_ask(s, &ask, &body, wrote_object);
}

/* --- the status --- */

static void wrote_status(void *ctx, const struct kube_answer *answer)
{
    struct node_self *s = ctx;

    s->request = NULL;
    if (answer->reason == KUBE_OK && answer->object)
        kube_informer_store(s->n->nodes, answer->object);
    if (answer->reason == KUBE_NOT_FOUND)
        s->exists = false;
    else if (answer->reason != KUBE_OK)
        fail(s, answer, "status");
    else
        s->status_at = ol_now_boot(s->n->env) + STATUS_EVERY;
    work(s);
}

static void write_status(struct node_self *s)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(64 << 10);
    const struct kube_node *node = node_own_object(s->n);

    s->has_news = false;
    node_machine_status(&s->machine, s->n->name, s->n->address, node, ol_now_wall(s->n->env),
                        &body);
    send_ask(s,
             &(struct kube_ask){.verb = KUBE_VERB_PATCH_STRATEGIC,
                                .kind = &kube_node_kind,
                                .name = s->n->name,
                                .subresource = "status"},
             &body, wrote_status);
}

/* --- volumesInUse --- */

static void collect_in_use(const struct node *n, struct ol_strv *to)
{
    const struct kube_node *node = node_own_object(n);

    /* Before all pods were looked at nothing is taken out: what runs here may use it. */
    for (uint32_t i = 0; node && !n->world.may_tear_down && i < node->status.volumes_in_use.n; i++)
        ol_strv_add(to, node->status.volumes_in_use.v[i]);
    for (size_t i = 0; i < n->world.n_volumes; i++) {
        if (node_volume_is_in_use(n->world.volumes[i])
            && !ol_strv_has(to, n->world.volumes[i]->name))
            ol_strv_add(to, n->world.volumes[i]->name);
    }
    ol_strv_sort(to);
}

static bool is_told(const struct node *n, const struct ol_strv *in_use)
{
    const struct kube_node *node = node_own_object(n);

    if (!node || node->status.volumes_in_use.n != in_use->n)
        return !node;
    ol_strv_each (name, in_use) {
        if (!kube_strs_has(&node->status.volumes_in_use, name))
            return false;
    }
    return true;
}

static void wrote_in_use(void *ctx, const struct kube_answer *answer)
{
    struct node_self *s = ctx;

    s->request = NULL;
    if (answer->reason == KUBE_OK && answer->object)
        kube_informer_store(s->n->nodes, answer->object);
    if (answer->reason == KUBE_NOT_FOUND)
        s->exists = false;
    else if (answer->reason != KUBE_OK)
        fail(s, answer, "volumesInUse");
    node_wake(s->n);
    work(s);
}

/* False: the API has them as they are. */
static bool write_in_use(struct node_self *s)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(4 << 20);
    ol_auto(ol_strv_done) struct ol_strv in_use = OL_STRV_INIT;
    struct ol_jw w;

    collect_in_use(s->n, &in_use);
    if (!s->n->world.is_populated || is_told(s->n, &in_use))
        return false;
    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    ol_jw_map(&w, "status");
    ol_jw_list(&w, "volumesInUse");
    ol_strv_each (name, &in_use)
        ol_jw_str(&w, NULL, name);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
    send_ask(s,
             &(struct kube_ask){.verb = KUBE_VERB_PATCH_MERGE,
                                .kind = &kube_node_kind,
                                .name = s->n->name,
                                .subresource = "status"},
             &body, wrote_in_use);
    return true;
}

/* --- the lease --- */

static void wrote_lease_ns(void *ctx, const struct kube_answer *answer)
{
    struct node_self *s = ctx;

    s->request = NULL;
    s->has_lease_ns = true;
    work(s);
}

static void wrote_lease(void *ctx, const struct kube_answer *answer)
{
    struct node_self *s = ctx;

    s->request = NULL;
    if (answer->reason == KUBE_OK) {
        s->has_lease = true;
        s->lease_at = ol_now_boot(s->n->env) + RENEW_EVERY;
    } else if (answer->reason == KUBE_NOT_FOUND && s->has_lease) {
        s->has_lease = false; /* somebody has deleted it */
    } else if (answer->reason == KUBE_ALREADY_EXISTS) {
        s->has_lease = true;
    } else if (answer->reason == KUBE_NOT_FOUND && !s->has_lease_ns) {
        const char *ns = "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
                         "\"" LEASE_NS "\"}}";
        const struct ol_buf body = {.data = (char *)ns, .len = strlen(ns)};

        send_ask(s, &(struct kube_ask){.verb = KUBE_VERB_CREATE, .kind = &kube_namespace_kind},
                 &body, wrote_lease_ns);
        return;
    } else {
        fail(s, answer, "lease");
    }
    work(s);
}

static void write_lease(struct node_self *s)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(4096);
    char now[KUBE_TIME_SIZE];
    struct ol_jw w;

    kube_time_format_micro(ol_now_wall(s->n->env), now);
    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    if (!s->has_lease) {
        ol_jw_str(&w, "apiVersion", "coordination.k8s.io/v1");
        ol_jw_str(&w, "kind", "Lease");
        ol_jw_map(&w, "metadata");
        ol_jw_str(&w, "name", s->n->name);
        ol_jw_str(&w, "namespace", LEASE_NS);
        ol_jw_end(&w);
    }
    ol_jw_map(&w, "spec");
    ol_jw_str(&w, "holderIdentity", s->n->name);
    ol_jw_int(&w, "leaseDurationSeconds", LEASE_SECONDS);
    ol_jw_str(&w, "renewTime", now);
    ol_jw_end(&w);
    ol_jw_end(&w);
    send_ask(s,
             &(struct kube_ask){.verb = s->has_lease ? KUBE_VERB_PATCH_MERGE : KUBE_VERB_CREATE,
                                .kind = &kube_lease_kind,
                                .ns = LEASE_NS,
                                .name = s->has_lease ? s->n->name : NULL},
             &body, wrote_lease);
}

/* The most urgent thing that is not as it should be. */
static void work(struct node_self *s)
{
    ol_time now = ol_now_boot(s->n->env), next;

    if (!s->is_running || s->request)
        return;
    if (s->retry_at > now) {
        ol_timer_set(&s->beat, s->retry_at - now);
        return;
    }
    if (!s->exists) {
        write_object(s);
    } else if (write_in_use(s)) {
        /* under way */
    } else if (s->has_news || s->status_at <= now) {
        write_status(s);
    } else if (s->lease_at <= now) {
        write_lease(s);
    } else {
        next = s->lease_at < s->status_at ? s->lease_at : s->status_at;
        ol_timer_set(&s->beat, next - now);
    }
}

static void beat(void *ctx)
{
    work(ctx);
}

void node_self_report(struct node_self *s)
{
    work(s);
}

bool node_self_exists(const struct node_self *s)
{
    return s->exists;
}

void node_set_runtime(struct node *n, const char *version)
{
    struct node_self *s = n->self;

    if (strcmp(s->machine.runtime, version) == 0)
        return;
    snprintf(s->machine.runtime, sizeof(s->machine.runtime), "%s", version);
    s->has_news = true;
    work(s);
}

struct node_self *node_self_new(struct node *n)
{
    struct node_self *s = ol_xcalloc(1, sizeof(*s));

    s->n = n;
    node_machine_read(n->env, &s->machine);
    ol_timer_init(&s->beat, n->k.loop, beat, s);
    return s;
}

void node_self_run(struct node_self *s)
{
    s->is_running = true;
    work(s);
}

void node_self_free(struct node_self *s)
{
    if (!s)
        return;
    if (s->request)
        kube_cancel(s->request);
    ol_timer_done(&s->beat);
    free(s);
}
