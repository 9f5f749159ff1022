/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "compute/base/compute-id.h"
#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "compute/manager/usage.h"
#include "core/alloc.h"

/*
 * The compute node's row, its provider in placement, and what instances use of it. One lock over
 * all of it, held while the conductor is asked, as nova's resource tracker does: claims come one by
 * one.
 */
struct tracker {
    struct manager *m;
    pthread_mutex_t lock;
    struct ol_arena arena;    /* of the node; made anew by keep_node() */
    struct nova_object *node; /* NULL before it is known */
    struct usage usage;
    char hostname[256], provider[37]; /* written once, before the queues are served */
    bool is_stale;                    /* what placement was seen to have is read anew */
};

enum { NODE_ARENA = 8 << 20, WORK_ARENA = 256 << 20 };

struct tracker *tracker_new(struct manager *m)
{
    struct tracker *t = ol_xcalloc(1, sizeof(*t));

    t->m = m;
    pthread_mutex_init(&t->lock, NULL);
    ol_arena_init(&t->arena, NODE_ARENA);
    return t;
}

void tracker_free(struct tracker *t)
{
    if (!t)
        return;
    usage_done(&t->usage);
    ol_arena_done(&t->arena);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

const char *tracker_node(const struct tracker *t)
{
    return t->hostname;
}

const char *tracker_provider(const struct tracker *t)
{
    return t->provider;
}

void tracker_reset(struct tracker *t)
{
    pthread_mutex_lock(&t->lock);
    t->is_stale = true;
    pthread_mutex_unlock(&t->lock);
}

/* A node that is saved again and again leaves old values in its arena: it moves to a new one. */
static void keep_node(struct tracker *t, const struct nova_object *node)
{
    struct ol_arena fresh;
    const char *uuid;

    ol_arena_init(&fresh, NODE_ARENA);
    node = nova_object_copy(&fresh, node);
    ol_arena_done(&t->arena);
    t->arena = fresh;
    t->node = (struct nova_object *)node;
    t->node->arena = &t->arena;
    uuid = nova_str(node, "uuid");
    snprintf(t->provider, sizeof(t->provider), "%s", uuid ? uuid : "");
}

static double ratio(double own, double initial, double fallback)
{
    return own > 0 ? own : initial > 0 ? initial : fallback;
}

/* The options win over what the row has; a new row gets the initial ones. */
static void set_ratios(const struct compute_config *c, struct nova_object *node)
{
    const struct {
        const char *field;
        double own, initial, fallback;
    } rows[] = {
        {"cpu_allocation_ratio", c->cpu_allocation_ratio, c->initial_cpu_allocation_ratio, 16.0},
        {"ram_allocation_ratio", c->ram_allocation_ratio, c->initial_ram_allocation_ratio, 1.5},
        {"disk_allocation_ratio", c->disk_allocation_ratio, c->initial_disk_allocation_ratio, 1.0},
    };

    for (size_t i = 0; i < ol_count(rows); i++)
        if (rows[i].own > 0 || nova_float(node, rows[i].field, 0) <= 0)
            nova_set_float(node, rows[i].field,
                           ratio(rows[i].own, rows[i].initial, rows[i].fallback));
}

static int find_node(struct tracker *t, const struct nova_context *c, struct ol_arena *a,
                     struct nova_object **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(a);
    int r;

    ol_val_append(a, args, ol_val_new_str(a, t->m->config->host));
    ol_val_append(a, args, ol_val_new_str(a, t->hostname));
    r = conductor_get(t->m->conductor, c, "ComputeNode", "get_by_host_and_nodename", args, NULL, a,
                      ret, err);
    if (r >= 0 || !nova_is(err, NOVA_COMPUTE_HOST_NOT_FOUND))
        return r;
    *ret = NULL;
    *err = OL_ERR_INIT;
    return 0;
}

/* Newer releases keep it in a file of this host (the service made it). */
static int new_identity(struct tracker *t, char ret[37], struct ol_err *err)
{
    if (t->m->parts.release->has_compute_id)
        return compute_id_read(t->m->env, t->m->config->state_path, ret, err);
    nova_uuid(ret);
    return 0;
}

/* The node as the conductor has it, or a new one; known from then on. */
static int load_node(struct tracker *t, const struct nova_context *c,
                     const struct virt_resources *res, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(NODE_ARENA);
    struct nova_object *node;
    int r;

    snprintf(t->hostname, sizeof(t->hostname), "%s", res->hypervisor_hostname);
    r = find_node(t, c, &a, &node, err);
    if (r < 0)
        return r;
    if (!node) {
        char uuid[37];

        node = nova_object_new(&a, t->m->parts.release, "ComputeNode");
        r = new_identity(t, uuid, err);
        if (r < 0)
            return r;
        nova_set_str(node, "uuid", uuid);
        nova_set_str(node, "host", t->m->config->host);
        usage_fill_node(&t->usage, res, t->m->config, t->m->parts.release, node);
        set_ratios(t->m->config, node);
        r = conductor_create(t->m->conductor, c, node, err);
        if (r < 0)
            return r;
        ol_info(t->m->env, "Compute node record created for %s:%s with uuid: %s",
                t->m->config->host, t->hostname, nova_str(node, "uuid"));
    }
    keep_node(t, node);
    return 0;
}

void tracker_find(struct tracker *t)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(NODE_ARENA);
    struct nova_context c = nova_context_admin(&a, t->m->env);
    struct virt_resources res = {0};
    struct nova_object *node = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r;

    pthread_mutex_lock(&t->lock);
    r = t->m->driver->resources(t->m->virt, &a, &res, &err);
    if (r >= 0) {
        snprintf(t->hostname, sizeof(t->hostname), "%s", res.hypervisor_hostname);
        r = find_node(t, &c, &a, &node, &err);
    }
    if (r >= 0 && node)
        keep_node(t, node);
    pthread_mutex_unlock(&t->lock);
    if (r < 0)
        ol_warn(t->m->env, "the compute node cannot be looked up: %s", ol_err_text(&err));
    ol_strv_done(&res.hv_specs);
    ol_strv_done(&res.traits);
}

static int count_instances(struct tracker *t, const struct nova_context *c,
                           struct ol_strv *ret_known, struct ol_err *err)
{
    static const char *const gone[] = {VM_DELETED, VM_SHELVED_OFF, NULL};
    static const char *const attrs[] = {"system_metadata", "numa_topology", "flavor",
                                        "migration_context", NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(WORK_ARENA);
    struct ol_val *args = ol_val_new_list(&a), *kwargs = ol_val_new_map(&a);
    struct ol_val *expected = ol_val_new_list(&a);
    struct nova_object *list;
    int r;

    for (const char *const *name = attrs; *name; name++)
        ol_val_append(&a, expected, ol_val_new_str(&a, *name));
    ol_val_set(&a, kwargs, "expected_attrs", expected);
    ol_val_append(&a, args, ol_val_new_str(&a, t->m->config->host));
    ol_val_append(&a, args, ol_val_new_str(&a, t->hostname));
    r = conductor_get(t->m->conductor, c, "InstanceList", "get_by_host_and_node", args, kwargs, &a,
                      &list, err);
    if (r < 0)
        return r;
    usage_clear(&t->usage);
    for (size_t i = 0; i < nova_list_count(list); i++) {
        const struct nova_object *one = nova_list_item(list, i);

        ol_strv_add(ret_known, nova_str(one, "uuid"));
        if (!instance_is(one, "vm_state", gone))
            usage_put(&t->usage, one);
    }
    return 0;
}

/* Saves the node when something of it changed. */
static int save_node(struct tracker *t, const struct nova_context *c, struct ol_err *err)
{
    int r = 0;

    if (ol_val_count(ol_val_get(t->node->primitive, "nova_object.changes")))
        r = conductor_save(t->m->conductor, c, t->node, err);
    if (r < 0 && nova_is(err, NOVA_COMPUTE_HOST_NOT_FOUND)) {
        /* Somebody deleted the row: the next update makes it anew. */
        t->node = NULL;
        return r;
    }
    if (r < 0) {
        keep_node(t, t->node); /* with its changes; values that were replaced go */
        return r;
    }
    /* The conductor names what has changes within, pci_device_pools as it was stored, for ever. */
    nova_clear_changes(t->node);
    keep_node(t, t->node);
    return r;
}

/* No answer is no "enabled": a host that is being drained would get instances. */
static int is_service_disabled(struct tracker *t, const struct nova_context *c, struct ol_arena *a,
                               bool *ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(a);
    struct nova_object *service = NULL;
    struct ol_err why = OL_ERR_INIT;
    int r;

    ol_val_append(a, args, ol_val_new_str(a, t->m->config->host));
    r = conductor_get(t->m->conductor, c, "Service", "get_by_compute_host", args, NULL, a, &service,
                      &why);
    /* Before the service's first start there is none. */
    if (r < 0 && !nova_is(&why, NOVA_COMPUTE_HOST_NOT_FOUND)) {
        if (err)
            *err = why;
        return r;
    }
    *ret = r >= 0 && service && nova_bool(service, "disabled");
    return 0;
}

static int sync_placement(struct tracker *t, const struct nova_context *c,
                          const struct virt_resources *res, struct ol_arena *a, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv traits = OL_STRV_INIT;
    struct placement_inventory inventories[USAGE_INVENTORIES];
    struct placement_provider p = {
        .uuid = t->provider,
        .name = t->hostname,
        .inventories = inventories,
        .n_inventories = USAGE_INVENTORIES,
        .traits = &traits,
    };
    bool is_disabled;
    int r;

    if (!cloud_has(t->m->cloud, CLOUD_PLACEMENT))
        return 0;
    usage_inventories(t->node, t->m->config, inventories);
    ol_strv_each (name, &res->traits)
        ol_strv_add(&traits, name);
    r = is_service_disabled(t, c, a, &is_disabled, err);
    if (r < 0)
        return r;
    if (is_disabled)
        ol_strv_add(&traits, "COMPUTE_STATUS_DISABLED");
    return placement_sync(t->m->cloud, &p, t->is_stale, err);
}

static int update(struct tracker *t, struct ol_strv *ret_known, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(NODE_ARENA);
    struct nova_context c = nova_context_admin(&a, t->m->env);
    struct virt_resources res = {0};
    struct ol_err why = OL_ERR_INIT;
    int r = t->m->driver->resources(t->m->virt, &a, &res, err);

    if (r >= 0 && !t->node)
        r = load_node(t, &c, &res, err);
    if (r >= 0)
        r = count_instances(t, &c, ret_known, err);
    if (r >= 0) {
        usage_fill_node(&t->usage, &res, t->m->config, t->m->parts.release, t->node);
        set_ratios(t->m->config, t->node);
        r = save_node(t, &c, err);
    }
    /* A placement that is away keeps no host from working: the next round repeats it. */
    if (r >= 0 && sync_placement(t, &c, &res, &a, &why) < 0)
        ol_error(t->m->env, "placement was not told of node %s: %s", t->hostname,
                 ol_err_text(&why));
    else if (r >= 0)
        t->is_stale = false;
    ol_strv_done(&res.hv_specs);
    ol_strv_done(&res.traits);
    return r;
}

int tracker_update(struct tracker *t, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv known = OL_STRV_INIT;
    int r;

    pthread_mutex_lock(&t->lock);
    r = update(t, &known, err);
    pthread_mutex_unlock(&t->lock);
    if (r >= 0)
        orphans_drop_allocations(t->m, &known);
    return r < 0 ? ol_err_prefix(err, r, "Error updating resources for node %s",
                                 t->hostname[0] ? t->hostname : t->m->config->host)
                 : 0;
}

/* The row of the node follows what is used; a failure is told and made good by the next update. */
static void usage_changed(struct work *w)
{
    struct tracker *t = w->m->tracker;
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(NODE_ARENA);
    struct virt_resources res = {0};
    struct ol_err err = OL_ERR_INIT;
    int r = w->m->driver->resources(w->m->virt, &a, &res, &err);

    if (r >= 0) {
        usage_fill_node(&t->usage, &res, w->m->config, t->m->parts.release, t->node);
        r = save_node(t, &w->context, &err);
    }
    if (r < 0)
        ol_warn(w->m->env, "the compute node's use was not saved: %s", ol_err_text(&err));
    ol_strv_done(&res.hv_specs);
    ol_strv_done(&res.traits);
}

static int claim(struct work *w, struct ol_err *err)
{
    struct tracker *t = w->m->tracker;
    int64_t disk = nova_int(w->instance, "root_gb", 0) + nova_int(w->instance, "ephemeral_gb", 0);
    int r = 0;

    if (!t->node)
        return nova_fail(err, NOVA_COMPUTE_HOST_NOT_FOUND, "Compute host %s could not be found.",
                         w->m->config->host);
    if (!cloud_has(w->m->cloud, CLOUD_PLACEMENT))
        r = usage_fits(t->node, nova_int(w->instance, "vcpus", 0),
                       nova_int(w->instance, "memory_mb", 0), disk, err);
    if (r < 0)
        return r;
    nova_set_str(w->instance, "host", w->m->config->host);
    nova_set_str(w->instance, "launched_on", w->m->config->host);
    nova_set_str(w->instance, "node", t->hostname);
    r = instance_save(w, NULL, err);
    if (r < 0)
        return r;
    usage_put(&t->usage, w->instance);
    usage_changed(w);
    return 0;
}

int tracker_claim(struct work *w, struct ol_err *err)
{
    int r;

    pthread_mutex_lock(&w->m->tracker->lock);
    r = claim(w, err);
    pthread_mutex_unlock(&w->m->tracker->lock);
    return r;
}

void tracker_release(struct work *w)
{
    struct tracker *t = w->m->tracker;

    pthread_mutex_lock(&t->lock);
    if (usage_remove(&t->usage, instance_uuid(w)) && t->node)
        usage_changed(w);
    pthread_mutex_unlock(&t->lock);
}

/* Counts for the scheduler's weigher: one good build and the host is trusted again. */
void tracker_build_ended(struct tracker *t, bool is_good)
{
    pthread_mutex_lock(&t->lock);
    t->usage.n_failed_builds = is_good ? 0 : t->usage.n_failed_builds + 1;
    pthread_mutex_unlock(&t->lock);
}
