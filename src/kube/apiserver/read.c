/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "kube/apiserver/api-internal.h"
#include "kube/document/describe.h"

struct store_key api_key(const struct api_request *q)
{
    return (struct store_key){api_resource(q->route.kind), q->route.ns, q->route.name};
}

void api_get(struct api_request *q)
{
    ol_auto(store_text_unref_at) struct store_text *text = NULL;
    struct store_key key = api_key(q);
    int r = store_get(q->server->store, &key, &text);

    if (r == -ENOENT)
        api_fail_named(q, KUBE_NOT_FOUND, q->route.name);
    else if (r < 0)
        api_fail_store(q, r);
    else
        api_answer_text(q, 200, text);
}

bool api_selectors(struct api_request *q, struct api_selector *labels, struct api_selector *fields)
{
    const struct kube_kind *k = q->route.kind;
    struct ol_err err = OL_ERR_INIT;

    if (api_selector_labels(q->query.label_selector, &q->arena, labels, &err) < 0) {
        api_fail(
            q, KUBE_BAD_REQUEST,
            "Unable to find \"%s\" that match label selector \"%s\", field selector \"%s\": %s",
            k->plural, q->query.label_selector, q->query.field_selector, ol_err_text(&err));
        return false;
    }
    if (api_selector_fields(q->query.field_selector, k, &q->arena, fields, &err) < 0) {
        api_fail(q, KUBE_BAD_REQUEST,
                 "Unable to find \"%s%s%s, Resource=%s\" that match label selector \"%s\", field "
                 "selector \"%s\": %s",
                 k->group, *k->group ? "/" : "/", k->version, k->plural, q->query.label_selector,
                 q->query.field_selector, ol_err_text(&err));
        return false;
    }
    return true;
}

/* A list under way. */
struct list {
    struct api_request *q;
    struct api_selector labels, fields;
    enum api_form form;
    struct kube_table table;
    struct ol_buf items;
    struct ol_arena arena; /* of one row */
    int64_t n, limit;
    char *last_ns, *last_name; /* of the last one that was taken */
    const char *from_ns, *from_name;
    uint64_t at, revision;
    bool has_more, is_broken;
};

static void list_done(struct list *l)
{
    ol_buf_done(&l->items);
    ol_arena_done(&l->arena);
    free(l->last_ns);
    free(l->last_name);
}

static bool is_plain_row(const struct list *l)
{
    return l->labels.n == 0 && l->fields.n == 0 && (l->form == API_JSON || l->form == API_YAML);
}

static void add_row(struct list *l, const struct store_row *row, const struct ol_val *tree)
{
    ol_auto(kube_object_unref_at) const struct kube_object *decoded = NULL;

    if (l->form == API_TABLE || l->form == API_TABLE_BETA) {
        if (kube_decode(l->q->route.kind, tree, &decoded, NULL) < 0)
            l->is_broken = true;
        else
            kube_table_row(&l->table, decoded, tree);
        return;
    }
    if (l->items.len)
        ol_buf_addc(&l->items, ',');
    if (l->form == API_PARTIAL)
        api_render_partial(tree, &l->items);
    else
        ol_buf_add(&l->items, row->json, row->len);
}

static bool on_row(void *ctx, const struct store_row *row)
{
    struct list *l = ctx;
    struct ol_val *tree = NULL;

    if (!is_plain_row(l)) {
        ol_arena_done(&l->arena);
        ol_arena_init(&l->arena, API_MAX_TREE);
        if (ol_json_load(row->json, row->len, &l->arena, &tree, NULL) < 0) {
            l->is_broken = true;
            return false;
        }
        if (!api_selector_has_labels(&l->labels, tree)
            || !api_selector_has_fields(&l->fields, l->q->route.kind, tree))
            return true;
    }
    if (l->limit && l->n == l->limit) {
        l->has_more = true;
        return false;
    }
    add_row(l, row, tree);
    l->n++;
    if (l->limit && l->n == l->limit) {
        free(l->last_ns);
        free(l->last_name);
        l->last_ns = ol_xstrdup(row->key.ns);
        l->last_name = ol_xstrdup(row->key.name);
    }
    return ol_buf_status(&l->items) == 0;
}

/* {"v":1,"rv":N,"ns":"…","name":"…"} in base64. */
static char *make_continue(const struct list *l)
{
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096), out = OL_BUF_INIT(8192);
    struct ol_jw w;

    ol_jw_init(&w, &json);
    ol_jw_map(&w, NULL);
    ol_jw_int(&w, "v", 1);
    ol_jw_int(&w, "rv", (int64_t)l->revision);
    ol_jw_str(&w, "ns", l->last_ns);
    ol_jw_str(&w, "name", l->last_name);
    ol_jw_end(&w);
    ol_base64_encode(json.data, json.len, 0, &out);
    return ol_buf_take(&out);
}

static bool read_continue(struct list *l)
{
    struct api_request *q = l->q;
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096);
    const char *text = q->query.continues;
    struct ol_val *v = NULL;

    if (!*text)
        return true;
    if (strlen(text) > 4096
        || ol_base64_decode(text, strlen(text), OL_BASE64_STRICT, &json, NULL) < 0
        || ol_json_load(json.data, json.len, &q->arena, &v, NULL) < 0
        || ol_val_int(ol_val_get(v, "rv"), 0) <= 0 || !ol_val_str(ol_val_get(v, "name"))) {
        api_fail(q, KUBE_BAD_REQUEST, "continue key is not valid: this server did not make it");
        return false;
    }
    l->at = (uint64_t)ol_val_int(ol_val_get(v, "rv"), 0);
    l->from_ns = ol_val_str(ol_val_get(v, "ns"));
    l->from_name = ol_val_str(ol_val_get(v, "name"));
    return true;
}

static void fail_future(struct api_request *q, uint64_t wanted)
{
    struct kube_finding cause = {
        .reason = "ResourceVersionTooLarge", .path = "", .message = "Too large resource version"};
    struct kube_status st = {
        .reason = KUBE_TIMEOUT, .causes = &cause, .n_causes = 1, .retry_after_seconds = 1};

    st.message = ol_arena_printf(
        &q->arena, "Timeout: Too large resource version: %llu, current: %llu",
        (unsigned long long)wanted, (unsigned long long)store_revision(q->server->store));
    api_answer_status(q, &st);
}

static bool check_match(struct api_request *q)
{
    const char *text = q->query.resource_version, *match = q->query.version_match;

    if (*match && (!*text || *q->query.continues)) {
        api_fail(q, KUBE_INVALID,
                 "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
                 "resourceVersion is provided%s",
                 *text ? " and continue is not" : "");
        return false;
    }
    if (*match && strcmp(match, "Exact") != 0 && strcmp(match, "NotOlderThan") != 0) {
        api_fail(q, KUBE_INVALID,
                 "resourceVersionMatch: Unsupported value: \"%.64s\": supported values: \"Exact\", "
                 "\"NotOlderThan\"",
                 match);
        return false;
    }
    return true;
}

/* resourceVersion and resourceVersionMatch of lists: "" and "0" are now, N is now unless N is to be
 * met exactly. */
static bool read_version(struct list *l)
{
    struct api_request *q = l->q;
    const char *text = q->query.resource_version, *match = q->query.version_match;
    uint64_t wanted = 0;

    if (*text && ol_parse_u64(text, 10, &wanted) < 0) {
        api_fail(q, KUBE_BAD_REQUEST, "Invalid value: \"%.64s\": invalid resource version", text);
        return false;
    }
    if (!check_match(q))
        return false;
    if (wanted > store_revision(q->server->store)) {
        fail_future(q, wanted);
        return false;
    }
    if (strcmp(match, "Exact") == 0 && wanted > 0)
        l->at = wanted;
    return true;
}

/* Metadata of the list, as JSON. */
static void write_metadata(struct list *l, struct ol_buf *to)
{
    struct api_request *q = l->q;
    ol_autofree char *token = l->has_more ? make_continue(l) : NULL;
    struct store_range rest = {.resource = api_resource(q->route.kind),
                               .ns = q->route.ns,
                               .after_ns = l->last_ns,
                               .after_name = l->last_name};
    char revision[24];
    struct ol_jw w;

    snprintf(revision, sizeof(revision), "%llu", (unsigned long long)l->revision);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "resourceVersion", revision);
    ol_jw_str(&w, "continue", token);
    if (token && l->labels.n == 0 && l->fields.n == 0)
        ol_jw_int(&w, "remainingItemCount", (int64_t)store_count(q->server->store, &rest));
    ol_jw_end(&w);
}

static void answer_yaml(struct api_request *q, const struct ol_buf *json)
{
    ol_auto(ol_buf_done) struct ol_buf yaml = OL_BUF_INIT(API_MAX_ANSWER);
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(API_MAX_ANSWER);
    struct ol_val *tree;

    if (ol_json_load(json->data, json->len, &a, &tree, NULL) < 0
        || api_render_yaml(tree, &yaml) < 0)
        api_fail(q, KUBE_INTERNAL_ERROR, "the list can't be written as YAML");
    else
        api_answer_bytes(q, 200, api_form_type(API_YAML), &yaml);
}

static void answer_list(struct list *l)
{
    ol_auto(ol_buf_done) struct ol_buf metadata = OL_BUF_INIT(16384),
                                       out = OL_BUF_INIT(API_MAX_ANSWER);
    const struct kube_kind *k = l->q->route.kind;
    char api_version[96];

    write_metadata(l, &metadata);
    kube_api_version(k, api_version);
    if (l->form == API_PARTIAL)
        ol_buf_adds(&out,
                    "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\"");
    else
        ol_buf_printf(&out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\"", k->list_kind, api_version);
    ol_buf_printf(&out, ",\"metadata\":%s,\"items\":[", metadata.data);
    ol_buf_add(&out, l->items.data, l->items.len);
    ol_buf_done(&l->items);
    ol_buf_init(&l->items, 0);
    ol_buf_adds(&out, "]}");
    if (l->form == API_YAML)
        answer_yaml(l->q, &out);
    else
        api_answer_bytes(l->q, 200, "application/json", &out);
}

/* The rows of a Table come behind its metadata, which tells of the end of the list: so they are
 * made aside. */
static void answer_table(struct list *l)
{
    ol_auto(ol_buf_done) struct ol_buf metadata = OL_BUF_INIT(16384),
                                       out = OL_BUF_INIT(API_MAX_ANSWER);
    struct kube_table t = l->table;

    write_metadata(l, &metadata);
    t.to = &out;
    t.has_rows = false;
    kube_table_begin(&t, metadata.data, true);
    ol_buf_add(&out, l->items.data, l->items.len);
    t.has_rows = l->n > 0;
    kube_table_end(&t);
    api_answer_bytes(l->q, 200, "application/json", &out);
}

static void run_list(struct list *l)
{
    struct api_request *q = l->q;
    struct store_range range = {.resource = api_resource(q->route.kind),
                                .ns = q->route.ns,
                                .after_ns = l->from_ns,
                                .after_name = l->from_name,
                                .at = l->at};
    int r = store_list(q->server->store, &range, on_row, l, &l->revision);

    if (r == -ESTALE)
        api_fail(q, KUBE_EXPIRED,
                 *q->query.continues
                     ? "The provided continue parameter is too old to display a consistent list "
                       "result. You must start a new list without the continue parameter."
                     : "too old resource version: %s",
                 q->query.resource_version);
    else if (r < 0)
        api_fail_store(q, r);
    else if (l->is_broken || ol_buf_status(&l->items) < 0)
        api_fail(q, KUBE_INTERNAL_ERROR, "an object of the list can't be shown");
    else if (l->form == API_TABLE || l->form == API_TABLE_BETA)
        answer_table(l);
    else
        answer_list(l);
}

void api_list(struct api_request *q)
{
    ol_auto(list_done) struct list l = {.q = q, .limit = q->query.limit};

    if (q->query.is_watch) {
        api_watch(q);
        return;
    }
    ol_buf_init(&l.items, API_MAX_ANSWER);
    ol_arena_init(&l.arena, API_MAX_TREE);
    if (api_form_of(q->accept, &l.form) < 0) {
        api_fail(q, KUBE_NOT_ACCEPTABLE,
                 "only the following media types are accepted: application/json, application/yaml");
        return;
    }
    if (l.form >= API_DISCOVERY_V2)
        l.form = API_JSON;
    l.table = (struct kube_table){.to = &l.items,
                                  .kind = q->route.kind,
                                  .include = (enum kube_include)api_include(q),
                                  .now = ol_now_wall(q->server->env),
                                  .is_v1beta1 = l.form == API_TABLE_BETA};
    if (api_selectors(q, &l.labels, &l.fields) && read_version(&l) && read_continue(&l))
        run_list(&l);
}
