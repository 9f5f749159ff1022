/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/manager/drive-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "compute/base/exception.h"
#include "core/file.h"

enum { MAX_USER_DATA = 1 << 20, MAX_VENDOR_DATA = 1 << 20, SEED_BYTES = 512 };

static const char *image_property(const struct work *w, const char *name)
{
    const char *key = ol_arena_printf(w->arena, "image_%s", name);

    return ol_val_str(ol_val_get(nova_val(w->instance, "system_metadata"), key));
}

/* nova.virt.configdrive.required_by() */
bool drive_is_wanted(const struct work *w)
{
    const char *image = image_property(w, "img_config_drive");
    const char *own = nova_str(w->instance, "config_drive");

    return (own && *own) || w->m->config->force_config_drive
           || (image && strcmp(image, "mandatory") == 0);
}

static int decode_user_data(const struct work *w, struct ol_buf *to, struct ol_err *err)
{
    const char *text = nova_str(w->instance, "user_data");

    if (text && ol_base64_decode(text, strlen(text), 0, to, err) < 0)
        return nova_fail(err, NOVA_BUILD_ABORT, "user data of instance %s is not base64",
                         instance_uuid(w));
    return 0;
}

static const struct ol_val *key_pairs(const struct work *w)
{
    const struct nova_object *list = nova_child(w->instance, "keypairs");
    struct ol_val *keys = ol_val_new_list(w->arena);

    for (size_t i = 0; i < nova_list_count(list); i++) {
        const struct nova_object *pair = nova_list_item(list, i);
        struct ol_val *key = ol_val_new_map(w->arena);

        ol_val_set_str(w->arena, key, "name", nova_str(pair, "name"));
        ol_val_set_str(w->arena, key, "type", nova_str(pair, "type"));
        ol_val_set_str(w->arena, key, "data", nova_str(pair, "public_key"));
        ol_val_append(w->arena, keys, key);
    }
    return keys;
}

static const char *random_seed(struct work *w)
{
    unsigned char seed[SEED_BYTES];
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 * SEED_BYTES);

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return NULL;
    ol_base64_encode(seed, sizeof(seed), 0, &text);
    return ol_arena_strdup(w->arena, text.data);
}

static const char *host_name(const struct work *w)
{
    const char *name = nova_str(w->instance, "hostname"), *domain = w->m->config->dhcp_domain;

    if (!name || !domain || !*domain || strchr(name, '.'))
        return name;
    return ol_arena_printf(w->arena, "%s.%s", name, domain);
}

static void fill_identity(struct work *w, struct config_drive *d)
{
    const struct nova_object *ec2 = nova_child(w->instance, "ec2_ids");
    const struct nova_object *flavor = nova_child(w->instance, "flavor");

    d->uuid = instance_uuid(w);
    d->name = nova_str(w->instance, "display_name");
    d->hostname = host_name(w);
    d->project_id = nova_str(w->instance, "project_id");
    d->availability_zone = nova_str(w->instance, "availability_zone");
    d->launch_index = nova_int(w->instance, "launch_index", 0);
    d->meta = nova_val(w->instance, "metadata");
    d->keys = key_pairs(w);
    d->instance_type = flavor ? nova_str(flavor, "name") : NULL;
    d->ec2_instance_id = ec2 ? nova_str(ec2, "instance_id") : NULL;
    d->ec2_ami_id = ec2 ? nova_str(ec2, "ami_id") : NULL;
    d->kernel_id = ec2 ? nova_str(ec2, "kernel_id") : NULL;
    d->ramdisk_id = ec2 ? nova_str(ec2, "ramdisk_id") : NULL;
    d->reservation_id = nova_str(w->instance, "reservation_id");
    d->root_device_name = nova_str(w->instance, "root_device_name");
}

static const char *drive_path(const struct work *w)
{
    return ol_arena_printf(w->arena, "%s/disk.config", instance_directory(w));
}

/* [api]vendordata_jsonfile_path. One that cannot be read is none, as in nova. */
static const char *vendor_data(const struct work *w, struct ol_buf *text)
{
    const char *path = w->m->config->vendordata_jsonfile_path;
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v;

    if (!path || !*path)
        return NULL;
    if (ol_file_read(w->m->env, path, text, &err) >= 0
        && ol_json_load(text->data, text->len, w->arena, &v, &err) >= 0)
        return text->data;
    ol_warn(w->m->env, "vendor data '%s': %s", path, ol_err_text(&err));
    return NULL;
}

int drive_need(struct work *w, const struct nova_object *mappings,
               const struct ol_val *network_info, struct ol_err *err)
{
    if (ol_exists(w->m->env, drive_path(w)) || !ol_is_dir(w->m->env, instance_directory(w)))
        return 0;
    ol_info(w->m->env, "instance %s: its config drive is missing and made again", instance_uuid(w));
    return drive_make(w, mappings, network_info, err);
}

int drive_make(struct work *w, const struct nova_object *mappings,
               const struct ol_val *network_info, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf vendor = OL_BUF_INIT(MAX_VENDOR_DATA);
    ol_auto(ol_buf_done) struct ol_buf user_data = OL_BUF_INIT(MAX_USER_DATA);
    struct config_drive d = {
        .network_info = network_info,
        .files = work_arg(w, "injected_files"),
        .admin_password = ol_val_str(work_arg(w, "admin_password")),
        .random_seed = random_seed(w),
        .vendor_data = vendor_data(w, &vendor),
        .devices = drive_devices(w, mappings, network_info),
        .mappings = drive_mappings(w, mappings),
        .security_groups = drive_security_groups(w, network_info),
        .created = ol_now_wall(w->m->env) / OL_SECOND,
    };
    const char *format = w->m->config->config_drive_format;
    int r = decode_user_data(w, &user_data, err);

    if (r < 0)
        return r;
    fill_identity(w, &d);
    d.user_data = user_data.data;
    d.user_data_size = user_data.len;
    return config_drive_write(w->m->env, &d, format ? format : "iso9660", drive_path(w), err);
}
