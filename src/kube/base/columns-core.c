/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/kind-internal.h"

#define CELL(name) static void name(const struct kube_object *o, ol_time now, struct ol_buf *to)
#define NAME                                                                                       \
    {                                                                                              \
        "Name", "string", "name", 0, "Name of the object.", kube_cell_name                         \
    }
#define AGE                                                                                        \
    {                                                                                              \
        "Age", "string", "", 0, "Time since the object was made.", kube_cell_age                   \
    }

/* --- Node --- */
CELL(node_status)
{
    const struct kube_node *node = kube_as_node(o);
    const struct kube_condition *c = node->status.conditions.v;
    const char *ready = "Unknown";
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(256);

    for (uint32_t i = 0; i < node->status.conditions.n; i++)
        if (!strcmp(c[i].type, "Ready"))
            ready = !strcmp(c[i].status, "True") ? "Ready" : "NotReady";
    ol_buf_printf(&b, "%s%s", ready, node->is_unschedulable ? ",SchedulingDisabled" : "");
    kube_cell_str(to, b.data);
}

CELL(node_roles)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    const struct kube_map *labels = &o->meta.labels;
    const char *role = kube_map_get(labels, "kubernetes.io/role");
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    for (uint32_t i = 0; i < labels->n; i++)
        if (ol_str_starts(labels->v[i].key, prefix) && labels->v[i].key[strlen(prefix)])
            ol_buf_printf(&b, "%s%s", b.len ? "," : "", labels->v[i].key + strlen(prefix));
    if (role && *role)
        ol_buf_printf(&b, "%s%s", b.len ? "," : "", role);
    kube_cell_str(to, b.len ? b.data : "<none>");
}

CELL(node_version)
{
    kube_cell_str(to, kube_as_node(o)->status.kubelet_version);
}

static void add_address(const struct kube_object *o, const char *type, struct ol_buf *to)
{
    const struct kube_list *list = &kube_as_node(o)->status.addresses;
    const struct kube_node_address *a = list->v;

    for (uint32_t i = 0; i < list->n; i++)
        if (!strcmp(a[i].type, type)) {
            kube_cell_str(to, a[i].address);
            return;
        }
    kube_cell_str(to, "<none>");
}

CELL(node_internal_ip)
{
    add_address(o, "InternalIP", to);
}

CELL(node_external_ip)
{
    add_address(o, "ExternalIP", to);
}

static void add_known(struct ol_buf *to, const char *s)
{
    kube_cell_str(to, *s ? s : "<unknown>");
}

CELL(node_os)
{
    add_known(to, kube_as_node(o)->status.os_image);
}

CELL(node_kernel)
{
    add_known(to, kube_as_node(o)->status.kernel_version);
}

CELL(node_runtime)
{
    add_known(to, kube_as_node(o)->status.runtime_version);
}

const struct kube_column kube_node_columns[] = {
    NAME,
    {"Status", "string", "", 0, "Ready or not.", node_status},
    {"Roles", "string", "", 0, "Its roles.", node_roles},
    AGE,
    {"Version", "string", "", 0, "Version of the node's agent.", node_version},
    {"Internal-IP", "string", "", 1, "Address inside of the cluster.", node_internal_ip},
    {"External-IP", "string", "", 1, "Address outside.", node_external_ip},
    {"OS-Image", "string", "", 1, "The operating system.", node_os},
    {"Kernel-Version", "string", "", 1, "The kernel.", node_kernel},
    {"Container-Runtime", "string", "", 1, "The container runtime.", node_runtime},
    {NULL},
};

/* --- Event --- */
static ol_time first_seen(const struct kube_event *e)
{
    return e->first ? e->first : e->time;
}

CELL(event_last)
{
    const struct kube_event *e = kube_as_event(o);
    ol_time t = e->last ? e->last : first_seen(e);

    kube_cell_since(to, e->series_last ? e->series_last : t, now);
}

CELL(event_type)
{
    kube_cell_str(to, kube_as_event(o)->type);
}

CELL(event_reason)
{
    kube_cell_str(to, kube_as_event(o)->reason);
}

CELL(event_object)
{
    const struct kube_ref *about = &kube_as_event(o)->involved;
    ol_autofree char *kind = ol_str_lower(ol_xstrdup(about->kind));
    ol_autofree char *text = ol_xasprintf("%s%s%s", kind, *about->name ? "/" : "", about->name);

    kube_cell_str(to, text);
}

CELL(event_part)
{
    kube_cell_str(to, kube_as_event(o)->involved.field_path);
}

CELL(event_source)
{
    const struct kube_event *e = kube_as_event(o);
    const char *component = *e->component ? e->component : e->reporting_component;
    const char *host = *e->host ? e->host : e->reporting_instance;
    ol_autofree char *text = ol_xasprintf("%s%s%s", component, *host ? ", " : "", host);

    kube_cell_str(to, text);
}

CELL(event_message)
{
    ol_autofree char *text = ol_str_stripped(kube_as_event(o)->message);

    kube_cell_str(to, text);
}

CELL(event_first)
{
    kube_cell_since(to, first_seen(kube_as_event(o)), now);
}

CELL(event_count)
{
    const struct kube_event *e = kube_as_event(o);
    int64_t n = e->series_count ? e->series_count : e->count;

    ol_buf_printf(to, "%lld", (long long)(n ? n : 1));
}

const struct kube_column kube_event_columns[] = {
    {"Last Seen", "string", "", 0, "Time since it happened last.", event_last},
    {"Type", "string", "", 0, "Normal or Warning.", event_type},
    {"Reason", "string", "", 0, "What happened, in one word.", event_reason},
    {"Object", "string", "", 0, "The object that it is about.", event_object},
    {"Subobject", "string", "", 1, "A part of that object.", event_part},
    {"Source", "string", "", 1, "Who tells it.", event_source},
    {"Message", "string", "", 0, "What happened.", event_message},
    {"First Seen", "string", "", 1, "Time since it happened first.", event_first},
    {"Count", "string", "", 1, "How often it happened.", event_count},
    {"Name", "string", "name", 1, "Name of the event.", kube_cell_name},
    {NULL},
};

/* --- the others --- */
CELL(namespace_status)
{
    kube_cell_str(to, kube_as_namespace(o)->phase);
}

const struct kube_column kube_namespace_columns[] = {
    NAME,
    {"Status", "string", "", 0, "Active or Terminating.", namespace_status},
    AGE,
    {NULL},
};

CELL(secret_type)
{
    kube_cell_str(to, kube_as_secret(o)->type);
}

CELL(secret_data)
{
    ol_buf_printf(to, "%u", kube_as_secret(o)->data.n);
}

const struct kube_column kube_secret_columns[] = {
    NAME,
    {"Type", "string", "", 0, "Its type.", secret_type},
    {"Data", "string", "", 0, "How many keys it has.", secret_data},
    AGE,
    {NULL},
};

CELL(config_map_data)
{
    const struct kube_data *data = kube_as_config_map(o);

    ol_buf_printf(to, "%u", data->text.n + data->data.n);
}

const struct kube_column kube_config_map_columns[] = {
    NAME,
    {"Data", "string", "", 0, "How many keys it has.", config_map_data},
    AGE,
    {NULL},
};

const struct kube_column kube_service_account_columns[] = {
    NAME,
    AGE,
    {NULL},
};

CELL(lease_holder)
{
    kube_cell_str(to, kube_as_lease(o)->holder);
}

const struct kube_column kube_lease_columns[] = {
    NAME,
    {"Holder", "string", "", 0, "Who has it.", lease_holder},
    AGE,
    {NULL},
};
