/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/informer.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/scan.h"
#include "kube/client/informer-internal.h"

struct kube_informer {
    struct kube_informers *all;
    const struct kube_kind *kind;
    struct cache cache;
    struct stream *stream;
    bool has_synced;
    struct kube_informer *next;
};

struct kube_informers {
    struct kube_client *client;
    struct kube_informer *first;
    struct ol_timer burial; /* of what the caches have replaced in this turn */
    struct ol_timer told;   /* 'synced', never from within start() */
    uint64_t random;
    void (*synced)(void *ctx);
    void *ctx;
    bool is_started, has_told;
};

static void bury_all(void *ctx)
{
    struct kube_informers *all = ctx;

    for (struct kube_informer *i = all->first; i; i = i->next)
        cache_bury(&i->cache);
}

static void tell_synced(void *ctx)
{
    struct kube_informers *all = ctx;

    for (const struct kube_informer *i = all->first; i; i = i->next)
        if (!i->has_synced)
            return;
    if (all->has_told)
        return;
    all->has_told = true;
    if (all->synced)
        all->synced(all->ctx);
}

struct kube_informers *kube_informers_new(struct kube_client *client)
{
    struct kube_informers *all = ol_xcalloc(1, sizeof(*all));

    all->client = client;
    all->random = (uint64_t)ol_now_boot(kube_client_loop(client)->env);
    ol_timer_init(&all->burial, kube_client_loop(client), bury_all, all);
    ol_timer_init(&all->told, kube_client_loop(client), tell_synced, all);
    return all;
}

void kube_informers_free(struct kube_informers *all)
{
    if (!all)
        return;
    while (all->first) {
        struct kube_informer *i = all->first;

        all->first = i->next;
        stream_free(i->stream);
        cache_done(&i->cache);
        free(i);
    }
    ol_timer_done(&all->burial);
    ol_timer_done(&all->told);
    free(all);
}

/* --- what the stream gives --- */

/* NULL, with a word about it, for what we can't read: the rest of the world goes on. */
static const struct kube_object *decode(struct kube_informer *i, const char *text, size_t len)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(i->kind, text, len, &o, &err) < 0) {
        ol_warn(kube_client_loop(i->all->client)->env, "one of the %s is left out: %s",
                i->kind->plural, ol_err_text(&err));
        return NULL;
    }
    return o;
}

/* What says which state of which object a text is. */
struct label {
    char ns[254], name[254], version[64];
};

static int take_text(struct kube_scan *s, char *to, size_t size)
{
    struct kube_span span;

    if (kube_scan_peek(s) != KUBE_TOKEN_STR || kube_scan_string(s, &span) < 0 || span.has_escapes
        || span.len >= size)
        return -1;
    memcpy(to, span.at, span.len);
    to[span.len] = '\0';
    return 0;
}

static int read_metadata(struct kube_scan *s, struct label *to)
{
    struct kube_span key;
    bool is_first = true;
    int r = kube_scan_peek(s) == KUBE_TOKEN_MAP ? kube_scan_open(s) : -1;

    while (r >= 0 && (r = kube_scan_next(s, '}', &is_first)) > 0) {
        if (kube_scan_key(s, &key) < 0)
            return -1;
        if (kube_span_is(&key, "name"))
            r = take_text(s, to->name, sizeof(to->name));
        else if (kube_span_is(&key, "namespace"))
            r = take_text(s, to->ns, sizeof(to->ns));
        else if (kube_span_is(&key, "resourceVersion"))
            r = take_text(s, to->version, sizeof(to->version));
        else
            r = kube_scan_skip(s);
    }
    return r;
}

static int read_label(const char *text, size_t len, struct label *to)
{
    struct kube_scan s = {.p = text, .end = text + len};
    struct kube_span key;
    bool is_first = true;
    int r = kube_scan_peek(&s) == KUBE_TOKEN_MAP ? kube_scan_open(&s) : -1;

    while (r >= 0 && (r = kube_scan_next(&s, '}', &is_first)) > 0) {
        if (kube_scan_key(&s, &key) < 0)
            return -1;
        if (kube_span_is(&key, "metadata"))
            return read_metadata(&s, to);
        r = kube_scan_skip(&s);
    }
    return -1;
}

/* Most events tell of our own writes, whose results the cache has already: these are not worth the
 * decoding of a whole object. */
static bool is_known(const struct kube_informer *i, const char *text, size_t len, struct label *ret)
{
    const struct kube_object *has;

    *ret = (struct label){.ns = ""};
    if (read_label(text, len, ret) < 0 || !*ret->version)
        return false;
    has = object_find(&i->cache.objects, ret->ns, ret->name);
    return has && strcmp(has->meta.resource_version, ret->version) == 0;
}

static void on_list_begin(void *ctx)
{
    struct kube_informer *i = ctx;

    cache_list_begin(&i->cache);
}

static void on_list_item(void *ctx, const char *text, size_t len)
{
    struct kube_informer *i = ctx;
    ol_auto(kube_object_unref_at) const struct kube_object *o = decode(i, text, len);

    if (o)
        cache_list_put(&i->cache, o);
}

static void on_list_end(void *ctx, const char *version)
{
    struct kube_informer *i = ctx;

    cache_list_end(&i->cache, version);
    if (i->has_synced)
        return;
    i->has_synced = true;
    ol_timer_set(&i->all->told, 0);
}

static const char *on_event(void *ctx, enum envelope_type type, const char *text, size_t len)
{
    struct kube_informer *i = ctx;
    ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
    bool is_state = type == ENVELOPE_ADDED || type == ENVELOPE_MODIFIED;
    struct label known;

    if (is_state && is_known(i, text, len, &known)) {
        cache_set_version(&i->cache, known.version);
        return i->cache.version;
    }
    o = decode(i, text, len);
    if (!o)
        return i->cache.version;
    if (type == ENVELOPE_DELETED)
        cache_delete(&i->cache, o);
    else if (type != ENVELOPE_BOOKMARK)
        cache_put(&i->cache, o);
    if (*o->meta.resource_version)
        cache_set_version(&i->cache, o->meta.resource_version);
    return i->cache.version;
}

/* --- the whole --- */

struct kube_informer *kube_informer_of(struct kube_informers *all, const struct kube_kind *kind)
{
    struct kube_informer **last = &all->first;
    struct kube_informer *i;
    struct stream_target target = {.list_begin = on_list_begin,
                                   .list_item = on_list_item,
                                   .list_end = on_list_end,
                                   .event = on_event};

    for (; *last; last = &(*last)->next)
        if ((*last)->kind == kind)
            return *last;
    i = ol_xcalloc(1, sizeof(*i));
    i->all = all;
    i->kind = kind;
    cache_init(&i->cache, &all->burial);
    target.ctx = i;
    /* Each its own jitter. */
    all->random = all->random * UINT64_C(6364136223846793005) + 1;
    i->stream = stream_new(all->client, kind, &target, all->random);
    *last = i;
    if (all->is_started)
        stream_start(i->stream);
    return i;
}

void kube_informers_start(struct kube_informers *all, void (*synced)(void *ctx), void *ctx)
{
    all->synced = synced;
    all->ctx = ctx;
    all->is_started = true;
    for (struct kube_informer *i = all->first; i; i = i->next)
        stream_start(i->stream);
    if (!all->first)
        ol_timer_set(&all->told, 0);
}

void kube_informers_stop(struct kube_informers *all)
{
    all->has_told = true;
    all->is_started = false;
    for (struct kube_informer *i = all->first; i; i = i->next) {
        stream_free(i->stream);
        i->stream = NULL;
        cache_drop_handlers(&i->cache);
    }
}

bool kube_informer_has_synced(const struct kube_informer *i)
{
    return i->has_synced;
}

void kube_informer_add_handler(struct kube_informer *i, const struct kube_handler *h)
{
    cache_add_handler(&i->cache, h);
}

const struct kube_object *kube_informer_get(const struct kube_informer *i, const char *ns,
                                            const char *name)
{
    return object_find(&i->cache.objects, ns, name);
}

const struct kube_object *kube_informer_get_key(const struct kube_informer *i, const char *key)
{
    char ns[254], name[254];

    if (kube_key_split(key, ns, name) < 0)
        return NULL;
    return object_find(&i->cache.objects, ns, name);
}

size_t kube_informer_count(const struct kube_informer *i)
{
    return i->cache.objects.n;
}

const struct kube_object *kube_informer_each(const struct kube_informer *i, size_t *at)
{
    return ol_table_each(&i->cache.objects, at);
}

struct kube_index *kube_informer_add_index(struct kube_informer *i, kube_index_fn keys)
{
    return cache_add_index(&i->cache, keys);
}

void kube_informer_store(struct kube_informer *i, const struct kube_object *o)
{
    cache_put_own(&i->cache, o);
}
