/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/base/compute-id.h"

#include <errno.h>
#include <string.h>

#include "compute/base/context.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

int compute_id_read(struct ol_env *env, const char *state_path, char ret[37], struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(state_path, "compute_id"), *text = NULL;

    if (!ol_exists(env, path))
        return ol_err_set(err, ENOENT, "%s: no such file", path);
    text = ol_file_read_line(env, path);
    if (!text || !nova_is_uuid(text))
        return ol_err_set(err, EINVAL, "%s does not hold the UUID of this host's compute node",
                          path);
    memcpy(ret, ol_str_lower(text), 37);
    return 0;
}

int compute_id_write(struct ol_env *env, const char *state_path, const char *uuid,
                     struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(state_path, "compute_id");

    if (ol_exists(env, path))
        return ol_err_set(err, EEXIST, "%s exists", path);
    return ol_file_puts(env, path, uuid, 0644, OL_WRITE_ATOMIC, err);
}

enum compute_id_action compute_id_decide(const char *file, const char *node)
{
    if (file && node)
        return ol_str_eq_nocase(file, node) ? COMPUTE_ID_KEEP : COMPUTE_ID_DISAGREE;
    if (file)
        return COMPUTE_ID_KEEP;
    return node ? COMPUTE_ID_ADOPT : COMPUTE_ID_GENERATE;
}
