/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/openstack.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/strv.h"
#include "guest/source/source-internal.h"

/* Metadata versions of nova/api/metadata/base.py that are read, the newest first. */
static const char *const versions[] = {
    "2018-08-27", "2017-02-22", "2016-10-06", "2016-06-30",
    "2015-10-15", "2013-10-17", "2013-04-04", "2012-08-10",
};

/* One reading: where from and where to. */
struct reader {
    struct guest *g;
    const struct source_files *files;
    struct openstack_data *to;
    const char *version; /* directory below openstack/ */
};

static const char *pick_version(const struct reader *rd)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    struct ol_err err = OL_ERR_INIT;
    const char *picked = "latest";

    if (source_files_list(rd->files, "openstack", &names, &err) < 0)
        ol_debug(rd->g->env, "Unable to read openstack versions from %s due to: %s",
                 rd->files->base, ol_err_text(&err));
    for (size_t i = 0; i < ol_count(versions); i++) {
        if (!ol_strv_has(&names, versions[i]))
            continue;
        picked = versions[i];
        break;
    }
    ol_debug(rd->g->env, "Selected version '%s' from %s", picked, rd->files->base);
    return picked;
}

/* Bits of 'types' */
enum json_type {
    JSON_MAP = 1 << 0,
    JSON_ANY = 1 << 1, /* map, list or text */
};

static bool is_type(const struct ol_val *v, unsigned types)
{
    if (ol_val_is(v, OL_VAL_MAP))
        return true;
    return (types & JSON_ANY) && (ol_val_is(v, OL_VAL_LIST) || ol_val_is(v, OL_VAL_STR));
}

static int parse_json(const struct reader *rd, const char *path, const struct ol_val *text,
                      unsigned types, struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *v = NULL;
    int r = ol_json_load(text->str.data, text->str.len, rd->g->arena, &v, err);

    if (r < 0)
        return ol_err_prefix(err, r, "Failed to process path %s/%s", rd->files->base, path);
    if (!is_type(v, types))
        return ol_err_set(err, EINVAL, "Failed to process path %s/%s: it holds a %s, not a %s",
                          rd->files->base, path, ol_val_type_name(v),
                          types & JSON_ANY ? "dict, list or str" : "dict");
    *ret = v;
    return 0;
}

/* The file as JSON; *ret stays NULL when there is none. */
static int read_json(const struct reader *rd, const char *path, unsigned types, struct ol_val **ret,
                     struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT;
    struct ol_val *text = NULL;
    int r = source_read(rd->files, path, rd->g->arena, &text, &why);

    if (r == -EFBIG)
        return ol_err_set(err, EINVAL, "Failed to process path %s/%s: %s", rd->files->base, path,
                          ol_err_text(&why));
    if (r < 0) {
        ol_debug(rd->g->env, "Failed reading path %s/%s due to: %s", rd->files->base, path,
                 ol_err_text(&why));
        return 0;
    }
    return parse_json(rd, path, text, types, ret, err);
}

static const char *version_path(const struct reader *rd, const char *name)
{
    return ol_arena_printf(rd->g->arena, "openstack/%s/%s", rd->version, name);
}

/* The drive's content that an item of "files" or "network_config" points to. */
static int read_content(const struct reader *rd, const struct ol_val *item, struct ol_val **ret,
                        struct ol_err *err)
{
    const char *given = ol_val_str(ol_val_get(item, "content_path"));
    ol_auto(ol_strv_done) struct ol_strv pieces = OL_STRV_INIT;
    ol_autofree char *path = NULL;

    ol_strv_split(&pieces, given ? given : "", "/");
    if (!pieces.n)
        return ol_err_set(err, EINVAL, "Item %s has no valid content path",
                          ol_val_to_repr(rd->g->arena, item));
    if (ol_strv_has(&pieces, ".."))
        return ol_err_set(err, EINVAL, "content path '%s' leads out of the drive", given);
    path = ol_strv_join(&pieces, "/");
    return source_read(rd->files, ol_arena_printf(rd->g->arena, "openstack/%s", path), rd->g->arena,
                       ret, err);
}

/* What an instance can do without is told and left out: without its keys and its user-data,
 * which are as good as ever, nobody could get in and mend it. */
static void do_without(const struct reader *rd, int r, const struct ol_err *why)
{
    if (r < 0)
        ol_warn(rd->g->env, "%s; it is left out", ol_err_text(why));
}

static void read_files(const struct reader *rd)
{
    const struct ol_val *list = ol_val_get(rd->to->metadata, "files");

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *item = ol_val_item(list, i);
        const char *path = ol_val_str(ol_val_get(item, "path"));
        struct ol_val *content = NULL;
        struct ol_err why = OL_ERR_INIT;
        int r;

        if (!path || !*path)
            continue;
        r = read_content(rd, item, &content, &why);
        if (r == 0)
            ol_val_set(rd->g->arena, rd->to->files, path, content);
        else
            do_without(rd, ol_err_prefix(&why, r, "Failed to read provided file %s", path), &why);
    }
}

static int decode_seed(const struct reader *rd, struct ol_err *err)
{
    const struct ol_val *seed = ol_val_get(rd->to->metadata, "random_seed");
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(SOURCE_FILE_MAX);
    const char *text = ol_val_str(seed);
    int r;

    if (!seed)
        return 0;
    if (!text)
        return ol_err_set(err, EINVAL, "Badly formatted metadata random_seed entry: a %s",
                          ol_val_type_name(seed));
    r = ol_base64_decode(text, strlen(text), 0, &b, err);
    if (r < 0)
        return ol_err_prefix(err, r, "Badly formatted metadata random_seed entry");
    ol_val_set(rd->g->arena, rd->to->metadata, "random_seed",
               ol_val_new_bytes(rd->g->arena, b.data, b.len));
    return 0;
}

static int read_eni(const struct reader *rd, struct ol_err *err)
{
    const struct ol_val *item = ol_val_get(rd->to->metadata, "network_config");
    int r;

    if (!ol_val_is_truthy(item))
        return 0;
    r = read_content(rd, item, &rd->to->network_eni, err);
    return r < 0 ? ol_err_prefix(err, r, "Failed to read network configuration") : 0;
}

/* Nova's names to those that the rest of cloud-init uses. */
static int copy_names(const struct reader *rd, struct ol_err *err)
{
    struct ol_val *md = rd->to->metadata;
    const struct ol_val *uuid = ol_val_get(md, "uuid"), *hostname = ol_val_get(md, "hostname");

    if (hostname)
        ol_val_set(rd->g->arena, md, "local-hostname", ol_val_copy(rd->g->arena, hostname));
    if (!uuid)
        return ol_err_set(err, EINVAL, "No 'uuid' entry in metadata (%s/%s)", rd->files->base,
                          version_path(rd, "meta_data.json"));
    ol_val_set(rd->g->arena, md, "instance-id", ol_val_copy(rd->g->arena, uuid));
    return 0;
}

static int read_v2_files(const struct reader *rd, struct ol_err *err)
{
    struct openstack_data *to = rd->to;
    const struct {
        const char *path;
        unsigned types;
        struct ol_val **to;
    } others[] = {
        {version_path(rd, "vendor_data.json"), JSON_ANY, &to->vendordata},
        {version_path(rd, "vendor_data2.json"), JSON_ANY, &to->vendordata2},
        {version_path(rd, "network_data.json"), JSON_ANY, &to->networkdata},
        {"ec2/latest/meta-data.json", JSON_MAP, &to->ec2_metadata},
    };
    int r = read_json(rd, version_path(rd, "meta_data.json"), JSON_MAP, &to->metadata, err);

    if (r < 0)
        return r;
    if (!to->metadata)
        return ol_err_set(err, ENODATA, "Missing mandatory path: %s/%s", rd->files->base,
                          version_path(rd, "meta_data.json"));
    if (source_read(rd->files, version_path(rd, "user_data"), rd->g->arena, &to->userdata, err)
        == -EFBIG)
        return -EFBIG;
    for (size_t i = 0; i < ol_count(others); i++) {
        struct ol_err why = OL_ERR_INIT;

        do_without(rd, read_json(rd, others[i].path, others[i].types, others[i].to, &why), &why);
    }
    return 0;
}

static int read_v2(const struct reader *rd, struct ol_err *err)
{
    int r = read_v2_files(rd, err);

    struct ol_err why = OL_ERR_INIT;

    if (r < 0)
        return r;
    r = decode_seed(rd, &why);
    if (r < 0)
        ol_val_remove(rd->to->metadata, "random_seed");
    do_without(rd, r, &why);
    read_files(rd);
    do_without(rd, read_eni(rd, &why), &why);
    rd->to->version = 2;
    rd->to->dsmode = ol_val_get(ol_val_get(rd->to->metadata, "meta"), "dsmode");
    return copy_names(rd, err);
}

/* One key per line; comments and empty lines are none. */
static struct ol_val *split_keys(struct ol_arena *a, const char *text)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;
    struct ol_val *keys = ol_val_new_list(a);

    ol_strv_split(&lines, text, "\r\n");
    ol_strv_each (line, &lines) {
        if (line[0] != '#')
            ol_val_append(a, keys, ol_val_new_str(a, line));
    }
    return keys;
}

static void fill_v1(const struct reader *rd, struct ol_val *meta_js, const struct ol_val *keys)
{
    struct openstack_data *to = rd->to;
    struct ol_arena *a = rd->g->arena;
    const struct ol_val *given = ol_val_get(meta_js, "public-keys");
    const char *text = ol_val_str(given ? given : keys);
    const struct ol_val *iid = ol_val_get(meta_js, "instance-id");

    to->version = 1;
    to->metadata = ol_val_new_map(a);
    ol_val_set(a, to->metadata, "network_config",
               to->network_eni ? to->network_eni : ol_val_new_str(a, ""));
    ol_val_set(a, to->metadata, "meta_js", meta_js);
    ol_val_set(a, to->metadata, "authorized_keys",
               keys ? ol_val_copy(a, keys) : ol_val_new_str(a, ""));
    if (text && *text)
        ol_val_set(a, to->metadata, "public-keys", split_keys(a, text));
    if (iid)
        ol_val_set(a, to->metadata, "instance-id", ol_val_copy(a, iid));
    to->dsmode = ol_val_get(meta_js, "dsmode");
    to->userdata = ol_val_copy(a, ol_val_get(meta_js, "user-data"));
}

static int read_v1(const struct reader *rd, struct ol_err *err)
{
    static const char interfaces[] = "etc/network/interfaces", meta[] = "meta.js",
                      keys_path[] = "root/.ssh/authorized_keys";
    struct ol_val *meta_js = NULL, *keys = NULL;
    int r;

    if (!source_files_exists(rd->files, interfaces) && !source_files_exists(rd->files, meta)
        && !source_files_exists(rd->files, keys_path))
        return ol_err_set(err, ENODATA, "%s: no files found", rd->files->base);
    r = read_json(rd, meta, JSON_MAP, &meta_js, err);
    if (r < 0)
        return r;
    if (source_files_exists(rd->files, interfaces))
        r = source_read(rd->files, interfaces, rd->g->arena, &rd->to->network_eni, err);
    if (r >= 0 && source_files_exists(rd->files, keys_path))
        r = source_read(rd->files, keys_path, rd->g->arena, &keys, err);
    if (r < 0)
        return r;
    fill_v1(rd, meta_js ? meta_js : ol_val_new_map(rd->g->arena), keys);
    return 0;
}

int openstack_read(struct guest *g, const struct source_files *f, struct openstack_data *ret,
                   struct ol_err *err)
{
    struct openstack_data data = {.files = ol_val_new_map(g->arena)};
    struct reader rd = {.g = g, .files = f, .to = &data};
    struct ol_err of_v2 = OL_ERR_INIT;
    int r;

    rd.version = pick_version(&rd);
    r = read_v2(&rd, &of_v2);
    if (r == -ENODATA) {
        data = (struct openstack_data){.files = ol_val_new_map(g->arena)};
        r = read_v1(&rd, err);
    }
    if (r == -ENODATA)
        return ol_err_set(err, ENODATA, "%s", ol_err_text(&of_v2));
    if (r < 0 && of_v2.code != ENODATA && err)
        *err = of_v2;
    if (r < 0)
        return r;
    if (!data.ec2_metadata)
        data.ec2_metadata = ol_val_new_map(g->arena);
    *ret = data;
    return 0;
}

int openstack_vendordata(const struct ol_val *v, const struct ol_val **ret, struct ol_err *err)
{
    bool is_outer = true;

    if (ol_val_is(v, OL_VAL_MAP) && ol_val_is_truthy(v)) {
        v = ol_val_get(v, "cloud-init");
        is_outer = false;
    }
    if (!ol_val_is_truthy(v))
        *ret = NULL;
    else if (ol_val_is(v, OL_VAL_STR) || ol_val_is(v, OL_VAL_LIST))
        *ret = v;
    else if (ol_val_is(v, OL_VAL_MAP) && !is_outer)
        return ol_err_set(err, EINVAL, "vendordata['cloud-init'] cannot be dict");
    else
        return ol_err_set(err, EINVAL, "Unknown data type for vendordata: <class '%s'>",
                          ol_val_type_name(v));
    return 0;
}
