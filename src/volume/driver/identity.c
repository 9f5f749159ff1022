/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "volume/driver/driver-internal.h"

/* The Identity service: who this is. */

static int get_plugin_info(struct driver *d, struct ol_grpc_request *r, const void *message,
                           struct ol_err *err)
{
    Csi__V1__GetPluginInfoResponse reply = CSI__V1__GET_PLUGIN_INFO_RESPONSE__INIT;

    reply.name = (char *)(uintptr_t)d->config->name;
    reply.vendor_version = (char[]){DRIVER_VERSION};
    csi_answer(r, &reply.base);
    return 0;
}

static int get_plugin_capabilities(struct driver *d, struct ol_grpc_request *r, const void *message,
                                   struct ol_err *err)
{
    static const Csi__V1__PluginCapability__Service__Type services[] = {
        CSI__V1__PLUGIN_CAPABILITY__SERVICE__TYPE__CONTROLLER_SERVICE,
        CSI__V1__PLUGIN_CAPABILITY__SERVICE__TYPE__VOLUME_ACCESSIBILITY_CONSTRAINTS,
    };
    enum { N = ol_count(services) };
    Csi__V1__GetPluginCapabilitiesResponse reply = CSI__V1__GET_PLUGIN_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__PluginCapability__VolumeExpansion growth =
        CSI__V1__PLUGIN_CAPABILITY__VOLUME_EXPANSION__INIT;
    Csi__V1__PluginCapability__Service service[N];
    Csi__V1__PluginCapability capabilities[N + 1], *list[N + 1];

    for (size_t i = 0; i < N + 1; i++) {
        csi__v1__plugin_capability__init(&capabilities[i]);
        list[i] = &capabilities[i];
    }
    for (size_t i = 0; i < N; i++) {
        csi__v1__plugin_capability__service__init(&service[i]);
        service[i].type = services[i];
        capabilities[i].type_case = CSI__V1__PLUGIN_CAPABILITY__TYPE_SERVICE;
        capabilities[i].service = &service[i];
    }
    growth.type = CSI__V1__PLUGIN_CAPABILITY__VOLUME_EXPANSION__TYPE__ONLINE;
    capabilities[N].type_case = CSI__V1__PLUGIN_CAPABILITY__TYPE_VOLUME_EXPANSION;
    capabilities[N].volume_expansion = &growth;
    reply.n_capabilities = N + 1;
    reply.capabilities = list;
    csi_answer(r, &reply.base);
    return 0;
}

static int probe(struct driver *d, struct ol_grpc_request *r, const void *message,
                 struct ol_err *err)
{
    Csi__V1__ProbeResponse reply = CSI__V1__PROBE_RESPONSE__INIT;
    Csi__V1__BoolValue ready = CSI__V1__BOOL_VALUE__INIT;

    ready.value = true;
    reply.ready = &ready;
    csi_answer(r, &reply.base);
    return 0;
}

const struct driver_method driver_identity_methods[] = {
    {&csi_get_plugin_info, get_plugin_info},
    {&csi_get_plugin_capabilities, get_plugin_capabilities},
    {&csi_probe, probe},
    {NULL, NULL},
};
