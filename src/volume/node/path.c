/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/path.h"

#include <stdio.h>
#include <string.h>

#include "core/sha256.h"

#define CSI     "plugins/kubernetes.io/csi"
#define DEVICES CSI "/volumeDevices"

static void hex_of(const char *const *parts, size_t n, char out[2 * OL_SHA256_SIZE + 1])
{
    struct ol_buf all = OL_BUF_INIT(64 << 10);
    uint8_t digest[OL_SHA256_SIZE];

    for (size_t i = 0; i < n; i++)
        ol_buf_adds(&all, parts[i]);
    ol_sha256(all.data, all.len, digest);
    ol_buf_done(&all);
    for (size_t i = 0; i < OL_SHA256_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void node_path_staging_parent(const char *root, const char *driver, const char *handle,
                              struct ol_buf *to)
{
    char hex[2 * OL_SHA256_SIZE + 1];

    hex_of(&handle, 1, hex);
    ol_buf_printf(to, "%s/" CSI "/%s/%s", root, driver, hex);
}

void node_path_staging(const char *root, const char *driver, const char *handle, struct ol_buf *to)
{
    node_path_staging_parent(root, driver, handle, to);
    ol_buf_adds(to, "/globalmount");
}

void node_path_block_staging(const char *root, const char *name, struct ol_buf *to)
{
    ol_buf_printf(to, "%s/" DEVICES "/staging/%s", root, name);
}

void node_path_block_publish(const char *root, const char *name, const char *pod_uid,
                             struct ol_buf *to)
{
    ol_buf_printf(to, "%s/" DEVICES "/publish/%s/%s", root, name, pod_uid);
}

void node_path_block_data(const char *root, const char *name, struct ol_buf *to)
{
    ol_buf_printf(to, "%s/" DEVICES "/%s/data", root, name);
}

void node_path_block_map(const char *root, const char *name, const char *pod_uid, struct ol_buf *to)
{
    ol_buf_printf(to, "%s/" DEVICES "/%s/dev/%s", root, name, pod_uid);
}

void node_path_block_link(const char *root, const char *pod_uid, const char *name,
                          struct ol_buf *to)
{
    ol_buf_printf(to, "%s/pods/%s/volumeDevices/kubernetes.io~csi/%s", root, pod_uid, name);
}

void node_path_volume(const char *root, const char *pod_uid, const char *plugin, const char *name,
                      struct ol_buf *to)
{
    ol_buf_printf(to, "%s/pods/%s/volumes/", root, pod_uid);
    for (; *plugin; plugin++)
        ol_buf_addc(to, *plugin == '/' ? '~' : *plugin);
    ol_buf_printf(to, "/%s", name);
}

void node_path_csi_target(const char *root, const char *pod_uid, const char *name,
                          struct ol_buf *to)
{
    node_path_volume(root, pod_uid, "kubernetes.io/csi", name, to);
    ol_buf_adds(to, "/mount");
}

void node_path_subpath(const char *root, const char *pod_uid, const char *volume,
                       const char *container, unsigned index, struct ol_buf *to)
{
    ol_buf_printf(to, "%s/pods/%s/volume-subpaths/%s", root, pod_uid, volume);
    if (container)
        ol_buf_printf(to, "/%s/%u", container, index);
}

static void csi_name(const char *const *parts, size_t n, char out[69])
{
    memcpy(out, "csi-", 4);
    hex_of(parts, n, out + 4);
}

void node_inline_handle(const char *pod_uid, const char *volume, char out[69])
{
    csi_name((const char *const[]){pod_uid, volume}, 2, out);
}

void node_attachment_name(const char *handle, const char *driver, const char *node, char out[69])
{
    csi_name((const char *const[]){handle, driver, node}, 3, out);
}
