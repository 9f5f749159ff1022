/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "volume/csi/provisioner.h"
#include "volume/proto/csi.pb-c.h"

/* From decisions to CSI's messages and back. Messages live in the arena; their strings are borrowed
 * from what they are made of. */

/* A map<string, string>. 'entry' is the descriptor of the map's own entry message, 'ret_entries'
 * its repeated member. */
void csi_message_map(const ProtobufCMessageDescriptor *entry, const struct kube_map *m,
                     struct ol_arena *a, size_t *ret_n, void *ret_entries);
/* The map of a repeated member; strings are borrowed from the message. */
void csi_message_read_map(size_t n, void *entries, struct ol_arena *a, struct kube_map *ret);

Csi__V1__VolumeCapability *csi_message_capability(enum csi_access_mode mode, bool is_block,
                                                  const char *fs_type,
                                                  const struct kube_strs *mount_flags,
                                                  struct ol_arena *a);
Csi__V1__Topology *csi_message_term(const struct kube_map *term, struct ol_arena *a);
Csi__V1__CreateVolumeRequest *csi_message_create(const struct provision_plan *plan,
                                                 const struct kube_map *secrets,
                                                 struct ol_arena *a);
void csi_message_read_volume(const Csi__V1__Volume *v, struct ol_arena *a,
                             struct provision_volume *ret);
