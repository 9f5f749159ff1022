/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"
#include "kube/document/describe.h"

/* One alternative of an Accept header, cut into its parts. */
struct media {
    char type[128], as[64], version[32], group[64];
};

static void take_parameter(struct media *m, const char *p, size_t len)
{
    static const struct {
        const char *name;
        size_t offset, size;
    } rows[] = {
        {"as=", offsetof(struct media, as), sizeof(m->as)},
        {"v=", offsetof(struct media, version), sizeof(m->version)},
        {"g=", offsetof(struct media, group), sizeof(m->group)},
    };

    p = ol_str_strip(p, len, &len);
    for (size_t i = 0; i < ol_count(rows); i++) {
        size_t n = strlen(rows[i].name);

        if (len < n || strncmp(p, rows[i].name, n) != 0 || len - n >= rows[i].size)
            continue;
        memcpy((char *)m + rows[i].offset, p + n, len - n);
    }
}

static void media_parse(const char *p, size_t len, struct media *ret)
{
    size_t n = strcspn(p, ";,"), type_len;
    const char *type = ol_str_strip(p, n < len ? n : len, &type_len);

    *ret = (struct media){0};
    if (type_len < sizeof(ret->type))
        memcpy(ret->type, type, type_len);
    while (n < len && p[n] == ';') {
        size_t start = n + 1;

        n = start + strcspn(p + start, ";,");
        take_parameter(ret, p + start, (n < len ? n : len) - start);
    }
}

static const struct {
    const char *as, *version;
    enum api_form form;
} forms[] = {
    {"Table", "v1", API_TABLE},
    {"Table", "v1beta1", API_TABLE_BETA},
    {"PartialObjectMetadata", "v1", API_PARTIAL},
    {"PartialObjectMetadataList", "v1", API_PARTIAL},
    {"PartialObjectMetadata", "v1beta1", API_PARTIAL},
    {"PartialObjectMetadataList", "v1beta1", API_PARTIAL},
    {"APIGroupDiscoveryList", "v2", API_DISCOVERY_V2},
    {"APIGroupDiscoveryList", "v2beta1", API_DISCOVERY_V2BETA1},
};

static int form_of_media(const struct media *m, enum api_form *ret)
{
    bool is_json = strcmp(m->type, "application/json") == 0;

    for (size_t i = 0; *m->as && i < ol_count(forms); i++)
        if (is_json && strcmp(m->as, forms[i].as) == 0
            && strcmp(m->version, forms[i].version) == 0) {
            *ret = forms[i].form;
            return 0;
        }
    if (*m->as)
        return -ENOENT;
    if (is_json || strcmp(m->type, "*/*") == 0 || strcmp(m->type, "application/*") == 0) {
        *ret = API_JSON;
        return 0;
    }
    if (strcmp(m->type, "application/yaml") == 0) {
        *ret = API_YAML;
        return 0;
    }
    return -ENOENT;
}

int api_form_of(const char *accept, enum api_form *ret)
{
    struct media m;

    *ret = API_JSON;
    if (!accept || !*accept)
        return 0;
    for (const char *p = accept; *p;) {
        size_t len = strcspn(p, ",");

        media_parse(p, len, &m);
        if (form_of_media(&m, ret) == 0)
            return 0;
        p += len + (p[len] == ',');
    }
    return -ENOENT;
}

const char *api_form_type(enum api_form f)
{
    static const char *const types[API_N_FORMS] = {
        [API_YAML] = "application/yaml",
        [API_DISCOVERY_V2] = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        [API_DISCOVERY_V2BETA1] =
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    };

    return types[f] ? types[f] : "application/json";
}

void api_render_partial(const struct ol_val *object, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "PartialObjectMetadata");
    ol_jw_str(&w, "apiVersion", "meta.k8s.io/v1");
    ol_jw_val(&w, "metadata", ol_val_get(object, "metadata"));
    ol_jw_end(&w);
}

int api_render_yaml(const struct ol_val *tree, struct ol_buf *to)
{
    struct ol_yaml_style style = ol_yaml_safe_dump;

    style.no_alias = true;
    return ol_yaml_dump(tree, &style, to);
}

static int render_table(const struct api_render *r, const struct ol_val *tree, struct ol_buf *to)
{
    ol_auto(kube_object_unref_at) const struct kube_object *decoded = NULL;
    struct kube_table t = {.to = to,
                           .kind = r->kind,
                           .include = (enum kube_include)r->include,
                           .now = r->now,
                           .is_v1beta1 = r->form == API_TABLE_BETA};
    const char *version = ol_val_str(ol_val_at(tree, "metadata/resourceVersion"));
    char metadata[64];
    int e = kube_decode(r->kind, tree, &decoded, NULL);

    if (e < 0)
        return e;
    snprintf(metadata, sizeof(metadata), "{\"resourceVersion\":\"%.20s\"}", version ? version : "");
    kube_table_begin(&t, metadata, true);
    kube_table_row(&t, decoded, tree);
    kube_table_end(&t);
    return 0;
}

int api_render_object(const struct api_render *r, const char *json, size_t len, struct ol_buf *to)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(API_MAX_TREE);
    struct ol_val *tree;
    int e;

    if (r->form == API_JSON) {
        ol_buf_add(to, json, len);
        return ol_buf_status(to);
    }
    e = ol_json_load(json, len, &a, &tree, NULL);
    if (e < 0)
        return e;
    if (r->form == API_YAML)
        return api_render_yaml(tree, to);
    if (r->form == API_PARTIAL)
        api_render_partial(tree, to);
    else if (r->kind)
        e = render_table(r, tree, to);
    return e < 0 ? e : ol_buf_status(to);
}
