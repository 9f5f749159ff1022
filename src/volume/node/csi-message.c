/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/csi-message.h"

#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "volume/node/path.h"

#define NEW(arena, type, init)                                                                     \
    ({                                                                                             \
        type *m_ = ol_arena_alloc((arena), sizeof(type));                                          \
        init(m_);                                                                                  \
        m_;                                                                                        \
    })

/* Every map<string, string> of CSI has entries of this form. */
struct entry {
    ProtobufCMessage base;
    char *key, *value;
};
struct entries {
    struct entry **v;
    size_t n;
};

static void add_entry(struct entries *to, const ProtobufCMessageDescriptor *type, const char *key,
                      const char *value, struct ol_arena *arena)
{
    struct entry *e = ol_arena_alloc(arena, sizeof(*e));

    protobuf_c_message_init(type, e);
    e->key = (char *)key;
    e->value = (char *)value;
    to->v = ol_arena_grow(arena, to->v, to->n * sizeof(*to->v), (to->n + 1) * sizeof(*to->v));
    to->v[to->n++] = e;
}

static void add_map(struct entries *to, const ProtobufCMessageDescriptor *type,
                    const struct kube_map *m, struct ol_arena *arena)
{
    for (uint32_t i = 0; m && i < m->n; i++)
        add_entry(to, type, m->v[i].key, m->v[i].value, arena);
}

/* A Secret's bytes as text; CSI's secrets are strings. */
static void add_secret(struct entries *to, const ProtobufCMessageDescriptor *type,
                       const struct kube_data *secret, struct ol_arena *arena)
{
    const struct kube_datum *d = secret ? secret->data.v : NULL;

    for (uint32_t i = 0; secret && i < secret->data.n; i++)
        add_entry(to, type, d[i].key,
                  ol_arena_memdup(arena, d[i].value.size ? (const char *)d[i].value.data : "",
                                  d[i].value.size),
                  arena);
}

const char *node_csi_staging_path(const struct node_volume *v, const char *root,
                                  struct ol_arena *arena)
{
    ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(8192);

    if (v->is_block)
        node_path_block_staging(root, v->spec_name, &path);
    else
        node_path_staging(root, v->driver, v->handle, &path);
    return ol_arena_strdup(arena, path.data);
}

const char *node_csi_target_path(const struct node_mount *m, const char *root,
                                 struct ol_arena *arena)
{
    ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(8192);

    if (m->volume->is_block)
        node_path_block_publish(root, m->volume->spec_name, m->pod_uid, &path);
    else
        node_path_csi_target(root, m->pod_uid, m->volume->spec_name, &path);
    return ol_arena_strdup(arena, path.data);
}

static const struct kube_csi_inline *inline_of(const struct node_csi_ask *a)
{
    struct volume_spec spec = node_mount_spec(a->mount);

    return spec.pv || !spec.volume ? NULL : spec.volume->csi;
}

static const char *fs_type_of(const struct node_csi_ask *a)
{
    const struct kube_csi_inline *in = inline_of(a);
    const char *type = in ? in->fs_type : a->volume->pv ? a->volume->pv->spec.csi->fs_type : "";

    return type ? type : "";
}

/* A pod's volume is used by one node after the other; of several modes the widest counts. */
static Csi__V1__VolumeCapability__AccessMode__Mode mode_of(const struct node_csi_ask *a)
{
    unsigned modes = a->volume->pv ? a->volume->pv->spec.access_modes : KUBE_RWO;
    bool knows_multi = a->driver->can & NODE_CAN_MULTI_WRITER;

    if (modes & KUBE_RWX)
        return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__MULTI_NODE_MULTI_WRITER;
    if (modes & KUBE_RWOP)
        return knows_multi
                   ? CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_SINGLE_WRITER
                   : CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER;
    if (modes & KUBE_RWO)
        return knows_multi ? CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_MULTI_WRITER
                           : CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER;
    if (modes & KUBE_ROX)
        return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__MULTI_NODE_READER_ONLY;
    return CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER;
}

static int64_t fs_group_of(const struct node_csi_ask *a)
{
    const struct kube_pod_security *s = a->mount->pod ? a->mount->pod->spec.security : NULL;

    return s ? s->fs_group : -1;
}

/* csi_mounter.go, supportsFSGroup */
static bool wants_group(const struct node_csi_ask *a)
{
    const char *policy = a->object ? a->object->fs_group_policy : "";
    struct volume_spec spec = node_mount_spec(a->mount);
    const struct kube_pv *pv = a->volume->pv;

    if (fs_group_of(a) < 0 || a->volume->is_block || volume_spec_is_read_only(&spec))
        return false;
    if (policy && !strcmp(policy, "None"))
        return false;
    if (policy && !strcmp(policy, "File"))
        return true;
    return *fs_type_of(a) && (!pv || (pv->spec.access_modes & (KUBE_RWO | KUBE_RWOP)));
}

enum node_group_way node_csi_group_way(const struct node_csi_ask *a)
{
    if (fs_group_of(a) >= 0 && (a->driver->can & NODE_CAN_MOUNT_GROUP) && !a->volume->is_block)
        return NODE_GROUP_DRIVER;
    return wants_group(a) ? NODE_GROUP_WE : NODE_GROUP_NOBODY;
}

static Csi__V1__VolumeCapability *capability_of(const struct node_csi_ask *a,
                                                struct ol_arena *arena)
{
    Csi__V1__VolumeCapability *c =
        NEW(arena, Csi__V1__VolumeCapability, csi__v1__volume_capability__init);
    const struct kube_pv *pv = a->volume->pv;
    Csi__V1__VolumeCapability__MountVolume *mount;

    c->access_mode = NEW(arena, Csi__V1__VolumeCapability__AccessMode,
                         csi__v1__volume_capability__access_mode__init);
    c->access_mode->mode = mode_of(a);
    if (a->volume->is_block) {
        c->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK;
        c->block = NEW(arena, Csi__V1__VolumeCapability__BlockVolume,
                       csi__v1__volume_capability__block_volume__init);
        return c;
    }
    mount = NEW(arena, Csi__V1__VolumeCapability__MountVolume,
                csi__v1__volume_capability__mount_volume__init);
    c->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
    c->mount = mount;
    mount->fs_type = (char *)fs_type_of(a);
    if (pv) {
        mount->mount_flags = (char **)pv->spec.mount_options.v;
        mount->n_mount_flags = pv->spec.mount_options.n;
    }
    if (node_csi_group_way(a) == NODE_GROUP_DRIVER)
        mount->volume_mount_group = ol_arena_printf(arena, "%lld", (long long)fs_group_of(a));
    return c;
}

Csi__V1__NodeStageVolumeRequest *node_csi_stage(const struct node_csi_ask *a,
                                                struct ol_arena *arena)
{
    Csi__V1__NodeStageVolumeRequest *q =
        NEW(arena, Csi__V1__NodeStageVolumeRequest, csi__v1__node_stage_volume_request__init);
    struct entries publish = {0}, secrets = {0}, context = {0};

    add_map(&publish, &csi__v1__node_stage_volume_request__publish_context_entry__descriptor,
            a->publish_context, arena);
    add_secret(&secrets, &csi__v1__node_stage_volume_request__secrets_entry__descriptor, a->secret,
               arena);
    add_map(&context, &csi__v1__node_stage_volume_request__volume_context_entry__descriptor,
            &a->volume->pv->spec.csi->attributes, arena);
    q->volume_id = a->volume->handle;
    q->staging_target_path = (char *)node_csi_staging_path(a->volume, a->root, arena);
    q->volume_capability = capability_of(a, arena);
    q->publish_context = (void *)publish.v;
    q->n_publish_context = publish.n;
    q->secrets = (void *)secrets.v;
    q->n_secrets = secrets.n;
    q->volume_context = (void *)context.v;
    q->n_volume_context = context.n;
    return q;
}

/* CSIDriver.spec.podInfoOnMount: who the volume is for. */
static void add_pod_info(struct entries *to, const struct node_csi_ask *a, struct ol_arena *arena)
{
    const ProtobufCMessageDescriptor *type =
        &csi__v1__node_publish_volume_request__volume_context_entry__descriptor;
    const struct kube_pod *pod = a->mount->pod;
    bool knows_both = a->object && kube_strs_has(&a->object->lifecycle_modes, "Ephemeral")
                      && kube_strs_has(&a->object->lifecycle_modes, "Persistent");

    if (!a->object || a->object->pod_info <= 0 || !pod)
        return;
    add_entry(to, type, "csi.storage.k8s.io/pod.name", pod->o.meta.name, arena);
    add_entry(to, type, "csi.storage.k8s.io/pod.namespace", pod->o.meta.ns, arena);
    add_entry(to, type, "csi.storage.k8s.io/pod.uid", pod->o.meta.uid, arena);
    add_entry(to, type, "csi.storage.k8s.io/serviceAccount.name",
              pod->spec.service_account ? pod->spec.service_account : "", arena);
    if (knows_both)
        add_entry(to, type, "csi.storage.k8s.io/ephemeral", a->volume->is_inline ? "true" : "false",
                  arena);
}

Csi__V1__NodePublishVolumeRequest *node_csi_publish(const struct node_csi_ask *a,
                                                    struct ol_arena *arena)
{
    Csi__V1__NodePublishVolumeRequest *q =
        NEW(arena, Csi__V1__NodePublishVolumeRequest, csi__v1__node_publish_volume_request__init);
    struct volume_spec spec = node_mount_spec(a->mount);
    const struct kube_csi_inline *in = inline_of(a);
    struct entries publish = {0}, secrets = {0}, context = {0};

    add_map(&publish, &csi__v1__node_publish_volume_request__publish_context_entry__descriptor,
            a->publish_context, arena);
    add_secret(&secrets, &csi__v1__node_publish_volume_request__secrets_entry__descriptor,
               a->secret, arena);
    add_map(&context, &csi__v1__node_publish_volume_request__volume_context_entry__descriptor,
            in ? &in->attributes : &a->volume->pv->spec.csi->attributes, arena);
    add_pod_info(&context, a, arena);
    q->volume_id = a->volume->handle;
    if (a->volume->has_device && (a->driver->can & NODE_CAN_STAGE))
        q->staging_target_path = (char *)node_csi_staging_path(a->volume, a->root, arena);
    q->target_path = (char *)node_csi_target_path(a->mount, a->root, arena);
    q->volume_capability = capability_of(a, arena);
    q->readonly = volume_spec_is_read_only(&spec);
    q->publish_context = (void *)publish.v;
    q->n_publish_context = publish.n;
    q->secrets = (void *)secrets.v;
    q->n_secrets = secrets.n;
    q->volume_context = (void *)context.v;
    q->n_volume_context = context.n;
    return q;
}

Csi__V1__NodeExpandVolumeRequest *node_csi_expand(const struct node_csi_ask *a,
                                                  struct ol_arena *arena)
{
    Csi__V1__NodeExpandVolumeRequest *q =
        NEW(arena, Csi__V1__NodeExpandVolumeRequest, csi__v1__node_expand_volume_request__init);
    const struct ol_quantity *size = kube_resource_get(&a->volume->pv->spec.capacity, "storage");
    struct entries secrets = {0};

    add_secret(&secrets, &csi__v1__node_expand_volume_request__secrets_entry__descriptor, a->secret,
               arena);
    q->volume_id = a->volume->handle;
    q->volume_path = (char *)node_csi_target_path(a->mount, a->root, arena);
    if (a->volume->has_device && (a->driver->can & NODE_CAN_STAGE))
        q->staging_target_path = (char *)node_csi_staging_path(a->volume, a->root, arena);
    q->capacity_range = NEW(arena, Csi__V1__CapacityRange, csi__v1__capacity_range__init);
    q->capacity_range->required_bytes = size ? ol_quantity_value(size) : 0;
    q->volume_capability = capability_of(a, arena);
    q->secrets = (void *)secrets.v;
    q->n_secrets = secrets.n;
    return q;
}

Csi__V1__NodeUnpublishVolumeRequest *node_csi_unpublish(const struct node_mount *m,
                                                        const char *root, struct ol_arena *arena)
{
    Csi__V1__NodeUnpublishVolumeRequest *q = NEW(arena, Csi__V1__NodeUnpublishVolumeRequest,
                                                 csi__v1__node_unpublish_volume_request__init);

    q->volume_id = m->volume->handle;
    q->target_path = (char *)node_csi_target_path(m, root, arena);
    return q;
}

Csi__V1__NodeUnstageVolumeRequest *node_csi_unstage(const struct node_volume *v, const char *root,
                                                    struct ol_arena *arena)
{
    Csi__V1__NodeUnstageVolumeRequest *q =
        NEW(arena, Csi__V1__NodeUnstageVolumeRequest, csi__v1__node_unstage_volume_request__init);

    q->volume_id = v->handle;
    q->staging_target_path = (char *)node_csi_staging_path(v, root, arena);
    return q;
}

bool node_csi_is_final(enum ol_grpc_code code)
{
    switch (code) {
    case OL_GRPC_CANCELLED:
    case OL_GRPC_DEADLINE_EXCEEDED:
    case OL_GRPC_UNAVAILABLE:
    case OL_GRPC_RESOURCE_EXHAUSTED:
    case OL_GRPC_ABORTED: return false;
    default: return true;
    }
}
