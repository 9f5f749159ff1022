/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "kube/document/describe.h"

static void cell_name(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    ol_json_add_string(to, o->meta.name, strlen(o->meta.name));
}

/* As a time: kubectl makes an age of it. */
static void cell_created(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    const time_t at = (time_t)(o->meta.created / OL_SECOND);
    char text[32];
    struct tm tm;

    if (!o->meta.created || !gmtime_r(&at, &tm)) {
        ol_buf_adds(to, "null");
        return;
    }
    strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
    ol_buf_adds(to, text);
}

/* Of kinds that have no columns of their own. */
static const struct kube_column plain_columns[] = {
    {"Name", "string", "name", 0, "Name must be unique within a namespace.", cell_name},
    {"Created At", "date", "", 0, "When this object was created.", cell_created},
    {0},
};

static const struct kube_column *columns_of(const struct kube_kind *kind)
{
    return kind->columns && kind->columns[0].name ? kind->columns : plain_columns;
}

static void add_columns(struct ol_buf *to, const struct kube_column *columns)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_list(&w, NULL);
    for (const struct kube_column *c = columns; c->name; c++) {
        ol_jw_map(&w, NULL);
        ol_jw_str(&w, "name", c->name);
        ol_jw_str(&w, "type", c->type);
        ol_jw_str(&w, "format", c->format ? c->format : "");
        ol_jw_str(&w, "description", c->doc ? c->doc : "");
        ol_jw_int(&w, "priority", c->priority);
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
}

void kube_table_begin(struct kube_table *t, const char *metadata_json, bool want_columns)
{
    t->has_rows = false;
    ol_buf_printf(t->to, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":",
                  t->is_v1beta1 ? "v1beta1" : "v1");
    ol_buf_adds(t->to, metadata_json ? metadata_json : "{}");
    ol_buf_adds(t->to, ",\"columnDefinitions\":");
    if (want_columns)
        add_columns(t->to, columns_of(t->kind));
    else
        ol_buf_adds(t->to, "null");
    ol_buf_adds(t->to, ",\"rows\":[");
}

static void add_value(struct ol_buf *to, const struct ol_val *v)
{
    if (ol_json_dump(v, &ol_json_compact, to) < 0 && !to->failed)
        to->failed = EINVAL;
}

static void add_object(const struct kube_table *t, const struct ol_val *object)
{
    switch (t->include) {
    case KUBE_INCLUDE_NONE: ol_buf_adds(t->to, "null"); break;
    case KUBE_INCLUDE_METADATA:
        ol_buf_printf(t->to,
                      "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/%s\","
                      "\"metadata\":",
                      t->is_v1beta1 ? "v1beta1" : "v1");
        add_value(t->to, ol_val_get(object, "metadata"));
        ol_buf_addc(t->to, '}');
        break;
    case KUBE_INCLUDE_OBJECT: add_value(t->to, object); break;
    }
}

void kube_table_row(struct kube_table *t, const struct kube_object *decoded,
                    const struct ol_val *object)
{
    const struct kube_column *columns = columns_of(t->kind);

    ol_buf_adds(t->to, t->has_rows ? ",{\"cells\":[" : "{\"cells\":[");
    t->has_rows = true;
    for (const struct kube_column *c = columns; c->name; c++) {
        if (c != columns)
            ol_buf_addc(t->to, ',');
        c->cell(decoded, t->now, t->to);
    }
    ol_buf_adds(t->to, "],\"object\":");
    add_object(t, object);
    ol_buf_addc(t->to, '}');
}

void kube_table_end(struct kube_table *t)
{
    ol_buf_adds(t->to, "]}");
}
