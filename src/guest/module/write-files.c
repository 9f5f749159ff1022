/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/resolve.h"
#include "guest/base/cfg.h"
#include "guest/base/fetch.h"
#include "guest/base/userdb.h"
#include "guest/module/file-content.h"
#include "guest/module/module.h"

enum { SOURCE_TRIES = 4 };

struct owner {
    uid_t uid;
    gid_t gid;
};

/* Directories that are made for a file belong to the file's owner. */
static int make_parents(struct ol_env *env, const char *path, const struct owner *owner,
                        struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv missing = OL_STRV_INIT;
    ol_autofree char *dir = ol_path_dir(path);
    ol_autofree char *at = ol_xstrdup(dir);
    int r;

    while (!ol_exists(env, at) && strcmp(at, "/")) {
        char *up = ol_path_dir(at);

        ol_strv_take(&missing, ol_take_ptr(at));
        at = up;
    }
    r = ol_mkdir_p(env, dir, 0755, err);
    ol_strv_each (made, &missing)
        if (r == 0 && (owner->uid != (uid_t)-1 || owner->gid != (gid_t)-1))
            r = ol_chown(env, made, owner->uid, owner->gid, err);
    return r;
}

static int fetch_source(struct guest *g, const struct ol_val *source, const char *url,
                        struct ol_buf *ret, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv headers = OL_STRV_INIT;
    const struct ol_val *given = ol_val_get(source, "headers");

    for (size_t i = 0; ol_val_is(given, OL_VAL_MAP) && i < ol_val_count(given); i++) {
        const struct ol_pair *pair = ol_val_pair(given, i);

        ol_strv_addf(&headers, "%s: %s", ol_val_to_text(g->arena, pair->key),
                     ol_val_to_text(g->arena, pair->value));
    }
    return fetch_url(g->env,
                     &(struct ol_http_request){.url = url, .headers = ol_strv_argv(&headers)},
                     SOURCE_TRIES, 3 * OL_SECOND, ret, err);
}

/* What the entry's file will hold; -ENODATA when there is nothing to be had. */
static int load(struct guest *g, const struct ol_val *entry, struct ol_buf *ret, struct ol_err *err)
{
    const struct ol_val *source = ol_val_get(entry, "source");
    const struct ol_val *content = ol_val_get(entry, "content");
    const char *url = cfg_str(g->arena, source, "uri", NULL);
    bool has_content = content && !ol_val_is(content, OL_VAL_NULL);
    bool has_url = url && *url && ol_val_is_truthy(ol_val_get(source, "uri"));

    if (has_url) {
        struct ol_err why = OL_ERR_INIT;

        if (fetch_source(g, source, url, ret, &why) == 0)
            return 0;
        ol_warn(g->env,
                "Failed to retrieve contents from source \"%s\"; falling back to data from "
                "\"contents\" key: %s",
                ol_url_shown(url), ol_err_text(&why));
        ol_buf_clear(ret);
    }
    if (has_content)
        return file_content_decode(g->env, content, ol_val_get(entry, "encoding"), ret, err);
    return has_url ? -ENODATA : 0;
}

static int write_and_give(struct guest *g, const struct ol_val *entry, const char *path,
                          const struct ol_buf *data, const struct owner *owner, struct ol_err *err)
{
    mode_t mode = file_content_mode(g->env, ol_val_get(entry, "permissions"));
    unsigned flags = cfg_bool(entry, "append", false) ? OL_WRITE_APPEND : 0;
    struct stat st;
    int r;

    if (ol_stat(g->env, path, &st) == -ELOOP)
        return ol_err_set(err, ELOOP, "write '%s': a link on the way is not root's", path);
    r = make_parents(g->env, path, owner, err);
    if (r == 0)
        r = ol_file_write_buf(g->env, path, data, mode, flags, err);
    if (r < 0 || (owner->uid == (uid_t)-1 && owner->gid == (gid_t)-1))
        return r;
    r = ol_chown(g->env, path, owner->uid, owner->gid, err);
    /* The kernel has taken set-id bits away. */
    if (r == 0 && (mode & 06000))
        r = ol_chmod(g->env, path, mode, err);
    return r;
}

/* Writes, then gives the file away: an unknown owner is an error, but the file is there. */
static int write_owned(struct guest *g, const struct ol_val *entry, const char *path,
                       const struct ol_buf *data, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(entry, "owner");
    const char *spec = given ? ol_val_str(given) : "root:root";
    struct owner owner = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    struct ol_err unknown = OL_ERR_INIT;
    int found = userdb_owner(g->env, spec ? spec : "", &owner.uid, &owner.gid, &unknown);
    unsigned before = g->env->resolve;
    int r;

    /* What a user gets is not written where a link of that user leads: the file there, which may
     * be /etc/shadow, would be the user's afterwards. */
    if (owner.uid != geteuid() && owner.uid != (uid_t)-1)
        g->env->resolve |= OL_RESOLVE_ROOT_LINKS;
    r = write_and_give(g, entry, path, data, &owner, err);
    g->env->resolve = before;
    if (r == 0 && found < 0 && err)
        *err = unknown;
    return r < 0 ? r : found;
}

/* 'number' counts the entries from 1, for messages. */
static int write_entry(struct guest *g, const struct module_call *call, size_t number,
                       const struct ol_val *entry, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf data = OL_BUF_INIT(FILE_CONTENT_MAX);
    const char *given = cfg_str(g->arena, entry, "path", NULL);
    ol_autofree char *path = NULL;
    int r;

    if (!given || !*given || !ol_val_is_truthy(ol_val_get(entry, "path"))) {
        ol_warn(g->env, "No path provided to write for entry %zu in module %s", number, call->name);
        return 0;
    }
    path = ol_path_absolute(given);
    r = load(g, entry, &data, err);
    if (r == -ENODATA) {
        ol_warn(g->env, "No content could be loaded for entry %zu in module %s; skipping", number,
                call->name);
        return 0;
    }
    if (r == 0)
        r = write_owned(g, entry, path, &data, err);
    return r < 0 ? ol_err_prefix(err, r, "write_files entry %zu (%.200s)", number, path) : r;
}

/* Writes the entries whose 'defer' is 'want_deferred'. One that fails does not keep the others
 * from being written; the first failure is the module's. */
static int write_entries(struct guest *g, const struct module_call *call, bool want_deferred,
                         struct ol_err *err)
{
    const struct ol_val *entries = ol_val_get(call->cfg, "write_files");
    size_t number = 0;
    int failed = 0;

    if (ol_val_is_truthy(entries) && !ol_val_is(entries, OL_VAL_LIST))
        return ol_err_set_domain(err, EINVAL, "TypeError", 0, "'write_files' is a %s, not a list",
                                 ol_val_type_name(entries));
    for (size_t i = 0; i < ol_val_count(entries); i++) {
        const struct ol_val *entry = ol_val_item(entries, i);
        struct ol_err why = OL_ERR_INIT;
        int r;

        if (cfg_bool(entry, "defer", false) != want_deferred)
            continue;
        r = write_entry(g, call, ++number, entry, &why);
        if (r < 0 && failed < 0)
            ol_warn(g->env, "%s", ol_err_text(&why));
        if (r < 0 && failed == 0) {
            failed = r;
            if (err)
                *err = why;
        }
    }
    return failed;
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return write_entries(g, call, false, err);
}

static int run_deferred(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    return write_entries(g, call, true, err);
}

static const char *const keys[] = {"write_files", NULL};

const struct module module_write_files = {
    .name = "write_files",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .run = run,
};

const struct module module_write_files_deferred = {
    .name = "write_files_deferred",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .run = run_deferred,
};
