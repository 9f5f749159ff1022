/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/queue.h"
#include "core/str.h"
#include "volume/node/registry-internal.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"
#include "volume/proto/registration.pb-c.h"

/*
 * The steps of a registration: GetInfo (or GetPluginInfo of a driver that is named on the command
 * line), NodeGetInfo, NodeGetCapabilities, CSINode, NotifyRegistrationStatus.
 */

#define TIMEOUT (10 * OL_SECOND)

static const struct ol_backoff backoff = {500 * OL_MS, 60 * OL_SECOND};

void node_plugin_cancel(struct node_plugin *p)
{
    if (p->call)
        ol_grpc_cancel(p->call);
    if (p->request)
        kube_cancel(p->request);
    free(p->write);
    p->call = NULL;
    p->request = NULL;
    p->write = NULL;
}

static void notified(void *ctx, const struct csi_reply *reply)
{
    struct node_plugin *p = ctx;

    p->call = NULL;
}

static void notify(struct node_plugin *p, const char *error)
{
    Pluginregistration__RegistrationStatus status = PLUGINREGISTRATION__REGISTRATION_STATUS__INIT;

    if (p->is_direct || !p->registration)
        return;
    status.plugin_registered = !error;
    status.error = (char *)(error ? error : "");
    p->call = csi_call(p->registration, &registration_notify, &status.base, TIMEOUT, notified, p);
}

static void fail(struct node_plugin *p, const char *problem)
{
    ol_time delay = ol_backoff_delay(&backoff, ++p->failures);

    ol_warn(p->r->n->env, "plug-in %s (%s): %s", p->d.name ? p->d.name : "?", p->socket, problem);
    p->state = NODE_PLUGIN_FAILED;
    p->again = ol_now_boot(p->r->n->env) + delay;
    ol_timer_set(&p->r->scan, delay);
    notify(p, problem);
}

static void fail_rpc(struct node_plugin *p, const char *what, const struct csi_reply *reply)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    ol_buf_printf(&text, "%s: rpc error: code = %s desc = %s", what, ol_grpc_code_name(reply->code),
                  reply->message);
    fail(p, text.data);
}

static void written(struct node_plugin *p, const struct ol_err *err)
{
    if (err) {
        fail(p, ol_err_text(err));
        return;
    }
    p->state = NODE_PLUGIN_REGISTERED;
    p->failures = 0;
    ol_info(p->r->n->env, "the CSI driver %s is registered (%s)", p->d.name, p->d.endpoint);
    notify(p, NULL);
    node_hurry(&p->r->n->world, p->d.name);
    node_wake(p->r->n);
}

static unsigned can_of(const Csi__V1__NodeGetCapabilitiesResponse *r)
{
    unsigned can = 0;

    for (size_t i = 0; i < r->n_capabilities; i++) {
        const Csi__V1__NodeServiceCapability *c = r->capabilities[i];

        /* The bits of enum node_driver_can stand in the order of RPC.Type. */
        if (c->type_case == CSI__V1__NODE_SERVICE_CAPABILITY__TYPE_RPC && c->rpc->type > 0
            && c->rpc->type <= 6)
            can |= 1U << (c->rpc->type - 1);
    }
    return can;
}

static void got_capabilities(void *ctx, const struct csi_reply *reply)
{
    struct node_plugin *p = ctx;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK && reply->code != OL_GRPC_UNIMPLEMENTED) {
        fail_rpc(p, "NodeGetCapabilities", reply);
        return;
    }
    p->d.can = reply->message_body ? can_of((const void *)reply->message_body) : 0;
    node_plugin_write(p, false, written);
}

static void got_node_info(void *ctx, const struct csi_reply *reply)
{
    const Csi__V1__NodeGetInfoResponse *info = (const void *)reply->message_body;
    Csi__V1__NodeGetCapabilitiesRequest q = CSI__V1__NODE_GET_CAPABILITIES_REQUEST__INIT;
    struct node_plugin *p = ctx;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK) {
        fail_rpc(p, "NodeGetInfo", reply);
        return;
    }
    free(p->d.node_id);
    p->d.node_id = ol_xstrdup(info->node_id);
    p->d.max_volumes = info->max_volumes_per_node;
    ol_strv_done(&p->d.keys);
    ol_strv_done(&p->d.values);
    p->d.keys = p->d.values = (struct ol_strv)OL_STRV_INIT;
    for (size_t i = 0; info->accessible_topology && i < info->accessible_topology->n_segments;
         i++) {
        ol_strv_add(&p->d.keys, info->accessible_topology->segments[i]->key);
        ol_strv_add(&p->d.values, info->accessible_topology->segments[i]->value);
    }
    p->call =
        csi_call(p->d.channel, &csi_node_get_capabilities, &q.base, TIMEOUT, got_capabilities, p);
}

static void talk_to_driver(struct node_plugin *p, const char *name, const char *endpoint)
{
    Csi__V1__NodeGetInfoRequest q = CSI__V1__NODE_GET_INFO_REQUEST__INIT;

    if (!p->d.name)
        p->d.name = ol_xstrdup(name);
    if (!p->d.channel) {
        p->d.endpoint = ol_xstrdup(endpoint);
        p->d.channel = ol_grpc_channel_new(p->r->n->k.loop, endpoint);
    }
    p->call = csi_call(p->d.channel, &csi_node_get_info, &q.base, TIMEOUT, got_node_info, p);
}

static bool knows_version_1(const Pluginregistration__PluginInfo *info)
{
    for (size_t i = 0; i < info->n_supported_versions; i++) {
        const char *v = info->supported_versions[i];

        if (ol_str_starts(v, "1.") || ol_str_starts(v, "v1.") || !strcmp(v, "1"))
            return true;
    }
    return false;
}

static void got_info(void *ctx, const struct csi_reply *reply)
{
    const Pluginregistration__PluginInfo *info = (const void *)reply->message_body;
    struct node_plugin *p = ctx;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK)
        fail_rpc(p, "GetInfo", reply);
    else if (strcmp(info->type, "CSIPlugin") != 0)
        fail(p, "only plug-ins of the type CSIPlugin are taken");
    else if (!*info->name)
        fail(p, "it has no name");
    else if (!knows_version_1(info))
        fail(p, "none of its versions is 1.x");
    else if (node_driver_find(p->r->n, info->name))
        fail(p, "a driver of this name is registered already");
    else
        talk_to_driver(p, info->name, *info->endpoint ? info->endpoint : p->socket);
}

static void got_plugin_info(void *ctx, const struct csi_reply *reply)
{
    const Csi__V1__GetPluginInfoResponse *info = (const void *)reply->message_body;
    struct node_plugin *p = ctx;

    p->call = NULL;
    if (reply->code != OL_GRPC_OK)
        fail_rpc(p, "GetPluginInfo", reply);
    else if (!*info->name || node_driver_find(p->r->n, info->name))
        fail(p, "it has no name, or one that is registered already");
    else
        talk_to_driver(p, info->name, p->socket);
}

void node_plugin_begin(struct node_plugin *p)
{
    Pluginregistration__InfoRequest q = PLUGINREGISTRATION__INFO_REQUEST__INIT;
    Csi__V1__GetPluginInfoRequest direct = CSI__V1__GET_PLUGIN_INFO_REQUEST__INIT;

    node_plugin_cancel(p);
    p->state = NODE_PLUGIN_ASKED;
    if (!p->registration)
        p->registration = ol_grpc_channel_new(p->r->n->k.loop, p->socket);
    if (p->is_direct)
        p->call = csi_call(p->registration, &csi_get_plugin_info, &direct.base, TIMEOUT,
                           got_plugin_info, p);
    else
        p->call = csi_call(p->registration, &registration_get_info, &q.base, TIMEOUT, got_info, p);
}

static void left(struct node_plugin *p, const struct ol_err *err)
{
    if (err)
        ol_warn(p->r->n->env, "unregistering %s: %s", p->d.name, ol_err_text(err));
    node_plugin_forget(p);
}

void node_plugin_leave(struct node_plugin *p)
{
    bool was_registered = p->state == NODE_PLUGIN_REGISTERED;

    p->state = NODE_PLUGIN_LEAVING;
    if (was_registered)
        node_plugin_write(p, true, left);
    else
        node_plugin_forget(p);
}
