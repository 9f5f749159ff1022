/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-driver.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/queue.h"
#include "core/str.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"

/* How often a ready driver is asked whether it is the same, and directories are looked into. */
#define CHECK_PERIOD (30 * OL_SECOND)
#define LOOK_PERIOD  (5 * OL_SECOND)
#define CALL_TIMEOUT (15 * OL_SECOND)

enum { MAX_LISTENERS = 8, MAX_DRIVERS = 1000 };

/* Who has not answered this often is not just about to start. */
enum { STARTED_AFTER = 3 };

static const struct ol_backoff down_backoff = {.first = OL_SECOND / 4, .most = 10 * OL_SECOND};

struct endpoint {
    struct csi_driver d;
    struct csi_drivers *all;
    struct ol_grpc_call *call;
    struct ol_timer timer;
    unsigned n_failures;
    char *path;                        /* of a socket that was found in a directory; NULL = named */
    unsigned plugin, controller, node; /* as answered so far, in this round */
    char *name, *version;
};

struct csi_drivers {
    struct ol_loop *loop;
    const struct csi_options *o;
    struct endpoint **v;
    size_t n;
    struct csi_driver_listener listeners[MAX_LISTENERS];
    size_t n_listeners;
    struct ol_timer look;
};

static void ask(struct endpoint *e);

static void tell(struct csi_drivers *all, const struct csi_driver *d)
{
    for (size_t i = 0; i < all->n_listeners; i++)
        all->listeners[i].changed(all->listeners[i].ctx, d);
}

/* --- states --- */
static void set_name(struct endpoint *e)
{
    free((char *)e->d.name);
    free((char *)e->d.version);
    e->d.name = ol_take_ptr(e->name);
    e->d.version = ol_take_ptr(e->version);
}

static void is_down(struct endpoint *e, const struct csi_reply *r)
{
    bool was_ready = e->d.state == CSI_DRIVER_READY;

    e->d.state = CSI_DRIVER_DOWN;
    e->n_failures++;
    if (was_ready || e->n_failures == STARTED_AFTER)
        ol_warn(e->all->loop->env, "CSI driver at %s does not answer: %s: %s", e->d.address,
                ol_grpc_code_name(r->code), r->message);
    ol_timer_set(&e->timer, ol_backoff_delay(&down_backoff, e->n_failures));
    if (was_ready)
        tell(e->all, &e->d);
}

static void is_ready(struct endpoint *e)
{
    bool is_news = e->d.state != CSI_DRIVER_READY || e->d.plugin != e->plugin
                   || e->d.controller != e->controller || e->d.node != e->node
                   || strcmp(e->d.name, e->name) != 0;

    e->n_failures = 0;
    e->d.plugin = e->plugin;
    e->d.controller = e->controller;
    e->d.node = e->node;
    set_name(e);
    e->d.state = CSI_DRIVER_READY;
    ol_timer_set(&e->timer, CHECK_PERIOD);
    if (!is_news)
        return;
    ol_info(e->all->loop->env, "CSI driver %s %s at %s is ready", e->d.name, e->d.version,
            e->d.address);
    tell(e->all, &e->d);
}

/* --- the questions, one after the other --- */
static void got_node(void *ctx, const struct csi_reply *r)
{
    struct endpoint *e = ctx;
    const Csi__V1__NodeGetCapabilitiesResponse *m = (const void *)r->message_body;

    e->call = NULL;
    if (r->code == OL_GRPC_UNAVAILABLE || r->code == OL_GRPC_DEADLINE_EXCEEDED) {
        is_down(e, r);
        return;
    }
    /* A driver's controller alone has no node service. */
    for (size_t i = 0; m && i < m->n_capabilities; i++)
        if (m->capabilities[i]->type_case == CSI__V1__NODE_SERVICE_CAPABILITY__TYPE_RPC
            && (unsigned)m->capabilities[i]->rpc->type < 32)
            e->node |= 1u << m->capabilities[i]->rpc->type;
    is_ready(e);
}

static void ask_node(struct endpoint *e)
{
    Csi__V1__NodeGetCapabilitiesRequest q = CSI__V1__NODE_GET_CAPABILITIES_REQUEST__INIT;

    e->call =
        csi_call(e->d.channel, &csi_node_get_capabilities, &q.base, CALL_TIMEOUT, got_node, e);
}

static void got_controller(void *ctx, const struct csi_reply *r)
{
    struct endpoint *e = ctx;
    const Csi__V1__ControllerGetCapabilitiesResponse *m = (const void *)r->message_body;

    e->call = NULL;
    if (!m) {
        is_down(e, r);
        return;
    }
    for (size_t i = 0; i < m->n_capabilities; i++)
        if (m->capabilities[i]->type_case == CSI__V1__CONTROLLER_SERVICE_CAPABILITY__TYPE_RPC
            && (unsigned)m->capabilities[i]->rpc->type < 32)
            e->controller |= 1u << m->capabilities[i]->rpc->type;
    ask_node(e);
}

static void got_plugin(void *ctx, const struct csi_reply *r)
{
    struct endpoint *e = ctx;
    const Csi__V1__GetPluginCapabilitiesResponse *m = (const void *)r->message_body;
    Csi__V1__ControllerGetCapabilitiesRequest q =
        CSI__V1__CONTROLLER_GET_CAPABILITIES_REQUEST__INIT;

    e->call = NULL;
    if (!m) {
        is_down(e, r);
        return;
    }
    for (size_t i = 0; i < m->n_capabilities; i++)
        if (m->capabilities[i]->type_case == CSI__V1__PLUGIN_CAPABILITY__TYPE_SERVICE
            && (unsigned)m->capabilities[i]->service->type < 32)
            e->plugin |= 1u << m->capabilities[i]->service->type;
    if (e->plugin & CSI_PLUGIN_CONTROLLER_SERVICE)
        e->call = csi_call(e->d.channel, &csi_controller_get_capabilities, &q.base, CALL_TIMEOUT,
                           got_controller, e);
    else
        ask_node(e);
}

static void got_info(void *ctx, const struct csi_reply *r)
{
    struct endpoint *e = ctx;
    const Csi__V1__GetPluginInfoResponse *m = (const void *)r->message_body;
    Csi__V1__GetPluginCapabilitiesRequest q = CSI__V1__GET_PLUGIN_CAPABILITIES_REQUEST__INIT;

    e->call = NULL;
    if (!m || !m->name[0]) {
        is_down(e, r);
        return;
    }
    free(e->name);
    free(e->version);
    e->name = ol_xstrdup(m->name);
    e->version = ol_xstrdup(m->vendor_version);
    e->call =
        csi_call(e->d.channel, &csi_get_plugin_capabilities, &q.base, CALL_TIMEOUT, got_plugin, e);
}

/* A driver that is ready stays so while it is asked again. */
static void ask(struct endpoint *e)
{
    Csi__V1__GetPluginInfoRequest q = CSI__V1__GET_PLUGIN_INFO_REQUEST__INIT;

    if (e->call)
        return;
    if (e->d.state == CSI_DRIVER_DOWN)
        e->d.state = CSI_DRIVER_ASKING;
    e->plugin = e->controller = e->node = 0;
    e->call = csi_call(e->d.channel, &csi_get_plugin_info, &q.base, CALL_TIMEOUT, got_info, e);
}

static void ask_again(void *ctx)
{
    ask(ctx);
}

/* --- endpoints --- */
static void endpoint_add(struct csi_drivers *all, const char *address, const char *path)
{
    struct endpoint *e = ol_xcalloc(1, sizeof(*e));

    e->all = all;
    e->path = path ? ol_xstrdup(path) : NULL;
    e->d.address = ol_xstrdup(address);
    e->d.name = ol_xstrdup("");
    e->d.version = ol_xstrdup("");
    e->d.channel = ol_grpc_channel_new(all->loop, address);
    ol_timer_init(&e->timer, all->loop, ask_again, e);
    all->v = ol_xrealloc(all->v, all->n + 1, sizeof(*all->v));
    all->v[all->n++] = e;
    ask(e);
}

static void endpoint_free(struct endpoint *e)
{
    if (e->call)
        ol_grpc_cancel(e->call);
    ol_timer_done(&e->timer);
    ol_grpc_channel_free(e->d.channel);
    free((char *)e->d.address);
    free((char *)e->d.name);
    free((char *)e->d.version);
    free(e->name);
    free(e->version);
    free(e->path);
    free(e);
}

/* --- directories --- */
static void found(struct csi_drivers *all, const char *path)
{
    struct stat st;

    if (ol_stat(all->loop->env, path, &st) < 0 || !S_ISSOCK(st.st_mode) || all->n >= MAX_DRIVERS)
        return;
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i]->path && strcmp(all->v[i]->path, path) == 0)
            return;
    endpoint_add(all, path, path);
}

static void look_into(struct csi_drivers *all, const char *directory)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(all->loop->env, directory, &names, NULL) < 0)
        return; /* it may come */
    ol_strv_each (name, &names) {
        ol_autofree char *path =
            ol_xasprintf("%s/%s%s", directory, name, ol_str_ends(name, ".sock") ? "" : "/csi.sock");

        found(all, path);
    }
}

/* Sockets that come are taken; those that go stay known, in case they come back. */
static void look(void *ctx)
{
    struct csi_drivers *all = ctx;

    ol_strv_each (directory, &all->o->directories)
        look_into(all, directory);
    ol_timer_set(&all->look, LOOK_PERIOD);
}

/* --- the registry --- */
struct csi_drivers *csi_drivers_new(struct ol_loop *loop, const struct csi_options *o)
{
    struct csi_drivers *all = ol_xcalloc(1, sizeof(*all));

    all->loop = loop;
    all->o = o;
    ol_timer_init(&all->look, loop, look, all);
    ol_strv_each (socket, &o->sockets)
        endpoint_add(all, socket, NULL);
    if (o->directories.n > 0)
        look(all);
    return all;
}

void csi_drivers_free(struct csi_drivers *all)
{
    if (!all)
        return;
    ol_timer_done(&all->look);
    for (size_t i = 0; i < all->n; i++)
        endpoint_free(all->v[i]);
    free(all->v);
    free(all);
}

const struct csi_driver *csi_driver_find(const struct csi_drivers *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i]->d.state == CSI_DRIVER_READY && strcmp(all->v[i]->d.name, name) == 0)
            return &all->v[i]->d;
    return NULL;
}

const struct csi_driver *csi_driver_at(const struct csi_drivers *all, size_t n)
{
    return n < all->n ? &all->v[n]->d : NULL;
}

void csi_driver_lost(struct csi_drivers *all, const struct csi_driver *d)
{
    struct endpoint *e = NULL;

    for (size_t i = 0; i < all->n; i++)
        if (&all->v[i]->d == d)
            e = all->v[i];
    if (!e || e->d.state != CSI_DRIVER_READY)
        return;
    e->d.state = CSI_DRIVER_DOWN;
    tell(all, d);
    ask(e);
}

void csi_volume_left(struct csi_drivers *all, const char *driver, const char *handle)
{
    for (size_t i = 0; i < all->n_listeners; i++)
        if (all->listeners[i].left)
            all->listeners[i].left(all->listeners[i].ctx, driver, handle);
}

void csi_drivers_listen(struct csi_drivers *all, const struct csi_driver_listener *l)
{
    if (all->n_listeners < MAX_LISTENERS)
        all->listeners[all->n_listeners++] = *l;
}

void csi_drivers_unlisten(struct csi_drivers *all, const void *ctx)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n_listeners; i++)
        if (all->listeners[i].ctx != ctx)
            all->listeners[n++] = all->listeners[i];
    all->n_listeners = n;
}
