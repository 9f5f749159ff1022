/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/files.h"

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"

static int dir_read(const struct source_files *f, const char *path, struct ol_buf *into,
                    struct ol_err *err)
{
    ol_autofree char *full = ol_path_join(f->base, path);

    return ol_file_read(f->env, full, into, err);
}

static bool dir_exists(const struct source_files *f, const char *path)
{
    ol_autofree char *full = ol_path_join(f->base, path);

    return ol_exists(f->env, full);
}

static int dir_list(const struct source_files *f, const char *path, struct ol_strv *ret,
                    struct ol_err *err)
{
    ol_autofree char *full = ol_path_join(f->base, path);

    return ol_list_dir(f->env, full, ret, err);
}

static const struct source_files_driver dir_driver = {
    .read = dir_read,
    .exists = dir_exists,
    .list = dir_list,
};

struct source_files source_files_dir(struct ol_env *env, const char *base)
{
    return (struct source_files){.driver = &dir_driver, .env = env, .base = base};
}

int source_files_read(const struct source_files *f, const char *path, struct ol_buf *into,
                      struct ol_err *err)
{
    return f->driver->read(f, path, into, err);
}

bool source_files_exists(const struct source_files *f, const char *path)
{
    return f->driver->exists(f, path);
}

int source_files_list(const struct source_files *f, const char *path, struct ol_strv *ret,
                      struct ol_err *err)
{
    return f->driver->list(f, path, ret, err);
}
