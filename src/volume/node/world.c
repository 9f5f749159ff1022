/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/node/world.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/node/path.h"

/* The pod's mounts are awaited that long before it is told (kubelet, podAttachAndMountTimeout). */
#define PATIENCE (123 * OL_SECOND)

void node_world_init(struct node_world *w)
{
    *w = (struct node_world){
        .by_name = OL_TABLE_INIT(&ol_table_of_strings),
        .pods = OL_TABLE_INIT(&ol_table_of_strings),
    };
}

static void mount_free(struct node_mount *m)
{
    if (m->pod)
        kube_object_unref(&m->pod->o);
    free(m->pod_uid);
    free(m->outer);
    free(m);
}

static void volume_free(struct node_volume *v)
{
    for (size_t i = 0; i < v->n_mounts; i++)
        mount_free(v->mounts[i]);
    free(v->mounts);
    if (v->pv)
        kube_object_unref(&v->pv->o);
    free((char *)v->name);
    free(v->spec_name);
    free(v->driver);
    free(v->handle);
    free(v);
}

static void pod_free(struct node_pod *p)
{
    kube_object_unref(&p->pod->o);
    ol_strv_done(&p->wanted);
    ol_strv_done(&p->failed);
    ol_strv_done(&p->problems);
    free((char *)p->uid);
    free(p);
}

void node_world_done(struct node_world *w)
{
    struct node_pod *p;
    size_t at = 0;

    for (size_t i = 0; i < w->n_volumes; i++)
        volume_free(w->volumes[i]);
    free(w->volumes);
    while ((p = ol_table_each(&w->pods, &at)))
        pod_free(p);
    ol_table_done(&w->by_name);
    ol_table_done(&w->pods);
}

struct node_volume *node_volume_find(const struct node_world *w, const char *name)
{
    return ol_table_find_str(&w->by_name, name);
}

struct node_mount *node_mount_find(const struct node_volume *v, const char *pod_uid)
{
    for (size_t i = 0; i < v->n_mounts; i++) {
        if (!strcmp(v->mounts[i]->pod_uid, pod_uid))
            return v->mounts[i];
    }
    return NULL;
}

static struct node_volume *add_volume(struct node_world *w, const char *name)
{
    struct node_volume *v = ol_xcalloc(1, sizeof(*v));

    v->name = ol_xstrdup(name);
    w->volumes = ol_xrealloc(w->volumes, w->n_volumes + 1, sizeof(*w->volumes));
    w->volumes[w->n_volumes++] = v;
    ol_table_put(&w->by_name, v);
    return v;
}

static struct node_mount *add_mount(struct node_volume *v, const char *pod_uid)
{
    struct node_mount *m = ol_xcalloc(1, sizeof(*m));

    m->volume = v;
    m->pod_uid = ol_xstrdup(pod_uid);
    v->mounts = ol_xrealloc(v->mounts, v->n_mounts + 1, sizeof(*v->mounts));
    v->mounts[v->n_mounts++] = m;
    return m;
}

void node_mount_forget(struct node_mount *m)
{
    struct node_volume *v = m->volume;
    size_t i = 0;

    while (v->mounts[i] != m)
        i++;
    memmove(&v->mounts[i], &v->mounts[i + 1], (--v->n_mounts - i) * sizeof(*v->mounts));
    mount_free(m);
}

void node_volume_forget(struct node_world *w, struct node_volume *v)
{
    size_t i = 0;

    while (w->volumes[i] != v)
        i++;
    memmove(&w->volumes[i], &w->volumes[i + 1], (--w->n_volumes - i) * sizeof(*w->volumes));
    ol_table_remove(&w->by_name, v);
    volume_free(v);
}

/* --- wants --- */

void node_want_begin(struct node_world *w)
{
    struct node_pod *p;
    size_t at = 0;

    while ((p = ol_table_each(&w->pods, &at)))
        p->is_marked = false;
    for (size_t i = 0; i < w->n_volumes; i++) {
        for (size_t k = 0; k < w->volumes[i]->n_mounts; k++)
            w->volumes[i]->mounts[k]->is_marked = false;
    }
}

static void hold_pod(const struct kube_pod **at, const struct kube_pod *pod)
{
    const struct kube_pod *old = *at;

    if (old == pod)
        return;
    kube_object_ref(&pod->o);
    *at = pod;
    if (old)
        kube_object_unref(&old->o);
}

struct node_pod *node_want_pod(struct node_world *w, const struct kube_pod *pod, ol_time now)
{
    struct node_pod *p = ol_table_find_str(&w->pods, pod->o.meta.uid);

    if (!p) {
        p = ol_xcalloc(1, sizeof(*p));
        p->uid = ol_xstrdup(pod->o.meta.uid);
        p->complain_at = now + PATIENCE;
        ol_table_put(&w->pods, p);
    }
    p->is_marked = true;
    hold_pod(&p->pod, pod);
    ol_strv_done(&p->wanted);
    ol_strv_done(&p->failed);
    ol_strv_done(&p->problems);
    p->wanted = p->failed = p->problems = (struct ol_strv)OL_STRV_INIT;
    return p;
}

static void set_str(char **at, const char *s)
{
    char *now = s ? ol_xstrdup(s) : NULL;

    free(*at);
    *at = now;
}

static void learn_spec(struct node_volume *v, const struct node_want *want)
{
    const struct volume_spec *s = &want->spec;
    const struct kube_pv *old = v->pv;
    char handle[69];

    v->plugin = volume_plugin_of(s);
    v->is_attachable = want->is_attachable;
    v->has_device = v->plugin->flags & VOLUME_HAS_DEVICE;
    v->is_block = volume_spec_mode(s) == KUBE_MODE_BLOCK;
    v->is_inline = !s->pv;
    if (!v->spec_name || strcmp(v->spec_name, volume_spec_name(s)) != 0)
        set_str(&v->spec_name, volume_spec_name(s));
    if (s->pv && s->pv != old) {
        kube_object_ref(&s->pv->o);
        v->pv = s->pv;
        if (old)
            kube_object_unref(&old->o);
    }
    if (v->plugin != &volume_csi || v->driver)
        return;
    if (!s->pv)
        node_inline_handle(want->pod->o.meta.uid, s->volume->name, handle);
    v->driver = ol_xstrdup(s->pv ? s->pv->spec.csi->driver : s->volume->csi->driver);
    v->handle = ol_xstrdup(s->pv ? s->pv->spec.csi->handle : handle);
}

/* A device that was found on disk is known by its directory alone: it gets its name when somebody
 * wants what is mounted there. */
static struct node_volume *adopt(struct node_world *w, const struct node_want *want)
{
    const struct volume_plugin *p = volume_plugin_of(&want->spec);
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);

    if (!p->device_dir)
        return NULL;
    p->device_dir(&want->spec, &dir);
    for (size_t i = 0; i < w->n_volumes; i++) {
        struct node_volume *v = w->volumes[i];

        if (v->pv || v->plugin != p || !v->handle || strcmp(v->handle, dir.data) != 0)
            continue;
        ol_table_remove(&w->by_name, v);
        free((char *)v->name);
        v->name = ol_xstrdup(want->name);
        ol_table_put(&w->by_name, v);
        return v;
    }
    return NULL;
}

struct node_mount *node_want_volume(struct node_world *w, const struct node_want *want)
{
    struct node_volume *v = node_volume_find(w, want->name);
    struct node_mount *m;

    if (!v)
        v = adopt(w, want);
    if (!v)
        v = add_volume(w, want->name);
    learn_spec(v, want);
    /* A CSI volume in the pod's words has neither device nor staging. */
    if (v->is_inline && v->plugin == &volume_csi)
        v->has_device = v->is_attachable = false;
    m = node_mount_find(v, want->pod->o.meta.uid);
    if (!m)
        m = add_mount(v, want->pod->o.meta.uid);
    hold_pod(&m->pod, want->pod);
    if (!m->outer || !m->is_marked)
        set_str(&m->outer, want->outer);
    m->is_marked = m->is_wanted = true;
    m->is_read_only = want->spec.is_read_only;
    m->redo_every = want->redo_every;
    return m;
}

static bool is_mounted(const struct node_mount *m)
{
    return m->life == NODE_THERE || m->life == NODE_REDOING;
}

/* The mount by which a pod has a volume of its own name. */
static struct node_mount *mount_of(const struct node_world *w, const char *uid, const char *outer)
{
    for (size_t i = 0; i < w->n_volumes; i++) {
        struct node_mount *m = node_mount_find(w->volumes[i], uid);

        if (m && m->outer && !strcmp(m->outer, outer))
            return m;
    }
    return NULL;
}

void node_want_failed(struct node_world *w, struct node_pod *p, const char *outer,
                      const char *problem)
{
    struct node_mount *m = mount_of(w, p->uid, outer);

    if (m && m->is_wanted && is_mounted(m)) {
        m->is_marked = true;
        return;
    }
    ol_strv_add(&p->failed, outer);
    ol_strv_add(&p->problems, problem);
}

void node_want_end(struct node_world *w)
{
    struct node_pod *p;
    size_t at = 0;

    for (size_t i = 0; i < w->n_volumes; i++) {
        for (size_t k = 0; k < w->volumes[i]->n_mounts; k++) {
            struct node_mount *m = w->volumes[i]->mounts[k];

            m->is_wanted = m->is_marked;
        }
    }
    while ((p = ol_table_each(&w->pods, &at))) {
        if (p->is_marked)
            continue;
        ol_table_remove(&w->pods, p);
        pod_free(p);
        at = 0;
    }
    w->is_populated = true;
}

/* --- what is there --- */

void node_world_found(struct node_world *w, const struct node_found *f)
{
    struct node_volume *v = node_volume_find(w, f->name);
    struct node_mount *m;

    if (!v) {
        v = add_volume(w, f->name);
        v->plugin = f->plugin;
        v->spec_name = ol_xstrdup(f->spec_name);
        v->driver = f->driver ? ol_xstrdup(f->driver) : NULL;
        v->handle = f->handle ? ol_xstrdup(f->handle) : NULL;
        v->is_block = f->is_block;
        v->is_inline = f->is_inline;
        v->has_device = f->has_device;
        /* It was attached, else it would not be here; whether a controller did that is told by the
         * API. */
        v->is_attachable = f->has_device && (f->plugin->flags & VOLUME_ATTACHABLE);
    }
    if (f->is_device_there)
        node_life_step(&v->device, NODE_EV_FOUND);
    if (!f->pod_uid || node_mount_find(v, f->pod_uid))
        return;
    m = add_mount(v, f->pod_uid);
    node_life_step(&m->life, NODE_EV_FOUND);
    if (w->attaches_itself && v->is_attachable)
        node_life_step(&v->attachment, NODE_EV_FOUND);
}

bool node_volume_is_in_use(const struct node_volume *v)
{
    return v->is_attachable && node_volume_is_held(v);
}

bool node_volume_is_held(const struct node_volume *v)
{
    if (node_life_is_owed(v->device))
        return true;
    for (size_t i = 0; i < v->n_mounts; i++) {
        if (v->mounts[i]->is_wanted || node_life_is_owed(v->mounts[i]->life))
            return true;
    }
    return false;
}

struct volume_spec node_mount_spec(const struct node_mount *m)
{
    struct volume_spec spec = {.pv = m->volume->pv, .is_read_only = m->is_read_only};
    const struct kube_volume *v = m->pod ? m->pod->spec.volumes.v : NULL;

    for (uint32_t i = 0; m->outer && v && i < m->pod->spec.volumes.n; i++) {
        if (!strcmp(v[i].name, m->outer))
            spec.volume = &v[i];
    }
    return spec;
}

/* --- questions --- */

bool node_pod_is_ready(const struct node_world *w, const struct node_pod *p)
{
    if (p->failed.n)
        return false;
    for (size_t i = 0; i < w->n_volumes; i++) {
        const struct node_mount *m = node_mount_find(w->volumes[i], p->uid);

        if (m && m->is_wanted && !is_mounted(m))
            return false;
    }
    return true;
}

bool node_pod_is_gone(const struct node_world *w, const char *uid)
{
    for (size_t i = 0; i < w->n_volumes; i++) {
        const struct node_mount *m = node_mount_find(w->volumes[i], uid);

        if (m && (m->is_wanted || node_life_is_owed(m->life)))
            return false;
    }
    return true;
}

static void add_list(struct ol_buf *to, const char *title, const struct ol_strv *names)
{
    ol_autofree char *text = ol_strv_join(names, " ");

    ol_buf_printf(to, "%s=[%s]", title, text);
}

void node_pod_complaint(const struct node_world *w, const struct node_pod *p, struct ol_buf *to)
{
    ol_auto(ol_strv_done) struct ol_strv unmounted = OL_STRV_INIT, unattached = OL_STRV_INIT;
    ol_autofree char *why = ol_strv_join(&p->problems, "; ");

    ol_strv_each (outer, &p->wanted) {
        const struct node_mount *m = mount_of(w, p->uid, outer);

        if (!m || !is_mounted(m))
            ol_strv_add(&unmounted, outer);
        if (m && m->volume->is_attachable && !m->volume->is_attached)
            ol_strv_add(&unattached, outer);
    }
    add_list(to, "unmounted volumes", &unmounted);
    add_list(to, ", unattached volumes", &unattached);
    add_list(to, ", failed to process volumes", &p->failed);
    ol_buf_printf(to, ": %s", *why ? why : "timed out waiting for the condition");
}
