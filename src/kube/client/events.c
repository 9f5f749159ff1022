/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/table.h"
#include "kube/base/time.h"
#include "kube/client/events-internal.h"

enum {
    WAITING_MAX = 10000, /* events that are not written yet */
    AT_ONCE = 8,         /* requests under way */
    ATTEMPTS = 12,       /* as client-go; while the server is away */
    MESSAGE_MAX = 1024,  /* bytes, what events.k8s.io takes */
    BODY_MAX = 64 << 10,
};
#define RETRY_AFTER (10 * OL_SECOND)

/* One event on its way. */
struct job {
    struct kube_recorder *r;
    struct subject *about;
    char *name, *resource_version; /* of a new event; of the object */
    enum kube_event_type type;
    char *reason, *message;
    ol_time when; /* wall */
    struct event_plan plan;
    unsigned attempts;
    struct kube_request *request;
    struct ol_timer retry;
    struct job *next;
};

/* An object that events are about, while there are such. */
struct subject {
    const char *key; /* 'own_key'; first, for the table */
    char *own_key, *api_version, *kind, *ns, *name, *uid;
    struct job *first, *last; /* 'first' may be under way */
    bool is_busy;
    struct subject *next; /* that can be worked on */
    bool is_ready;
};

struct kube_recorder {
    struct kube_client *client;
    char *component, *host;
    struct correlator *correlator;
    struct ol_table subjects;
    struct subject *ready, *last_ready;
    unsigned n_waiting, n_busy;
    struct ol_timer timer;
    ol_time last_stamp;
    bool has_complained;
};

static const char *const type_names[] = {
    [KUBE_NORMAL] = "Normal",
    [KUBE_WARNING] = "Warning",
};

static void work(void *ctx);

static struct ol_env *env_of(const struct kube_recorder *r)
{
    return kube_client_loop(r->client)->env;
}

/* --- life --- */

struct kube_recorder *kube_recorder_new(struct kube_client *client, const char *component,
                                        const char *host)
{
    struct kube_recorder *r = ol_xcalloc(1, sizeof(*r));

    r->client = client;
    r->component = ol_xstrdup(component);
    r->host = ol_xstrdup(host ? host : "");
    r->correlator = correlator_new();
    r->subjects = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    ol_timer_init(&r->timer, kube_client_loop(client), work, r);
    return r;
}

static void free_job(struct job *j)
{
    kube_cancel(j->request);
    ol_timer_done(&j->retry);
    event_plan_done(&j->plan);
    free(j->name);
    free(j->resource_version);
    free(j->reason);
    free(j->message);
    free(j);
}

static void free_subject(struct subject *s)
{
    while (s->first) {
        struct job *next = s->first->next;

        free_job(s->first);
        s->first = next;
    }
    free(s->own_key);
    free(s->api_version);
    free(s->kind);
    free(s->ns);
    free(s->name);
    free(s->uid);
    free(s);
}

void kube_recorder_free(struct kube_recorder *r)
{
    struct subject *s;
    size_t at = 0;

    if (!r)
        return;
    while ((s = ol_table_each(&r->subjects, &at)))
        free_subject(s);
    ol_table_done(&r->subjects);
    correlator_free(r->correlator);
    ol_timer_done(&r->timer);
    free(r->component);
    free(r->host);
    free(r);
}

/* --- writing --- */

static void add_object(struct ol_jw *w, const struct job *j)
{
    const struct subject *s = j->about;

    ol_jw_map(w, "involvedObject");
    ol_jw_str(w, "kind", s->kind);
    ol_jw_str(w, "apiVersion", s->api_version);
    ol_jw_str(w, "namespace", *s->ns ? s->ns : NULL);
    ol_jw_str(w, "name", s->name);
    ol_jw_str(w, "uid", s->uid);
    ol_jw_str(w, "resourceVersion", j->resource_version);
    ol_jw_end(w);
}

static void add_message(struct ol_jw *w, const struct job *j)
{
    ol_autofree char *combined = NULL;

    if (j->plan.is_combined)
        combined = ol_xasprintf("%s%s", COMBINED, j->message);
    ol_jw_str(w, "message", combined ? combined : j->message);
}

static void add_times(struct ol_jw *w, const struct job *j, bool want_first)
{
    char text[KUBE_TIME_SIZE];

    if (want_first) {
        kube_time_format(j->plan.first, text);
        ol_jw_str(w, "firstTimestamp", text);
    }
    kube_time_format(j->when, text);
    ol_jw_str(w, "lastTimestamp", text);
    ol_jw_int(w, "count", j->plan.count);
}

static const char *ns_of(const struct job *j)
{
    return *j->about->ns ? j->about->ns : "default";
}

static void add_event(struct ol_jw *w, const struct job *j)
{
    const struct kube_recorder *r = j->r;

    ol_jw_str(w, "kind", "Event");
    ol_jw_str(w, "apiVersion", "v1");
    ol_jw_map(w, "metadata");
    ol_jw_str(w, "name", j->plan.name);
    ol_jw_str(w, "namespace", ns_of(j));
    ol_jw_end(w);
    add_object(w, j);
    ol_jw_str(w, "reason", j->reason);
    add_message(w, j);
    ol_jw_map(w, "source");
    ol_jw_str(w, "component", r->component);
    ol_jw_str(w, "host", *r->host ? r->host : NULL);
    ol_jw_end(w);
    add_times(w, j, true);
    ol_jw_str(w, "type", type_names[j->type]);
    ol_jw_str(w, "reportingComponent", r->component);
    ol_jw_str(w, "reportingInstance", r->host);
}

static void on_written(void *ctx, const struct kube_answer *a);

static void write_event(struct job *j)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask ask = {.verb = KUBE_VERB_CREATE, .kind = &kube_event_kind, .ns = ns_of(j)};
    struct ol_jw w;

    ol_jw_init(&w, &body);
    ol_jw_map(&w, NULL);
    if (j->plan.action == EVENT_PATCH) {
        ask.verb = KUBE_VERB_PATCH_MERGE;
        ask.name = j->plan.name;
        add_times(&w, j, false);
        if (j->plan.is_combined)
            add_message(&w, j);
    } else {
        add_event(&w, j);
    }
    ol_jw_end(&w);
    ask.body = body.data;
    ask.size = body.len;
    j->request = kube_send(j->r->client, &ask, on_written, j);
}

static void on_retry(void *ctx)
{
    write_event(ctx);
}

/* The first job of its subject has ended. */
static void finish(struct job *j)
{
    struct kube_recorder *r = j->r;
    struct subject *s = j->about;

    s->first = j->next;
    free_job(j);
    s->is_busy = false;
    r->n_busy--;
    r->n_waiting--;
    if (!s->first) {
        ol_table_remove(&r->subjects, s);
        free_subject(s);
    } else {
        s->is_ready = true;
        s->next = NULL;
        if (r->last_ready)
            r->last_ready->next = s;
        else
            r->ready = s;
        r->last_ready = s;
    }
    ol_timer_set(&r->timer, 0);
}

static void on_written(void *ctx, const struct kube_answer *a)
{
    struct job *j = ctx;
    bool is_gone = a->reason == KUBE_NOT_FOUND && j->plan.action == EVENT_PATCH;

    j->request = NULL;
    if (is_gone) {
        /* Events live for an hour; this one is over. */
        j->plan.action = EVENT_CREATE;
        write_event(j);
        return;
    }
    if (kube_answer_is_transient(a) && ++j->attempts < ATTEMPTS) {
        ol_timer_set(&j->retry, RETRY_AFTER);
        return;
    }
    if (a->reason != KUBE_OK && a->reason != KUBE_ALREADY_EXISTS)
        ol_info(env_of(j->r), "event %s of %s '%s' is lost: %s", j->reason, j->about->kind,
                j->about->name, a->message);
    finish(j);
}

static void begin(struct kube_recorder *r, struct subject *s)
{
    struct job *j = s->first;
    struct event_facts facts = {.object = s->key,
                                .type = type_names[j->type],
                                .reason = j->reason,
                                .message = j->message,
                                .name = j->name,
                                .when = j->when};

    s->is_busy = true;
    r->n_busy++;
    event_correlate(r->correlator, &facts, ol_now_boot(env_of(r)), &j->plan);
    if (j->plan.action == EVENT_SKIP)
        finish(j);
    else
        write_event(j);
}

static void work(void *ctx)
{
    struct kube_recorder *r = ctx;

    while (r->ready && r->n_busy < AT_ONCE) {
        struct subject *s = r->ready;

        r->ready = s->next;
        if (!r->ready)
            r->last_ready = NULL;
        s->is_ready = false;
        begin(r, s);
    }
}

/* --- adding --- */

static struct subject *subject_of(struct kube_recorder *r, const struct kube_object *o)
{
    char api_version[96];
    ol_autofree char *key = NULL;
    struct subject *s;

    kube_api_version(o->kind, api_version);
    key = ol_xasprintf("%s\n%s\n%s\n%s\n%s", o->kind->kind, o->meta.ns, o->meta.name, o->meta.uid,
                       api_version);
    s = ol_table_find_str(&r->subjects, key);
    if (s)
        return s;
    s = ol_xcalloc(1, sizeof(*s));
    s->own_key = ol_take_ptr(key);
    s->key = s->own_key;
    s->api_version = ol_xstrdup(api_version);
    s->kind = ol_xstrdup(o->kind->kind);
    s->ns = ol_xstrdup(o->meta.ns);
    s->name = ol_xstrdup(o->meta.name);
    s->uid = ol_xstrdup(o->meta.uid);
    ol_table_put(&r->subjects, s);
    return s;
}

/* No more than MESSAGE_MAX bytes, and no broken character at the end. */
static char *message_of(const char *fmt, va_list ap)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(BODY_MAX);
    size_t len;

    ol_buf_vprintf(&b, fmt, ap);
    len = b.len;
    if (len > MESSAGE_MAX) {
        len = MESSAGE_MAX;
        while (len && ((unsigned char)b.data[len] & 0xc0) == 0x80)
            len--;
    }
    return ol_xstrndup(b.data, len);
}

static void add_job(struct kube_recorder *r, struct subject *s, struct job *j)
{
    j->r = r;
    j->about = s;
    ol_timer_init(&j->retry, kube_client_loop(r->client), on_retry, j);
    r->n_waiting++;
    if (s->first) {
        s->last->next = j;
        s->last = j;
        return;
    }
    s->first = s->last = j;
    s->is_ready = true;
    s->next = NULL;
    if (r->last_ready)
        r->last_ready->next = s;
    else
        r->ready = s;
    r->last_ready = s;
    ol_timer_set(&r->timer, 0);
}

void kube_event_add(struct kube_recorder *r, const struct kube_object *about,
                    enum kube_event_type type, const char *reason, const char *fmt, ...)
{
    struct job *j;
    va_list ap;

    if (r->n_waiting >= WAITING_MAX) {
        if (!r->has_complained)
            ol_warn(env_of(r), "%s: too many events wait to be written; some are lost",
                    r->component);
        r->has_complained = true;
        return;
    }
    j = ol_xcalloc(1, sizeof(*j));
    va_start(ap, fmt);
    j->message = message_of(fmt, ap);
    va_end(ap);
    j->type = type;
    j->reason = ol_xstrdup(reason);
    j->when = ol_now_wall(env_of(r));
    /* Never the same name twice, whatever the clock does. */
    r->last_stamp = j->when > r->last_stamp ? j->when : r->last_stamp + 1;
    j->name = ol_xasprintf("%s.%" PRIx64, about->meta.name, (uint64_t)r->last_stamp);
    j->resource_version = ol_xstrdup(about->meta.resource_version);
    ol_debug(env_of(r), "event %s of %s '%s': %s", reason, about->kind->kind, about->meta.name,
             j->message);
    add_job(r, subject_of(r, about), j);
}
