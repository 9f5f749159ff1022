/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"

#include <string.h>

#include "core/alloc.h"

const char *ol_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *ol_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return ol_xstrdup(".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? ol_xstrdup("/") : ol_xstrndup(path, (size_t)(slash - path));
}

char *ol_path_join(const char *a, const char *b)
{
    size_t len = strlen(a);

    if (b[0] == '/' || !len)
        return ol_xstrdup(b);
    return ol_xasprintf("%s%s%s", a, a[len - 1] == '/' ? "" : "/", b);
}
