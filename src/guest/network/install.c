/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/install.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "guest/base/userdb.h"
#include "guest/distro/distro.h"

enum { HEADER_SIZE = 1024, FILE_MAX = 1 << 20 };

bool net_renderer_is_available(struct guest *g, const struct net_renderer *renderer)
{
    for (const char *const *p = renderer->programs; *p; p++) {
        ol_autofree char *found = ol_which(g->env, *p);

        if (!found)
            return false;
    }
    for (const char *const *p = renderer->paths; *p; p++)
        if (!ol_exists(g->env, *p))
            return false;
    return true;
}

/* system_info: network: renderers, else upstream's order. */
static void wanted_renderers(struct guest *g, struct ol_strv *ret)
{
    const struct ol_val *list = ol_val_at(g->cfg, "system_info/network/renderers");

    for (size_t i = 0; i < ol_val_count(list); i++)
        if (ol_val_str(ol_val_item(list, i)))
            ol_strv_add(ret, ol_val_str(ol_val_item(list, i)));
    if (ret->n)
        return;
    for (size_t i = 0; net_renderers[i]; i++)
        ol_strv_add(ret, net_renderers[i]->name);
}

const struct net_renderer *net_pick_renderer(struct guest *g, const char **ret_list)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *joined = NULL;

    wanted_renderers(g, &names);
    joined = ol_strv_join(&names, "', '");
    *ret_list = ol_arena_printf(g->arena, "['%s']", joined);
    ol_strv_each (name, &names) {
        const struct net_renderer *r = net_renderer_find(name);

        if (!r || !net_renderer_is_available(g, r))
            continue;
        ol_debug(g->env, "Selected renderer '%s' from priority list: %s", name, *ret_list);
        return r;
    }
    return NULL;
}

static bool is_written_now(const struct net_files *files, const char *path)
{
    for (size_t i = 0; i < files->n; i++)
        if (!strcmp(files->items[i].path, path))
            return true;
    return false;
}

/* The networkd renderer writes no header, its names say it; all others write one. */
static bool is_generated(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);

    if (ol_str_starts(ol_path_base(path), "10-cloud-init-"))
        return true;
    if (ol_file_read(g->env, path, &text, NULL) < 0)
        return false;
    if (text.len > HEADER_SIZE)
        ol_buf_truncate(&text, HEADER_SIZE);
    return strstr(text.data, "This file is generated from information provided by")
           || strstr(text.data, "Created by cloud-init");
}

static int purge_pattern(struct guest *g, const char *pattern, const struct net_files *files,
                         struct ol_err *err)
{
    ol_autofree char *dir = ol_path_dir(pattern);
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(g->env, dir, &names, NULL) < 0)
        return 0;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_path_join(dir, name);
        int r;

        if (fnmatch(ol_path_base(pattern), name, 0) != 0 || is_written_now(files, path)
            || ol_is_link(g->env, path) || !is_generated(g, path))
            continue;
        ol_info(g->env, "Removing %s: it is an earlier instance's network configuration", path);
        r = ol_unlink(g->env, path, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int purge(struct guest *g, const struct net_files *files, struct ol_err *err)
{
    for (size_t i = 0; net_renderers[i]; i++) {
        for (const char *const *p = net_renderers[i]->owned; p && *p; p++) {
            int r = purge_pattern(g, *p, files, err);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

static bool holds(struct guest *g, const char *path, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(FILE_MAX);

    return ol_file_read(g->env, path, &old, NULL) >= 0 && !strcmp(old.data, text);
}

static int write_file(struct guest *g, const struct net_file *file, struct ol_err *err)
{
    struct userdb_user user;
    int r = ol_file_puts(g->env, file->path, file->text, file->mode, OL_WRITE_PARENTS, err);

    if (r < 0 || !file->owner || userdb_user(g->env, file->owner, &user) < 0)
        return r;
    return ol_chown(g->env, file->path, user.uid, user.gid, err);
}

int net_install(struct guest *g, const struct net_files *files, unsigned flags,
                bool *ret_is_changed, struct ol_err *err)
{
    bool is_changed = false;
    int r = flags & NET_INSTALL_PURGE ? purge(g, files, err) : 0;

    for (size_t i = 0; r >= 0 && i < files->n; i++) {
        is_changed = is_changed || !holds(g, files->items[i].path, files->items[i].text);
        r = write_file(g, &files->items[i], err);
    }
    if (r < 0)
        return r;
    *ret_is_changed = is_changed;
    return 0;
}
