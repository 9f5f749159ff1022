/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "volume/node/registry-internal.h"

/*
 * The drivers of this machine: sockets below ROOT/plugins_registry, found by inotify and, since
 * that may miss one, by looking every few seconds.
 */

#define SCAN_EVERY (5 * OL_SECOND)
#define SCAN_SOON  (100 * OL_MS) /* a driver that was named is about to start */

static struct node_plugin *find_socket(const struct node_registry *r, const char *socket)
{
    for (size_t i = 0; i < r->n_plugins; i++) {
        if (!strcmp(r->v[i]->socket, socket))
            return r->v[i];
    }
    return NULL;
}

static void plugin_free(struct node_plugin *p)
{
    node_plugin_cancel(p);
    ol_grpc_channel_free(p->d.channel);
    ol_grpc_channel_free(p->registration);
    free((char *)p->d.name);
    free(p->d.endpoint);
    free(p->d.node_id);
    ol_strv_done(&p->d.keys);
    ol_strv_done(&p->d.values);
    free(p->socket);
    free(p);
}

void node_plugin_forget(struct node_plugin *p)
{
    struct node_registry *r = p->r;
    size_t i = 0;

    while (r->v[i] != p)
        i++;
    memmove(&r->v[i], &r->v[i + 1], (--r->n_plugins - i) * sizeof(*r->v));
    plugin_free(p);
    ol_timer_set(&r->scan, 0); /* a new socket may wait at the same place */
}

static void add(struct node_registry *r, const char *socket, uint64_t inode, bool is_direct)
{
    struct node_plugin *p = ol_xcalloc(1, sizeof(*p));

    *p = (struct node_plugin){
        .r = r,
        .socket = ol_xstrdup(socket),
        .inode = inode,
        .is_direct = is_direct,
        .is_seen = true,
    };
    r->v = ol_xrealloc(r->v, r->n_plugins + 1, sizeof(*r->v));
    r->v[r->n_plugins++] = p;
    node_plugin_begin(p);
}

static void see(struct node_registry *r, const char *socket, bool is_direct)
{
    struct node_plugin *p = find_socket(r, socket);
    struct stat st;

    if (ol_stat(r->n->env, socket, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    if (!p)
        add(r, socket, st.st_ino, is_direct);
    else if (p->inode == st.st_ino && p->state != NODE_PLUGIN_LEAVING)
        p->is_seen = true;
}

/* Sockets in a directory and in those below it, as the kubelet looks for them. */
static void see_all(struct node_registry *r, const char *dir, int depth)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (depth > 2 || ol_list_dir(r->n->env, dir, &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);

        if (*name == '.')
            continue;
        if (ol_str_ends(name, ".sock"))
            see(r, path, false);
        else if (ol_is_dir(r->n->env, path))
            see_all(r, path, depth + 1);
    }
}

static void changed(uv_fs_event_t *watch, const char *name, int events, int status)
{
    struct node_registry *r = watch->data;

    ol_timer_set(&r->scan, 0);
}

static void free_watch(uv_handle_t *h)
{
    free(h);
}

static void start_watch(struct node_registry *r)
{
    r->watch = ol_xcalloc(1, sizeof(*r->watch));
    r->watch->data = r;
    if (uv_fs_event_init(r->n->k.loop->uv, r->watch) < 0) {
        free(r->watch);
        r->watch = NULL;
        return;
    }
    (void)uv_fs_event_start(r->watch, changed, r->dir, 0);
}

static void drop_missing(struct node_registry *r)
{
    for (size_t i = r->n_plugins; i-- > 0;) {
        struct node_plugin *p = r->v[i];

        if (p->is_seen || p->state == NODE_PLUGIN_LEAVING)
            continue;
        ol_info(r->n->env, "the socket %s is gone: %s is unregistered", p->socket,
                p->d.name ? p->d.name : "a plug-in");
        node_plugin_cancel(p);
        if (p->d.name)
            node_plugin_leave(p);
        else
            node_plugin_forget(p);
    }
}

static bool lacks_named(const struct node_registry *r)
{
    for (size_t i = 0; r->sockets && i < r->sockets->n; i++) {
        if (!find_socket(r, r->sockets->v[i]))
            return true;
    }
    return false;
}

static void scan(void *ctx)
{
    struct node_registry *r = ctx;
    ol_time now = ol_now_boot(r->n->env);

    ol_timer_set(&r->scan, lacks_named(r) ? SCAN_SOON : SCAN_EVERY);
    if (!node_self_exists(r->n->self))
        return;
    for (size_t i = 0; i < r->n_plugins; i++)
        r->v[i]->is_seen = false;
    see_all(r, r->dir, 0);
    for (size_t i = 0; r->sockets && i < r->sockets->n; i++)
        see(r, r->sockets->v[i], true);
    drop_missing(r);
    for (size_t i = 0; i < r->n_plugins; i++) {
        struct node_plugin *p = r->v[i];

        if (p->state == NODE_PLUGIN_FAILED && p->again <= now)
            node_plugin_begin(p);
    }
}

struct node_registry *node_registry_new(struct node *n, const struct ol_strv *sockets)
{
    struct node_registry *r = ol_xcalloc(1, sizeof(*r));

    r->n = n;
    r->dir = ol_xasprintf("%s/plugins_registry", n->root);
    r->sockets = sockets;
    ol_timer_init(&r->scan, n->k.loop, scan, r);
    return r;
}

void node_registry_run(struct node_registry *r)
{
    struct ol_err err = OL_ERR_INIT;

    if (!r->is_running) {
        if (ol_mkdir_p(r->n->env, r->dir, 0750, &err) < 0)
            ol_error(r->n->env, "plug-ins can't register: %s", ol_err_text(&err));
        start_watch(r);
    }
    r->is_running = true;
    ol_timer_set(&r->scan, 0);
}

void node_registry_free(struct node_registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_plugins; i++)
        plugin_free(r->v[i]);
    free(r->v);
    ol_timer_done(&r->scan);
    if (r->watch)
        uv_close((uv_handle_t *)r->watch, free_watch);
    free(r->dir);
    free(r);
}

const struct node_driver *node_driver_find(const struct node *n, const char *name)
{
    const struct node_registry *r = n->registry;

    for (size_t i = 0; i < r->n_plugins; i++) {
        if (r->v[i]->state == NODE_PLUGIN_REGISTERED && !strcmp(r->v[i]->d.name, name))
            return &r->v[i]->d;
    }
    return NULL;
}

const struct node_driver *node_driver_each(const struct node *n, size_t *at)
{
    const struct node_registry *r = n->registry;

    while (*at < r->n_plugins) {
        const struct node_plugin *p = r->v[(*at)++];

        if (p->state == NODE_PLUGIN_REGISTERED)
            return &p->d;
    }
    return NULL;
}
