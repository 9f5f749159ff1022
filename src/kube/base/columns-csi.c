/* SPDX-License-Identifier: Apache-2.0 */
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

static void add_bool(struct ol_buf *to, bool value)
{
    ol_buf_adds(to, value ? "true" : "false");
}

/* --- VolumeAttachment --- */
CELL(va_attacher)
{
    kube_cell_str(to, kube_as_va(o)->attacher);
}

CELL(va_pv)
{
    const char *name = kube_as_va(o)->pv_name;

    kube_cell_str(to, name ? name : "");
}

CELL(va_node)
{
    kube_cell_str(to, kube_as_va(o)->node);
}

CELL(va_attached)
{
    add_bool(to, kube_as_va(o)->status.is_attached);
}

const struct kube_column kube_va_columns[] = {
    NAME,
    {"Attacher", "string", "name", 0, "The driver.", va_attacher},
    {"PV", "string", "", 0, "The volume.", va_pv},
    {"Node", "string", "", 0, "The node.", va_node},
    {"Attached", "boolean", "", 0, "The volume is attached.", va_attached},
    AGE,
    {NULL},
};

/* --- CSINode --- */
CELL(csinode_drivers)
{
    ol_buf_printf(to, "%u", kube_as_csinode(o)->drivers.n);
}

const struct kube_column kube_csinode_columns[] = {
    NAME,
    {"Drivers", "integer", "", 0, "How many drivers are registered.", csinode_drivers},
    AGE,
    {NULL},
};

/* --- CSIDriver --- */
CELL(driver_attach)
{
    add_bool(to, kube_as_csidriver(o)->attach_required != 0);
}

CELL(driver_pod_info)
{
    add_bool(to, kube_as_csidriver(o)->pod_info == 1);
}

CELL(driver_capacity)
{
    add_bool(to, kube_as_csidriver(o)->storage_capacity == 1);
}

CELL(driver_tokens)
{
    const struct kube_list *list = &kube_as_csidriver(o)->token_requests;
    const struct kube_token_request *r = list->v;
    struct ol_buf b = OL_BUF_INIT(64 << 10);

    for (uint32_t i = 0; i < list->n; i++)
        ol_buf_printf(&b, "%s%s", i ? "," : "", r[i].audience);
    kube_cell_str(to, list->n ? b.data : "<unset>");
    ol_buf_done(&b);
}

CELL(driver_republish)
{
    add_bool(to, kube_as_csidriver(o)->requires_republish == 1);
}

CELL(driver_modes)
{
    const struct kube_strs *modes = &kube_as_csidriver(o)->lifecycle_modes;
    struct ol_buf b = OL_BUF_INIT(64 << 10);

    for (uint32_t i = 0; i < modes->n; i++)
        ol_buf_printf(&b, "%s%s", i ? "," : "", modes->v[i]);
    kube_cell_str(to, modes->n ? b.data : "<none>");
    ol_buf_done(&b);
}

const struct kube_column kube_csidriver_columns[] = {
    NAME,
    {"AttachRequired", "boolean", "", 0, "Volumes must be attached.", driver_attach},
    {"PodInfoOnMount", "boolean", "", 0, "It wants to know the pod.", driver_pod_info},
    {"StorageCapacity", "boolean", "", 0, "It tells what is left.", driver_capacity},
    {"TokenRequests", "string", "", 0, "Tokens that it wants.", driver_tokens},
    {"RequiresRepublish", "boolean", "", 0, "It is called again and again.", driver_republish},
    {"Modes", "string", "", 0, "Persistent, Ephemeral or both.", driver_modes},
    AGE,
    {NULL},
};

/* --- CSIStorageCapacity --- */
CELL(capacity_class)
{
    kube_cell_str(to, kube_as_capacity(o)->class_name);
}

CELL(capacity_left)
{
    const struct ol_quantity *q = kube_as_capacity(o)->capacity;
    char text[OL_QUANTITY_MAX] = "<unset>";

    if (q)
        ol_quantity_format(q, text);
    kube_cell_str(to, text);
}

const struct kube_column kube_capacity_columns[] = {
    NAME,
    {"StorageClassName", "string", "", 0, "The class.", capacity_class},
    {"Capacity", "string", "", 0, "How much is left.", capacity_left},
    {NULL},
};
