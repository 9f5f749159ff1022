/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "volume/driver/driver-internal.h"
#include "volume/plugin/mountinfo.h"

/* The Node service. */

/* A path of the CO's: absolute, and as mountinfo shows it, so that the two can be compared. */
static int check_path(const char *path, const char *field, struct ol_err *err)
{
    ol_autofree char *plain = ol_path_absolute(path);
    int r = driver_need(path, field, err);

    if (r < 0)
        return r;
    if (strlen(path) >= PATH_MAX || strcmp(plain, path) != 0 || !path[1])
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "%s is no plain absolute path", field);
    return 0;
}

struct staged {
    const struct driver_record *record;
    struct driver_use use;
    bool is_read_only;
};

static int check_use(struct driver *d, const char *id, const Csi__V1__VolumeCapability *capability,
                     struct staged *ret, struct ol_err *err)
{
    int r;

    if (!capability)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_capability is missing");
    r = driver_find_volume(d, id, &ret->record, err);
    if (r == 0)
        r = driver_check_capability(capability, ret->record->type, &ret->use, err);
    if (r < 0)
        return r;
    ret->is_read_only = ret->use.is_read_only;
    for (size_t i = 0; i < ret->use.n_flags; i++)
        ret->is_read_only |= !strcmp(ret->use.flags[i], "ro");
    if (ret->use.is_block && ret->is_read_only)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "a block volume can't be read-only: a loop device is written by all "
                           "or by none");
    if (d->config->has_attach && strcmp(ret->record->attached, d->config->node_id) != 0)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is not attached to node %s",
                           id, d->config->node_id);
    return 0;
}

static int stage(struct driver *d, struct ol_grpc_request *r, const void *message,
                 struct ol_err *err)
{
    const Csi__V1__NodeStageVolumeRequest *q = message;
    ol_auto(ol_buf_done) struct ol_buf flags = OL_BUF_INIT(32 << 10);
    struct driver_operation o = {
        .request = r, .ids = {q->volume_id}, .verb = "stage", .reply = driver_reply_empty};
    struct staged s;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = check_path(q->staging_target_path, "staging_target_path", err);
    if (result == 0)
        result = check_use(d, q->volume_id, q->volume_capability, &s, err);
    if (result < 0)
        return result;
    if (s.record->type == DRIVER_DIRECTORY) {
        ol_grpc_reply(r, NULL, 0); /* it is bound to each target */
        return 0;
    }
    for (size_t i = 0; i < s.use.n_flags; i++)
        ol_buf_printf(&flags, "%s%s", i ? "," : "", s.use.flags[i]);
    if (ol_buf_status(&flags) < 0)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "mount_flags are too long");
    o.input = &flags;
    if (s.use.is_block) {
        o.verb = "stage-block";
    } else {
        o.args[0] = q->staging_target_path;
        o.args[1] = s.use.fs;
        o.args[2] = s.is_read_only ? "ro" : "rw";
    }
    driver_operate(d, &o);
    return 0;
}

static bool is_mounted(struct driver *d, const char *path)
{
    ol_auto(volume_mounts_done) struct volume_mounts mounts = {0};

    return volume_mounts_read(d->loop->env, &mounts, NULL) == 0 && volume_mounts_at(&mounts, path);
}

/* Takes the volume off 'path', by 'verb'. Of a volume that we don't know nothing can be there. */
static int take_off(struct driver *d, struct ol_grpc_request *r, const char *id, const char *path,
                    const char *verb, struct ol_err *err)
{
    const struct driver_record *record = driver_table_find(&d->table, id);
    const struct driver_operation o = {
        .request = r, .ids = {id}, .verb = verb, .args = {path}, .reply = driver_reply_empty};

    if (record && record->kind == DRIVER_VOLUME)
        driver_operate(d, &o);
    else if (is_mounted(d, path))
        return driver_fail(err, OL_GRPC_NOT_FOUND, "there is no volume '%.64s'", id);
    else
        ol_grpc_reply(r, NULL, 0);
    return 0;
}

static int unstage(struct driver *d, struct ol_grpc_request *r, const void *message,
                   struct ol_err *err)
{
    const Csi__V1__NodeUnstageVolumeRequest *q = message;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = check_path(q->staging_target_path, "staging_target_path", err);
    return result < 0 ? result
                      : take_off(d, r, q->volume_id, q->staging_target_path, "unstage", err);
}

static int check_publish(const Csi__V1__NodePublishVolumeRequest *q, const struct staged *s,
                         struct ol_err *err)
{
    if (!*q->staging_target_path)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "staging_target_path is missing");
    if (s->use.is_block && q->readonly)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "a block volume can't be read-only");
    return check_path(q->staging_target_path, "staging_target_path", err);
}

static int publish(struct driver *d, struct ol_grpc_request *r, const void *message,
                   struct ol_err *err)
{
    const Csi__V1__NodePublishVolumeRequest *q = message;
    struct driver_operation o = {
        .request = r, .ids = {q->volume_id}, .verb = "publish", .reply = driver_reply_empty};
    struct staged s;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = check_path(q->target_path, "target_path", err);
    if (result == 0)
        result = check_use(d, q->volume_id, q->volume_capability, &s, err);
    if (result == 0)
        result = check_publish(q, &s, err);
    if (result < 0)
        return result;
    if (s.use.is_block)
        o.verb = "publish-block";
    o.args[0] = q->target_path;
    o.args[1] = q->readonly || s.is_read_only ? "ro" : "rw";
    o.args[2] = s.use.is_single ? "single" : "multi";
    o.args[3] = q->staging_target_path;
    driver_operate(d, &o);
    return 0;
}

static int unpublish(struct driver *d, struct ol_grpc_request *r, const void *message,
                     struct ol_err *err)
{
    const Csi__V1__NodeUnpublishVolumeRequest *q = message;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = check_path(q->target_path, "target_path", err);
    return result < 0 ? result : take_off(d, r, q->volume_id, q->target_path, "unpublish", err);
}

static void reply_stats(struct driver *d, struct ol_grpc_request *r,
                        const struct driver_result *result, void *ctx)
{
    static const Csi__V1__VolumeUsage__Unit units[] = {CSI__V1__VOLUME_USAGE__UNIT__BYTES,
                                                       CSI__V1__VOLUME_USAGE__UNIT__INODES};
    Csi__V1__NodeGetVolumeStatsResponse reply = CSI__V1__NODE_GET_VOLUME_STATS_RESPONSE__INIT;
    Csi__V1__VolumeUsage usage[2], *list[2] = {&usage[0], &usage[1]};

    for (size_t i = 0; i < result->n / 3 && i < ol_count(usage); i++) {
        csi__v1__volume_usage__init(&usage[i]);
        usage[i].unit = units[i];
        usage[i].available = result->v[i * 3];
        usage[i].total = result->v[i * 3 + 1];
        usage[i].used = result->v[i * 3 + 2];
        reply.n_usage++;
    }
    reply.usage = list;
    csi_answer(r, &reply.base);
}

static int get_stats(struct driver *d, struct ol_grpc_request *r, const void *message,
                     struct ol_err *err)
{
    const Csi__V1__NodeGetVolumeStatsRequest *q = message;
    const struct driver_record *record = NULL;
    const struct driver_operation o = {.request = r,
                                       .ids = {q->volume_id},
                                       .verb = "stats",
                                       .args = {q->volume_path},
                                       .reply = reply_stats};
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = driver_need(q->volume_path, "volume_path", err);
    if (result == 0)
        result = driver_find_volume(d, q->volume_id, &record, err);
    if (result < 0)
        return result;
    driver_operate(d, &o);
    return 0;
}

static void reply_grown(struct driver *d, struct ol_grpc_request *r,
                        const struct driver_result *result, void *ctx)
{
    Csi__V1__NodeExpandVolumeResponse reply = CSI__V1__NODE_EXPAND_VOLUME_RESPONSE__INIT;

    reply.capacity_bytes = result->n ? result->v[0] : 0;
    csi_answer(r, &reply.base);
}

static int expand(struct driver *d, struct ol_grpc_request *r, const void *message,
                  struct ol_err *err)
{
    const Csi__V1__NodeExpandVolumeRequest *q = message;
    const struct driver_record *record = NULL;
    const struct driver_operation o = {.request = r,
                                       .ids = {q->volume_id},
                                       .verb = "grow",
                                       .args = {q->volume_path},
                                       .reply = reply_grown};
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = driver_need(q->volume_path, "volume_path", err);
    if (result == 0)
        result = driver_find_volume(d, q->volume_id, &record, err);
    if (result < 0)
        return result;
    if (q->capacity_range && q->capacity_range->required_bytes > record->size)
        return driver_fail(err, OL_GRPC_OUT_OF_RANGE, "volume %s has %lld bytes", record->id,
                           (long long)record->size);
    driver_operate(d, &o);
    return 0;
}

static int get_capabilities(struct driver *d, struct ol_grpc_request *r, const void *message,
                            struct ol_err *err)
{
#define RPC(name) CSI__V1__NODE_SERVICE_CAPABILITY__RPC__TYPE__##name
    static const Csi__V1__NodeServiceCapability__RPC__Type types[] = {
        RPC(STAGE_UNSTAGE_VOLUME),
        RPC(GET_VOLUME_STATS),
        RPC(EXPAND_VOLUME),
        RPC(SINGLE_NODE_MULTI_WRITER),
    };
#undef RPC
    enum { N = ol_count(types) };
    Csi__V1__NodeGetCapabilitiesResponse reply = CSI__V1__NODE_GET_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__NodeServiceCapability capabilities[N], *list[N];
    Csi__V1__NodeServiceCapability__RPC rpcs[N];

    for (size_t i = 0; i < N; i++) {
        csi__v1__node_service_capability__init(&capabilities[i]);
        csi__v1__node_service_capability__rpc__init(&rpcs[i]);
        rpcs[i].type = types[i];
        capabilities[i].type_case = CSI__V1__NODE_SERVICE_CAPABILITY__TYPE_RPC;
        capabilities[i].rpc = &rpcs[i];
        list[i] = &capabilities[i];
    }
    reply.n_capabilities = N;
    reply.capabilities = list;
    csi_answer(r, &reply.base);
    return 0;
}

static int get_info(struct driver *d, struct ol_grpc_request *r, const void *message,
                    struct ol_err *err)
{
    Csi__V1__NodeGetInfoResponse reply = CSI__V1__NODE_GET_INFO_RESPONSE__INIT;
    Csi__V1__Topology__SegmentsEntry segment = CSI__V1__TOPOLOGY__SEGMENTS_ENTRY__INIT;
    Csi__V1__Topology__SegmentsEntry *segments[] = {&segment};
    Csi__V1__Topology topology = CSI__V1__TOPOLOGY__INIT;

    segment.key = (char *)(uintptr_t)d->config->topology_key;
    segment.value = (char *)(uintptr_t)d->config->node_id;
    topology.n_segments = 1;
    topology.segments = segments;
    reply.node_id = (char *)(uintptr_t)d->config->node_id;
    reply.max_volumes_per_node = d->config->max_volumes;
    reply.accessible_topology = &topology;
    csi_answer(r, &reply.base);
    return 0;
}

const struct driver_method driver_node_methods[] = {
    {&csi_node_stage, stage},
    {&csi_node_unstage, unstage},
    {&csi_node_publish, publish},
    {&csi_node_unpublish, unpublish},
    {&csi_node_get_stats, get_stats},
    {&csi_node_expand, expand},
    {&csi_node_get_capabilities, get_capabilities},
    {&csi_node_get_info, get_info},
    {NULL, NULL},
};
