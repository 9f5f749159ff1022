/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the conductor on SQLite in builds that don't have it. */
#include <errno.h>

#include "compute/conductor/conductor.h"

int conductor_local(struct ol_env *env, const char *path, const struct nova_release *r,
                    struct conductor **ret, struct ol_err *err)
{
    return ol_err_set(err, ENOSYS,
                      "this build has no conductor of its own: --standalone is not "
                      "possible");
}
