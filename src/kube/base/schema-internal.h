/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "kube/base/types.h"

/*
 * The tables of fields, split by what they describe: fields-*.c. A schema that a single file needs
 * is static there.
 */
#define M(type, at) 1 + offsetof(struct type, at)
/* The object has no struct of its own: its members are members of the struct around it. */
#define HERE 1
#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

extern const char *const kube_access_mode_names[], *const kube_volume_mode_names[],
                                                       *const kube_reclaim_names[];

extern const struct kube_schema kube_schema_affinity,
    kube_schema_aws_elastic_block_store_volume_source, kube_schema_azure_disk_volume_source,
    kube_schema_azure_file_pv_source, kube_schema_ceph_fs_pv_source, kube_schema_cinder_pv_source,
    kube_schema_config_map, kube_schema_config_map_volume_source, kube_schema_container,
    kube_schema_csi_driver, kube_schema_csi_node, kube_schema_csi_pv_source,
    kube_schema_csi_storage_capacity, kube_schema_downward_api_volume_source,
    kube_schema_ephemeral_container, kube_schema_event, kube_schema_fc_volume_source,
    kube_schema_flex_pv_source, kube_schema_flocker_volume_source,
    kube_schema_gce_persistent_disk_volume_source, kube_schema_glusterfs_pv_source,
    kube_schema_host_path_volume_source, kube_schema_iscsi_pv_source, kube_schema_label_selector,
    kube_schema_lease, kube_schema_local_object_reference, kube_schema_local_volume_source,
    kube_schema_namespace, kube_schema_nfs_volume_source, kube_schema_node,
    kube_schema_node_selector, kube_schema_node_selector_term, kube_schema_object_field_selector,
    kube_schema_object_meta, kube_schema_object_reference,
    kube_schema_photon_persistent_disk_volume_source, kube_schema_pod,
    kube_schema_pod_security_context, kube_schema_pod_status, kube_schema_portworx_volume_source,
    kube_schema_projected_volume_source, kube_schema_pv, kube_schema_pv_spec, kube_schema_pvc,
    kube_schema_pvc_spec, kube_schema_quobyte_volume_source, kube_schema_rbd_pv_source,
    kube_schema_resource_field_selector, kube_schema_resource_requirements,
    kube_schema_scale_io_pv_source, kube_schema_secret, kube_schema_secret_reference,
    kube_schema_secret_volume_source, kube_schema_security_context, kube_schema_service_account,
    kube_schema_storage_class, kube_schema_storage_os_pv_source, kube_schema_toleration,
    kube_schema_topology_selector_term, kube_schema_topology_spread_constraint,
    kube_schema_typed_local_object_reference, kube_schema_typed_object_reference,
    kube_schema_volume, kube_schema_volume_attachment, kube_schema_volume_attributes_class,
    kube_schema_volume_node_affinity, kube_schema_vsphere_virtual_disk_volume_source;
