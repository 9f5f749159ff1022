/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/pod/config.h"

#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"

#define NEW(arena, type, init)                                                                     \
    ({                                                                                             \
        type *m_ = ol_arena_alloc((arena), sizeof(type));                                          \
        init(m_);                                                                                  \
        m_;                                                                                        \
    })

enum { CPU_PERIOD = 100000, MIN_SHARES = 2 };

/* Labels by which our pods are known in the runtime; the kubelet's own. */
struct label {
    ProtobufCMessage base;
    char *key, *value;
};

static void **labels(const ProtobufCMessageDescriptor *type, const struct kube_pod *pod,
                     const char *container, size_t *ret_n, struct ol_arena *a)
{
    const char *const pairs[][2] = {
        {"io.kubernetes.pod.name", pod->o.meta.name},
        {"io.kubernetes.pod.namespace", pod->o.meta.ns},
        {"io.kubernetes.pod.uid", pod->o.meta.uid},
        {"io.kubernetes.container.name", container},
    };
    void **all = ol_arena_alloc(a, sizeof(*all) * ol_count(pairs));
    size_t n = 0;

    for (size_t i = 0; i < ol_count(pairs); i++) {
        struct label *l;

        if (!pairs[i][1])
            continue;
        l = ol_arena_alloc(a, sizeof(*l));
        protobuf_c_message_init(type, l);
        l->key = (char *)pairs[i][0];
        l->value = (char *)pairs[i][1];
        all[n++] = l;
    }
    *ret_n = n;
    return all;
}

const char *pod_log_dir(const struct pod_config *p, struct ol_arena *a)
{
    const struct kube_meta *m = &p->pod->o.meta;

    return ol_arena_printf(a, "%s/%s_%s_%s", p->log_dir, m->ns, m->name, m->uid);
}

static Runtime__V1__NamespaceOption *namespaces(struct ol_arena *a)
{
    Runtime__V1__NamespaceOption *n =
        NEW(a, Runtime__V1__NamespaceOption, runtime__v1__namespace_option__init);

    n->network = RUNTIME__V1__NAMESPACE_MODE__NODE;
    n->pid = RUNTIME__V1__NAMESPACE_MODE__CONTAINER;
    n->ipc = RUNTIME__V1__NAMESPACE_MODE__POD;
    return n;
}

static bool is_privileged(const struct kube_container *c)
{
    return c->security && c->security->is_privileged > 0;
}

static bool any_privileged(const struct kube_pod *pod)
{
    const struct kube_container *c = pod->spec.containers.v;

    for (uint32_t i = 0; i < pod->spec.containers.n; i++) {
        if (is_privileged(&c[i]))
            return true;
    }
    return false;
}

Runtime__V1__PodSandboxConfig *pod_sandbox_config(const struct pod_config *p, struct ol_arena *a)
{
    Runtime__V1__PodSandboxConfig *s =
        NEW(a, Runtime__V1__PodSandboxConfig, runtime__v1__pod_sandbox_config__init);
    const struct kube_meta *m = &p->pod->o.meta;

    s->metadata = NEW(a, Runtime__V1__PodSandboxMetadata, runtime__v1__pod_sandbox_metadata__init);
    s->metadata->name = (char *)m->name;
    s->metadata->namespace_ = (char *)m->ns;
    s->metadata->uid = (char *)m->uid;
    s->metadata->attempt = p->attempt;
    s->log_directory = (char *)pod_log_dir(p, a);
    s->labels = (void *)labels(&runtime__v1__pod_sandbox_config__labels_entry__descriptor, p->pod,
                               NULL, &s->n_labels, a);
    s->on_linux =
        NEW(a, Runtime__V1__LinuxPodSandboxConfig, runtime__v1__linux_pod_sandbox_config__init);
    s->on_linux->security_context = NEW(a, Runtime__V1__LinuxSandboxSecurityContext,
                                        runtime__v1__linux_sandbox_security_context__init);
    s->on_linux->security_context->namespace_options = namespaces(a);
    s->on_linux->security_context->privileged = any_privileged(p->pod);
    return s;
}

/* --- variables --- */

static const char *variable(const struct kube_list *env, const char *name, size_t len)
{
    const struct kube_env_var *v = env->v;

    for (uint32_t i = env->n; i-- > 0;) {
        if (strlen(v[i].name) == len && !strncmp(v[i].name, name, len))
            return v[i].value ? v[i].value : "";
    }
    return NULL;
}

const char *pod_expand(const char *text, const struct kube_list *env, struct ol_arena *a)
{
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(1 << 20);

    while (*text) {
        const char *end = text[0] == '$' && text[1] == '(' ? strchr(text, ')') : NULL;
        const char *value = end ? variable(env, text + 2, (size_t)(end - text - 2)) : NULL;

        if (value) {
            ol_buf_adds(&out, value);
            text = end + 1;
        } else if (text[0] == '$' && text[1] == '$') {
            ol_buf_addc(&out, '$');
            text += 2;
        } else {
            ol_buf_addc(&out, *text++);
        }
    }
    return ol_arena_strdup(a, out.data);
}

static char **expand_all(const struct kube_strs *s, const struct kube_list *env, struct ol_arena *a)
{
    char **all = ol_arena_alloc(a, sizeof(*all) * (s->n + 1));

    for (uint32_t i = 0; i < s->n; i++)
        all[i] = (char *)pod_expand(s->v[i], env, a);
    return all;
}

struct kube_list pod_env(const struct kube_container *c, struct ol_arena *a)
{
    const struct kube_env_var *from = c->env.v;
    struct kube_env_var *to = ol_arena_alloc(a, sizeof(*to) * (c->env.n + 1));
    struct kube_list all = {to, 0};

    for (; all.n < c->env.n; all.n++) {
        to[all.n] = from[all.n];
        to[all.n].value = pod_expand(from[all.n].value ? from[all.n].value : "", &all, a);
    }
    return all;
}

static void add_env(Runtime__V1__ContainerConfig *to, const struct kube_list *env,
                    struct ol_arena *a)
{
    const struct kube_env_var *v = env->v;

    to->envs = ol_arena_alloc(a, sizeof(*to->envs) * (env->n + 1));
    for (uint32_t i = 0; i < env->n; i++) {
        Runtime__V1__KeyValue *kv = NEW(a, Runtime__V1__KeyValue, runtime__v1__key_value__init);

        kv->key = (char *)v[i].name;
        kv->value = (char *)v[i].value;
        to->envs[to->n_envs++] = kv;
    }
}

/* --- volumes --- */

static Runtime__V1__MountPropagation propagation_of(const struct kube_volume_mount *m)
{
    if (m->propagation && !strcmp(m->propagation, "HostToContainer"))
        return RUNTIME__V1__MOUNT_PROPAGATION__PROPAGATION_HOST_TO_CONTAINER;
    if (m->propagation && !strcmp(m->propagation, "Bidirectional"))
        return RUNTIME__V1__MOUNT_PROPAGATION__PROPAGATION_BIDIRECTIONAL;
    return RUNTIME__V1__MOUNT_PROPAGATION__PROPAGATION_PRIVATE;
}

static void add_mounts(Runtime__V1__ContainerConfig *to, const struct kube_container *c,
                       const struct pod_place *places, struct ol_arena *a)
{
    const struct kube_volume_mount *v = c->mounts.v;

    to->mounts = ol_arena_alloc(a, sizeof(*to->mounts) * (c->mounts.n + 1));
    for (uint32_t i = 0; i < c->mounts.n; i++) {
        Runtime__V1__Mount *m = NEW(a, Runtime__V1__Mount, runtime__v1__mount__init);

        m->container_path = (char *)v[i].path;
        m->host_path = (char *)places[i].path;
        m->readonly = v[i].is_read_only;
        m->propagation = propagation_of(&v[i]);
        to->mounts[to->n_mounts++] = m;
    }
}

static void add_devices(Runtime__V1__ContainerConfig *to, const struct kube_container *c,
                        const struct pod_place *places, struct ol_arena *a)
{
    const struct kube_volume_device *v = c->devices.v;

    to->devices = ol_arena_alloc(a, sizeof(*to->devices) * (c->devices.n + 1));
    for (uint32_t i = 0; i < c->devices.n; i++) {
        Runtime__V1__Device *d = NEW(a, Runtime__V1__Device, runtime__v1__device__init);

        d->container_path = (char *)v[i].path;
        d->host_path = (char *)places[i].path;
        d->permissions = (char *)"mrw";
        to->devices[to->n_devices++] = d;
    }
}

/* --- limits and users --- */

static int64_t milli_of(const struct kube_resources *r, const char *name)
{
    const struct ol_quantity *q = kube_resource_get(r, name);

    return q ? ol_quantity_milli(q) : 0;
}

static int64_t value_of(const struct kube_resources *r, const char *name)
{
    const struct ol_quantity *q = kube_resource_get(r, name);

    return q ? ol_quantity_value(q) : 0;
}

/* kubelet/qos, GetContainerOOMScoreAdjust */
static int64_t oom_score(const struct kube_container *c, int64_t machine_bytes)
{
    int64_t memory = value_of(&c->requests, "memory"), score;

    if (!c->requests.n && !c->limits.n)
        return 1000;
    if (!memory)
        memory = value_of(&c->limits, "memory");
    score = machine_bytes > 0 ? 1000 - memory / (machine_bytes / 1000 + 1) : 999;
    return score < 3 ? 3 : score > 999 ? 999 : score;
}

static Runtime__V1__LinuxContainerResources *resources_of(const struct kube_container *c,
                                                          int64_t machine_bytes, struct ol_arena *a)
{
    Runtime__V1__LinuxContainerResources *r =
        NEW(a, Runtime__V1__LinuxContainerResources, runtime__v1__linux_container_resources__init);
    int64_t request = milli_of(&c->requests, "cpu"), limit = milli_of(&c->limits, "cpu");

    if (!request)
        request = limit;
    r->cpu_shares = request * 1024 / 1000;
    if (r->cpu_shares < MIN_SHARES)
        r->cpu_shares = MIN_SHARES;
    if (limit) {
        r->cpu_period = CPU_PERIOD;
        r->cpu_quota = limit * CPU_PERIOD / 1000;
    }
    r->memory_limit_in_bytes = value_of(&c->limits, "memory");
    r->oom_score_adj = oom_score(c, machine_bytes);
    return r;
}

static Runtime__V1__Int64Value *number(int64_t n, struct ol_arena *a)
{
    Runtime__V1__Int64Value *v = NEW(a, Runtime__V1__Int64Value, runtime__v1__int64_value__init);

    v->value = n;
    return v;
}

/* The container's word, else the pod's. */
static int64_t first_of(int64_t own, int64_t pods)
{
    return own >= 0 ? own : pods;
}

static void set_user(Runtime__V1__LinuxContainerSecurityContext *s, const struct kube_pod *pod,
                     const struct kube_container *c, struct ol_arena *a)
{
    const struct kube_pod_security *p = pod->spec.security;
    const struct kube_security_context *own = c->security;
    int64_t user = first_of(own ? own->run_as_user : -1, p ? p->run_as_user : -1);
    int64_t group = first_of(own ? own->run_as_group : -1, p ? p->run_as_group : -1);

    if (user >= 0)
        s->run_as_user = number(user, a);
    if (user >= 0 && group >= 0)
        s->run_as_group = number(group, a);
}

static void set_groups(Runtime__V1__LinuxContainerSecurityContext *s,
                       const struct kube_pod_security *p, struct ol_arena *a)
{
    const int64_t *more = p->supplemental_groups.v;

    s->supplemental_groups = ol_arena_alloc(a, sizeof(int64_t) * (p->supplemental_groups.n + 1));
    for (uint32_t i = 0; i < p->supplemental_groups.n; i++)
        s->supplemental_groups[s->n_supplemental_groups++] = more[i];
    if (p->fs_group >= 0)
        s->supplemental_groups[s->n_supplemental_groups++] = p->fs_group;
}

static Runtime__V1__LinuxContainerSecurityContext *security_of(const struct kube_pod *pod,
                                                               const struct kube_container *c,
                                                               struct ol_arena *a)
{
    Runtime__V1__LinuxContainerSecurityContext *s =
        NEW(a, Runtime__V1__LinuxContainerSecurityContext,
            runtime__v1__linux_container_security_context__init);

    s->namespace_options = namespaces(a);
    s->privileged = is_privileged(c);
    s->readonly_rootfs = c->security && c->security->read_only_root > 0;
    set_user(s, pod, c, a);
    if (pod->spec.security)
        set_groups(s, pod->spec.security, a);
    return s;
}

Runtime__V1__ContainerConfig *pod_container_config(const struct pod_config *p,
                                                   const struct kube_container *c, unsigned attempt,
                                                   const struct pod_place *mounts,
                                                   const struct pod_place *devices,
                                                   struct ol_arena *a)
{
    Runtime__V1__ContainerConfig *to =
        NEW(a, Runtime__V1__ContainerConfig, runtime__v1__container_config__init);
    struct kube_list env = pod_env(c, a);

    to->metadata = NEW(a, Runtime__V1__ContainerMetadata, runtime__v1__container_metadata__init);
    to->metadata->name = (char *)c->name;
    to->metadata->attempt = attempt;
    to->image = NEW(a, Runtime__V1__ImageSpec, runtime__v1__image_spec__init);
    to->image->image = (char *)c->image;
    to->n_command = c->command.n;
    to->command = expand_all(&c->command, &env, a);
    to->n_args = c->args.n;
    to->args = expand_all(&c->args, &env, a);
    to->working_dir = (char *)(c->working_dir ? c->working_dir : "");
    add_env(to, &env, a);
    add_mounts(to, c, mounts, a);
    add_devices(to, c, devices, a);
    to->labels = (void *)labels(&runtime__v1__container_config__labels_entry__descriptor, p->pod,
                                c->name, &to->n_labels, a);
    to->log_path = ol_arena_printf(a, "%s/%u.log", c->name, attempt);
    to->want_stdin = c->want_stdin;
    to->tty = c->want_tty;
    to->on_linux =
        NEW(a, Runtime__V1__LinuxContainerConfig, runtime__v1__linux_container_config__init);
    to->on_linux->resources = resources_of(c, p->memory_bytes, a);
    to->on_linux->security_context = security_of(p->pod, c, a);
    return to;
}
