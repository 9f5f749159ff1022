/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/queue.h"
#include "kube/client/informer-internal.h"

enum {
    PAGE_ITEMS = 500,      /* as client-go's pager */
    LINE_BYTES = 16 << 20, /* etcd takes 1.5 MiB for an object */
    STATUS_BYTES = 1 << 20,
    WATCH_SECONDS = 300, /* to twice as long, as client-go asks */
    GRACE_SECONDS = 30,
    MANY_FAILURES = 5,     /* of one watch: then a new list may help */
    QUERY_BYTES = 8 << 10, /* a continue token is long */
};
#define SHORT_WATCH OL_SECOND /* one that ended earlier, and told nothing, has failed */

static const struct ol_backoff backoff = {.first = 200 * OL_MS, .most = 30 * OL_SECOND};

struct stream {
    struct kube_client *client;
    const struct kube_kind *kind;
    struct stream_target target;
    struct ol_timer timer;
    uint64_t random;
    unsigned failures; /* in a row */

    struct kube_request *list; /* a page under way */
    char *token;               /* of the next page; NULL = the first */
    bool is_listed;            /* there is a version to watch from */

    void *watch; /* under way */
    char *path;  /* of the watch, for messages */
    ol_time watched_since;
    char *version;
    struct ol_buf line; /* the begin of a line whose end has not come yet */
    bool has_told;      /* the watch gave at least one event */
    bool must_list, must_end;
};

static void begin(struct stream *s);

static struct ol_env *env_of(const struct stream *s)
{
    return kube_client_loop(s->client)->env;
}

static void set(char **to, const char *text)
{
    free(*to);
    *to = text ? ol_xstrdup(text) : NULL;
}

/* 0 to below 'n'; xorshift, for jitter. */
static uint64_t random_below(struct stream *s, uint64_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random % n;
}

static void on_timer(void *ctx)
{
    begin(ctx);
}

/* Waits the longer the more often it failed, and up to twice that, so that the clients of a server
 * that comes back don't come all at once. */
static void retry(struct stream *s, const char *what, const char *why)
{
    ol_time delay = ol_backoff_delay(&backoff, ++s->failures);

    delay += (ol_time)random_below(s, (uint64_t)delay);
    /* Once is enough for people. */
    ol_log(env_of(s), s->failures == 1 ? OL_LOG_WARNING : OL_LOG_DEBUG,
           "%s of %s: %s; again in %.1f s", what, s->kind->plural, why, (double)delay / OL_SECOND);
    ol_timer_set(&s->timer, delay);
}

/* --- list --- */

static void on_page(void *ctx, const struct kube_answer *a);

/* The token of the server may hold anything. */
static void add_escaped(struct ol_buf *to, const char *s)
{
    for (; *s; s++) {
        if (strchr("-._~", *s) || (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z')
            || (*s >= 'A' && *s <= 'Z'))
            ol_buf_addc(to, *s);
        else
            ol_buf_printf(to, "%%%02X", (unsigned char)*s);
    }
}

static void ask_page(struct stream *s)
{
    ol_auto(ol_buf_done) struct ol_buf query = OL_BUF_INIT(QUERY_BYTES);
    struct kube_ask ask = {.verb = KUBE_VERB_LIST, .kind = s->kind};

    ol_buf_printf(&query, "limit=%d", PAGE_ITEMS);
    if (s->token) {
        ol_buf_adds(&query, "&continue=");
        add_escaped(&query, s->token);
    } else {
        s->target.list_begin(s->target.ctx);
    }
    ask.query = query.data;
    s->list = kube_send(s->client, &ask, on_page, s);
}

static void list_failed(struct stream *s, const struct kube_answer *a)
{
    set(&s->token, NULL);
    if (a->http == 404 && !s->is_listed) {
        /* An older server without this kind: there is nothing of it. */
        s->target.list_begin(s->target.ctx);
        s->target.list_end(s->target.ctx, "");
        if (s->failures < MANY_FAILURES)
            ol_info(env_of(s), "the server has no %s", s->kind->plural);
        s->failures = MANY_FAILURES;
    }
    retry(s, "list", a->message);
}

static void on_page(void *ctx, const struct kube_answer *a)
{
    struct stream *s = ctx;
    struct envelope_list page = {.item = s->target.list_item, .ctx = s->target.ctx};
    struct ol_err err = OL_ERR_INIT;

    s->list = NULL;
    if (a->reason != KUBE_OK) {
        list_failed(s, a);
        return;
    }
    set(&s->token, NULL);
    if (envelope_read_list(a->body, a->size, &page, &err) < 0) {
        retry(s, "list", ol_err_text(&err));
        return;
    }
    s->token = page.token;
    if (s->token) {
        ask_page(s);
        return;
    }
    set(&s->version, page.version);
    s->is_listed = true;
    s->failures = 0;
    s->target.list_end(s->target.ctx, s->version);
    begin(s);
}

/* --- watch --- */

/* A Status in the stream: 410 means that the server has forgotten what we were told last. */
static void on_error_event(struct stream *s, const char *text, size_t len)
{
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(STATUS_BYTES);
    struct ol_val *status = NULL;
    const char *message;
    int64_t code;

    if (ol_json_load(text, len, &arena, &status, NULL) < 0)
        status = NULL;
    message = ol_val_str(ol_val_get(status, "message"));
    code = ol_val_int(ol_val_get(status, "code"), 0);
    ol_info(env_of(s), "watch of %s: %s (%" PRId64 ")", s->kind->plural,
            message ? message : "the server ends it", code);
    s->must_list = s->must_list || code == 410;
    s->must_end = true;
}

static void on_line(struct stream *s, const char *text, size_t len)
{
    struct ol_err err = OL_ERR_INIT;
    struct envelope_event e;

    if (!len)
        return;
    if (envelope_read_event(text, len, &e, &err) < 0) {
        ol_warn(env_of(s), "watch of %s: %s", s->kind->plural, ol_err_text(&err));
        s->must_end = true;
        return;
    }
    if (e.type == ENVELOPE_ERROR) {
        on_error_event(s, e.object, e.len);
        return;
    }
    if (e.type == ENVELOPE_OTHER)
        return;
    s->has_told = true;
    s->failures = 0;
    set(&s->version, s->target.event(s->target.ctx, e.type, e.object, e.len));
}

static void add_to_line(struct stream *s, const char *piece, size_t len)
{
    ol_buf_add(&s->line, piece, len);
    if (ol_buf_status(&s->line) < 0) {
        ol_warn(env_of(s), "watch of %s: a line is longer than %d bytes", s->kind->plural,
                LINE_BYTES);
        s->must_end = true;
    }
}

static void split(struct stream *s, const char *piece, size_t len)
{
    const char *end;

    while (!s->must_end && (end = memchr(piece, '\n', len))) {
        size_t n = (size_t)(end - piece);

        if (s->line.len) {
            add_to_line(s, piece, n);
            if (!s->must_end)
                on_line(s, s->line.data, s->line.len);
            ol_buf_clear(&s->line);
        } else {
            on_line(s, piece, n);
        }
        piece += n + 1;
        len -= n + 1;
    }
    if (!s->must_end)
        add_to_line(s, piece, len);
}

static void watch_ended(struct stream *s, const char *why)
{
    bool is_short = ol_now_boot(env_of(s)) - s->watched_since < SHORT_WATCH;

    s->watch = NULL;
    ol_buf_clear(&s->line);
    if (s->must_list || s->failures >= MANY_FAILURES) {
        s->is_listed = false;
        s->failures = s->must_list ? 0 : s->failures;
    }
    if (why || (is_short && !s->has_told && !s->must_list))
        retry(s, "watch", why ? why : "it ended at once");
    else
        begin(s);
}

static void on_watch_data(void *ctx, int status, const char *piece, size_t len)
{
    struct stream *s = ctx;

    if (status < 200 || status >= 300 || s->must_end)
        return;
    split(s, piece, len);
    if (s->must_end)
        ol_timer_set(&s->timer, 0); /* it can't be cancelled while it calls us */
}

static void on_watch_done(void *ctx, int status, const char *body, size_t len,
                          const struct ol_err *err)
{
    struct stream *s = ctx;
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(STATUS_BYTES);
    const char *message = NULL;

    ol_timer_stop(&s->timer);
    if (!status) {
        /* A stream that breaks off is no news when it has told something. */
        watch_ended(s, s->has_told ? NULL : err ? ol_err_text(err) : "there was no answer");
        return;
    }
    if (status < 200 || status >= 300) {
        (void)kube_status_read(body ? body : "", len, status, &arena, &message);
        s->must_list = status == 410;
        watch_ended(s, s->must_list ? NULL : message);
        return;
    }
    watch_ended(s, NULL);
}

static void start_watch(struct stream *s)
{
    ol_autofree char *query = NULL;
    struct kube_ask ask = {.verb = KUBE_VERB_WATCH, .kind = s->kind};
    struct kube_exchange x = {
        .method = "GET", .data = on_watch_data, .done = on_watch_done, .ctx = s};
    unsigned seconds = WATCH_SECONDS + (unsigned)random_below(s, WATCH_SECONDS);

    query = ol_xasprintf("watch=true&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%u",
                         s->version, seconds);
    ask.query = query;
    free(s->path);
    s->path = kube_ask_path(&ask);
    x.path = s->path;
    s->must_list = s->must_end = s->has_told = false;
    s->watched_since = ol_now_boot(env_of(s));
    s->watch = kube_client_stream(s->client, &x);
    /* A peer that vanished says nothing. */
    ol_timer_set(&s->timer, (seconds + GRACE_SECONDS) * OL_SECOND);
}

/* What comes next: ending a watch that we are through with, a list, or a watch. */
static void begin(struct stream *s)
{
    if (s->watch) {
        kube_client_stream_cancel(s->client, s->watch);
        watch_ended(s, NULL);
        return;
    }
    if (s->is_listed)
        start_watch(s);
    else
        ask_page(s);
}

/* --- life --- */

struct stream *stream_new(struct kube_client *client, const struct kube_kind *kind,
                          const struct stream_target *target, uint64_t seed)
{
    struct stream *s = ol_xcalloc(1, sizeof(*s));

    s->client = client;
    s->kind = kind;
    s->target = *target;
    s->random = seed ? seed : 1;
    s->version = ol_xstrdup("");
    ol_buf_init(&s->line, LINE_BYTES);
    ol_timer_init(&s->timer, kube_client_loop(client), on_timer, s);
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    ol_timer_done(&s->timer);
    kube_cancel(s->list);
    if (s->watch)
        kube_client_stream_cancel(s->client, s->watch);
    ol_buf_done(&s->line);
    free(s->token);
    free(s->path);
    free(s->version);
    free(s);
}

void stream_start(struct stream *s)
{
    begin(s);
}
