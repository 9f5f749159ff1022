/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/apiserver/watch-internal.h"
#include "kube/document/describe.h"

static const char *const type_names[WATCH_N_TYPES] = {
    [WATCH_ADDED] = "ADDED",
    [WATCH_MODIFIED] = "MODIFIED",
    [WATCH_DELETED] = "DELETED",
    [WATCH_LEFT] = "DELETED",
};

void watch_event_init(struct watch_event *v, const struct store_event *e)
{
    v->e = e;
    v->now = v->old = NULL;
    ol_arena_init(&v->arena, API_MAX_TREE);
    for (size_t i = 0; i < WATCH_N_SHAPES; i++)
        for (size_t j = 0; j < WATCH_N_TYPES; j++)
            ol_buf_init(&v->lines[i][j], API_MAX_BODY * 4);
}

void watch_event_done(struct watch_event *v)
{
    for (size_t i = 0; i < WATCH_N_SHAPES; i++)
        for (size_t j = 0; j < WATCH_N_TYPES; j++)
            ol_buf_done(&v->lines[i][j]);
    ol_arena_done(&v->arena);
}

static const struct ol_val *parse(struct watch_event *v, const struct store_text *t,
                                  struct ol_val **to)
{
    if (t && !*to && ol_json_load(t->data, t->len, &v->arena, to, NULL) < 0)
        *to = NULL;
    return *to;
}

const struct ol_val *watch_event_now(struct watch_event *v)
{
    return parse(v, v->e->now, &v->now);
}

const struct ol_val *watch_event_old(struct watch_event *v)
{
    return parse(v, v->e->old, &v->old);
}

/* What it was, at the revision at which it went. */
static const struct ol_val *left_object(struct watch_event *v)
{
    const struct ol_val *old = watch_event_old(v);
    struct ol_val *copy, *meta;
    char revision[24];

    if (!old)
        return NULL;
    snprintf(revision, sizeof(revision), "%llu", (unsigned long long)v->e->revision);
    copy = ol_val_copy_top(&v->arena, old);
    meta = ol_val_copy_top(&v->arena, ol_val_get(old, "metadata"));
    ol_val_set_str(&v->arena, meta, "resourceVersion", revision);
    ol_val_set(&v->arena, copy, "metadata", meta);
    return copy;
}

static int shape_of(const struct api_watcher *w)
{
    if (w->form == API_PARTIAL)
        return WATCH_AS_PARTIAL;
    if (w->form != API_TABLE && w->form != API_TABLE_BETA)
        return WATCH_AS_JSON;
    return WATCH_AS_TABLE + w->include * 4 + (w->form == API_TABLE_BETA) * 2 + w->has_columns;
}

static bool add_table(struct watch_event *v, const struct api_watcher *w, const struct ol_val *tree,
                      struct ol_buf *to)
{
    ol_auto(kube_object_unref_at) const struct kube_object *decoded = NULL;
    struct kube_table t = {.to = to,
                           .kind = w->kind,
                           .include = (enum kube_include)w->include,
                           .now = ol_now_wall(w->server->env),
                           .is_v1beta1 = w->form == API_TABLE_BETA};
    char metadata[64];

    if (kube_decode(w->kind, tree, &decoded, NULL) < 0)
        return false;
    snprintf(metadata, sizeof(metadata), "{\"resourceVersion\":\"%llu\"}",
             (unsigned long long)v->e->revision);
    kube_table_begin(&t, metadata, !w->has_columns);
    kube_table_row(&t, decoded, tree);
    kube_table_end(&t);
    return true;
}

static bool add_object(struct watch_event *v, const struct api_watcher *w, enum watch_type type,
                       struct ol_buf *to)
{
    const struct ol_val *tree;

    if (shape_of(w) == WATCH_AS_JSON && type != WATCH_LEFT) {
        ol_buf_add(to, v->e->now->data, v->e->now->len);
        return true;
    }
    tree = type == WATCH_LEFT ? left_object(v) : watch_event_now(v);
    if (!tree)
        return false;
    if (shape_of(w) == WATCH_AS_JSON)
        return ol_json_dump(tree, &ol_json_compact, to) == 0;
    if (shape_of(w) == WATCH_AS_PARTIAL) {
        api_render_partial(tree, to);
        return true;
    }
    return add_table(v, w, tree, to);
}

const struct ol_buf *watch_event_line(struct watch_event *v, const struct api_watcher *w,
                                      enum watch_type type)
{
    struct ol_buf *line = &v->lines[shape_of(w)][type];

    if (line->len)
        return line;
    ol_buf_printf(line, "{\"type\":\"%s\",\"object\":", type_names[type]);
    if (!add_object(v, w, type, line)) {
        ol_buf_clear(line);
        return NULL;
    }
    ol_buf_adds(line, "}\n");
    return ol_buf_status(line) == 0 ? line : NULL;
}

void watch_bookmark_line(const struct api_watcher *w, uint64_t revision, bool is_initial_end,
                         struct ol_buf *to)
{
    char version[24], api_version[96];
    bool is_table = w->form == API_TABLE || w->form == API_TABLE_BETA;
    struct ol_jw j;

    snprintf(version, sizeof(version), "%llu", (unsigned long long)revision);
    kube_api_version(w->kind, api_version);
    if (is_table)
        snprintf(api_version, sizeof(api_version), "meta.k8s.io/%s",
                 w->form == API_TABLE ? "v1" : "v1beta1");
    else if (w->form == API_PARTIAL)
        snprintf(api_version, sizeof(api_version), "meta.k8s.io/v1");
    ol_jw_init(&j, to);
    ol_jw_map(&j, NULL);
    ol_jw_str(&j, "type", "BOOKMARK");
    ol_jw_map(&j, "object");
    ol_jw_str(&j, "kind",
              is_table                 ? "Table"
              : w->form == API_PARTIAL ? "PartialObjectMetadata"
                                       : w->kind->kind);
    ol_jw_str(&j, "apiVersion", api_version);
    ol_jw_map(&j, "metadata");
    ol_jw_str(&j, "resourceVersion", version);
    if (is_initial_end) {
        ol_jw_map(&j, "annotations");
        ol_jw_any(&j, "k8s.io/initial-events-end", "true");
        ol_jw_end(&j);
    }
    ol_jw_end(&j);
    if (is_table)
        ol_jw_raw(&j, "rows", "[]", 2);
    ol_jw_end(&j);
    ol_jw_end(&j);
    ol_buf_addc(to, '\n');
}
