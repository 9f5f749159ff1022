/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/node/driver.h"
#include "volume/node/world.h"
#include "volume/proto/csi.pb-c.h"

/*
 * The requests of a node to its CSI drivers, made of what is known of a volume: pure. Messages live
 * in the arena; strings are borrowed from the objects they are made of.
 */
struct node_csi_ask {
    const struct node_volume *volume;
    const struct node_mount *mount; /* the pod; of a device the first one that wants it */
    const struct node_driver *driver;
    const struct kube_map *publish_context; /* of the VolumeAttachment; or NULL */
    const struct kube_data *secret;         /* or NULL */
    const struct kube_csidriver *object;    /* CSIDriver; or NULL */
    const char *root;                       /* of the kubelet */
};

Csi__V1__NodeStageVolumeRequest *node_csi_stage(const struct node_csi_ask *a,
                                                struct ol_arena *arena);
Csi__V1__NodePublishVolumeRequest *node_csi_publish(const struct node_csi_ask *a,
                                                    struct ol_arena *arena);
Csi__V1__NodeExpandVolumeRequest *node_csi_expand(const struct node_csi_ask *a,
                                                  struct ol_arena *arena);
Csi__V1__NodeUnpublishVolumeRequest *node_csi_unpublish(const struct node_mount *m,
                                                        const char *root, struct ol_arena *arena);
Csi__V1__NodeUnstageVolumeRequest *node_csi_unstage(const struct node_volume *v, const char *root,
                                                    struct ol_arena *arena);

/* Where the driver is asked to stage and publish, into the arena. */
const char *node_csi_staging_path(const struct node_volume *v, const char *root,
                                  struct ol_arena *arena);
const char *node_csi_target_path(const struct node_mount *m, const char *root,
                                 struct ol_arena *arena);

/* Who makes the pod's fsGroup own the volume's files. */
enum node_group_way { NODE_GROUP_NOBODY, NODE_GROUP_WE, NODE_GROUP_DRIVER };
enum node_group_way node_csi_group_way(const struct node_csi_ask *a);

/* "Canceled", "DeadlineExceeded", "Unavailable", "ResourceExhausted", "Aborted" leave it open
 * whether something has happened (csi_client.go, IsFinalError). */
bool node_csi_is_final(enum ol_grpc_code code);
