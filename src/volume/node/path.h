/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"

/*
 * Where the kubelet has volumes, below its root directory: other programs (CSI drivers, CRI, people
 * with df) know these paths, and a machine changes from the kubelet to us and back with its mounts.
 * Each adds one path to 'to'.
 */

/* ROOT/plugins/kubernetes.io/csi/DRIVER/<hex sha256 of the handle> and /globalmount in it. */
void node_path_staging_parent(const char *root, const char *driver, const char *handle,
                              struct ol_buf *to);
void node_path_staging(const char *root, const char *driver, const char *handle, struct ol_buf *to);
/* ROOT/plugins/kubernetes.io/csi/volumeDevices/… of block volumes. */
void node_path_block_staging(const char *root, const char *name, struct ol_buf *to);
void node_path_block_publish(const char *root, const char *name, const char *pod_uid,
                             struct ol_buf *to);
void node_path_block_data(const char *root, const char *name, struct ol_buf *to);
/* The device file with the loop lock: …/volumeDevices/NAME/dev/POD */
void node_path_block_map(const char *root, const char *name, const char *pod_uid,
                         struct ol_buf *to);
/* The pod's link: ROOT/pods/UID/volumeDevices/kubernetes.io~csi/NAME */
void node_path_block_link(const char *root, const char *pod_uid, const char *name,
                          struct ol_buf *to);
/* ROOT/pods/UID/volumes/kubernetes.io~nfs/NAME; 'plugin' is "kubernetes.io/nfs". */
void node_path_volume(const char *root, const char *pod_uid, const char *plugin, const char *name,
                      struct ol_buf *to);
/* The same with /mount: where CSI publishes. */
void node_path_csi_target(const char *root, const char *pod_uid, const char *name,
                          struct ol_buf *to);
/* ROOT/pods/UID/volume-subpaths/VOLUME, and /CONTAINER/INDEX in it unless container is NULL. */
void node_path_subpath(const char *root, const char *pod_uid, const char *volume,
                       const char *container, unsigned index, struct ol_buf *to);

/* "csi-" and the hex sha256 of pod uid and volume name: the handle of an inline volume. */
void node_inline_handle(const char *pod_uid, const char *volume, char out[69]);
/* "csi-" and the hex sha256 of handle, driver and node: the name of a VolumeAttachment. */
void node_attachment_name(const char *handle, const char *driver, const char *node, char out[69]);
