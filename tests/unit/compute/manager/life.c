/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/conductor/local.h"
#include "core/file.h"

#include "scripted-virt.h"

static struct life *current;

static int note_cast(struct conductor *c, const struct nova_context *ctx,
                     const struct rpc_target *to, const struct rpc_message *m, struct ol_err *err)
{
    const struct ol_val *info = ol_val_get(m->args, "instance_info");
    const char *class = ol_val_str(ol_val_get(info, "nova_object.name"));

    ol_strv_addf(&current->casts, "%s %s%s%s", to->topic, m->method, class ? " " : "",
                 class ? class : "");
    return 0;
}

/* nova-conductor names a child as changed for as long as it was stored with changes of its own. */
static int note_node(struct conductor *c, const struct nova_context *ctx,
                     const struct nova_object *o, const char *method, const struct ol_val *kwargs,
                     struct ol_arena *a, const struct ol_val **ret_updates,
                     const struct ol_val **ret, struct ol_err *err)
{
    int r = current->own->object_action(c, ctx, o, method, kwargs, a, ret_updates, ret, err);

    if (r >= 0 && strcmp(o->class->name, "ComputeNode") == 0 && strcmp(method, "save") == 0) {
        struct ol_val *updates = ol_val_copy(a, *ret_updates), *changed = ol_val_new_list(a);

        ol_val_append(a, changed, ol_val_new_str(a, "pci_device_pools"));
        ol_val_set(a, updates, "obj_what_changed", changed);
        *ret_updates = updates;
        current->n_node_saves++;
    }
    return r;
}

static void make_manager(struct life *f)
{
    struct manager_parts parts = {.env = &f->env,
                                  .config = &f->config,
                                  .driver = &scripted_driver,
                                  .conductor = f->conductor,
                                  .pool = f->pool,
                                  .release = nova_release_find("zed")};

    f->cloud = parts.cloud = cloud_new(&f->env, &f->config);
    f->manager = manager_new(&parts);
}

void life_add_cloud(struct life *f)
{
    manager_free(f->manager);
    cloud_free(f->cloud);
    fake_cloud_init(&f->services, &f->env, &f->config);
    make_manager(f);
}

int life_set_up(void **state)
{
    static struct life f;
    struct ol_err err = OL_ERR_INIT;

    memset(&f, 0, sizeof(f));
    current = &f;
    memset(scripted_state(), 0, sizeof(*scripted_state()));
    snprintf(f.root, sizeof(f.root), "/tmp/orlop-life-XXXXXX");
    if (!mkdtemp(f.root) || ol_env_init(&f.env, f.root, NULL) < 0)
        return -1;
    f.config = (struct compute_config){.host = "cmp1",
                                       .my_ip = "127.0.0.1",
                                       .state_path = "/state",
                                       .instances_path = "/instances",
                                       .shutdown_timeout = 60 * OL_SECOND,
                                       .network_backend = "none",
                                       .track_instance_changes = true,
                                       .image_cache_subdirectory = "_base"};
    if (conductor_local(&f.env, "/db", nova_release_find("zed"), &f.conductor, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    f.ops = *f.conductor->ops;
    f.own = f.conductor->ops;
    f.ops.cast = note_cast;
    f.ops.object_action = note_node;
    f.conductor->ops = &f.ops;
    f.pool = task_pool_new(&f.env, &(struct task_pool_options){.n_threads = 2});
    make_manager(&f);
    ol_arena_init(&f.arena, 64 << 20);
    f.context = nova_context_admin(&f.arena, &f.env);
    *state = &f;
    return 0;
}

int life_tear_down(void **state)
{
    struct life *f = *state;

    assert_true(task_pool_stop(f->pool, 10 * OL_SECOND));
    manager_free(f->manager);
    task_pool_free(f->pool);
    cloud_free(f->cloud);
    conductor_free(f->conductor);
    fake_cloud_done(&f->services);
    ol_strv_done(&f->casts);
    ol_arena_done(&f->arena);
    (void)!ol_remove_tree(&f->env, "/instances", NULL);
    (void)!ol_remove_tree(&f->env, "/state", NULL);
    (void)!ol_remove_tree(&f->env, "/db", NULL);
    (void)!ol_remove_tree(&f->env, "/db-wal", NULL);
    (void)!ol_remove_tree(&f->env, "/db-shm", NULL);
    ol_env_done(&f->env);
    return rmdir(f->root);
}

void life_must(int r, const struct ol_err *err)
{
    if (r < 0)
        fail_msg("%s", ol_err_text(err));
}

void life_start(struct life *f)
{
    struct ol_err err = OL_ERR_INIT;

    life_must(manager_init_host(f->manager, &err), &err);
    life_must(manager_update_resources(f->manager, &err), &err);
}

struct nova_object *life_new_instance(struct life *f, const char *uuid)
{
    struct nova_object *i = nova_object_new(&f->arena, nova_release_find("zed"), "Instance");
    struct nova_object *cache =
        nova_object_new(&f->arena, nova_release_find("zed"), "InstanceInfoCache");
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(cache, "instance_uuid", uuid);
    nova_set_str(cache, "network_info", "[]");
    nova_set_object(i, "info_cache", cache);
    nova_set_str(i, "uuid", uuid);
    nova_set_str(i, "project_id", "p");
    nova_set_str(i, "display_name", "w");
    nova_set_str(i, "hostname", "w");
    nova_set_str(i, "image_ref", "");
    nova_set_str(i, "vm_state", VM_BUILDING);
    nova_set_str(i, "task_state", TASK_SCHEDULING);
    nova_set_int(i, "memory_mb", 512);
    nova_set_int(i, "vcpus", 1);
    nova_set_int(i, "root_gb", 1);
    nova_set_int(i, "ephemeral_gb", 0);
    nova_set_val(i, "metadata", ol_val_new_map(&f->arena));
    nova_set_val(i, "system_metadata", ol_val_new_map(&f->arena));
    life_must(conductor_create(f->conductor, &f->context, i, &err), &err);
    return i;
}

struct nova_object *life_stored(struct life *f, const char *uuid)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata", "fault", NULL};
    struct nova_object *i;
    struct ol_err err = OL_ERR_INIT;

    life_must(conductor_get_instance(f->conductor, &f->context, uuid, attrs, &f->arena, &i, &err),
              &err);
    return i;
}

void life_is_in(struct life *f, const char *uuid, const char *vm, const char *task,
                enum virt_power power)
{
    struct nova_object *i = life_stored(f, uuid);
    const char *own = nova_str(i, "task_state");

    assert_string_equal(nova_str(i, "vm_state"), vm);
    assert_string_equal(own ? own : "None", task ? task : "None");
    assert_int_equal(nova_int(i, "power_state", 99), power);
}

/* The API's action, then the method as it is cast to us. */
int life_call(struct life *f, const char *method, struct nova_object *i, struct ol_val *args,
              struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *action = ol_val_new_list(&f->arena);
    struct nova_object *none;
    struct work w = {.m = f->manager,
                     .arena = &f->arena,
                     .context = nova_context_admin(&f->arena, &f->env),
                     .instance = i,
                     .args = args ? args : ol_val_new_map(&f->arena)};

    ol_val_append(&f->arena, action, ol_val_new_str(&f->arena, nova_str(i, "uuid")));
    ol_val_append(&f->arena, action, ol_val_new_str(&f->arena, method));
    life_must(conductor_get(f->conductor, &w.context, "InstanceAction", "action_start", action,
                            NULL, &f->arena, &none, err),
              err);
    return method_run(&w, method_find(method), ret, err);
}

int life_run(struct life *f, const char *method, const char *uuid, const char *task,
             struct ol_err *err)
{
    struct nova_object *i = life_stored(f, uuid);
    struct ol_val *none = NULL;

    if (task) {
        nova_set_str(i, "task_state", task);
        life_must(conductor_save(f->conductor, &f->context, i, err), err);
    }
    return life_call(f, method, i, NULL, &none, err);
}

void life_build(struct life *f, const char *uuid)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *none = NULL;

    life_must(life_call(f, "build_and_run_instance", life_new_instance(f, uuid), NULL, &none, &err),
              &err);
}

struct nova_object *life_mappings(struct life *f, const char *uuid)
{
    struct work w = instance_work(f->manager, &f->arena, life_stored(f, uuid));
    struct nova_object *list = NULL;
    struct ol_err err = OL_ERR_INIT;

    life_must(instance_mappings(&w, &list, &err), &err);
    return list;
}
