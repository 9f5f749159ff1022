/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/base64.h"
#include "compute/base/exception.h"
#include "compute/standalone/standalone-internal.h"

/* A new instance: its rows, then the cast to this host. */

enum { MAX_USER_DATA = 64 << 10 /* nova's limit is 65535 bytes of base64 */ };

struct order {
    const char *name, *image, *user_data, *key, *key_name, *networks;
    int64_t memory_mb, vcpus, root_gb;
};

static int64_t number(const struct ol_val *args, const char *name, int64_t fallback)
{
    return ol_val_int(ol_val_get(args, name), fallback);
}

static const char *text(const struct ol_val *args, const char *name)
{
    return ol_val_str(ol_val_get(args, name));
}

static int take_order(const struct ol_val *args, struct order *o, struct ol_err *err)
{
    *o = (struct order){
        .name = text(args, "name"),
        .image = text(args, "image"),
        .user_data = text(args, "user_data"),
        .key = text(args, "key"),
        .key_name = text(args, "key_name"),
        .networks = text(args, "networks"),
        .memory_mb = number(args, "memory_mb", 512),
        .vcpus = number(args, "vcpus", 1),
        .root_gb = number(args, "root_gb", 0),
    };
    if (!o->name || !*o->name)
        return nova_fail(err, NOVA_VALUE, "an instance needs a name");
    if (!o->image || !*o->image)
        return nova_fail(err, NOVA_VALUE, "an instance needs an image");
    if (o->memory_mb < 1 || o->vcpus < 1 || o->root_gb < 0)
        return nova_fail(err, NOVA_VALUE,
                         "memory and processors are at least 1, a disk at least 0");
    if (o->user_data && strlen(o->user_data) > MAX_USER_DATA)
        return nova_fail(err, NOVA_VALUE, "user data is longer than %d bytes", MAX_USER_DATA);
    return 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A host name out of any name: letters, digits and dashes, as nova sanitises it. */
static const char *host_name(struct ol_arena *a, const char *name)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64);

    for (const char *p = name; *p && b.len < 63; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;

        if (is_name_char(c))
            ol_buf_addc(&b, c);
        else if (b.len && strchr("- _.", c))
            ol_buf_addc(&b, '-');
    }
    while (b.len && b.data[b.len - 1] == '-')
        ol_buf_truncate(&b, b.len - 1);
    return b.len ? ol_arena_strdup(a, b.data) : "instance";
}

static struct nova_object *make_flavor(struct rpc_request *q, const struct order *o)
{
    const struct standalone *s = q->service;
    struct nova_object *f = nova_object_new(q->arena, s->parts.release, "Flavor");

    nova_set_str(f, "name",
                 ol_arena_printf(q->arena, "%lldc-%lldm-%lldg", (long long)o->vcpus,
                                 (long long)o->memory_mb, (long long)o->root_gb));
    nova_set_int(f, "memory_mb", o->memory_mb);
    nova_set_int(f, "vcpus", o->vcpus);
    nova_set_int(f, "root_gb", o->root_gb);
    nova_set_int(f, "ephemeral_gb", 0);
    nova_set_int(f, "swap", 0);
    return f;
}

static void set_key(struct rpc_request *q, struct nova_object *i, const struct order *o)
{
    const struct standalone *s = q->service;
    struct nova_object *list, *pair;
    struct ol_val *objects = ol_val_new_list(q->arena);

    if (!o->key)
        return;
    pair = nova_object_new(q->arena, s->parts.release, "KeyPair");
    nova_set_str(pair, "name", o->key_name ? o->key_name : "default");
    nova_set_str(pair, "type", "ssh");
    nova_set_str(pair, "public_key", o->key);
    ol_val_append(q->arena, objects, nova_object_dump(pair));
    list = nova_object_new(q->arena, s->parts.release, "KeyPairList");
    nova_set_val(list, "objects", objects);
    nova_set_object(i, "keypairs", list);
    nova_set_str(i, "key_name", o->key_name ? o->key_name : "default");
    nova_set_str(i, "key_data", o->key);
}

static void set_user_data(struct rpc_request *q, struct nova_object *i, const struct order *o)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(2 * MAX_USER_DATA);

    if (!o->user_data)
        return;
    ol_base64_encode(o->user_data, strlen(o->user_data), 0, &b);
    nova_set_str(i, "user_data", b.data);
}

static struct nova_object *make_instance(struct rpc_request *q, const struct order *o)
{
    const struct standalone *s = q->service;
    struct nova_object *i = nova_object_new(q->arena, s->parts.release, "Instance");
    struct nova_object *cache = nova_object_new(q->arena, s->parts.release, "InstanceInfoCache");
    char uuid[37];

    nova_uuid(uuid);
    nova_set_str(cache, "instance_uuid", uuid);
    nova_set_str(cache, "network_info", "[]");
    nova_set_object(i, "info_cache", cache);
    nova_set_str(i, "uuid", uuid);
    nova_set_str(i, "display_name", o->name);
    nova_set_str(i, "hostname", host_name(q->arena, o->name));
    nova_set_str(i, "image_ref", o->image);
    nova_set_str(i, "project_id", "orlop");
    nova_set_str(i, "user_id", "orlop");
    nova_set_str(i, "vm_state", "building");
    nova_set_str(i, "task_state", "scheduling");
    nova_set_str(i, "availability_zone", "nova");
    nova_set_str(i, "config_drive", "True");
    nova_set_int(i, "launch_index", 0);
    nova_set_int(i, "power_state", 0);
    nova_set_int(i, "memory_mb", o->memory_mb);
    nova_set_int(i, "vcpus", o->vcpus);
    nova_set_int(i, "root_gb", o->root_gb);
    nova_set_int(i, "ephemeral_gb", 0);
    nova_set_val(i, "metadata", ol_val_new_map(q->arena));
    nova_set_val(i, "system_metadata", ol_val_new_map(q->arena));
    nova_set_object(i, "flavor", make_flavor(q, o));
    set_key(q, i, o);
    set_user_data(q, i, o);
    return i;
}

static int create_mapping(struct rpc_request *q, const struct nova_object *instance,
                          const struct order *o, struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct nova_object *bdm = nova_object_new(q->arena, s->parts.release, "BlockDeviceMapping");

    nova_set_str(bdm, "instance_uuid", nova_str(instance, "uuid"));
    nova_set_str(bdm, "source_type", "image");
    nova_set_str(bdm, "destination_type", "local");
    nova_set_str(bdm, "device_type", "disk");
    nova_set_str(bdm, "image_id", o->image);
    nova_set_int(bdm, "boot_index", 0);
    nova_set_bool(bdm, "delete_on_termination", true);
    nova_set_bool(bdm, "no_device", false);
    nova_set_null(bdm, "device_name");
    return conductor_create(s->parts.conductor, &q->context, bdm, err);
}

/* "none", as nova's API hands it on; nothing = what the host's option says. */
static struct ol_val *requested_networks(struct rpc_request *q, const struct order *o)
{
    const struct standalone *s = q->service;
    struct nova_object *list = nova_object_new(q->arena, s->parts.release, "NetworkRequestList");
    struct ol_val *objects = ol_val_new_list(q->arena);

    if (o->networks && strcmp(o->networks, "none") == 0) {
        struct nova_object *none = nova_object_new(q->arena, s->parts.release, "NetworkRequest");

        nova_set_str(none, "network_id", "none");
        ol_val_append(q->arena, objects, nova_object_dump(none));
    }
    nova_set_val(list, "objects", objects);
    return nova_object_dump(list);
}

static struct ol_val *build_arguments(struct rpc_request *q, const struct nova_object *instance,
                                      const struct order *o)
{
    static const char *const nothing[] = {"request_spec", "admin_password", "node",
                                          "block_device_mapping", NULL};
    static const char *const maps[] = {"image", "filter_properties", "limits", NULL};
    static const char *const lists[] = {"injected_files", "security_groups", "host_list",
                                        "accel_uuids", NULL};
    struct ol_val *args = ol_val_new_map(q->arena);

    ol_val_set(q->arena, args, "instance", nova_object_dump(instance));
    ol_val_set(q->arena, args, "requested_networks", requested_networks(q, o));
    for (const char *const *n = nothing; *n; n++)
        ol_val_set(q->arena, args, *n, ol_val_new_null(q->arena));
    for (const char *const *n = maps; *n; n++)
        ol_val_set(q->arena, args, *n, ol_val_new_map(q->arena));
    for (const char *const *n = lists; *n; n++)
        ol_val_set(q->arena, args, *n, ol_val_new_list(q->arena));
    return args;
}

/* Names are one to one here, so that a command can be given again after a crash without a second
 * machine. */
static int check_free(struct rpc_request *q, const char *name, struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct nova_object *list;
    int r = conductor_show(s->parts.conductor, LOCAL_SHOW_INSTANCES, NULL, q->arena, &list, err);

    for (size_t i = 0; r >= 0 && i < nova_list_count(list); i++) {
        const char *own = nova_str(nova_list_item(list, i), "display_name");

        if (own && strcmp(own, name) == 0)
            return nova_fail(err, NOVA_VALUE, "there is an instance '%s' already", name);
    }
    return r;
}

static int begin_build(struct rpc_request *q, const struct nova_object *instance,
                       const struct order *o, struct ol_err *err)
{
    const struct standalone *s = q->service;
    int r = create_mapping(q, instance, o, err);

    if (r >= 0)
        r = standalone_note_action(q, nova_str(instance, "uuid"), "create", err);
    if (r >= 0)
        r = standalone_cast(q, s->parts.config->host, "build_and_run_instance",
                            build_arguments(q, instance, o), err);
    return r;
}

int standalone_create(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    const struct standalone *s = q->service;
    struct nova_object *instance;
    struct order o;
    int r = take_order(q->args, &o, err);

    if (r >= 0)
        r = check_free(q, o.name, err);
    if (r < 0)
        return r;
    instance = make_instance(q, &o);
    r = conductor_create(s->parts.conductor, &q->context, instance, err);
    if (r < 0)
        return r;
    r = begin_build(q, instance, &o, err);
    if (r < 0) {
        /* Nobody will build it: its name is free again. */
        (void)!conductor_destroy(s->parts.conductor, &q->context, instance, NULL);
        return r;
    }
    *ret = standalone_row(q->arena, instance);
    return 0;
}
