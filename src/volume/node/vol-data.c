/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/vol-data.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

enum { FILE_MAX = 64 << 10 };

/* In the order of Go's encoder: maps sorted by key. */
static const struct member {
    const char *name;
    size_t offset;
} members[] = {
    {"attachmentID", offsetof(struct node_vol_data, attachment)},
    {"driverName", offsetof(struct node_vol_data, driver)},
    {"nodeName", offsetof(struct node_vol_data, node)},
    {"seLinuxMountContext", offsetof(struct node_vol_data, selinux_mount)},
    {"specVolID", offsetof(struct node_vol_data, volume_id)},
    {"volumeHandle", offsetof(struct node_vol_data, handle)},
    {"volumeLifecycleMode", offsetof(struct node_vol_data, lifecycle)},
};

void node_vol_data_format(const struct node_vol_data *d, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    for (size_t i = 0; i < ol_count(members); i++)
        ol_jw_str(&w, members[i].name, *(const char *const *)((const char *)d + members[i].offset));
    ol_jw_end(&w);
    ol_buf_addc(to, '\n');
}

int node_vol_data_parse(const char *text, size_t len, struct ol_arena *a, struct node_vol_data *ret,
                        struct ol_err *err)
{
    struct node_vol_data d = {0};
    struct ol_val *v = NULL;
    int r = ol_json_load(text, len, a, &v, err);

    if (r < 0)
        return r;
    if (!ol_val_is(v, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, NODE_VOL_DATA ": not a map");
    for (size_t i = 0; i < ol_count(members); i++) {
        const char *s = ol_val_str(ol_val_get(v, members[i].name));

        *(const char **)((char *)&d + members[i].offset) = s ? s : "";
    }
    *ret = d;
    return 0;
}

int node_vol_data_save(struct ol_env *env, const char *dir, const struct node_vol_data *d,
                       struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(dir, NODE_VOL_DATA);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    int r = ol_mkdir_p(env, dir, 0750, err);

    if (r < 0)
        return r;
    node_vol_data_format(d, &text);
    return ol_file_write_buf(env, path, &text, 0644, OL_WRITE_ATOMIC, err);
}

int node_vol_data_load(struct ol_env *env, const char *dir, struct ol_arena *a,
                       struct node_vol_data *ret, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(dir, NODE_VOL_DATA);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    int r = ol_file_read(env, path, &text, err);

    return r < 0 ? r
                 : ol_err_prefix(err, node_vol_data_parse(text.data, text.len, a, ret, err), "%s",
                                 path);
}

int node_vol_data_remove(struct ol_env *env, const char *dir, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(dir, NODE_VOL_DATA);
    int r = ol_unlink(env, path, err);

    return r < 0 && r != -ENOTDIR ? r : node_rmdir(env, dir, err);
}

int node_mkdir(struct ol_env *env, const char *path, mode_t mode, struct ol_err *err)
{
    ol_autofree char *real =
        ol_env_is_host(env) ? ol_xstrdup(path) : ol_xasprintf("%s%s", env->root, path);
    ol_autofree char *parent = ol_path_dir(path);
    int r = ol_mkdir_p(env, parent, 0750, err);

    if (r < 0 || !ol_change(env, "mkdir", path))
        return r;
    if (mkdir(real, mode) < 0 && errno != EEXIST)
        return ol_err_set(err, errno, "make directory '%s': %s", path, strerror(errno));
    return 0;
}

int node_rmdir(struct ol_env *env, const char *path, struct ol_err *err)
{
    ol_autofree char *real =
        ol_env_is_host(env) ? ol_xstrdup(path) : ol_xasprintf("%s%s", env->root, path);

    if (!ol_change(env, "rmdir", path))
        return 0;
    if (rmdir(real) < 0 && errno != ENOENT)
        return ol_err_set(err, errno, "remove directory '%s': %s", path, strerror(errno));
    return 0;
}
