/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/driver/driver-internal.h"

/* The Controller service, but for snapshots. */

/* Pointers to what messages don't change. */
static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

void driver_describe(const struct driver *d, const struct driver_record *r, struct driver_volume *v)
{
    bool is_copy = *r->source;

    csi__v1__volume__init(&v->volume);
    csi__v1__topology__init(&v->topology);
    csi__v1__topology__segments_entry__init(&v->segment);
    csi__v1__volume__volume_context_entry__init(&v->context);
    csi__v1__volume_content_source__init(&v->source);
    csi__v1__volume_content_source__snapshot_source__init(&v->snapshot);
    csi__v1__volume_content_source__volume_source__init(&v->origin);
    v->segment.key = text(d->config->topology_key);
    v->segment.value = text(d->config->node_id);
    v->segments[0] = &v->segment;
    v->topology.n_segments = 1;
    v->topology.segments = v->segments;
    v->topologies[0] = &v->topology;
    v->context.key = text("type");
    v->context.value = text(r->type == DRIVER_DIRECTORY ? "directory" : "image");
    v->contexts[0] = &v->context;
    v->volume.volume_id = text(r->id);
    v->volume.capacity_bytes = r->size;
    v->volume.n_volume_context = 1;
    v->volume.volume_context = v->contexts;
    v->volume.n_accessible_topology = 1;
    v->volume.accessible_topology = v->topologies;
    if (is_copy && !strncmp(r->source, "snap-", 5)) {
        v->snapshot.snapshot_id = text(r->source);
        v->source.type_case = CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_SNAPSHOT;
        v->source.snapshot = &v->snapshot;
    } else if (is_copy) {
        v->origin.volume_id = text(r->source);
        v->source.type_case = CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_VOLUME;
        v->source.volume = &v->origin;
    }
    v->volume.content_source = is_copy ? &v->source : NULL;
}

static void reply_created(struct driver *d, struct ol_grpc_request *r,
                          const struct driver_result *result, void *id)
{
    Csi__V1__CreateVolumeResponse reply = CSI__V1__CREATE_VOLUME_RESPONSE__INIT;
    const struct driver_record *record = driver_table_find(&d->table, id);
    struct driver_volume v;

    if (!record) {
        ol_grpc_fail(r, OL_GRPC_INTERNAL, "the record of %s is gone", (const char *)id);
        return;
    }
    driver_describe(d, record, &v);
    reply.volume = &v.volume;
    csi_answer(r, &reply.base);
}

/* What is copied has to be there, to be an image, and not to be larger than the copy. */
static int take_source(struct driver *d, const Csi__V1__CapacityRange *range,
                       struct driver_record *want, struct ol_err *err)
{
    const struct driver_record *source = driver_table_find(&d->table, want->source);
    bool is_small = range && range->required_bytes;

    if (!source || source->state != DRIVER_READY)
        return driver_fail(err, OL_GRPC_NOT_FOUND, "there is no '%s' to copy", want->source);
    if (want->type != DRIVER_IMAGE || source->type != DRIVER_IMAGE)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION,
                           "only volumes of type 'image' can be copied");
    if (!is_small)
        want->size = source->size;
    if (want->size < source->size
        || (range && range->limit_bytes && range->limit_bytes < want->size))
        return driver_fail(err, OL_GRPC_OUT_OF_RANGE, "a copy of '%s' has at least %lld bytes",
                           want->source, (long long)source->size);
    memcpy(want->fs, source->fs, sizeof(want->fs));
    want->is_formatted = source->is_formatted;
    return 0;
}

/* 1: it exists and is what is wanted; 0: it is to be made. */
static int look_for_same(struct driver *d, const Csi__V1__CreateVolumeRequest *q,
                         const struct driver_record *want, struct ol_err *err)
{
    const struct driver_record *old = driver_table_find(&d->table, want->id);
    int r;

    if (!old)
        return 0;
    if (old->state == DRIVER_DELETING)
        return driver_fail(err, OL_GRPC_ABORTED, "volume '%s' is being deleted", old->name);
    r = driver_check_same(old, want, q->capacity_range, err);
    return r < 0 ? r : old->state == DRIVER_READY;
}

static int create_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                         struct ol_err *err)
{
    const Csi__V1__CreateVolumeRequest *q = message;
    ol_auto(ol_buf_done) struct ol_buf input = OL_BUF_INIT(16 << 10);
    struct driver_operation o = {.request = r, .verb = "create", .reply = reply_created};
    struct driver_record want;
    int result = driver_check_create(q, &want, err);

    if (result == 0)
        result = look_for_same(d, q, &want, err);
    if (result < 0)
        return result;
    if (result == 1) {
        reply_created(d, r, NULL, want.id);
        return 0;
    }
    if (!driver_is_reachable(q->accessibility_requirements, d->config->topology_key,
                             d->config->node_id))
        return driver_fail(err, OL_GRPC_RESOURCE_EXHAUSTED,
                           "node %s is in none of the requisite topologies", d->config->node_id);
    if (*want.source)
        result = take_source(d, q->capacity_range, &want, err);
    if (result == 0 && !driver_table_find(&d->table, want.id))
        result = driver_check_space(d, want.size, err);
    if (result < 0)
        return result;
    want.created = ol_now_wall(d->loop->env) / OL_SECOND;
    driver_record_write(&want, &input);
    o.ids[0] = want.id;
    o.ids[1] = *want.source ? want.source : NULL;
    o.input = &input;
    o.ctx = ol_xstrdup(want.id);
    /* It counts from now on. */
    if (!ol_strv_has(&d->busy, want.id))
        driver_table_put(&d->table, &want);
    driver_operate(d, &o);
    return 0;
}

static int delete_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                         struct ol_err *err)
{
    const Csi__V1__DeleteVolumeRequest *q = message;
    const struct driver_record *record = driver_table_find(&d->table, q->volume_id);
    const struct driver_operation o = {
        .request = r, .ids = {q->volume_id}, .verb = "delete", .reply = driver_reply_empty};
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result < 0)
        return result;
    if (!record || record->kind != DRIVER_VOLUME) {
        ol_grpc_reply(r, NULL, 0);
        return 0;
    }
    if (*record->attached)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is attached to node %s",
                           record->id, record->attached);
    driver_operate(d, &o);
    return 0;
}

/* 1: it is attached as wanted; 0: it is to be. */
static int check_attach(const struct driver *d, const struct driver_record *record,
                        const Csi__V1__ControllerPublishVolumeRequest *q, struct ol_err *err)
{
    bool is_attached = *record->attached;

    if (is_attached && strcmp(record->attached, q->node_id) != 0)
        return driver_fail(err, OL_GRPC_FAILED_PRECONDITION, "volume %s is attached to node %s",
                           record->id, record->attached);
    if (strcmp(q->node_id, d->config->node_id) != 0)
        return driver_fail(err, OL_GRPC_NOT_FOUND, "this is node %s, not '%.64s'",
                           d->config->node_id, q->node_id);
    if (is_attached && record->is_attached_read_only != !!q->readonly)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "volume %s is attached %s", record->id,
                           q->readonly ? "for writing" : "read-only");
    return is_attached;
}

static int publish_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                          struct ol_err *err)
{
    const Csi__V1__ControllerPublishVolumeRequest *q = message;
    const struct driver_operation o = {.request = r,
                                       .ids = {q->volume_id},
                                       .verb = "attach",
                                       .args = {q->node_id, q->readonly ? "ro" : "rw"},
                                       .reply = driver_reply_empty};
    const struct driver_record *record = NULL;
    struct driver_use use;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0)
        result = driver_need_name(q->node_id, "node_id", DRIVER_NODE_MAX, err);
    if (result == 0 && !q->volume_capability)
        result = driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_capability is missing");
    if (result == 0)
        result = driver_find_volume(d, q->volume_id, &record, err);
    if (result == 0)
        result = driver_check_capability(q->volume_capability, record->type, &use, err);
    if (result == 0)
        result = check_attach(d, record, q, err);
    if (result < 0)
        return result;
    if (result == 1)
        ol_grpc_reply(r, NULL, 0);
    else
        driver_operate(d, &o);
    return 0;
}

static int unpublish_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                            struct ol_err *err)
{
    const Csi__V1__ControllerUnpublishVolumeRequest *q = message;
    const struct driver_record *record = driver_table_find(&d->table, q->volume_id);
    const struct driver_operation o = {.request = r,
                                       .ids = {q->volume_id},
                                       .verb = "attach",
                                       .args = {"", "rw"},
                                       .reply = driver_reply_empty};
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result < 0)
        return result;
    if (!record || !*record->attached || (*q->node_id && strcmp(record->attached, q->node_id) != 0))
        ol_grpc_reply(r, NULL, 0);
    else
        driver_operate(d, &o);
    return 0;
}

static int expand_answer(struct ol_grpc_request *r, const struct driver_record *record)
{
    Csi__V1__ControllerExpandVolumeResponse reply =
        CSI__V1__CONTROLLER_EXPAND_VOLUME_RESPONSE__INIT;

    reply.capacity_bytes = record->size;
    reply.node_expansion_required = record->type == DRIVER_IMAGE;
    csi_answer(r, &reply.base);
    return 0;
}

static void reply_expanded(struct driver *d, struct ol_grpc_request *r,
                           const struct driver_result *result, void *id)
{
    const struct driver_record *record = driver_table_find(&d->table, id);

    if (record)
        expand_answer(r, record);
    else
        ol_grpc_fail(r, OL_GRPC_NOT_FOUND, "volume %s is gone", (const char *)id);
}

static int expand_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                         struct ol_err *err)
{
    const Csi__V1__ControllerExpandVolumeRequest *q = message;
    struct driver_operation o = {
        .request = r, .ids = {q->volume_id}, .verb = "expand", .reply = reply_expanded};
    const struct driver_record *record = NULL;
    char size_text[24];
    int64_t size = 0;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0 && !q->capacity_range)
        result = driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "capacity_range is missing");
    if (result == 0)
        result = driver_find_volume(d, q->volume_id, &record, err);
    if (result == 0)
        result = driver_check_range(q->capacity_range, record->size, &size, err);
    if (result < 0)
        return result;
    if (size <= record->size)
        return expand_answer(r, record);
    if (driver_check_space(d, size - record->size, err) < 0)
        return driver_fail(err, OL_GRPC_OUT_OF_RANGE, "no room for %lld bytes on node %s",
                           (long long)size, d->config->node_id);
    snprintf(size_text, sizeof(size_text), "%lld", (long long)size);
    o.args[0] = size_text;
    o.ctx = ol_xstrdup(record->id);
    driver_operate(d, &o);
    return 0;
}

static int modify_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                         struct ol_err *err)
{
    const Csi__V1__ControllerModifyVolumeRequest *q = message;
    struct driver_operation o = {
        .request = r, .ids = {q->volume_id}, .verb = "modify", .reply = driver_reply_empty};
    const struct driver_record *record = NULL;
    struct driver_record want;
    int result = driver_find_volume(d, q->volume_id, &record, err);

    if (result < 0)
        return result;
    want = *record;
    for (size_t i = 0; result == 0 && i < q->n_mutable_parameters; i++)
        result = driver_check_mutable(q->mutable_parameters[i]->key,
                                      q->mutable_parameters[i]->value, &want, err);
    if (result < 0)
        return result;
    o.args[0] = want.is_thick ? "thick" : "thin";
    /* A record that says thick may be from a job that was killed before it took the space. */
    if (!want.is_thick && !record->is_thick)
        ol_grpc_reply(r, NULL, 0);
    else
        driver_operate(d, &o);
    return 0;
}

static int validate(struct driver *d, struct ol_grpc_request *r, const void *message,
                    struct ol_err *err)
{
    const Csi__V1__ValidateVolumeCapabilitiesRequest *q = message;
    Csi__V1__ValidateVolumeCapabilitiesResponse reply =
        CSI__V1__VALIDATE_VOLUME_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed confirmed =
        CSI__V1__VALIDATE_VOLUME_CAPABILITIES_RESPONSE__CONFIRMED__INIT;
    const struct driver_record *record = NULL;
    struct ol_err why = OL_ERR_INIT;
    int result = driver_need(q->volume_id, "volume_id", err);

    if (result == 0 && !q->n_volume_capabilities)
        result = driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_capabilities are missing");
    if (result == 0)
        result = driver_find_volume(d, q->volume_id, &record, err);
    if (result < 0)
        return result;
    for (size_t i = 0; i < q->n_volume_capabilities && result == 0; i++) {
        struct driver_use use;

        result = driver_check_capability(q->volume_capabilities[i], record->type, &use, &why);
    }
    if (result < 0) {
        reply.message = why.msg;
    } else {
        confirmed.n_volume_capabilities = q->n_volume_capabilities;
        confirmed.volume_capabilities = q->volume_capabilities;
        reply.confirmed = &confirmed;
    }
    csi_answer(r, &reply.base);
    return 0;
}

static int get_capacity(struct driver *d, struct ol_grpc_request *r, const void *message,
                        struct ol_err *err)
{
    const Csi__V1__GetCapacityRequest *q = message;
    Csi__V1__GetCapacityResponse reply = CSI__V1__GET_CAPACITY_RESPONSE__INIT;
    Csi__V1__Int64Value most = CSI__V1__INT64_VALUE__INIT;
    const Csi__V1__Topology *t = q->accessible_topology;

    if (!t || driver_is_here(t, d->config->topology_key, d->config->node_id))
        reply.available_capacity = driver_available(d);
    most.value = reply.available_capacity;
    reply.maximum_volume_size = &most;
    csi_answer(r, &reply.base);
    return 0;
}

static int get_capabilities(struct driver *d, struct ol_grpc_request *r, const void *message,
                            struct ol_err *err)
{
#define RPC(name) CSI__V1__CONTROLLER_SERVICE_CAPABILITY__RPC__TYPE__##name
    static const Csi__V1__ControllerServiceCapability__RPC__Type types[] = {
        RPC(CREATE_DELETE_VOLUME),
        RPC(LIST_VOLUMES),
        RPC(GET_CAPACITY),
        RPC(CREATE_DELETE_SNAPSHOT),
        RPC(LIST_SNAPSHOTS),
        RPC(CLONE_VOLUME),
        RPC(EXPAND_VOLUME),
        RPC(GET_VOLUME),
        RPC(SINGLE_NODE_MULTI_WRITER),
        RPC(MODIFY_VOLUME),
        /* With --enable-attach: */
        RPC(PUBLISH_UNPUBLISH_VOLUME),
        RPC(PUBLISH_READONLY),
        RPC(LIST_VOLUMES_PUBLISHED_NODES),
    };
#undef RPC
    enum { N = ol_count(types), N_ATTACH = 3 };
    Csi__V1__ControllerGetCapabilitiesResponse reply =
        CSI__V1__CONTROLLER_GET_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__ControllerServiceCapability capabilities[N], *list[N];
    Csi__V1__ControllerServiceCapability__RPC rpcs[N];

    for (size_t i = 0; i < N; i++) {
        csi__v1__controller_service_capability__init(&capabilities[i]);
        csi__v1__controller_service_capability__rpc__init(&rpcs[i]);
        rpcs[i].type = types[i];
        capabilities[i].type_case = CSI__V1__CONTROLLER_SERVICE_CAPABILITY__TYPE_RPC;
        capabilities[i].rpc = &rpcs[i];
        list[i] = &capabilities[i];
    }
    reply.n_capabilities = d->config->has_attach ? N : N - N_ATTACH;
    reply.capabilities = list;
    csi_answer(r, &reply.base);
    return 0;
}

static int get_volume(struct driver *d, struct ol_grpc_request *r, const void *message,
                      struct ol_err *err)
{
    const Csi__V1__ControllerGetVolumeRequest *q = message;
    Csi__V1__ControllerGetVolumeResponse reply = CSI__V1__CONTROLLER_GET_VOLUME_RESPONSE__INIT;
    Csi__V1__ControllerGetVolumeResponse__VolumeStatus status =
        CSI__V1__CONTROLLER_GET_VOLUME_RESPONSE__VOLUME_STATUS__INIT;
    const struct driver_record *record = NULL;
    struct driver_volume v;
    char *nodes[1];
    int result = driver_find_volume(d, q->volume_id, &record, err);

    if (result < 0)
        return result;
    driver_describe(d, record, &v);
    nodes[0] = text(record->attached);
    status.n_published_node_ids = *record->attached ? 1 : 0;
    status.published_node_ids = nodes;
    reply.volume = &v.volume;
    reply.status = &status;
    csi_answer(r, &reply.base);
    return 0;
}

/* One entry of ListVolumes with all that it points to. */
struct entry {
    Csi__V1__ListVolumesResponse__Entry entry;
    Csi__V1__ListVolumesResponse__VolumeStatus status;
    struct driver_volume v;
    char *nodes[1];
};

static void fill_entry(const struct driver *d, const struct driver_record *record, struct entry *e)
{
    csi__v1__list_volumes_response__entry__init(&e->entry);
    csi__v1__list_volumes_response__volume_status__init(&e->status);
    driver_describe(d, record, &e->v);
    e->nodes[0] = text(record->attached);
    e->status.n_published_node_ids = *record->attached ? 1 : 0;
    e->status.published_node_ids = e->nodes;
    e->entry.volume = &e->v.volume;
    e->entry.status = &e->status;
}

static int list_volumes(struct driver *d, struct ol_grpc_request *r, const void *message,
                        struct ol_err *err)
{
    const Csi__V1__ListVolumesRequest *q = message;
    Csi__V1__ListVolumesResponse reply = CSI__V1__LIST_VOLUMES_RESPONSE__INIT;
    ol_auto(driver_page_done) struct driver_page page = {.n = 0};
    ol_autofree Csi__V1__ListVolumesResponse__Entry **list = NULL;
    ol_autofree struct entry *entries = NULL;
    int result = driver_list(d, DRIVER_VOLUME, q->max_entries, q->starting_token, &page, err);

    if (result < 0)
        return result;
    entries = ol_xcalloc(page.n + 1, sizeof(*entries));
    list = ol_xcalloc(page.n + 1, sizeof(*list));
    for (size_t i = 0; i < page.n; i++) {
        fill_entry(d, page.v[i], &entries[i]);
        list[i] = &entries[i].entry;
    }
    reply.n_entries = page.n;
    reply.entries = list;
    reply.next_token = page.next;
    csi_answer(r, &reply.base);
    return 0;
}

const struct driver_method driver_controller_methods[] = {
    {&csi_create_volume, create_volume},       {&csi_delete_volume, delete_volume},
    {&csi_controller_publish, publish_volume}, {&csi_controller_unpublish, unpublish_volume},
    {&csi_validate_capabilities, validate},    {&csi_list_volumes, list_volumes},
    {&csi_get_capacity, get_capacity},         {&csi_controller_get_capabilities, get_capabilities},
    {&csi_controller_expand, expand_volume},   {&csi_controller_get_volume, get_volume},
    {&csi_controller_modify, modify_volume},   {NULL, NULL},
};
