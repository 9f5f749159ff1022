/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/csi/csi-message-internal.h"

#include <string.h>

/* Entries of all maps of strings look alike: protobuf-c makes a message of key and value of
 * each. */
typedef Csi__V1__Topology__SegmentsEntry entry_message;

void csi_message_map(const ProtobufCMessageDescriptor *entry, const struct kube_map *m,
                     struct ol_arena *a, size_t *ret_n, void *ret_entries)
{
    void **entries = ol_arena_alloc(a, (m->n + 1) * sizeof(*entries));

    for (uint32_t i = 0; i < m->n; i++) {
        entry_message *e = ol_arena_alloc(a, entry->sizeof_message);

        protobuf_c_message_init(entry, e);
        e->key = (char *)m->v[i].key;
        e->value = (char *)m->v[i].value;
        entries[i] = e;
    }
    *ret_n = m->n;
    memcpy(ret_entries, &entries, sizeof(entries));
}

void csi_message_read_map(size_t n, void *entries, struct ol_arena *a, struct kube_map *ret)
{
    entry_message **e = entries;

    ret->v = ol_arena_alloc(a, (n + 1) * sizeof(*ret->v));
    ret->n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        ret->v[i] = (struct kube_pair){e[i]->key, e[i]->value};
}

Csi__V1__VolumeCapability *csi_message_capability(enum csi_access_mode mode, bool is_block,
                                                  const char *fs_type,
                                                  const struct kube_strs *mount_flags,
                                                  struct ol_arena *a)
{
    Csi__V1__VolumeCapability *c = ol_arena_alloc(a, sizeof(*c));
    Csi__V1__VolumeCapability__AccessMode *m = ol_arena_alloc(a, sizeof(*m));

    csi__v1__volume_capability__init(c);
    csi__v1__volume_capability__access_mode__init(m);
    m->mode = (Csi__V1__VolumeCapability__AccessMode__Mode)mode;
    c->access_mode = m;
    if (is_block) {
        c->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK;
        c->block = ol_arena_alloc(a, sizeof(*c->block));
        csi__v1__volume_capability__block_volume__init(c->block);
        return c;
    }
    c->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
    c->mount = ol_arena_alloc(a, sizeof(*c->mount));
    csi__v1__volume_capability__mount_volume__init(c->mount);
    c->mount->fs_type = (char *)(fs_type ? fs_type : "");
    c->mount->n_mount_flags = mount_flags->n;
    c->mount->mount_flags = (char **)mount_flags->v;
    return c;
}

Csi__V1__Topology *csi_message_term(const struct kube_map *term, struct ol_arena *a)
{
    Csi__V1__Topology *t = ol_arena_alloc(a, sizeof(*t));

    csi__v1__topology__init(t);
    csi_message_map(&csi__v1__topology__segments_entry__descriptor, term, a, &t->n_segments,
                    &t->segments);
    return t;
}

static void put_terms(const struct csi_terms *terms, struct ol_arena *a, size_t *ret_n,
                      Csi__V1__Topology ***ret)
{
    Csi__V1__Topology **v = ol_arena_alloc(a, (terms->n + 1) * sizeof(*v));
    size_t n = 0;

    for (uint32_t i = 0; i < terms->n; i++)
        if (terms->v[i].n > 0)
            v[n++] = csi_message_term(&terms->v[i], a);
    *ret = v;
    *ret_n = n;
}

static void put_topology(const struct csi_requirement *r, struct ol_arena *a,
                         Csi__V1__CreateVolumeRequest *q)
{
    Csi__V1__TopologyRequirement *t;

    if (r->requisite.n == 0 && r->preferred.n == 0)
        return;
    t = ol_arena_alloc(a, sizeof(*t));
    csi__v1__topology_requirement__init(t);
    put_terms(&r->requisite, a, &t->n_requisite, &t->requisite);
    put_terms(&r->preferred, a, &t->n_preferred, &t->preferred);
    q->accessibility_requirements = t;
}

static void put_source(const char *volume, struct ol_arena *a, Csi__V1__CreateVolumeRequest *q)
{
    Csi__V1__VolumeContentSource *s;

    if (!volume)
        return;
    s = ol_arena_alloc(a, sizeof(*s));
    csi__v1__volume_content_source__init(s);
    s->type_case = CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_VOLUME;
    s->volume = ol_arena_alloc(a, sizeof(*s->volume));
    csi__v1__volume_content_source__volume_source__init(s->volume);
    s->volume->volume_id = (char *)volume;
    q->volume_content_source = s;
}

Csi__V1__CreateVolumeRequest *csi_message_create(const struct provision_plan *plan,
                                                 const struct kube_map *secrets, struct ol_arena *a)
{
    Csi__V1__CreateVolumeRequest *q = ol_arena_alloc(a, sizeof(*q));

    csi__v1__create_volume_request__init(q);
    q->name = (char *)plan->name;
    q->capacity_range = ol_arena_alloc(a, sizeof(*q->capacity_range));
    csi__v1__capacity_range__init(q->capacity_range);
    q->capacity_range->required_bytes = plan->required_bytes;
    q->volume_capabilities = ol_arena_alloc(a, 4 * sizeof(*q->volume_capabilities));
    for (unsigned i = 0; i < plan->n_modes; i++)
        q->volume_capabilities[q->n_volume_capabilities++] = csi_message_capability(
            plan->modes[i], plan->is_block, plan->parameters.fs_type, plan->mount_flags, a);
    csi_message_map(&csi__v1__create_volume_request__parameters_entry__descriptor,
                    &plan->parameters.passed, a, &q->n_parameters, &q->parameters);
    csi_message_map(&csi__v1__create_volume_request__secrets_entry__descriptor, secrets, a,
                    &q->n_secrets, &q->secrets);
    csi_message_map(&csi__v1__create_volume_request__mutable_parameters_entry__descriptor,
                    &plan->mutable_parameters, a, &q->n_mutable_parameters, &q->mutable_parameters);
    put_topology(&plan->topology, a, q);
    put_source(plan->source_volume, a, q);
    return q;
}

void csi_message_read_volume(const Csi__V1__Volume *v, struct ol_arena *a,
                             struct provision_volume *ret)
{
    struct provision_volume out = {.capacity_bytes = v->capacity_bytes,
                                   .handle = v->volume_id,
                                   .has_source = v->content_source != NULL};

    csi_message_read_map(v->n_volume_context, v->volume_context, a, &out.context);
    out.topology.v = ol_arena_alloc(a, (v->n_accessible_topology + 1) * sizeof(struct kube_map));
    for (size_t i = 0; i < v->n_accessible_topology; i++) {
        const Csi__V1__Topology *t = v->accessible_topology[i];

        /* Terms are ORed: an empty one would say nothing, and match no node in a
         * PersistentVolume. */
        if (t->n_segments > 0)
            csi_message_read_map(t->n_segments, t->segments, a, &out.topology.v[out.topology.n++]);
    }
    *ret = out;
}
