/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/num.h"

const char *instance_uuid(const struct work *w)
{
    const char *uuid = w->instance ? nova_str(w->instance, "uuid") : NULL;

    return uuid ? uuid : "";
}

const struct ol_val *work_arg(const struct work *w, const char *name)
{
    const struct ol_val *v = ol_val_get(w->args, name);

    return ol_val_is(v, OL_VAL_NULL) ? NULL : v;
}

bool instance_is(const struct nova_object *instance, const char *field, const char *const *words)
{
    const char *text = nova_str(instance, field);

    for (; *words; words++)
        if (strcmp(text ? text : TASK_NONE, *words) == 0)
            return true;
    return false;
}

int instance_save(struct work *w, const char *const *expected, struct ol_err *err)
{
    return conductor_save_instance(w->m->conductor, &w->context, w->instance, expected, err);
}

enum virt_power instance_power(struct manager *m, const char *uuid)
{
    struct virt_info info = {.power = VIRT_NOSTATE};
    struct ol_err err = OL_ERR_INIT;

    if (m->driver->info(m->virt, uuid, &info, &err) < 0) {
        if (!nova_is(&err, NOVA_INSTANCE_NOT_FOUND))
            ol_warn(m->env, "instance %s: its power state cannot be told: %s", uuid,
                    ol_err_text(&err));
        return VIRT_NOSTATE;
    }
    return info.power;
}

int instance_settle(struct work *w, const char *vm_state, const char *const *expected,
                    struct ol_err *err)
{
    nova_set_int(w->instance, "power_state", instance_power(w->m, instance_uuid(w)));
    nova_set_str(w->instance, "vm_state", vm_state);
    nova_set_null(w->instance, "task_state");
    return instance_save(w, expected, err);
}

void instance_set_error(struct work *w, bool clean_task_state)
{
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(w->instance, "vm_state", VM_ERROR);
    if (clean_task_state)
        nova_set_null(w->instance, "task_state");
    if (instance_save(w, NULL, &err) >= 0)
        return;
    if (nova_is(&err, NOVA_INSTANCE_NOT_FOUND))
        ol_debug(w->m->env, "instance %s was destroyed before it could be set to error",
                 instance_uuid(w));
    else
        ol_error(w->m->env, "instance %s cannot be set to error: %s", instance_uuid(w),
                 ol_err_text(&err));
}

void instance_unset_host(struct work *w)
{
    static const char *const fields[] = {"host", "node", "launched_on", "availability_zone", NULL};

    for (const char *const *f = fields; *f; f++)
        nova_set_null(w->instance, *f);
}

const char *instance_directory(const struct work *w)
{
    return ol_arena_printf(w->arena, "%s/%s", w->m->config->instances_path, instance_uuid(w));
}

/* "08" of "%08x" or "%(id)08x": zeros and width of a number. */
static size_t read_width(const char *at, int *ret_width)
{
    size_t n = strspn(at, "0123456789");

    *ret_width = 0;
    for (size_t i = 0; i < n && *ret_width < 100; i++)
        *ret_width = *ret_width * 10 + (at[i] - '0');
    return n;
}

/* One directive of a Python format, 'at' behind its '%': the id in hex or decimal, or the uuid.
 * What is none of these is kept as it stands. Returns the bytes that it takes. */
static size_t add_directive(struct ol_buf *b, const char *at, int64_t id, const char *uuid)
{
    size_t n = strncmp(at, "(id)", 4) == 0 ? 4 : 0;
    int width;

    if (strncmp(at, "(uuid)s", 7) == 0) {
        ol_buf_adds(b, uuid);
        return 7;
    }
    n += read_width(at + n, &width);
    if (at[n] == 'x')
        ol_buf_printf(b, "%0*" PRIx64, width, id);
    else if (at[n] == 'd')
        ol_buf_printf(b, "%0*" PRId64, width, id);
    else {
        ol_buf_addc(b, '%');
        return 0;
    }
    return n + 1;
}

const char *instance_name(const struct work *w)
{
    const char *template = w->m->config->instance_name_template;
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(512);

    for (const char *p = template ? template : "instance-%08x"; *p;) {
        if (*p == '%')
            p += 1 + add_directive(&b, p + 1, nova_int(w->instance, "id", 0), instance_uuid(w));
        else
            ol_buf_addc(&b, *p++);
    }
    return ol_arena_strdup(w->arena, b.data);
}

int instance_mappings(struct work *w, struct nova_object **ret, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(w->arena);

    ol_val_append(w->arena, args, ol_val_new_str(w->arena, instance_uuid(w)));
    return conductor_get(w->m->conductor, &w->context, "BlockDeviceMappingList",
                         "get_by_instance_uuid", args, NULL, w->arena, ret, err);
}

int work_load(struct work *w, const char *argument, const char *class, struct nova_object **ret,
              struct ol_err *err)
{
    const struct ol_val *given = work_arg(w, argument);
    struct nova_object *o;
    int r;

    if (!given)
        return nova_fail(err, NOVA_VALUE, "argument '%s' is missing", argument);
    r = nova_object_adopt(w->arena, given, &o, err);
    if (r < 0)
        return ol_err_prefix(err, r, "argument '%s'", argument);
    if (strcmp(o->class->name, class) != 0)
        return nova_fail(err, NOVA_VALUE, "argument '%s' is a %s and no %s", argument,
                         o->class->name, class);
    *ret = o;
    return 0;
}

void instance_record_fault(struct work *w, const struct ol_err *why)
{
    struct ol_err err = OL_ERR_INIT;

    if (conductor_fault(w->m->conductor, &w->context, instance_uuid(w), w->m->config->host, why,
                        &err)
        < 0)
        ol_warn(w->m->env, "its fault was not recorded: %s", ol_err_text(&err));
}

void instance_drop_allocations(struct work *w)
{
    struct ol_err err = OL_ERR_INIT;

    if (cloud_has(w->m->cloud, CLOUD_PLACEMENT)
        && placement_delete_allocations(w->m->cloud, instance_uuid(w), &err) < 0)
        ol_warn(w->m->env, "its allocations were not deleted: %s", ol_err_text(&err));
}

int instance_note_action(struct work *w, const char *action, struct ol_err *err)
{
    struct ol_val *args = ol_val_new_list(w->arena), *kwargs = ol_val_new_map(w->arena);
    struct nova_object *none;

    ol_val_append(w->arena, args, ol_val_new_str(w->arena, instance_uuid(w)));
    ol_val_append(w->arena, args, ol_val_new_str(w->arena, action));
    ol_val_set_bool(w->arena, kwargs, "want_result", false);
    return conductor_get(w->m->conductor, &w->context, "InstanceAction", "action_start", args,
                         kwargs, w->arena, &none, err);
}

struct work instance_work(struct manager *m, struct ol_arena *a, struct nova_object *instance)
{
    return (struct work){
        .m = m,
        .arena = a,
        .context = nova_context_admin(a, m->env),
        .instance = instance,
        .args = ol_val_new_map(a),
        .method = "",
    };
}

/* The scheduler reads a list, even of one (nova's client makes it so). */
static struct ol_val *list_of_one(struct work *w)
{
    struct nova_object *list = nova_object_new(w->arena, w->m->parts.release, "InstanceList");
    struct ol_val *objects = ol_val_new_list(w->arena);

    ol_val_append(w->arena, objects, nova_object_dump(w->instance));
    nova_set_val(list, "objects", objects);
    return nova_object_dump(list);
}

void instance_tell_scheduler(struct work *w, bool is_deleted)
{
    static const struct rpc_target scheduler = {
        .topic = "scheduler", .version = "4.2", .is_fanout = true};
    struct ol_val *args = ol_val_new_map(w->arena);
    struct rpc_message m = {is_deleted ? "delete_instance_info" : "update_instance_info", args};
    struct ol_err err = OL_ERR_INIT;

    /* Large clouds spare the bus. */
    if (!w->m->config->track_instance_changes)
        return;
    ol_val_set_str(w->arena, args, "host_name", w->m->config->host);
    if (is_deleted)
        ol_val_set_str(w->arena, args, "instance_uuid", instance_uuid(w));
    else
        ol_val_set(w->arena, args, "instance_info", list_of_one(w));
    if (w->m->conductor->ops->cast(w->m->conductor, &w->context, &scheduler, &m, &err) < 0)
        ol_warn(w->m->env, "the scheduler was not told of instance %s: %s", instance_uuid(w),
                ol_err_text(&err));
}
