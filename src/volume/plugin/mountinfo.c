/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/plugin/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "core/strv.h"

enum { MAX_SIZE = 64 << 20 };

static bool is_octal(const char *s)
{
    for (int i = 0; i < 3; i++) {
        if (s[i] < '0' || s[i] > '7')
            return false;
    }
    return true;
}

/* "\040" is a blank; the kernel escapes blank, tab, newline and backslash so. */
static char *unescape(const char *s)
{
    char *out = ol_xstrdup(s), *to = out;

    for (; *s; s++) {
        if (*s == '\\' && is_octal(s + 1)) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
    return out;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static void add_line(const char *line, struct volume_mounts *to)
{
    ol_auto(ol_strv_done) struct ol_strv f = OL_STRV_INIT;
    struct volume_mount_point *m;
    size_t dash = 5;

    ol_strv_split(&f, line, " ");
    while (dash < f.n && strcmp(f.v[dash], "-") != 0)
        dash++;
    if (dash + 2 >= f.n)
        return;
    to->v = ol_xrealloc(to->v, to->n + 1, sizeof(*to->v));
    m = &to->v[to->n++];
    *m = (struct volume_mount_point){.path = unescape(f.v[4]),
                                     .root = unescape(f.v[3]),
                                     .type = ol_xstrdup(f.v[dash + 1]),
                                     .source = unescape(f.v[dash + 2])};
    snprintf(m->device, sizeof(m->device), "%s", f.v[2]);
}

void volume_mounts_parse(const char *text, struct volume_mounts *ret)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    *ret = (struct volume_mounts){0};
    ol_strv_split(&lines, text, "\n");
    ol_strv_each (line, &lines)
        add_line(line, ret);
}

int volume_mounts_read(struct ol_env *env, struct volume_mounts *ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_SIZE);
    int r = ol_file_read(env, "/proc/self/mountinfo", &text, err);

    if (r == 0)
        volume_mounts_parse(text.data, ret);
    return r;
}

void volume_mounts_done(struct volume_mounts *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->v[i].path);
        free(m->v[i].root);
        free(m->v[i].type);
        free(m->v[i].source);
    }
    free(m->v);
    *m = (struct volume_mounts){0};
}

const struct volume_mount_point *volume_mounts_at(const struct volume_mounts *m, const char *path)
{
    for (size_t i = m->n; i-- > 0;) {
        if (!strcmp(m->v[i].path, path))
            return &m->v[i];
    }
    return NULL;
}

bool volume_path_is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return !strncmp(path, dir, len) && path[len] == '/' && path[len + 1];
}

bool volume_mounts_has_below(const struct volume_mounts *m, const char *dir)
{
    for (size_t i = 0; i < m->n; i++) {
        if (volume_path_is_below(m->v[i].path, dir))
            return true;
    }
    return false;
}
