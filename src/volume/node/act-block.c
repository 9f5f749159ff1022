/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "volume/node/node-internal.h"
#include "volume/node/path.h"

/*
 * Block volumes: what the driver has published is bound under the volume's own directory with a
 * loop device as a lock on it, and the pod has a link to it. All backwards before it is
 * unpublished.
 */

void node_block_plan_map(const struct node_mount *m, const char *root, struct volume_plan *to)
{
    ol_auto(ol_buf_done) struct ol_buf published = OL_BUF_INIT(8192), map = OL_BUF_INIT(8192),
                                       link = OL_BUF_INIT(8192);
    const char *name = m->volume->spec_name;

    node_path_block_publish(root, name, m->pod_uid, &published);
    node_path_block_map(root, name, m->pod_uid, &map);
    node_path_block_link(root, m->pod_uid, name, &link);
    volume_plan_add(to, VOLUME_BIND_DEVICE, published.data, map.data);
    volume_plan_add(to, VOLUME_LINK, published.data, link.data);
    volume_plan_add(to, VOLUME_LOOP_LOCK, map.data);
}

void node_block_plan_unmap(const struct node_mount *m, const char *root, struct volume_plan *to)
{
    ol_auto(ol_buf_done) struct ol_buf map = OL_BUF_INIT(8192), link = OL_BUF_INIT(8192);
    const char *name = m->volume->spec_name;

    node_path_block_map(root, name, m->pod_uid, &map);
    node_path_block_link(root, m->pod_uid, name, &link);
    volume_plan_add(to, VOLUME_LOOP_UNLOCK, map.data);
    volume_plan_add(to, VOLUME_UNLINK, link.data);
    volume_plan_add(to, VOLUME_UMOUNT, map.data, "-");
    volume_plan_add(to, VOLUME_UNLINK, map.data);
}
