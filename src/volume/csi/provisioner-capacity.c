/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "core/cleanup.h"
#include "volume/csi/csi-message-internal.h"
#include "volume/csi/provisioner-internal.h"

/*
 * CSIStorageCapacity objects of one driver (the key): one for each of its classes and each
 * segment of the topology, what GetCapacity says of it; none when the CSIDriver doesn't ask for
 * them. The rows are asked one after the other, so a driver has one such call at a time.
 */
#define LABEL_DRIVER  "csi.storage.k8s.io/drivername"
#define LABEL_MANAGER "csi.storage.k8s.io/managed-by"
#define MANAGER       "external-provisioner"

enum { BODY_MAX = 64 << 10, ROWS_MAX = 20000 };

struct row {
    const char *class;
    struct kube_map parameters, term;
};

struct survey {
    const char *driver;
    struct row *rows;
    size_t n, at;
    int64_t capacity, max_size; /* of rows[at]; max_size -1 = not told */
};

static struct provisioner *owner(const struct csi_work *w)
{
    return w->ctx;
}

static const char *namespace_of(const struct provisioner *p)
{
    return p->o->capacity_namespace ? p->o->capacity_namespace : "kube-system";
}

static bool is_ours(const struct kube_capacity *c, const char *driver)
{
    const char *d = kube_map_get(&c->o.meta.labels, LABEL_DRIVER);
    const char *m = kube_map_get(&c->o.meta.labels, LABEL_MANAGER);

    return d && m && strcmp(d, driver) == 0 && strcmp(m, MANAGER) == 0;
}

static bool is_row(const struct kube_capacity *c, const struct row *row)
{
    struct kube_map none = {NULL, 0};
    const struct kube_map *term = c->topology ? &c->topology->match_labels : &none;

    return c->class_name && strcmp(c->class_name, row->class) == 0
           && csi_term_cmp(term, &row->term) == 0;
}

static const struct kube_capacity *object_of(const struct provisioner *p, const struct survey *s,
                                             const struct row *row)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(p->capacity_cache, &at)))
        if (is_ours(kube_as_capacity(o), s->driver) && is_row(kube_as_capacity(o), row))
            return kube_as_capacity(o);
    return NULL;
}

/* An object that no row is about; the first, since the next round finds the next. */
static const struct kube_capacity *leftover(const struct provisioner *p, const struct survey *s)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_informer_each(p->capacity_cache, &at))) {
        const struct kube_capacity *c = kube_as_capacity(o);
        bool is_found = !is_ours(c, s->driver) || strcmp(o->meta.ns, namespace_of(p)) != 0;

        for (size_t i = 0; i < s->n && !is_found; i++)
            is_found = is_row(c, &s->rows[i]);
        if (!is_found)
            return c;
    }
    return NULL;
}

/* --- rows --- */
static void add_rows(struct survey *s, const struct kube_class *class,
                     const struct csi_terms *terms, struct ol_arena *a)
{
    struct row row = {.class = ol_arena_strdup(a, class->o.meta.name)};

    csi_map_copy(a, &class->parameters, &row.parameters);
    for (uint32_t i = 0; i < terms->n && s->n < ROWS_MAX; i++) {
        csi_map_copy(a, &terms->v[i], &row.term);
        s->rows[s->n++] = row;
    }
}

static void list_rows(struct provisioner *p, const struct csi_driver *d, struct ol_arena *a,
                      struct survey *s)
{
    struct kube_map nothing = {NULL, 0};
    struct csi_terms terms = {&nothing, 1};
    const struct kube_object *o;
    struct csi_topology_ask world;
    size_t at = 0;

    if (d->plugin & CSI_PLUGIN_ACCESSIBILITY) {
        provision_world(p, a, &world);
        world.driver = d->name;
        csi_topology_segments(&world, a, &terms);
    }
    s->rows =
        ol_arena_alloc(a, (kube_informer_count(p->class_cache) * terms.n + 1) * sizeof(*s->rows));
    while ((o = kube_informer_each(p->class_cache, &at)))
        if (strcmp(kube_as_class(o)->provisioner, d->name) == 0)
            add_rows(s, kube_as_class(o), &terms, a);
}

/* --- steps --- */
static void ask(struct csi_work *w);

static void written(struct csi_work *w, const struct kube_answer *a)
{
    struct survey *s = w->data;
    struct ol_err err = OL_ERR_INIT;

    if (a->reason != KUBE_OK) {
        (void)kube_answer_error(a, &err);
        csi_work_fail(w, &err);
        return;
    }
    s->at++;
    ask(w);
}

static void write_quantity(struct ol_jw *j, const char *key, int64_t bytes)
{
    struct ol_quantity q = ol_quantity_of(bytes);
    char text[OL_QUANTITY_MAX];

    ol_quantity_format(&q, text);
    ol_jw_str(j, key, text);
}

static void write_amounts(struct ol_jw *j, const struct survey *s)
{
    write_quantity(j, "capacity", s->capacity);
    if (s->max_size >= 0)
        write_quantity(j, "maximumVolumeSize", s->max_size);
    else
        ol_jw_null(j, "maximumVolumeSize");
}

static void create(struct csi_work *w, const struct survey *s, const struct row *row)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask q = {
        .verb = KUBE_VERB_CREATE, .kind = &kube_capacity_kind, .ns = namespace_of(owner(w))};
    struct ol_jw j;

    ol_jw_init(&j, &body);
    ol_jw_map(&j, NULL);
    ol_jw_str(&j, "apiVersion", "storage.k8s.io/v1");
    ol_jw_str(&j, "kind", "CSIStorageCapacity");
    ol_jw_map(&j, "metadata");
    ol_jw_str(&j, "generateName", "csisc-");
    ol_jw_str(&j, "namespace", q.ns);
    ol_jw_map(&j, "labels");
    ol_jw_any(&j, LABEL_DRIVER, s->driver);
    ol_jw_any(&j, LABEL_MANAGER, MANAGER);
    ol_jw_end(&j);
    ol_jw_end(&j);
    ol_jw_str(&j, "storageClassName", row->class);
    ol_jw_map(&j, "nodeTopology");
    ol_jw_map(&j, "matchLabels");
    for (uint32_t i = 0; i < row->term.n; i++)
        ol_jw_any(&j, row->term.v[i].key, row->term.v[i].value);
    ol_jw_end(&j);
    ol_jw_end(&j);
    write_amounts(&j, s);
    ol_jw_end(&j);
    q.body = body.data;
    q.size = body.len;
    csi_work_api(w, &q, written);
}

static void update(struct csi_work *w, const struct survey *s, const struct kube_capacity *c)
{
    ol_auto(ol_buf_done) struct ol_buf body = OL_BUF_INIT(BODY_MAX);
    struct kube_ask q = {.verb = KUBE_VERB_PATCH_MERGE,
                         .kind = &kube_capacity_kind,
                         .ns = c->o.meta.ns,
                         .name = c->o.meta.name};
    struct ol_jw j;

    ol_jw_init(&j, &body);
    ol_jw_map(&j, NULL);
    write_amounts(&j, s);
    ol_jw_end(&j);
    q.body = body.data;
    q.size = body.len;
    csi_work_api(w, &q, written);
}

static bool is_same(const struct kube_capacity *c, const struct survey *s)
{
    return c->capacity && ol_quantity_value(c->capacity) == s->capacity
           && (c->max_size ? ol_quantity_value(c->max_size) : -1) == s->max_size;
}

static void got_capacity(struct csi_work *w, const struct csi_reply *r)
{
    struct survey *s = w->data;
    const Csi__V1__GetCapacityResponse *m = (const void *)r->message_body;
    const struct row *row = &s->rows[s->at];
    const struct kube_capacity *c;
    struct ol_err err = OL_ERR_INIT;

    if (!m) {
        csi_error_set(&err, r->code, r->message);
        csi_work_fail(w, &err);
        return;
    }
    s->capacity = m->available_capacity;
    s->max_size = m->maximum_volume_size ? m->maximum_volume_size->value : -1;
    c = object_of(owner(w), s, row);
    if (!c) {
        create(w, s, row);
    } else if (!is_same(c, s)) {
        update(w, s, c);
    } else {
        s->at++;
        ask(w);
    }
}

static void removed(struct csi_work *w, const struct kube_answer *a)
{
    struct ol_err err = OL_ERR_INIT;

    if (a->reason == KUBE_OK || a->reason == KUBE_NOT_FOUND) {
        csi_work_done(w); /* the object's event brings the next round */
        return;
    }
    (void)kube_answer_error(a, &err);
    csi_work_fail(w, &err);
}

static void finish(struct csi_work *w, const struct survey *s)
{
    const struct kube_capacity *c = leftover(owner(w), s);
    struct kube_ask q = {.verb = KUBE_VERB_DELETE, .kind = &kube_capacity_kind};

    if (!c) {
        csi_work_done(w);
        return;
    }
    q.ns = c->o.meta.ns;
    q.name = c->o.meta.name;
    csi_work_api(w, &q, removed);
}

static void ask(struct csi_work *w)
{
    struct provisioner *p = owner(w);
    struct survey *s = w->data;
    const struct csi_driver *d = csi_driver_find(p->works.drivers, s->driver);
    Csi__V1__GetCapacityRequest q = CSI__V1__GET_CAPACITY_REQUEST__INIT;
    struct csi_parameters parameters;
    struct row *row = &s->rows[s->at];
    struct ol_err err = OL_ERR_INIT;

    if (!d || s->at >= s->n) {
        finish(w, s);
        return;
    }
    if (csi_parameters_read(&row->parameters, "", &(struct kube_meta){.name = "", .ns = ""},
                            &w->arena, &parameters, &err)
        == 0)
        row->parameters = parameters.passed;
    csi_message_map(&csi__v1__get_capacity_request__parameters_entry__descriptor, &row->parameters,
                    &w->arena, &q.n_parameters, &q.parameters);
    if (row->term.n > 0)
        q.accessible_topology = csi_message_term(&row->term, &w->arena);
    csi_work_call(w, d, &csi_get_capacity, &q.base, p->o->timeout ? p->o->timeout : 15 * OL_SECOND,
                  NULL, got_capacity);
}

void provision_sync_capacity(void *ctx, struct kube_task *task)
{
    struct provisioner *p = ctx;
    const char *name = kube_task_key(task);
    const struct csi_driver *d = csi_driver_find(p->works.drivers, name);
    const struct kube_csidriver *object =
        kube_as_csidriver(kube_informer_get(p->csidriver_cache, "", name));
    struct csi_work *w;
    struct survey *s;

    if (!d) {
        kube_task_done(task);
        return;
    }
    w = csi_work_begin(&p->works, task, p);
    s = ol_arena_alloc(&w->arena, sizeof(*s));
    s->driver = ol_arena_strdup(&w->arena, name);
    w->data = s;
    if (object && object->storage_capacity == 1 && (d->controller & CSI_CAN_GET_CAPACITY))
        list_rows(p, d, &w->arena, s);
    ask(w);
}
