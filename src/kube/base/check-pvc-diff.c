/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"

/*
 * The text that kube-apiserver compares when a claim's spec was changed: its internal struct as Go
 * prints it as JSON, each member by its Go name, in the struct's order, null when absent.
 */
struct member {
    const char *name, *go;
    const struct member *of; /* NULL: the value as it stands */
};

static const struct member resources[] = {{"limits", "Limits"}, {"requests", "Requests"}, {NULL}};
static const struct member data_source[] = {
    {"apiGroup", "APIGroup"}, {"kind", "Kind"}, {"name", "Name"}, {NULL}};
static const struct member data_source_ref[] = {{"apiGroup", "APIGroup"},
                                                {"kind", "Kind"},
                                                {"name", "Name"},
                                                {"namespace", "Namespace"},
                                                {NULL}};
static const struct member spec_members[] = {
    {"accessModes", "AccessModes"},
    {"selector", "Selector"},
    {"resources", "Resources", resources},
    {"volumeName", "VolumeName"},
    {"storageClassName", "StorageClassName"},
    {"volumeMode", "VolumeMode"},
    {"dataSource", "DataSource", data_source},
    {"dataSourceRef", "DataSourceRef", data_source_ref},
    {"volumeAttributesClassName", "VolumeAttributesClassName"},
    {NULL},
};

static struct ol_val *go_form(const struct ol_val *v, const struct member *members,
                              struct ol_arena *a)
{
    struct ol_val *map = ol_val_new_map(a);

    for (const struct member *m = members; m->name; m++) {
        const struct ol_val *member = ol_val_get(v, m->name);
        struct ol_val *text;

        if (!strcmp(m->name, "volumeName") && !member)
            text = ol_val_new_str(a, "");
        else if (m->of && (member || m->of == resources))
            text = go_form(member, m->of, a);
        else
            text = member ? ol_val_copy(a, member) : ol_val_new_null(a);
        ol_val_set(a, map, m->go, text);
    }
    return map;
}

void check_forbid_claim_change(const struct ol_val *now, const struct ol_val *old,
                               struct kube_findings *to)
{
    static const struct ol_json_style style = {
        .indent = 1, .item_separator = ",", .key_separator = ": "};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf a = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(8 << 20);

    ol_buf_adds(&text, "spec is immutable after creation except resources.requests and "
                       "volumeAttributesClassName for bound claims\n");
    if (ol_json_dump(go_form(old, spec_members, &arena), &style, &a) >= 0
        && ol_json_dump(go_form(now, spec_members, &arena), &style, &b) >= 0)
        check_diff(a.data, b.data, &text);
    check_forbidden(to, CHILD(NULL, "spec"), text.data);
}
