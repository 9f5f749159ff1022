/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/apiserver/route.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"

enum { MAX_PARTS = 16 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %-escapes, and '+' as a blank where 'is_query'. NULL: not well-formed, or a NUL in it. */
static const char *unescape(struct ol_arena *a, const char *s, size_t len, bool is_query)
{
    char *out = ol_arena_memdup(a, s, len), *to = out;

    for (size_t i = 0; i < len; i++) {
        char c = s[i];

        if (c == '%') {
            int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(s[i + 2]) : -1;

            if (high < 0 || low < 0 || high + low == 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        *to++ = c;
    }
    *to = '\0';
    return out;
}

/* "namespaces/NAME/…", but for the subresources of the namespace itself. */
static bool is_in_namespace_of(const char *group, const char *const *parts)
{
    if (!parts[0] || strcmp(parts[0], "namespaces") != 0 || !parts[1] || !parts[2])
        return false;
    return *group || (strcmp(parts[2], "status") != 0 && strcmp(parts[2], "finalize") != 0);
}

/* The parts behind group and version. */
static void name_object(struct api_route *r, const char *const *parts)
{
    bool is_in_namespace = is_in_namespace_of(r->group, parts), is_namespaced;

    if (is_in_namespace) {
        r->ns = parts[1];
        parts += 2;
    }
    if (!parts[0])
        return;
    r->kind = kube_kind_by_plural(r->group, r->version, parts[0]);
    r->name = parts[1] ? parts[1] : "";
    r->subresource = parts[1] ? parts[2] : NULL;
    if (!r->kind)
        return;
    is_namespaced = r->kind->flags & KUBE_NAMESPACED;
    if (is_in_namespace ? !is_namespaced : is_namespaced && *r->name)
        r->kind = NULL;
    if (r->subresource && parts[3])
        r->kind = NULL; /* proxies and the like */
}

int api_route_parse(const char *path, struct ol_arena *a, struct api_route *ret)
{
    const char **parts = ol_arena_alloc(a, (MAX_PARTS + 4) * sizeof(*parts));
    struct api_route r = {.path = path, .parts = parts, .ns = "", .name = ""};

    if (*path != '/')
        return -EINVAL;
    for (const char *p = path + 1; *p;) {
        size_t len = strcspn(p, "/");
        const char *part = unescape(a, p, len, false);

        if (len == 0 || !part || r.n_parts == MAX_PARTS)
            return -EINVAL;
        parts[r.n_parts++] = part;
        p += len + (p[len] == '/');
    }
    if (r.n_parts >= 2 && strcmp(parts[0], "api") == 0) {
        r.group = "";
        r.version = parts[1];
        name_object(&r, parts + 2);
    } else if (r.n_parts >= 3 && strcmp(parts[0], "apis") == 0) {
        r.group = parts[1];
        r.version = parts[2];
        name_object(&r, parts + 3);
    }
    *ret = r;
    return 0;
}

enum query_type { QUERY_STR, QUERY_INT, QUERY_BOOL };

static const struct query_row {
    const char *name;
    enum query_type type;
    size_t offset;
} rows[] = {
    {"labelSelector", QUERY_STR, offsetof(struct api_query, label_selector)},
    {"fieldSelector", QUERY_STR, offsetof(struct api_query, field_selector)},
    {"resourceVersion", QUERY_STR, offsetof(struct api_query, resource_version)},
    {"resourceVersionMatch", QUERY_STR, offsetof(struct api_query, version_match)},
    {"continue", QUERY_STR, offsetof(struct api_query, continues)},
    {"fieldManager", QUERY_STR, offsetof(struct api_query, field_manager)},
    {"fieldValidation", QUERY_STR, offsetof(struct api_query, field_validation)},
    {"propagationPolicy", QUERY_STR, offsetof(struct api_query, propagation)},
    {"includeObject", QUERY_STR, offsetof(struct api_query, include_object)},
    {"limit", QUERY_INT, offsetof(struct api_query, limit)},
    {"timeoutSeconds", QUERY_INT, offsetof(struct api_query, timeout_seconds)},
    {"gracePeriodSeconds", QUERY_INT, offsetof(struct api_query, grace_seconds)},
    {"watch", QUERY_BOOL, offsetof(struct api_query, is_watch)},
    {"allowWatchBookmarks", QUERY_BOOL, offsetof(struct api_query, want_bookmarks)},
    {"sendInitialEvents", QUERY_BOOL, offsetof(struct api_query, want_initial)},
    {"force", QUERY_BOOL, offsetof(struct api_query, is_forced)},
    {"verbose", QUERY_BOOL, offsetof(struct api_query, is_verbose)},
    {"pretty", QUERY_BOOL, offsetof(struct api_query, is_pretty)},
    {"orphanDependents", QUERY_BOOL, offsetof(struct api_query, is_orphan)},
};

static void take(struct api_query *q, const struct query_row *row, const char *value,
                 struct ol_arena *a)
{
    char *at = (char *)q + row->offset;

    if (row->type == QUERY_STR) {
        *(const char **)(void *)at = value;
    } else if (row->type == QUERY_BOOL) {
        /* As conversion of url.Values: present without value means true. */
        *(bool *)at = strcmp(value, "false") != 0 && strcmp(value, "0") != 0;
    } else if (*value && (ol_parse_i64(value, 10, (int64_t *)(void *)at) < 0) && !q->wrong) {
        q->wrong = ol_arena_printf(a, "%s: invalid number \"%.64s\"", row->name, value);
    }
}

static void take_pair(struct api_query *q, const char *name, const char *value, struct ol_arena *a)
{
    for (size_t i = 0; i < ol_count(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            take(q, &rows[i], value, a);
    if (strcmp(name, "sendInitialEvents") == 0)
        q->has_initial = true;
    if (strcmp(name, "force") == 0)
        q->has_force = true;
    if (strcmp(name, "dryRun") == 0) {
        q->is_dry_run = true;
        if (strcmp(value, "All") != 0 && !q->wrong)
            q->wrong = ol_arena_printf(
                a, "dryRun: Unsupported value: \"%.64s\": supported values: \"All\"", value);
    }
}

int api_query_parse(const char *query, struct ol_arena *a, struct api_query *ret)
{
    struct api_query q = {.grace_seconds = -1};

    for (size_t i = 0; i < ol_count(rows); i++)
        if (rows[i].type == QUERY_STR)
            *(const char **)(void *)((char *)&q + rows[i].offset) = "";
    for (const char *p = query; *p;) {
        size_t len = strcspn(p, "&");
        const char *equals = memchr(p, '=', len);
        size_t name_len = equals ? (size_t)(equals - p) : len;
        const char *name = unescape(a, p, name_len, true);
        const char *value = equals ? unescape(a, equals + 1, len - name_len - 1, true) : "";

        if (!name || !value)
            return -EINVAL;
        take_pair(&q, name, value, a);
        p += len + (p[len] == '&');
    }
    if (q.limit < 0 && !q.wrong)
        q.wrong = "limit: Invalid value: must be greater than or equal to 0";
    *ret = q;
    return 0;
}
