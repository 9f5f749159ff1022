/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-api.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "fake-store.h"
#include "kube/document/patch.h"

/* What a test does to a fake API beside the requests of a client. */

enum { ARENA_MAX = 64 << 20 };

static struct fake_stored *find(const struct fake_api *f, const struct kube_kind *kind,
                                const char *key)
{
    char ns[254], name[254];
    int r = kube_key_split(key, ns, name);

    assert(r == 0);
    return fake_store_find(f->store, kind, ns, name);
}

static void put(struct fake_api *f, const char *json)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_autofree char *text = ol_str_tr(ol_xstrdup(json), '\'', '"');
    struct ol_val *object = fake_load(text, &a);
    const struct kube_kind *kind;
    const struct fake_stored *old;
    struct ol_val *meta;

    if (!object)
        fprintf(stderr, "no JSON: %s\n", text);
    assert(object);
    kind = kube_kind_by_name(ol_val_str(ol_val_get(object, "apiVersion")),
                             ol_val_str(ol_val_get(object, "kind")));
    assert(kind);
    meta = fake_meta(object, &a);
    if ((kind->flags & KUBE_NAMESPACED) && !ol_val_get(meta, "namespace"))
        ol_val_set_str(&a, meta, "namespace", "default");
    old = fake_store_find(f->store, kind, ol_val_str(ol_val_get(meta, "namespace")),
                          ol_val_str(ol_val_get(meta, "name")));
    if (old && !ol_val_get(meta, "uid"))
        ol_val_set(&a, meta, "uid",
                   ol_val_copy(&a, ol_val_at(fake_load(old->json, &a), "metadata/uid")));
    fake_stamp(f, object, &a);
    free(fake_store_commit(f->store, kind, object, &a));
    fake_wake(f);
}

void fake_api_put(struct fake_api *f, const char *json)
{
    put(f, json);
}

void fake_api_putf(struct fake_api *f, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(ARENA_MAX);
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    put(f, b.data);
}

void fake_api_patch(struct fake_api *f, const struct kube_kind *kind, const char *key,
                    const char *patch)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_autofree char *text = ol_str_tr(ol_xstrdup(patch), '\'', '"');
    const struct fake_stored *old = find(f, kind, key);
    struct ol_val *change = fake_load(text, &a);

    assert(old && change);
    change = kube_patch_merge(&a, fake_load(old->json, &a), change);
    free(fake_store_commit(f->store, kind, change, &a));
    fake_wake(f);
}

void fake_api_delete(struct fake_api *f, const struct kube_kind *kind, const char *key)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    struct fake_stored *o = find(f, kind, key);
    struct ol_val *object;

    assert(o);
    object = fake_load(o->json, &a);
    ol_val_set_str(&a, fake_meta(object, &a), "deletionTimestamp", fake_time(f, &a));
    free(fake_store_commit(f->store, kind, object, &a));
    fake_wake(f);
}

const char *fake_api_text(const struct fake_api *f, const struct kube_kind *kind, const char *key)
{
    const struct fake_stored *o = find(f, kind, key);

    return o ? o->json : NULL;
}

/* The text is kept: tests compare two of them. */
static const char *shown(struct fake_api *f, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(ARENA_MAX);

    if (!v)
        return "";
    if (ol_val_str(v))
        ol_buf_adds(&b, ol_val_str(v));
    else if (ol_json_dump(v, &ol_json_compact, &b) < 0)
        return "";
    ol_strv_take(&f->answers, ol_buf_take(&b));
    return f->answers.v[f->answers.n - 1];
}

const char *fake_api_str(struct fake_api *f, const struct kube_kind *kind, const char *key,
                         const char *path)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    const struct fake_stored *o = find(f, kind, key);

    return o ? shown(f, ol_val_at(fake_load(o->json, &a), path)) : "";
}

const char *fake_api_map(struct fake_api *f, const struct kube_kind *kind, const char *key,
                         const char *path, const char *member)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    const struct fake_stored *o = find(f, kind, key);

    return o ? shown(f, ol_val_get(ol_val_at(fake_load(o->json, &a), path), member)) : "";
}

size_t fake_api_count(const struct fake_api *f, const struct kube_kind *kind)
{
    size_t n = 0;

    free(fake_store_list(f->store, kind, "", &n));
    return n;
}

size_t fake_api_asked(const struct fake_api *f, const char *beginning)
{
    size_t n = 0;

    for (size_t i = 0; i < f->asked.n; i++)
        n += ol_str_starts(f->asked.v[i], beginning);
    return n;
}

const char *fake_api_event(struct fake_api *f, const char *reason)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    const struct ol_val *best = NULL;
    const struct fake_stored *o;
    uint64_t newest = 0;
    size_t at = 0;

    while ((o = ol_table_each(&f->store->objects, &at))) {
        const struct ol_val *v;

        if (o->kind != &kube_event_kind || o->version <= newest)
            continue;
        v = fake_load(o->json, &a);
        if (strcmp(ol_val_str(ol_val_get(v, "reason")), reason) != 0)
            continue;
        best = v;
        newest = o->version;
    }
    return best ? shown(f, ol_val_get(best, "message")) : NULL;
}

uint64_t fake_api_version(const struct fake_api *f)
{
    return f->store->version;
}
