/* SPDX-License-Identifier: Apache-2.0 */
#include "fake-driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/str.h"
#include "kube/client/events.h"
#include "volume/csi/nfs.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"

#define ANSWER_DELAY (2 * OL_MS)

void fake_driver_init(struct fake_driver *d, struct fake_api *api)
{
    *d = (struct fake_driver){.api = api,
                              .name = "csi.example.com",
                              .plugin = 1 << 1,
                              .controller = 1 << 1 | 1 << 2 | 1 << 9,
                              .available = 100LL << 30};
    api->env.test = d;
}

void fake_driver_done(struct fake_driver *d)
{
    ol_strv_done(&d->calls);
    ol_strv_done(&d->events);
}

void fake_driver_err(struct fake_driver *d, const char *method, int code, bool is_done,
                     unsigned times)
{
    assert(d->n_script < 16);
    d->script[d->n_script++] = (struct fake_script){
        .method = method, .code = code, .is_done = is_done, .is_from_peer = true, .times = times};
}

static size_t count(const struct ol_strv *l, const char *beginning)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += ol_str_starts(l->v[i], beginning);
    return n;
}

size_t fake_driver_calls(const struct fake_driver *d, const char *beginning)
{
    return count(&d->calls, beginning);
}

bool fake_driver_told(const struct fake_driver *d, const char *beginning)
{
    return count(&d->events, beginning) > 0;
}

/* --- volumes --- */
static struct fake_volume *volume_of(struct fake_driver *d, const char *id)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->v[i].id, id) == 0)
            return &d->v[i];
    return NULL;
}

static struct fake_volume *create(struct fake_driver *d, const char *name, int64_t size)
{
    char id[64];
    struct fake_volume *v;

    (void)snprintf(id, sizeof(id), "id-of-%.50s", name);
    v = volume_of(d, id);
    if (v)
        return v;
    assert(d->n < 64);
    v = &d->v[d->n++];
    *v = (struct fake_volume){.size = d->size_given ? d->size_given : size};
    (void)snprintf(v->name, sizeof(v->name), "%s", name);
    (void)snprintf(v->id, sizeof(v->id), "%s", id);
    return v;
}

/* --- calls --- */
struct ol_grpc_channel {
    struct fake_driver *d;
    struct ol_loop *loop;
    char *address;
};

struct ol_grpc_call {
    struct ol_timer timer;
    struct ol_grpc_channel *c;
    ol_grpc_done_fn done;
    void *ctx, *own;
    const char *method; /* after the last slash */
    char *full;
    uint8_t *data;
    size_t size;
    struct fake_script script;
};

struct ol_grpc_channel *ol_grpc_channel_new(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_channel *c = ol_xcalloc(1, sizeof(*c));

    c->d = loop->env->test;
    c->loop = loop;
    c->address = ol_xstrdup(address);
    return c;
}

void ol_grpc_channel_free(struct ol_grpc_channel *c)
{
    free(c->address);
    free(c);
}

static void call_free(struct ol_grpc_call *call)
{
    ol_timer_done(&call->timer);
    free(call->own);
    free(call->full);
    free(call->data);
    free(call);
}

void ol_grpc_cancel(struct ol_grpc_call *call)
{
    call_free(call);
}

void ol_grpc_call_own(struct ol_grpc_call *call, void *heap)
{
    call->own = heap;
}

static void answer(struct ol_grpc_call *call, const ProtobufCMessage *m, int code)
{
    struct ol_grpc_result r = {.code = (enum ol_grpc_code)code,
                               .message = code ? "the driver says so" : "",
                               .is_from_peer = true};
    uint8_t buffer[4096];

    if (m && code == OL_GRPC_OK) {
        assert(protobuf_c_message_get_packed_size(m) <= sizeof(buffer));
        r.size = protobuf_c_message_pack(m, buffer);
        r.data = buffer;
    }
    if (code != OL_GRPC_OK && !call->script.is_from_peer)
        r.is_from_peer = false;
    call->done(call->ctx, &r);
    call_free(call);
}

static void note(struct fake_driver *d, const char *method, const char *what)
{
    ol_strv_addf(&d->calls, "%s %s", method, what);
}

static void find_password(struct fake_driver *d, size_t n, void *entries)
{
    Csi__V1__DeleteVolumeRequest__SecretsEntry **e = entries;

    d->secret[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (strcmp(e[i]->key, "password") == 0)
            (void)snprintf(d->secret, sizeof(d->secret), "%s", e[i]->value);
}

static void see_topology(struct fake_driver *d, const Csi__V1__TopologyRequirement *t)
{
    d->first_preferred[0] = '\0';
    if (t && t->n_preferred > 0 && t->preferred[0]->n_segments > 0)
        (void)snprintf(d->first_preferred, sizeof(d->first_preferred), "%s=%s",
                       t->preferred[0]->segments[0]->key, t->preferred[0]->segments[0]->value);
}

static void create_volume(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__CreateVolumeRequest *q =
        (void *)csi_unpack(csi_create_volume.request, call->data, call->size);
    Csi__V1__CreateVolumeResponse m = CSI__V1__CREATE_VOLUME_RESPONSE__INIT;
    Csi__V1__Volume v = CSI__V1__VOLUME__INIT;
    Csi__V1__Topology t = CSI__V1__TOPOLOGY__INIT, *terms[] = {&t};
    Csi__V1__Topology__SegmentsEntry e = CSI__V1__TOPOLOGY__SEGMENTS_ENTRY__INIT, *es[] = {&e};
    char key[64], id[64] = "";
    char *is;

    note(d, "CreateVolume", q->name);
    find_password(d, q->n_secrets, q->secrets);
    see_topology(d, q->accessibility_requirements);
    if (is_done) {
        struct fake_volume *f = create(d, q->name, q->capacity_range->required_bytes);

        v.capacity_bytes = f->size;
        (void)snprintf(id, sizeof(id), "%s", f->id);
        v.volume_id = id;
    }
    (void)snprintf(key, sizeof(key), "%s", d->segment);
    is = strchr(key, '=');
    if (is) {
        *is = '\0';
        e.key = key;
        e.value = is + 1;
        t.n_segments = 1;
        t.segments = es;
        v.n_accessible_topology = 1;
        v.accessible_topology = terms;
    }
    v.content_source = q->volume_content_source;
    m.volume = &v;
    answer(call, &m.base, call->script.code);
    csi_free(&q->base); /* it owned the content source until now */
}

static void delete_volume(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__DeleteVolumeRequest *q =
        (void *)csi_unpack(csi_delete_volume.request, call->data, call->size);
    Csi__V1__DeleteVolumeResponse m = CSI__V1__DELETE_VOLUME_RESPONSE__INIT;
    struct fake_volume *v = volume_of(d, q->volume_id);

    note(d, "DeleteVolume", q->volume_id);
    find_password(d, q->n_secrets, q->secrets);
    if (is_done && v)
        *v = d->v[--d->n];
    csi_free(&q->base);
    answer(call, &m.base, call->script.code);
}

static void publish(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ControllerPublishVolumeRequest *q =
        (void *)csi_unpack(csi_controller_publish.request, call->data, call->size);
    Csi__V1__ControllerPublishVolumeResponse m = CSI__V1__CONTROLLER_PUBLISH_VOLUME_RESPONSE__INIT;
    Csi__V1__ControllerPublishVolumeResponse__PublishContextEntry
        e = CSI__V1__CONTROLLER_PUBLISH_VOLUME_RESPONSE__PUBLISH_CONTEXT_ENTRY__INIT,
        *es[] = {&e};
    struct fake_volume *v = volume_of(d, q->volume_id);
    int code = call->script.code;

    note(d, "ControllerPublishVolume", q->volume_id);
    if (!v && code == OL_GRPC_OK)
        code = OL_GRPC_NOT_FOUND;
    if (v && is_done)
        (void)snprintf(v->node, sizeof(v->node), "%s", q->node_id);
    e.key = (char *)"device";
    e.value = (char *)"/dev/x";
    m.n_publish_context = 1;
    m.publish_context = es;
    csi_free(&q->base);
    answer(call, &m.base, code);
}

static void unpublish(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ControllerUnpublishVolumeRequest *q =
        (void *)csi_unpack(csi_controller_unpublish.request, call->data, call->size);
    Csi__V1__ControllerUnpublishVolumeResponse m =
        CSI__V1__CONTROLLER_UNPUBLISH_VOLUME_RESPONSE__INIT;
    struct fake_volume *v = volume_of(d, q->volume_id);

    ol_strv_addf(&d->calls, "ControllerUnpublishVolume %s %s", q->volume_id, q->node_id);
    if (v && is_done && strcmp(v->node, q->node_id) == 0)
        v->node[0] = '\0';
    csi_free(&q->base);
    answer(call, &m.base, call->script.code);
}

static void expand(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ControllerExpandVolumeRequest *q =
        (void *)csi_unpack(csi_controller_expand.request, call->data, call->size);
    Csi__V1__ControllerExpandVolumeResponse m = CSI__V1__CONTROLLER_EXPAND_VOLUME_RESPONSE__INIT;
    struct fake_volume *v = volume_of(d, q->volume_id);

    ol_strv_addf(&d->calls, "ControllerExpandVolume %s %lld", q->volume_id,
                 (long long)q->capacity_range->required_bytes);
    m.capacity_bytes = q->capacity_range->required_bytes;
    m.node_expansion_required = d->needs_node;
    if (v && is_done)
        v->size = m.capacity_bytes;
    csi_free(&q->base);
    answer(call, &m.base, call->script.code);
}

static void modify(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ControllerModifyVolumeRequest *q =
        (void *)csi_unpack(csi_controller_modify.request, call->data, call->size);
    Csi__V1__ControllerModifyVolumeResponse m = CSI__V1__CONTROLLER_MODIFY_VOLUME_RESPONSE__INIT;
    struct fake_volume *v = volume_of(d, q->volume_id);

    assert(q->n_mutable_parameters == 1);
    ol_strv_addf(&d->calls, "ControllerModifyVolume %s %s=%s", q->volume_id,
                 q->mutable_parameters[0]->key, q->mutable_parameters[0]->value);
    find_password(d, q->n_secrets, q->secrets);
    if (v && is_done)
        (void)snprintf(v->iops, sizeof(v->iops), "%s", q->mutable_parameters[0]->value);
    csi_free(&q->base);
    answer(call, &m.base, call->script.code);
}

static void list(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ListVolumesResponse m = CSI__V1__LIST_VOLUMES_RESPONSE__INIT;
    Csi__V1__ListVolumesResponse__Entry e[64], *es[64];
    Csi__V1__ListVolumesResponse__VolumeStatus s[64];
    Csi__V1__Volume v[64];
    char *nodes[64];

    for (size_t i = 0; i < d->n; i++) {
        csi__v1__list_volumes_response__entry__init(&e[i]);
        csi__v1__list_volumes_response__volume_status__init(&s[i]);
        csi__v1__volume__init(&v[i]);
        v[i].volume_id = d->v[i].id;
        nodes[i] = d->v[i].node;
        s[i].n_published_node_ids = d->v[i].node[0] ? 1 : 0;
        s[i].published_node_ids = &nodes[i];
        e[i].volume = &v[i];
        e[i].status = &s[i];
        es[i] = &e[i];
    }
    m.n_entries = d->n;
    m.entries = es;
    note(d, "ListVolumes", "");
    answer(call, &m.base, call->script.code);
}

static void info(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__GetPluginInfoResponse m = CSI__V1__GET_PLUGIN_INFO_RESPONSE__INIT;

    m.name = (char *)d->name;
    m.vendor_version = (char *)"1";
    answer(call, &m.base, call->script.code);
}

static void plugin(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__GetPluginCapabilitiesResponse m = CSI__V1__GET_PLUGIN_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__PluginCapability c[8], *cs[8];
    Csi__V1__PluginCapability__Service s[8];

    for (int i = 1; i < 8; i++) {
        if (!(d->plugin & (1u << i)))
            continue;
        csi__v1__plugin_capability__init(&c[m.n_capabilities]);
        csi__v1__plugin_capability__service__init(&s[m.n_capabilities]);
        s[m.n_capabilities].type = (Csi__V1__PluginCapability__Service__Type)i;
        c[m.n_capabilities].type_case = CSI__V1__PLUGIN_CAPABILITY__TYPE_SERVICE;
        c[m.n_capabilities].service = &s[m.n_capabilities];
        cs[m.n_capabilities] = &c[m.n_capabilities];
        m.n_capabilities++;
    }
    m.capabilities = cs;
    answer(call, &m.base, call->script.code);
}

static void controller(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__ControllerGetCapabilitiesResponse m =
        CSI__V1__CONTROLLER_GET_CAPABILITIES_RESPONSE__INIT;
    Csi__V1__ControllerServiceCapability c[16], *cs[16];
    Csi__V1__ControllerServiceCapability__RPC s[16];

    for (int i = 1; i < 16; i++) {
        if (!(d->controller & (1u << i)))
            continue;
        csi__v1__controller_service_capability__init(&c[m.n_capabilities]);
        csi__v1__controller_service_capability__rpc__init(&s[m.n_capabilities]);
        s[m.n_capabilities].type = (Csi__V1__ControllerServiceCapability__RPC__Type)i;
        c[m.n_capabilities].type_case = CSI__V1__CONTROLLER_SERVICE_CAPABILITY__TYPE_RPC;
        c[m.n_capabilities].rpc = &s[m.n_capabilities];
        cs[m.n_capabilities] = &c[m.n_capabilities];
        m.n_capabilities++;
    }
    m.capabilities = cs;
    answer(call, &m.base, call->script.code);
}

static void capacity(struct ol_grpc_call *call, struct fake_driver *d, bool is_done)
{
    Csi__V1__GetCapacityResponse m = CSI__V1__GET_CAPACITY_RESPONSE__INIT;

    note(d, "GetCapacity", "");
    m.available_capacity = d->available;
    answer(call, &m.base, call->script.code);
}

static const struct {
    const char *name;
    void (*run)(struct ol_grpc_call *call, struct fake_driver *d, bool is_done);
} methods[] = {
    {"CreateVolume", create_volume},
    {"DeleteVolume", delete_volume},
    {"ControllerPublishVolume", publish},
    {"ControllerUnpublishVolume", unpublish},
    {"ControllerExpandVolume", expand},
    {"ControllerModifyVolume", modify},
    {"ListVolumes", list},
    {"GetPluginInfo", info},
    {"GetPluginCapabilities", plugin},
    {"ControllerGetCapabilities", controller},
    {"GetCapacity", capacity},
};

static void fired(void *ctx)
{
    struct ol_grpc_call *call = ctx;
    struct fake_driver *d = call->c->d;

    if (d->is_gone) {
        call->script.is_from_peer = false;
        answer(call, NULL, OL_GRPC_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].name, call->method) == 0) {
            methods[i].run(call, d, call->script.code == OL_GRPC_OK || call->script.is_done);
            return;
        }
    }
    call->script.is_from_peer = true;
    answer(call, NULL, OL_GRPC_UNIMPLEMENTED);
}

static void take_script(struct fake_driver *d, struct ol_grpc_call *call)
{
    call->script.is_from_peer = true;
    for (size_t i = 0; i < d->n_script; i++) {
        struct fake_script *s = &d->script[i];

        if (strcmp(s->method, call->method) != 0 || s->times == 0)
            continue;
        s->times--;
        call->script = *s;
        return;
    }
}

struct ol_grpc_call *ol_grpc_call(struct ol_grpc_channel *c, const char *method,
                                  const void *request, size_t size, ol_time timeout,
                                  ol_grpc_done_fn done, void *ctx)
{
    struct ol_grpc_call *call = ol_xcalloc(1, sizeof(*call));

    call->c = c;
    call->done = done;
    call->ctx = ctx;
    call->full = ol_xstrdup(method);
    call->method = strrchr(call->full, '/') + 1;
    call->data = ol_xcalloc(1, size + 1);
    memcpy(call->data, request, size);
    call->size = size;
    take_script(c->d, call);
    ol_timer_init(&call->timer, c->loop, fired, call);
    ol_timer_set(&call->timer,
                 call->script.code == OL_GRPC_DEADLINE_EXCEEDED ? timeout : ANSWER_DELAY);
    return call;
}

/* --- events --- */
struct kube_recorder {
    struct fake_driver *d;
};

struct kube_recorder *kube_recorder_new(struct kube_client *client, const char *component,
                                        const char *host)
{
    struct kube_recorder *r = ol_xcalloc(1, sizeof(*r));

    r->d = kube_client_loop(client)->env->test;
    return r;
}

void kube_recorder_free(struct kube_recorder *r)
{
    free(r);
}

void kube_event_add(struct kube_recorder *r, const struct kube_object *about,
                    enum kube_event_type type, const char *reason, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ol_strv_addf(&r->d->events, "%s %s %s", type == KUBE_WARNING ? "Warning" : "Normal", reason,
                 text);
}

/* --- jobs: at once, in this process --- */
struct ol_job {
    struct ol_timer timer;
    struct ol_job_options o;
    int status;
    struct ol_buf err;
};

static void job_free(struct ol_job *j)
{
    ol_timer_done(&j->timer);
    ol_buf_done(&j->err);
    free(j);
}

static void job_fired(void *ctx)
{
    struct ol_job *j = ctx;
    struct ol_buf out = OL_BUF_INIT(16);

    j->o.done(j->o.ctx, j->status, &out, &j->err);
    job_free(j);
}

struct ol_job *ol_job_start(struct ol_loop *loop, const struct ol_job_options *o)
{
    struct fake_driver *d = loop->env->test;
    struct ol_job *j = ol_xcalloc(1, sizeof(*j));
    struct ol_err err = OL_ERR_INIT;

    j->o = *o;
    ol_buf_init(&j->err, 4096);
    ol_strv_addf(&d->calls, "job %s %s", o->argv[1], o->argv[4]);
    j->status = nfs_local_run(o->argv[1], d->job_root, o->argv[4], &err) < 0 ? 1 : 0;
    if (j->status)
        ol_buf_adds(&j->err, ol_err_text(&err));
    for (size_t i = 0; i < d->n_script; i++) {
        if (strcmp(d->script[i].method, "job") == 0 && d->script[i].times > 0) {
            d->script[i].times--;
            j->status = -d->script[i].code;
        }
    }
    ol_timer_init(&j->timer, loop, job_fired, j);
    ol_timer_set(&j->timer, ANSWER_DELAY);
    return j;
}

void ol_job_cancel(struct ol_job *j)
{
    job_free(j);
}
