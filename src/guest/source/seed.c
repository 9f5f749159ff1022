/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/seed.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/http.h"
#include "core/str.h"
#include "guest/source/source-internal.h"

enum { HTTP_TRIES = 11 };

void seed_init(struct seed *s, struct guest *g)
{
    *s = (struct seed){.metadata = ol_val_new_map(g->arena)};
}

void seed_add(struct seed *s, struct guest *g, const struct ol_val *more)
{
    const struct ol_val *metadata = source_load_map(g, ol_val_get(more, "meta-data"), "meta-data");
    const struct ol_val *network = ol_val_get(more, "network-config");

    s->metadata = source_complete(g, s->metadata, metadata);
    if (ol_val_is_truthy(network))
        s->network = source_load_map(g, network, "network-config");
    if (ol_val_get(more, "user-data"))
        s->userdata = ol_val_get(more, "user-data");
    if (ol_val_get(more, "vendor-data"))
        s->vendordata = ol_val_get(more, "vendor-data");
}

int seed_add_files(struct seed *s, struct guest *g, const struct source_files *f,
                   struct ol_err *err)
{
    static const char *const names[] = {"user-data", "meta-data", "vendor-data", "network-config"};
    ol_auto(ol_strv_done) struct ol_strv missing = OL_STRV_INIT;
    struct ol_val *found = ol_val_new_map(g->arena);
    ol_autofree char *list = NULL;

    for (size_t i = 0; i < ol_count(names); i++) {
        struct ol_val *text = NULL;
        int r = source_read(f, names[i], g->arena, &text, err);

        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
            return r;
        if (r >= 0)
            ol_val_set(g->arena, found, names[i], text);
        else if (i < 2)
            ol_strv_add(&missing, names[i]);
    }
    if (missing.n) {
        list = ol_strv_join(&missing, ",");
        return ol_err_set(err, ENODATA, "%s: Missing required files: %s", f->base, list);
    }
    seed_add(s, g, found);
    return 0;
}

static bool is_worth_another_try(int r, long status)
{
    return r < 0 || status == 408 || status == 429 || status >= 500;
}

/* 0 with an answer, whatever its status. */
static int http_get(struct guest *g, const char *url, struct ol_http_response *response,
                    struct ol_err *err)
{
    const struct ol_http_request request = {.url = url};
    int r = 0;

    for (int i = 0; i < HTTP_TRIES; i++) {
        if (i)
            g->env->clock->sleep(g->env->clock->ctx, OL_SECOND);
        ol_buf_clear(&response->body);
        r = ol_http_fetch(g->env, &request, response, err);
        if (r == -ENOSYS || r == -EFBIG || !is_worth_another_try(r, response->status))
            break;
    }
    return r;
}

/* -ENOENT: the place has no such document. */
static int read_http(struct guest *g, const char *url, struct ol_val **ret, struct ol_err *err)
{
    struct ol_http_response response = {.body = OL_BUF_INIT(SOURCE_FILE_MAX)};
    int r = http_get(g, url, &response, err);

    if (r >= 0 && response.status != 200)
        r = ol_err_set_domain(err, response.status == 404 ? ENOENT : EIO, "HTTP",
                              (int)response.status, "%s: status %ld", ol_url_shown(url),
                              response.status);
    if (r >= 0)
        *ret = source_bytes(g->arena, response.body.data, response.body.len);
    ol_buf_done(&response.body);
    return r < 0 ? r : 0;
}

static int read_url(struct guest *g, const char *url, struct ol_val **ret, struct ol_err *err)
{
    const char *path = ol_str_starts(url, "file://") ? url + strlen("file://") : url;
    struct source_files root = source_files_dir(g->env, "/");

    if (path[0] == '/')
        return source_read(&root, path, g->arena, ret, err);
    if (ol_str_starts(url, "http://") || ol_str_starts(url, "https://"))
        return read_http(g, url, ret, err);
    return ol_err_set(err, EPROTONOSUPPORT, "%s: only http, https and file are supported",
                      ol_url_shown(url));
}

/* Where 'name' is below the seed. */
static const char *document_url(struct guest *g, const char *base, const char *name)
{
    const char *at = strstr(base, "%s");
    bool needs_slash = !ol_str_ends(base, "/") && !strchr(base, '?');
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    if (!at)
        return ol_arena_printf(g->arena, "%s%s%s", base, needs_slash ? "/" : "", name);
    for (; at; at = strstr(base, "%s")) {
        ol_buf_add(&b, base, (size_t)(at - base));
        ol_buf_adds(&b, name);
        base = at + 2;
    }
    ol_buf_adds(&b, base);
    return ol_arena_strdup(g->arena, b.data);
}

int seed_add_url(struct seed *s, struct guest *g, const char *url, struct ol_err *err)
{
    static const char *const names[] = {"network-config", "meta-data", "user-data", "vendor-data"};
    static const bool is_required[] = {false, true, true, false};
    struct ol_val *texts[ol_count(names)] = {NULL};

    for (size_t i = 0; i < ol_count(names); i++) {
        struct ol_err local = OL_ERR_INIT;
        int r = read_url(g, document_url(g, url, names[i]), &texts[i], &local);

        if (r < 0 && is_required[i]) {
            if (err)
                *err = local;
            return r;
        }
        if (r < 0)
            ol_debug(g->env, "No %s provided: %s", names[i], ol_err_text(&local));
    }
    s->network = source_load_map(g, texts[0], "network-config");
    s->metadata = source_complete(g, s->metadata, source_load_map(g, texts[1], "meta-data"));
    s->userdata = texts[2];
    s->vendordata = texts[3];
    return 0;
}
