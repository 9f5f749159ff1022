/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/base/kind.h"

/* What the rows of kinds point to. */
typedef void kube_prepare_fn(struct ol_val *object, const struct ol_val *old, struct ol_arena *a);
typedef void kube_validate_fn(const struct ol_val *object, const struct ol_val *old,
                              struct kube_findings *to);
typedef const char *kube_select_fn(const struct ol_val *object, const char *path);

kube_prepare_fn kube_prepare_pv, kube_prepare_pvc, kube_prepare_namespace, kube_prepare_node,
    kube_prepare_pod, kube_prepare_secret;
kube_validate_fn kube_validate_pv, kube_validate_pvc, kube_validate_class, kube_validate_va,
    kube_validate_csinode, kube_validate_csidriver, kube_validate_capacity,
    kube_validate_attributes_class, kube_validate_node, kube_validate_pod, kube_validate_secret,
    kube_validate_config_map, kube_validate_lease;
kube_select_fn kube_select_path, kube_select_flag, kube_select_event;

extern const struct kube_column kube_pv_columns[], kube_pvc_columns[], kube_class_columns[],
    kube_va_columns[], kube_csinode_columns[], kube_csidriver_columns[], kube_capacity_columns[],
    kube_attributes_class_columns[], kube_node_columns[], kube_pod_columns[], kube_secret_columns[],
    kube_config_map_columns[], kube_service_account_columns[], kube_lease_columns[],
    kube_event_columns[], kube_namespace_columns[];

/* Cells that several kinds have. */
void kube_cell_name(const struct kube_object *o, ol_time now, struct ol_buf *to);
void kube_cell_age(const struct kube_object *o, ol_time now, struct ol_buf *to);
/* Helpers of cells: a JSON string, the time since 't' ("<unknown>" for 0). */
void kube_cell_str(struct ol_buf *to, const char *s);
void kube_cell_since(struct ol_buf *to, ol_time t, ol_time now);
