/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/config-drive.h"

#include <errno.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/metadata.h"
#include "core/cleanup.h"

enum {
    MAX_FILES = 256,
    MAX_TEXT = 16 << 20, /* bytes of one JSON document, and of one injected file */
};

/* The versions that nova 26 writes, and what each has more than the one before. */
static const struct {
    const char *name;
    unsigned has; /* enum metadata_part */
} versions[] = {
    {"2012-08-10", 0},
    {"2013-04-04", METADATA_SEED},
    {"2013-10-17", METADATA_VENDOR},
    {"2015-10-15", METADATA_PROJECT | METADATA_NETWORK},
    {"2016-06-30", METADATA_DEVICES},
    {"2016-10-06", METADATA_VENDOR2},
    {"2017-02-22", METADATA_VLAN},
    {"2018-08-27", METADATA_TRUST},
    {"2020-10-14", METADATA_CPUS},
    {"latest", 0},
};

/* [api]config_drive_skip_versions leaves out the older ones. */
static const char *const ec2_versions[] = {"2009-04-04", "latest"};

struct drive {
    const struct config_drive *in;
    struct ol_arena *a;
    struct config_drive_files *out;
    size_t cap;
    const struct ol_val *vendor;
    int failed; /* first -errno */
};

static void add_file(struct drive *d, const char *path, const void *data, size_t size)
{
    struct config_drive_files *f = d->out;

    if (f->n == MAX_FILES) {
        d->failed = d->failed ? d->failed : -EFBIG;
        return;
    }
    if (f->n == d->cap) {
        size_t was = d->cap * sizeof(*f->files);

        d->cap = d->cap ? 2 * d->cap : 32;
        f->files = ol_arena_grow(d->a, f->files, was, d->cap * sizeof(*f->files));
    }
    f->files[f->n++] = (struct ol_iso9660_file){.path = path, .data = data, .size = size};
}

static void add_json(struct drive *d, const char *path, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MAX_TEXT);
    int r = ol_json_dump(v, &ol_json_python, &text);

    if (r < 0)
        d->failed = d->failed ? d->failed : r;
    else
        add_file(d, path, ol_arena_memdup(d->a, text.data, text.len), text.len);
}

static void add_ec2(struct drive *d)
{
    struct ol_val *meta = metadata_ec2(d->a, d->in);

    for (size_t i = 0; i < ol_count(ec2_versions); i++) {
        const char *at = ol_arena_printf(d->a, "ec2/%s", ec2_versions[i]);

        if (d->in->user_data_size)
            add_file(d, ol_arena_printf(d->a, "%s/user-data", at), d->in->user_data,
                     d->in->user_data_size);
        add_json(d, ol_arena_printf(d->a, "%s/meta-data.json", at), meta);
    }
}

static void add_version(struct drive *d, const char *name, unsigned has)
{
    const char *at = ol_arena_printf(d->a, "openstack/%s", name);
    struct ol_val *vendor2 = ol_val_new_map(d->a);

    ol_val_set(d->a, vendor2, "static", ol_val_copy(d->a, d->vendor));
    add_json(d, ol_arena_printf(d->a, "%s/meta_data.json", at),
             metadata_openstack(d->a, d->in, has));
    if (d->in->user_data_size)
        add_file(d, ol_arena_printf(d->a, "%s/user_data", at), d->in->user_data,
                 d->in->user_data_size);
    if (has & METADATA_VENDOR)
        add_json(d, ol_arena_printf(d->a, "%s/vendor_data.json", at), d->vendor);
    if (has & METADATA_NETWORK)
        add_json(d, ol_arena_printf(d->a, "%s/network_data.json", at),
                 config_drive_network_data(d->a, d->in->network_info));
    if (has & METADATA_VENDOR2)
        add_json(d, ol_arena_printf(d->a, "%s/vendor_data2.json", at), vendor2);
}

static void add_content(struct drive *d)
{
    for (size_t i = 0; i < ol_val_count(d->in->files); i++) {
        const struct ol_val *text = ol_val_item(ol_val_item(d->in->files, i), 1);

        if (ol_val_is(text, OL_VAL_STR) || ol_val_is(text, OL_VAL_BYTES))
            add_file(d, ol_arena_printf(d->a, "openstack/content/%04zu", i), text->str.data,
                     text->str.len);
        else
            d->failed = d->failed ? d->failed : -EINVAL;
    }
}

int config_drive_files(const struct config_drive *in, struct ol_arena *a,
                       struct config_drive_files *ret, struct ol_err *err)
{
    struct config_drive_files files = {.files = NULL};
    struct drive d = {.in = in, .a = a, .out = &files, .vendor = ol_val_new_map(a)};
    unsigned has = 0;

    if (in->vendor_data) {
        struct ol_val *v = NULL;
        int r = ol_json_load(in->vendor_data, strlen(in->vendor_data), a, &v, err);

        if (r < 0)
            return ol_err_prefix(err, r, "vendor data of the config drive");
        d.vendor = v;
    }
    add_ec2(&d);
    for (size_t i = 0; i < ol_count(versions); i++) {
        has |= versions[i].has;
        add_version(&d, versions[i].name, has);
    }
    add_content(&d);
    if (d.failed)
        return ol_err_set(err, -d.failed, "config drive of %s: %s", in->uuid, strerror(-d.failed));
    if (ol_arena_is_over(a))
        return ol_err_set(err, EFBIG, "config drive of %s: too large", in->uuid);
    *ret = files;
    return 0;
}
