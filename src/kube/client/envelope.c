/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/envelope.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/scan.h"

static int broken(const struct kube_scan *s, const char *text, struct ol_err *err)
{
    return ol_err_set(err, EINVAL, "no JSON at byte %zu", (size_t)(s->p - text));
}

/* Calls 'member' for each member of the map at hand; it reads the value. */
static int each_member(struct kube_scan *s, int (*member)(void *, const struct kube_span *),
                       void *ctx)
{
    bool is_first = true;
    struct kube_span key;
    int r;

    if (kube_scan_peek(s) != KUBE_TOKEN_MAP || kube_scan_open(s) < 0)
        return -EINVAL;
    while ((r = kube_scan_next(s, '}', &is_first)) > 0)
        if (kube_scan_key(s, &key) < 0 || member(ctx, &key) < 0)
            return -EINVAL;
    return r;
}

/* The text of the value at hand. */
static int take_value(struct kube_scan *s, const char **ret_text, size_t *ret_len)
{
    const char *begin;

    kube_scan_peek(s);
    begin = s->p;
    if (kube_scan_skip(s) < 0)
        return -EINVAL;
    *ret_text = begin;
    *ret_len = (size_t)(s->p - begin);
    return 0;
}

/* --- events --- */

struct event_reader {
    struct kube_scan s;
    struct envelope_event event;
};

static enum envelope_type type_of(const struct kube_span *name)
{
    static const char *const names[] = {
        [ENVELOPE_ADDED] = "ADDED",     [ENVELOPE_MODIFIED] = "MODIFIED",
        [ENVELOPE_DELETED] = "DELETED", [ENVELOPE_BOOKMARK] = "BOOKMARK",
        [ENVELOPE_ERROR] = "ERROR",
    };

    for (size_t i = ENVELOPE_ADDED; i < ol_count(names); i++)
        if (kube_span_is(name, names[i]))
            return (enum envelope_type)i;
    return ENVELOPE_OTHER;
}

static int on_event_member(void *ctx, const struct kube_span *key)
{
    struct event_reader *r = ctx;
    struct kube_span name;

    if (kube_span_is(key, "object"))
        return take_value(&r->s, &r->event.object, &r->event.len);
    if (!kube_span_is(key, "type"))
        return kube_scan_skip(&r->s);
    if (kube_scan_string(&r->s, &name) < 0)
        return -EINVAL;
    r->event.type = type_of(&name);
    return 0;
}

int envelope_read_event(const char *line, size_t len, struct envelope_event *ret,
                        struct ol_err *err)
{
    struct event_reader r = {.s = {.p = line, .end = line + len},
                             .event = {.object = "null", .len = 4}};

    if (each_member(&r.s, on_event_member, &r) < 0)
        return broken(&r.s, line, err);
    if (kube_scan_peek(&r.s) != KUBE_TOKEN_NONE || r.s.p < r.s.end)
        return broken(&r.s, line, err);
    *ret = r.event;
    return 0;
}

/* --- lists --- */

struct list_reader {
    struct kube_scan s;
    struct envelope_list *list;
};

static int on_meta_member(void *ctx, const struct kube_span *key)
{
    struct list_reader *r = ctx;
    struct envelope_list *list = r->list;
    struct kube_span value;
    ol_autofree char *text = NULL;

    if (kube_scan_peek(&r->s) != KUBE_TOKEN_STR)
        return kube_scan_skip(&r->s);
    if (kube_scan_string(&r->s, &value) < 0)
        return -EINVAL;
    text = ol_xcalloc(1, kube_span_len(&value) + 1);
    kube_span_copy(&value, text);
    if (kube_span_is(key, "resourceVersion") && strlen(text) < sizeof(list->version))
        memcpy(list->version, text, strlen(text) + 1);
    if (kube_span_is(key, "continue") && *text) {
        free(list->token);
        list->token = ol_take_ptr(text);
    }
    return 0;
}

static int read_items(struct list_reader *r)
{
    bool is_first = true;
    int more;

    if (kube_scan_peek(&r->s) != KUBE_TOKEN_LIST)
        return kube_scan_skip(&r->s);
    if (kube_scan_open(&r->s) < 0)
        return -EINVAL;
    while ((more = kube_scan_next(&r->s, ']', &is_first)) > 0) {
        const char *item;
        size_t len;

        if (take_value(&r->s, &item, &len) < 0)
            return -EINVAL;
        r->list->item(r->list->ctx, item, len);
    }
    return more;
}

static int on_list_member(void *ctx, const struct kube_span *key)
{
    struct list_reader *r = ctx;

    if (kube_span_is(key, "items"))
        return read_items(r);
    if (kube_span_is(key, "metadata") && kube_scan_peek(&r->s) == KUBE_TOKEN_MAP)
        return each_member(&r->s, on_meta_member, r);
    return kube_scan_skip(&r->s);
}

int envelope_read_list(const char *text, size_t len, struct envelope_list *list, struct ol_err *err)
{
    struct list_reader r = {.s = {.p = text, .end = text + len}, .list = list};

    list->version[0] = '\0';
    list->token = NULL;
    if (each_member(&r.s, on_list_member, &r) >= 0)
        return 0;
    free(list->token);
    list->token = NULL;
    return broken(&r.s, text, err);
}
