/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "kube/base/kind-internal.h"
#include "kube/base/schema-internal.h"
#include "kube/base/time.h"

/* Columns and cells are those of kube-apiserver's pkg/printers/internalversion. */

void kube_cell_str(struct ol_buf *to, const char *s)
{
    ol_json_add_string(to, s, strlen(s));
}

void kube_cell_since(struct ol_buf *to, ol_time t, ol_time now)
{
    char text[KUBE_TIME_SIZE] = "<unknown>";

    if (t)
        kube_time_human(now - t, text);
    kube_cell_str(to, text);
}

void kube_cell_name(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    kube_cell_str(to, o->meta.name);
}

void kube_cell_age(const struct kube_object *o, ol_time now, struct ol_buf *to)
{
    kube_cell_since(to, o->meta.created, now);
}

#define CELL(name) static void name(const struct kube_object *o, ol_time now, struct ol_buf *to)

static void add_bool(struct ol_buf *to, bool value)
{
    ol_buf_adds(to, value ? "true" : "false");
}

static void add_modes(struct ol_buf *to, unsigned modes)
{
    static const char *const names[] = {"RWO", "ROX", "RWX", "RWOP"};
    bool is_first = true;

    ol_buf_addc(to, '"');
    for (unsigned i = 0; i < ol_count(names); i++)
        if (modes & 1u << i) {
            ol_buf_printf(to, "%s%s", is_first ? "" : ",", names[i]);
            is_first = false;
        }
    ol_buf_addc(to, '"');
}

static void add_quantity(struct ol_buf *to, const struct ol_quantity *q)
{
    char text[OL_QUANTITY_MAX] = "0";

    if (q)
        ol_quantity_format(q, text);
    kube_cell_str(to, text);
}

/* The name of an enum's value; 0 is absent. */
static void add_enum(struct ol_buf *to, const char *const *names, unsigned value,
                     const char *absent)
{
    kube_cell_str(to, value ? names[value - 1] : absent);
}

static void add_optional(struct ol_buf *to, const char *s)
{
    kube_cell_str(to, s ? s : "<unset>");
}

/* --- PersistentVolume --- */
CELL(pv_capacity)
{
    add_quantity(to, kube_resource_get(&kube_as_pv(o)->spec.capacity, "storage"));
}

CELL(pv_modes)
{
    add_modes(to, kube_as_pv(o)->spec.access_modes);
}

CELL(pv_reclaim)
{
    kube_cell_str(to, kube_as_pv(o)->spec.reclaim_text);
}

CELL(pv_status)
{
    static const char *const names[] = {"Pending", "Available", "Bound", "Released", "Failed"};

    if (o->meta.deleted)
        kube_cell_str(to, "Terminating");
    else
        add_enum(to, names, kube_as_pv(o)->status.phase, "");
}

CELL(pv_claim)
{
    const struct kube_ref *claim = kube_as_pv(o)->spec.claim;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    if (claim)
        ol_buf_printf(&b, "%s/%s", claim->ns, claim->name);
    kube_cell_str(to, b.data);
}

CELL(pv_class)
{
    kube_cell_str(to, kube_pv_class(kube_as_pv(o)));
}

CELL(pv_attributes_class)
{
    add_optional(to, kube_as_pv(o)->spec.attributes_class);
}

CELL(pv_reason)
{
    kube_cell_str(to, kube_as_pv(o)->status.reason);
}

CELL(pv_mode)
{
    add_enum(to, kube_volume_mode_names, kube_as_pv(o)->spec.volume_mode, "<unset>");
}

#define NAME                                                                                       \
    {                                                                                              \
        "Name", "string", "name", 0, "Name of the object.", kube_cell_name                         \
    }
#define AGE                                                                                        \
    {                                                                                              \
        "Age", "string", "", 0, "Time since the object was made.", kube_cell_age                   \
    }

const struct kube_column kube_pv_columns[] = {
    NAME,
    {"Capacity", "string", "", 0, "Size of the volume.", pv_capacity},
    {"Access Modes", "string", "", 0, "How it can be mounted.", pv_modes},
    {"Reclaim Policy", "string", "", 0, "What happens when its claim is gone.", pv_reclaim},
    {"Status", "string", "", 0, "Its phase.", pv_status},
    {"Claim", "string", "", 0, "The claim that it is bound to.", pv_claim},
    {"StorageClass", "string", "", 0, "Its class.", pv_class},
    {"VolumeAttributesClass", "string", "", 0, "Its attributes class.", pv_attributes_class},
    {"Reason", "string", "", 0, "Why it failed.", pv_reason},
    AGE,
    {"VolumeMode", "string", "", 1, "Filesystem or Block.", pv_mode},
    {NULL},
};

/* --- PersistentVolumeClaim --- */
CELL(pvc_status)
{
    static const char *const names[] = {"Pending", "Bound", "Lost"};

    if (o->meta.deleted)
        kube_cell_str(to, "Terminating");
    else
        add_enum(to, names, kube_as_pvc(o)->status.phase, "");
}

CELL(pvc_volume)
{
    kube_cell_str(to, kube_as_pvc(o)->spec.volume_name);
}

CELL(pvc_capacity)
{
    const struct kube_pvc *claim = kube_as_pvc(o);

    if (*claim->spec.volume_name)
        add_quantity(to, kube_resource_get(&claim->status.capacity, "storage"));
    else
        kube_cell_str(to, "");
}

CELL(pvc_modes)
{
    const struct kube_pvc *claim = kube_as_pvc(o);

    add_modes(to, *claim->spec.volume_name ? claim->status.access_modes : 0);
}

CELL(pvc_class)
{
    kube_cell_str(to, kube_claim_class(kube_as_pvc(o), NULL));
}

CELL(pvc_attributes_class)
{
    add_optional(to, kube_as_pvc(o)->spec.attributes_class);
}

CELL(pvc_mode)
{
    add_enum(to, kube_volume_mode_names, kube_as_pvc(o)->spec.volume_mode, "<unset>");
}

const struct kube_column kube_pvc_columns[] = {
    NAME,
    {"Status", "string", "", 0, "Its phase.", pvc_status},
    {"Volume", "string", "", 0, "The volume that it is bound to.", pvc_volume},
    {"Capacity", "string", "", 0, "Size of that volume.", pvc_capacity},
    {"Access Modes", "string", "", 0, "How it can be mounted.", pvc_modes},
    {"StorageClass", "string", "", 0, "Its class.", pvc_class},
    {"VolumeAttributesClass", "string", "", 0, "Its attributes class.", pvc_attributes_class},
    AGE,
    {"VolumeMode", "string", "", 1, "Filesystem or Block.", pvc_mode},
    {NULL},
};

/* --- StorageClass and VolumeAttributesClass --- */
static bool is_default_class(const struct kube_object *o)
{
    static const char *const keys[] = {"storageclass.kubernetes.io/is-default-class",
                                       "storageclass.beta.kubernetes.io/is-default-class"};

    for (size_t i = 0; i < ol_count(keys); i++) {
        const char *value = kube_map_get(&o->meta.annotations, keys[i]);

        if (value && !strcmp(value, "true"))
            return true;
    }
    return false;
}

CELL(class_name)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    ol_buf_printf(&b, "%s%s", o->meta.name, is_default_class(o) ? " (default)" : "");
    kube_cell_str(to, b.data);
}

CELL(class_provisioner)
{
    kube_cell_str(to, kube_as_class(o)->provisioner);
}

CELL(class_reclaim)
{
    add_enum(to, kube_reclaim_names, kube_as_class(o)->reclaim, "Delete");
}

CELL(class_binding)
{
    static const char *const names[] = {"Immediate", "WaitForFirstConsumer"};

    add_enum(to, names, kube_as_class(o)->binding_mode, "Immediate");
}

CELL(class_expansion)
{
    add_bool(to, kube_as_class(o)->allow_expansion == 1);
}

const struct kube_column kube_class_columns[] = {
    {"Name", "string", "name", 0, "Name of the object.", class_name},
    {"Provisioner", "string", "", 0, "Who makes the volumes.", class_provisioner},
    {"ReclaimPolicy", "string", "", 0, "Policy of new volumes.", class_reclaim},
    {"VolumeBindingMode", "string", "", 0, "When volumes are made.", class_binding},
    {"AllowVolumeExpansion", "string", "", 0, "Claims may grow.", class_expansion},
    AGE,
    {NULL},
};

CELL(attributes_class_driver)
{
    kube_cell_str(to, kube_as_attributes_class(o)->driver);
}

const struct kube_column kube_attributes_class_columns[] = {
    NAME,
    {"DriverName", "string", "", 0, "The driver.", attributes_class_driver},
    AGE,
    {NULL},
};
