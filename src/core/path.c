/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"

#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/strv.h"

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

char *ol_path_absolute(const char *path)
{
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT, kept = OL_STRV_INIT;
    ol_autofree char *joined = NULL;

    ol_strv_split(&parts, path, "/");
    ol_strv_each (part, &parts) {
        if (!strcmp(part, "..") && kept.n)
            ol_strv_remove(&kept, kept.n - 1);
        else if (strcmp(part, "..") && strcmp(part, "."))
            ol_strv_add(&kept, part);
    }
    joined = ol_strv_join(&kept, "/");
    return ol_xasprintf("/%s", joined);
}

char *ol_path_here(const char *path)
{
    ol_autofree char *cwd = !path || *path == '/' ? NULL : getcwd(NULL, 0);
    ol_autofree char *joined = cwd ? ol_path_join(cwd, path) : NULL;

    if (!path)
        return NULL;
    return ol_path_absolute(joined ? joined : path);
}
