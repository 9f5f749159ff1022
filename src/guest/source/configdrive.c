/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/source/device.h"
#include "guest/source/mount.h"
#include "guest/source/openstack.h"
#include "guest/source/source-internal.h"

/* Directories that stand for a drive. 0 and *ret_place when one is, -ENODATA when none is. */
static int look_at_dirs(struct guest *g, struct openstack_data *ret, const char **ret_place,
                        struct ol_err *err)
{
    const char *const dirs[] = {guest_cloud_path(g, "seed/config_drive"), "/config-drive"};

    for (size_t i = 0; i < ol_count(dirs); i++) {
        struct source_files files = source_files_dir(g->env, dirs[i]);
        int r;

        if (!ol_is_dir(g->env, dirs[i]))
            continue;
        r = openstack_read(g, &files, ret, err);
        if (r == -ENODATA) {
            ol_warn(g->env, "Failed reading config drive from %s: %s", dirs[i], ol_err_text(err));
            continue;
        }
        if (r >= 0)
            *ret_place = dirs[i];
        return r;
    }
    return -ENODATA;
}

static int read_drive(struct guest *g, const struct source_files *files, void *ctx,
                      struct ol_err *err)
{
    return openstack_read(g, files, ctx, err);
}

/* It says that it is one, so what is missing on it was left out by mistake. */
static bool has_drive_label(const struct source_device *d)
{
    return ol_str_eq_nocase(d->label, "config-2");
}

static int look_at_devices(struct guest *g, struct openstack_data *ret, const char **ret_place,
                           struct ol_err *err)
{
    struct source_devices all = {0}, devices = {0};
    const char *last = NULL;

    source_devices_scan(g, &all);
    source_devices_for_configdrive(&all, g, &devices);
    for (size_t i = 0; i < devices.n; i++) {
        const struct source_device *d = &devices.items[i];
        struct ol_err why = OL_ERR_INIT;
        int r = source_with_device(g, d, read_drive, ret, &why);

        if (r >= 0) {
            *ret_place = d->path;
            return 0;
        }
        last = ol_arena_strdup(g->arena, ol_err_text(&why));
        if (r == -EINVAL || r == -EFBIG)
            ol_warn(g->env, "Broken config drive: %s: %s", d->path, last);
        else
            ol_log(g->env, has_drive_label(d) ? OL_LOG_WARNING : OL_LOG_DEBUG,
                   "%s is not a config drive: %s", d->path, last);
    }
    if (last)
        return ol_err_set(err, ENODATA, "no config drive: %s", last);
    return ol_err_set(err, ENODATA, "neither a seed directory nor a vfat or iso9660 disk is there");
}

/* Nova's "inject files": only when this is not the instance of the last boot. */
static void write_files(struct guest *g, const struct openstack_data *data)
{
    if (ol_val_count(data->files))
        ol_debug(g->env, "Writing %zu injected files", ol_val_count(data->files));
    for (size_t i = 0; i < ol_val_count(data->files); i++) {
        const struct ol_pair *pair = ol_val_pair(data->files, i);
        const char *path = ol_val_str(pair->key);
        struct ol_err err = OL_ERR_INIT;

        if (path[0] != '/')
            path = ol_arena_printf(g->arena, "/%s", path);
        if (ol_file_write(g->env, path, pair->value->str.data, pair->value->str.len, 0660,
                          OL_WRITE_PARENTS, &err)
            < 0)
            ol_warn(g->env, "Failed writing file: %s: %s", path, ol_err_text(&err));
    }
}

static bool is_known_instance(struct guest *g, const char *iid)
{
    ol_autofree char *before = ol_file_read_line(g->env, guest_cloud_path(g, "data/instance-id"));

    return before && !strcmp(before, iid);
}

static void set_vendordata(struct guest *g, struct ol_val *doc, const char *key,
                           const struct ol_val *given, const char *name)
{
    const struct ol_val *v = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (openstack_vendordata(given, &v, &err) < 0)
        ol_warn(g->env, "Invalid content in %s: %s", name, ol_err_text(&err));
    ol_val_set(g->arena, doc, key, v ? ol_val_copy(g->arena, v) : ol_val_new_null(g->arena));
}

static void set_or_null(struct guest *g, struct ol_val *doc, const char *key, struct ol_val *v)
{
    ol_val_set(g->arena, doc, key, v ? v : ol_val_new_null(g->arena));
}

static void set_data(struct guest *g, struct ol_val *doc, const struct openstack_data *data)
{
    ol_val_set(g->arena, doc, "userdata_raw",
               data->userdata ? data->userdata : ol_val_new_str(g->arena, ""));
    set_vendordata(g, doc, "vendordata_raw", data->vendordata, "vendor-data");
    set_vendordata(g, doc, "vendordata2_raw", data->vendordata2, "vendor-data2");
    set_or_null(g, doc, "network_json", data->networkdata);
    set_or_null(g, doc, "ec2_metadata", data->ec2_metadata);
    if (data->network_eni)
        ol_val_set(g->arena, doc, "network_eni", data->network_eni);
    ol_val_set_int(g->arena, doc, "version", data->version);
}

static int fill(struct guest *g, const struct openstack_data *data, const char *place,
                struct ol_val *doc, struct ol_err *err)
{
    const struct ol_val *modes[] = {data->dsmode,
                                    ol_val_get(source_cfg(g, "ConfigDrive"), "dsmode")};
    struct ol_val *defaults = ol_val_new_map(g->arena);
    struct source_facts facts = {
        .name = "ConfigDrive",
        .platform = "configdrive",
        .cloud_name = "configdrive",
    };
    int r;

    ol_val_set_str(g->arena, defaults, "instance-id", "iid-dsconfigdrive");
    facts.metadata = source_complete(g, data->metadata, defaults);
    facts.dsmode = source_dsmode(g, modes, ol_count(modes));
    facts.subplatform = source_subplatform(g, place);
    facts.description = ol_arena_printf(g->arena, "DataSourceConfigDrive [%s,ver=%d][source=%s]",
                                        facts.dsmode, data->version, place);
    if (!strcmp(facts.dsmode, "disabled"))
        return ol_err_set(err, ENODATA, "not claimed, dsmode=disabled");
    r = source_fill(g, &facts, doc, err);
    if (r < 0)
        return r;
    set_data(g, doc, data);
    return 0;
}

static int configdrive_fetch(struct guest *g, unsigned have, struct ol_val *doc, struct ol_err *err)
{
    struct ol_err local = OL_ERR_INIT;
    struct openstack_data data = {0};
    const char *place = NULL;
    int r = look_at_dirs(g, &data, &place, &local);

    if (r == -ENODATA)
        r = look_at_devices(g, &data, &place, &local);
    if (r >= 0)
        r = fill(g, &data, place, doc, &local);
    if (r < 0) {
        if (err)
            *err = local;
        return r;
    }
    if (!is_known_instance(g, ol_val_str(ol_val_get(doc, "instance_id"))))
        write_files(g, &data);
    return 0;
}

static const unsigned configdrive_needs[] = {SOURCE_NEEDS_DISK, 0};
static const char *const configdrive_classes[] = {"DataSourceConfigDrive", NULL};

const struct source source_configdrive = {
    .name = "ConfigDrive",
    .needs = configdrive_needs,
    .classes = configdrive_classes,
    .fetch = configdrive_fetch,
    .is_same_instance = source_iid_is_uuid,
};
