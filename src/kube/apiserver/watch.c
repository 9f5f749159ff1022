/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "kube/apiserver/api-internal.h"
#include "kube/apiserver/watch-internal.h"
#include "kube/document/describe.h"

enum {
    LEAST_TIMEOUT = 1800, /* of watches that ask for none: this and up to as much again, in s */
    BOOKMARK_EVERY = 60,
    BOOKMARK_BEFORE_END = 2,
};

static void watcher_free(struct api_watcher *w)
{
    TAILQ_REMOVE(&w->server->watchers[w->resource], w, link);
    ol_arena_done(&w->arena);
    free(w);
}

/* The peer has left, or the stream has ended. */
static void on_closed(void *ctx)
{
    watcher_free(ctx);
}

static void end(struct api_watcher *w)
{
    if (w->is_ended)
        return;
    w->is_ended = true;
    w->sink->end(w->stream);
}

static void push(struct api_watcher *w, const struct ol_buf *line, size_t max)
{
    /* Whoever is too slow lists anew; the others don't wait. */
    if (!w->is_ended && w->sink->send(w->stream, line->data, line->len, max) < 0)
        end(w);
}

/* --- events --- */

static bool is_wanted(const struct api_watcher *w, const struct ol_val *object)
{
    return object && api_selector_has_labels(&w->labels, object)
           && api_selector_has_fields(&w->fields, w->kind, object);
}

/* What the change is for someone who sees only what the selectors let through. */
static bool change_for(const struct api_watcher *w, struct watch_event *v, enum watch_type *ret)
{
    bool is_now, was;

    *ret = (enum watch_type)v->e->change;
    if (w->ns[0] && strcmp(w->ns, v->e->key.ns) != 0)
        return false;
    if (w->labels.n == 0 && w->fields.n == 0)
        return true;
    is_now = is_wanted(w, watch_event_now(v));
    was = is_wanted(w, watch_event_old(v));
    if (v->e->change == STORE_DELETED)
        return was;
    if (!is_now && !was)
        return false;
    *ret = is_now && was ? WATCH_MODIFIED : is_now ? WATCH_ADDED : WATCH_LEFT;
    return true;
}

static void tell(struct api_watcher *w, struct watch_event *v)
{
    const struct ol_buf *line;
    enum watch_type type;

    if (w->is_ended || v->e->revision <= w->from || !change_for(w, v, &type))
        return;
    line = watch_event_line(v, w, type);
    if (line)
        push(w, line, API_MAX_BEHIND);
    w->has_columns = true;
}

void api_watch_changed(void *server, const struct store_event *e)
{
    struct apiserver *s = server;
    struct watch_event v;
    struct api_watcher *w, *next;

    api_namespaces_changed(s->namespaces, e);
    if (e->key.resource == api_resource(&kube_class_kind))
        s->is_default_class_known = false;
    if (TAILQ_EMPTY(&s->watchers[e->key.resource]))
        return;
    watch_event_init(&v, e);
    for (w = TAILQ_FIRST(&s->watchers[e->key.resource]); w; w = next) {
        next = TAILQ_NEXT(w, link);
        tell(w, &v);
    }
    watch_event_done(&v);
}

/* --- beginning --- */

static void on_replay(void *ctx, const struct store_event *e)
{
    struct api_watcher *w = ctx;
    struct watch_event v;

    if (e->key.resource != w->resource)
        return;
    watch_event_init(&v, e);
    tell(w, &v);
    watch_event_done(&v);
}

struct initial {
    struct api_watcher *w;
    struct ol_buf lines;
};

static bool on_initial(void *ctx, const struct store_row *row)
{
    struct initial *i = ctx;
    struct api_watcher *w = i->w;
    struct store_text *text = store_text_new(0, row->json, row->len);
    const struct store_event e = {.change = STORE_ADDED, .key = row->key, .now = text};
    struct watch_event v;

    watch_event_init(&v, &e);
    if ((w->labels.n == 0 && w->fields.n == 0) || is_wanted(w, watch_event_now(&v))) {
        const struct ol_buf *line = watch_event_line(&v, w, WATCH_ADDED);

        if (line)
            ol_buf_add(&i->lines, line->data, line->len);
        w->has_columns = true;
    }
    watch_event_done(&v);
    store_text_unref(text);
    return ol_buf_status(&i->lines) == 0;
}

static void bookmark(struct api_watcher *w, uint64_t revision, bool is_initial_end)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(4096);

    watch_bookmark_line(w, revision, is_initial_end, &line);
    push(w, &line, API_MAX_ANSWER);
    w->bookmarked = ol_now_boot(w->server->env);
}

/* All there is as ADDED, then what comes. */
static int send_initial(struct api_watcher *w, bool want_mark)
{
    struct initial i = {.w = w};
    const struct store_range range = {.resource = w->resource, .ns = w->ns};
    int r;

    ol_buf_init(&i.lines, API_MAX_ANSWER);
    r = store_list(w->server->store, &range, on_initial, &i, &w->from);
    if (r == 0 && i.lines.len)
        push(w, &i.lines, API_MAX_ANSWER);
    ol_buf_done(&i.lines);
    if (r == 0 && want_mark)
        bookmark(w, w->from, true);
    return r;
}

static void send_expired(struct api_watcher *w)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(4096);
    char message[96];
    const struct kube_status st = {.reason = KUBE_EXPIRED, .message = message};

    snprintf(message, sizeof(message), "too old resource version: %llu (%llu)",
             (unsigned long long)w->from, (unsigned long long)store_revision(w->server->store));
    ol_buf_adds(&line, "{\"type\":\"ERROR\",\"object\":");
    kube_status_write(&st, &line);
    ol_buf_adds(&line, "}\n");
    push(w, &line, API_MAX_BEHIND);
    end(w);
}

/* --- time --- */

static ol_time next_time(const struct api_watcher *w)
{
    ol_time mark = w->bookmarked + BOOKMARK_EVERY * OL_SECOND;
    ol_time last = w->deadline - BOOKMARK_BEFORE_END * OL_SECOND;

    if (!w->want_bookmarks)
        return w->deadline;
    if (w->bookmarked < last && last < mark)
        mark = last;
    return mark < w->deadline ? mark : w->deadline;
}

static void on_timer(void *ctx)
{
    struct apiserver *s = ctx;
    ol_time now = ol_now_boot(s->env), next = -1;
    struct api_watcher *w, *following;

    for (size_t i = 0; i < API_MAX_RESOURCES; i++)
        for (w = TAILQ_FIRST(&s->watchers[i]); w; w = following) {
            following = TAILQ_NEXT(w, link);
            if (w->is_ended)
                continue;
            if (now >= w->deadline)
                end(w);
            else if (now >= next_time(w))
                bookmark(w, store_revision(s->store), false);
            if (!w->is_ended && (next < 0 || next_time(w) < next))
                next = next_time(w);
        }
    if (next >= 0)
        ol_timer_set(&s->watch_timer, next > now ? next - now : OL_MS);
}

static ol_time timeout_of(const struct api_request *q)
{
    uint8_t spread[2] = {0};

    if (q->query.timeout_seconds > 0 && q->query.timeout_seconds < INT32_MAX)
        return q->query.timeout_seconds * OL_SECOND;
    api_random(spread, sizeof(spread));
    return (LEAST_TIMEOUT + (spread[0] * 256 + spread[1]) % LEAST_TIMEOUT) * OL_SECOND;
}

/* --- the request --- */

static bool check(struct api_request *q, enum api_form *ret_form)
{
    const struct api_query *y = &q->query;

    if (api_form_of(q->accept, ret_form) < 0 || *ret_form == API_YAML) {
        api_fail(q, KUBE_NOT_ACCEPTABLE,
                 "only the following media types are accepted: application/json;stream=watch");
        return false;
    }
    if (*ret_form >= API_DISCOVERY_V2)
        *ret_form = API_JSON;
    if (y->has_initial && strcmp(y->version_match, "NotOlderThan") != 0) {
        api_fail(q, KUBE_INVALID,
                 "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                 "resourceVersionMatch to NotOlderThan");
        return false;
    }
    if (!y->has_initial && *y->version_match) {
        api_fail(q, KUBE_INVALID,
                 "resourceVersionMatch: Forbidden: resourceVersionMatch is "
                 "forbidden for watch unless sendInitialEvents is provided");
        return false;
    }
    return true;
}

static bool read_from(struct api_request *q, struct api_watcher *w)
{
    const char *text = q->query.resource_version;

    if (!*text || ol_parse_u64(text, 10, &w->from) == 0)
        return true;
    api_fail(q, KUBE_BAD_REQUEST, "Invalid value: \"%.64s\": invalid resource version", text);
    return false;
}

/* The stream has begun; 'q' is gone. */
static void begin(struct api_watcher *w, bool want_initial, bool want_mark)
{
    struct apiserver *s = w->server;
    int r;

    if (want_initial)
        r = send_initial(w, want_mark);
    else
        r = store_replay(s->store, w->from, on_replay, w);
    if (r == -ESTALE)
        send_expired(w);
    else if (r < 0)
        end(w);
    on_timer(s);
}

void api_watch(struct api_request *q)
{
    struct apiserver *s = q->server;
    struct api_watcher *w = ol_xcalloc(1, sizeof(*w));
    const struct ol_http_answer head = {.status = 200, .content_type = "application/json"};
    bool want_initial, want_mark = q->query.want_initial && q->query.want_bookmarks;

    ol_arena_init(&w->arena, API_MAX_BODY);
    w->server = s;
    w->kind = q->route.kind;
    w->resource = api_resource(w->kind);
    if (s->is_stopping || !check(q, &w->form) || !api_selectors(q, &w->labels, &w->fields)
        || !read_from(q, w)) {
        if (s->is_stopping)
            api_fail(q, KUBE_SERVICE_UNAVAILABLE, "the server is stopping");
        free(w);
        return;
    }
    /* The selectors live as long as the watch. */
    w->arena = q->arena;
    ol_arena_init(&q->arena, API_MAX_BODY);
    w->ns = q->route.ns;
    w->include = api_include(q);
    w->want_bookmarks = q->query.want_bookmarks;
    w->bookmarked = ol_now_boot(s->env);
    w->deadline = w->bookmarked + timeout_of(q);
    w->sink = q->sink;
    want_initial = q->query.has_initial ? q->query.want_initial : w->from == 0;
    TAILQ_INSERT_TAIL(&s->watchers[w->resource], w, link);
    api_metrics_count(s->metrics, q, 200);
    w->stream = q->sink->stream(q->self, &head, on_closed, w);
    api_request_free(q);
    begin(w, want_initial, want_mark);
}

void api_watch_end_all(struct apiserver *s)
{
    struct api_watcher *w, *next;

    ol_timer_stop(&s->watch_timer);
    for (size_t i = 0; i < API_MAX_RESOURCES; i++)
        for (w = TAILQ_FIRST(&s->watchers[i]); w; w = next) {
            next = TAILQ_NEXT(w, link);
            end(w);
        }
}

void api_watch_init(struct apiserver *s)
{
    for (size_t i = 0; i < API_MAX_RESOURCES; i++)
        TAILQ_INIT(&s->watchers[i]);
    ol_timer_init(&s->watch_timer, s->loop, on_timer, s);
}

size_t api_watch_count(const struct apiserver *s)
{
    const struct api_watcher *w;
    size_t n = 0;

    for (size_t i = 0; i < API_MAX_RESOURCES; i++)
        TAILQ_FOREACH(w, &s->watchers[i], link)
        {
            n++;
        }
    return n;
}
