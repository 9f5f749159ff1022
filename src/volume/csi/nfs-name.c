/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "core/str.h"
#include "volume/csi/nfs.h"

enum { PATH_LEN_MAX = 4095 };

/* --- rows --- */
static int parse_export(char *text, struct nfs_row *row)
{
    char *colon = NULL;

    if (*text == '[') {
        char *end = strchr(text, ']');

        if (!end || end[1] != ':')
            return -EINVAL;
        *end = '\0';
        colon = end + 1;
        text++;
    } else {
        colon = strchr(text, ':');
        if (!colon)
            return -EINVAL;
    }
    *colon = '\0';
    row->server = text;
    row->path = colon + 1;
    return *row->server && *row->path == '/' ? 0 : -EINVAL;
}

int nfs_row_parse(const char *text, struct ol_arena *a, struct nfs_row *ret, struct ol_err *err)
{
    static const char local[] = ",local=";
    char *copy = ol_arena_strdup(a, text);
    char *is = strchr(copy, '='), *comma = NULL;
    struct nfs_row row = {.name = copy};

    if (is) {
        *is = '\0';
        comma = strstr(is + 1, local);
    }
    if (comma) {
        *comma = '\0';
        row.local = comma + sizeof(local) - 1;
    }
    if (!is || !*row.name || parse_export(is + 1, &row) < 0 || (row.local && *row.local != '/'))
        return ol_err_set(err, EINVAL,
                          "'%s' is not NAME=SERVER:/PATH or NAME=SERVER:/PATH,local=/DIRECTORY",
                          text);
    *ret = row;
    return 0;
}

/* --- names --- */
static const char *variable(const struct kube_pvc *claim, const char *name, size_t len,
                            struct ol_arena *a)
{
    static const char labels[] = "labels.", annotations[] = "annotations.";
    const char *text = ol_arena_memdup(a, name, len);

    if (strcmp(text, "name") == 0)
        return claim->o.meta.name;
    if (strcmp(text, "namespace") == 0)
        return claim->o.meta.ns;
    if (ol_str_starts(text, labels))
        return kube_map_get(&claim->o.meta.labels, text + sizeof(labels) - 1);
    if (ol_str_starts(text, annotations))
        return kube_map_get(&claim->o.meta.annotations, text + sizeof(annotations) - 1);
    return NULL;
}

static const char *fill_in(const char *pattern, const struct kube_pvc *claim, struct ol_arena *a)
{
    static const char head[] = "${.PVC.";
    ol_auto(ol_buf_done) struct ol_buf to = OL_BUF_INIT(64 << 10);

    while (*pattern) {
        const char *end = ol_str_starts(pattern, head) ? strchr(pattern, '}') : NULL;
        const char *value;

        if (!end) {
            ol_buf_addc(&to, *pattern++);
            continue;
        }
        pattern += sizeof(head) - 1;
        value = variable(claim, pattern, (size_t)(end - pattern), a);
        if (value) /* what isn't there is empty */
            ol_buf_adds(&to, value);
        pattern = end + 1;
    }
    return ol_arena_strdup(a, to.data);
}

/* ".." as a part would lead out; an author of claims can write annotations. */
static bool leads_out(const char *path)
{
    for (const char *part = path; part;) {
        const char *slash = strchr(part, '/');
        size_t len = slash ? (size_t)(slash - part) : strlen(part);

        if (len == 2 && strncmp(part, "..", 2) == 0)
            return true;
        part = slash ? slash + 1 : NULL;
    }
    return false;
}

int nfs_directory_of(const struct kube_class *class, const struct kube_pvc *claim,
                     const char *volume_name, struct ol_arena *a, const char **ret,
                     struct ol_err *err)
{
    const char *pattern = kube_map_get(&class->parameters, "pathPattern");
    const char *path = pattern ? fill_in(pattern, claim, a) : "";
    ol_autofree char *clean = NULL;

    if (!*path)
        path = ol_arena_printf(a, "%s-%s-%s", claim->o.meta.ns, claim->o.meta.name, volume_name);
    if (leads_out(path) || strlen(path) > PATH_LEN_MAX)
        return ol_err_set(err, EINVAL, "pathPattern '%s' leads out of the export", pattern);
    clean = ol_path_absolute(path);
    if (!clean[1])
        return ol_err_set(err, EINVAL, "pathPattern '%s' is the export itself", pattern);
    *ret = ol_arena_strdup(a, clean + 1);
    return 0;
}

/* Go's strconv.ParseBool. */
static int parse_bool(const char *s)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True", NULL};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False", NULL};

    if (ol_str_in(s, yes))
        return 1;
    return ol_str_in(s, no) ? 0 : -EINVAL;
}

int nfs_end_of(const struct kube_class *class, enum nfs_end *ret, struct ol_err *err)
{
    const char *on_delete = class ? kube_map_get(&class->parameters, "onDelete") : NULL;
    const char *archive = class ? kube_map_get(&class->parameters, "archiveOnDelete") : NULL;
    int is_archive = archive ? parse_bool(archive) : 1;

    if (on_delete && strcmp(on_delete, "delete") == 0) {
        *ret = NFS_DELETE;
    } else if (on_delete && strcmp(on_delete, "retain") == 0) {
        *ret = NFS_RETAIN;
    } else if (is_archive < 0) {
        return ol_err_set(err, EINVAL,
                          "strconv.ParseBool: parsing \"%s\": invalid syntax (archiveOnDelete)",
                          archive);
    } else {
        *ret = is_archive ? NFS_ARCHIVE : NFS_DELETE;
    }
    return 0;
}

const char *nfs_relative(const struct nfs_row *row, const char *path)
{
    size_t len = strlen(row->path);

    while (len > 0 && row->path[len - 1] == '/')
        len--;
    if (strncmp(path, row->path, len) != 0 || path[len] != '/')
        return NULL;
    path += len;
    while (*path == '/')
        path++;
    return *path && !leads_out(path) ? path : NULL;
}

char *nfs_archived(const char *relative)
{
    return ol_xasprintf("archived-%s", ol_path_base(relative));
}
