/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/instance-data.h"

#include <gnu/libc-version.h>
#include <string.h>
#include <sys/utsname.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "guest/base/hostname.h"

enum { DATA_MAX = 64 << 20 };

#define REDACTED "redacted for non-root user"

/* Whose values only root may read (DataSource.sensitive_metadata_keys). */
static const char *const sensitive[] = {
    "combined_cloud_config",
    "merged_cfg",
    "merged_system_cfg",
    "security-credentials",
    "userdata",
    "user-data",
    "user_data",
    "vendordata",
    "vendor-data",
    "ds/vendor_data",
};

struct os_release {
    const char *id, *version, *codename;
};

/* NAME=value lines with optional quotes. */
static struct os_release read_os_release(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    struct os_release os = {"", "", ""};
    struct {
        const char *key;
        const char **to;
    } wanted[] = {
        {"ID=", &os.id}, {"VERSION_ID=", &os.version}, {"VERSION_CODENAME=", &os.codename}};

    if (ol_file_read(g->env, "/etc/os-release", &text, NULL) < 0)
        return os;
    for (const char *line = text.data; *line; line += strcspn(line, "\n") + 1) {
        for (size_t i = 0; i < ol_count(wanted); i++) {
            size_t key_len = strlen(wanted[i].key), len = strcspn(line, "\n");

            if (len < key_len || strncmp(line, wanted[i].key, key_len))
                continue;
            line += key_len;
            len -= key_len;
            if (len >= 2 && (*line == '"' || *line == '\'') && line[len - 1] == *line)
                *wanted[i].to = ol_arena_memdup(g->arena, line + 1, len - 2);
            else
                *wanted[i].to = ol_arena_memdup(g->arena, line, len);
        }
        if (!line[strcspn(line, "\n")])
            break;
    }
    return os;
}

/* As Python's platform.platform() says it. */
static const char *platform_text(struct ol_arena *a, const struct utsname *uts)
{
    return ol_arena_printf(a, "%s-%s-%s-with-glibc%s", uts->sysname, uts->release, uts->machine,
                           gnu_get_libc_version());
}

static struct ol_val *sys_info(struct guest *g, const struct os_release *os,
                               const struct utsname *uts)
{
    struct ol_arena *a = g->arena;
    struct ol_val *info = ol_val_new_map(a), *dist = ol_val_new_list(a),
                  *names = ol_val_new_list(a);
    const char *const parts[] = {uts->sysname, uts->nodename, uts->release,
                                 uts->version, uts->machine,  ""};
    const char *const dists[] = {os->id, os->version, os->codename};

    for (size_t i = 0; i < ol_count(parts); i++)
        ol_val_append(a, names, ol_val_new_str(a, parts[i]));
    for (size_t i = 0; i < ol_count(dists); i++)
        ol_val_append(a, dist, ol_val_new_str(a, dists[i]));
    ol_val_set_str(a, info, "platform", platform_text(a, uts));
    ol_val_set_str(a, info, "system", uts->sysname);
    ol_val_set_str(a, info, "release", uts->release);
    ol_val_set_str(a, info, "python", "none");
    ol_val_set(a, info, "uname", names);
    ol_val_set(a, info, "dist", dist);
    ol_val_set_str(a, info, "variant", *os->id ? os->id : "linux");
    return info;
}

static const char *ds_text(const struct guest *g, const char *key, const char *fallback)
{
    const char *text = ol_val_str(guest_ds_get(g, key));

    return text ? text : fallback;
}

/* cloud-init's canonical_cloud_id(): "nocloud", "openstack", "none". */
static const char *canonical_cloud_id(const struct guest *g)
{
    const char *name = ds_text(g, "cloud_name", "unknown");

    return strcmp(name, "unknown") ? name : ds_text(g, "platform", "none");
}

static struct ol_val *copy_or_null(struct guest *g, const struct ol_val *v)
{
    return v ? ol_val_copy(g->arena, v) : ol_val_new_null(g->arena);
}

static struct ol_val *standard_keys(struct guest *g, const struct os_release *os,
                                    const struct utsname *uts)
{
    struct ol_arena *a = g->arena;
    struct ol_val *v1 = ol_val_new_map(a), *beta = ol_val_new_list(a);
    const struct ol_val *zone = guest_metadata(g, "availability-zone");
    const char *cloud_name = ds_text(g, "cloud_name", "unknown");
    struct guest_hostname host;

    if (!zone)
        zone = guest_metadata(g, "availability_zone");
    guest_get_hostname(g, ol_val_new_map(a), 0, &host);
    ol_val_append(a, beta, ol_val_new_str(a, "subplatform"));
    ol_val_set(a, v1, "_beta_keys", beta);
    ol_val_set(a, v1, "availability-zone", copy_or_null(g, zone));
    ol_val_set(a, v1, "availability_zone", copy_or_null(g, zone));
    ol_val_set_str(a, v1, "cloud_id", canonical_cloud_id(g));
    ol_val_set_str(a, v1, "cloud-name", cloud_name);
    ol_val_set_str(a, v1, "cloud_name", cloud_name);
    ol_val_set_str(a, v1, "distro", os->id);
    ol_val_set_str(a, v1, "distro_version", os->version);
    ol_val_set_str(a, v1, "distro_release", os->codename);
    ol_val_set_str(a, v1, "platform", ds_text(g, "platform", "none"));
    ol_val_set(a, v1, "public_ssh_keys", ol_val_copy(a, guest_public_keys(g)));
    ol_val_set_str(a, v1, "python_version", "none");
    ol_val_set_str(a, v1, "instance-id", guest_instance_id(g));
    ol_val_set_str(a, v1, "instance_id", guest_instance_id(g));
    ol_val_set_str(a, v1, "kernel_release", uts->release);
    ol_val_set_str(a, v1, "local-hostname", host.hostname);
    ol_val_set_str(a, v1, "local_hostname", host.hostname);
    ol_val_set_str(a, v1, "machine", uts->machine);
    ol_val_set(a, v1, "region", copy_or_null(g, guest_metadata(g, "region")));
    ol_val_set_str(a, v1, "subplatform", ds_text(g, "subplatform", "unknown"));
    ol_val_set_str(a, v1, "system_platform", platform_text(a, uts));
    ol_val_set_str(a, v1, "variant", *os->id ? os->id : "linux");
    return v1;
}

static struct ol_val *ds_keys(struct guest *g)
{
    static const char *const extra[] = {"network_json", "ec2_metadata"};
    struct ol_val *ds = ol_val_new_map(g->arena);

    ol_val_set(g->arena, ds, "meta_data", copy_or_null(g, guest_ds_get(g, "metadata")));
    for (size_t i = 0; i < ol_count(extra); i++)
        if (guest_ds_get(g, extra[i]))
            ol_val_set(g->arena, ds, extra[i], ol_val_copy(g->arena, guest_ds_get(g, extra[i])));
    ol_val_set_str(g->arena, ds, "_doc",
                   "EXPERIMENTAL: The structure and format of content scoped under the 'ds' key may"
                   " change in subsequent releases of cloud-init.");
    return ds;
}

static struct ol_val *system_cfg(struct guest *g, const char *doc)
{
    struct ol_val *cfg = ol_val_copy(g->arena, g->cfg);

    ol_val_remove(cfg, "system_info");
    ol_val_set_str(g->arena, cfg, "_doc", doc);
    return cfg;
}

/* Where the walk over a document stands. */
struct walk {
    struct guest *g;
    struct ol_val *b64, *secret; /* lists of paths, of the level that is walked */
};

static bool is_sensitive(const char *key, const char *path)
{
    for (size_t i = 0; i < ol_count(sensitive); i++)
        if (ol_str_eq_nocase(key, sensitive[i]) || ol_str_eq_nocase(path, sensitive[i]))
            return true;
    return false;
}

static void add_text(struct ol_arena *a, struct ol_val *list, const char *text)
{
    ol_val_append(a, list, ol_val_new_str(a, text));
}

/* Notes which values are base64 and which are secret; bytes become their base64. */
static void catalogue(struct walk *w, struct ol_val *map, const char *prefix, int depth)
{
    struct ol_arena *a = w->g->arena;

    for (size_t i = 0; depth < OL_VAL_MAX_DEPTH && i < map->map.n; i++) {
        const char *key = ol_val_to_text(a, map->map.pairs[i].key);
        const char *path = *prefix ? ol_arena_printf(a, "%s/%s", prefix, key) : key;
        struct ol_val *value = map->map.pairs[i].value;

        if (is_sensitive(key, path))
            add_text(a, w->secret, path);
        if (ol_val_is(value, OL_VAL_BYTES))
            add_text(a, w->b64, path);
        if (ol_val_is(value, OL_VAL_MAP))
            catalogue(w, value, path, depth + 1);
    }
}

static void sort_list(struct ol_arena *a, struct ol_val *list)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    for (size_t i = 0; i < list->list.n; i++)
        ol_strv_add(&names, ol_val_str(list->list.items[i]));
    ol_strv_sort(&names);
    for (size_t i = 0; i < names.n; i++)
        list->list.items[i] = ol_val_new_str(a, names.v[i]);
}

static struct ol_val *build(struct guest *g)
{
    struct ol_arena *a = g->arena;
    struct ol_val *data = ol_val_new_map(a);
    struct os_release os = read_os_release(g);
    struct walk walk = {.g = g, .b64 = ol_val_new_list(a), .secret = ol_val_new_list(a)};
    struct utsname uts = {0};

    uname(&uts);
    ol_val_set(a, data, "ds", ds_keys(g));
    ol_val_set(a, data, "merged_cfg",
               system_cfg(g, "DEPRECATED: Use merged_system_cfg. Will be dropped from 24.1"));
    ol_val_set(a, data, "merged_system_cfg",
               system_cfg(g, "Merged cloud-init system config from /etc/cloud/cloud.cfg and"
                             " /etc/cloud/cloud.cfg.d/"));
    ol_val_set(a, data, "sys_info", sys_info(g, &os, &uts));
    ol_val_set(a, data, "v1", standard_keys(g, &os, &uts));
    catalogue(&walk, data, "", 0);
    sort_list(a, walk.b64);
    sort_list(a, walk.secret);
    ol_val_set(a, data, "base64_encoded_keys", walk.b64);
    ol_val_set(a, data, "sensitive_keys", walk.secret);
    return data;
}

/* The same walk as catalogue() makes: a key may hold the '/' that paths are made with. */
static void redact(struct walk *w, struct ol_val *map, const char *prefix, int depth)
{
    struct ol_arena *a = w->g->arena;

    for (size_t i = 0; depth < OL_VAL_MAX_DEPTH && i < map->map.n; i++) {
        const char *key = ol_val_to_text(a, map->map.pairs[i].key);
        const char *path = *prefix ? ol_arena_printf(a, "%s/%s", prefix, key) : key;
        struct ol_val **value = &map->map.pairs[i].value;

        if (is_sensitive(key, path))
            *value = ol_val_new_str(a, REDACTED);
        else if (ol_val_is(*value, OL_VAL_MAP))
            redact(w, *value, path, depth + 1);
    }
}

static struct ol_val *redacted(struct guest *g, const struct ol_val *data)
{
    struct ol_val *copy = ol_val_copy(g->arena, data);
    struct walk walk = {.g = g};

    redact(&walk, copy, "", 0);
    return copy;
}

static int write_json(struct guest *g, const char *name, const struct ol_val *v, mode_t mode,
                      struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    const char *path = guest_run_path(g, name);
    int r = ol_json_dump(v, &ol_json_cloud_init, &text);

    if (r < 0)
        return ol_err_set(err, -r, "'%s' cannot be written as JSON", path);
    ol_buf_addc(&text, '\n');
    return ol_file_write_buf(g->env, path, &text, mode, OL_WRITE_ATOMIC, err);
}

/* cloud-id is a link to cloud-id-NAME, which holds the name. */
static int write_cloud_id(struct guest *g, struct ol_err *err)
{
    const char *id = canonical_cloud_id(g), *link = guest_run_path(g, "cloud-id");
    const char *file = ol_arena_printf(g->arena, "%s-%s", link, id);
    ol_autofree char *previous = ol_readlink(g->env, link);
    int r = ol_file_puts(g->env, file, ol_arena_printf(g->arena, "%s\n", id), 0644, 0, err);

    if (r == 0 && (!previous || strcmp(previous, file)))
        r = ol_symlink(g->env, file, link, err);
    if (r == 0 && previous && strcmp(previous, file))
        r = ol_unlink(g->env, previous, err);
    return r;
}

int instance_data_write(struct guest *g, struct ol_err *err)
{
    const struct ol_val *data = build(g);
    int r = write_cloud_id(g, err);

    if (r == 0)
        r = write_json(g, "instance-data-sensitive.json", data, 0600, err);
    if (r == 0)
        r = write_json(g, "instance-data.json", redacted(g, data), 0644, err);
    return r;
}

/* What instance_data_write() left, or the same anew. */
static struct ol_val *written_data(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(DATA_MAX);
    struct ol_val *data = NULL;

    if (ol_file_read(g->env, guest_run_path(g, "instance-data-sensitive.json"), &text, NULL) < 0
        || ol_json_load(text.data, text.len, g->arena, &data, NULL) < 0
        || !ol_val_is(data, OL_VAL_MAP))
        return build(g);
    return data;
}

static struct ol_val *feature_flags(struct ol_arena *a)
{
    /* cloud-init 26.2 features.py; those are the behaviours that we have. */
    static const char *const on[] = {"ERROR_ON_USER_DATA_FAILURE", "EXPIRE_APPLIES_TO_HASHED_USERS",
                                     "NETPLAN_CONFIG_ROOT_READ_ONLY",
                                     "NOCLOUD_SEED_URL_APPEND_FORWARD_SLASH"};
    struct ol_val *flags = ol_val_new_map(a);

    for (size_t i = 0; i < ol_count(on); i++)
        ol_val_set_bool(a, flags, on[i], true);
    return flags;
}

int instance_data_combine(struct guest *g, struct ol_err *err)
{
    struct ol_val *all = ol_val_copy(g->arena, g->cfg);
    struct ol_val *data;
    int r;

    ol_val_set_str(g->arena, all, "_doc",
                   "Aggregated cloud-config created by merging merged_system_cfg (/etc/cloud/"
                   "cloud.cfg and /etc/cloud/cloud.cfg.d), metadata, vendordata and userdata. The"
                   " combined_cloud_config represents the aggregated desired configuration acted"
                   " upon by cloud-init.");
    ol_val_set(g->arena, all, "features", feature_flags(g->arena));
    r = write_json(g, "combined-cloud-config.json", all, 0600, err);
    if (r < 0)
        return r;
    data = written_data(g);
    ol_val_set(g->arena, data, "system_info", copy_or_null(g, ol_val_get(g->cfg, "system_info")));
    ol_val_set(g->arena, data, "features", feature_flags(g->arena));
    return write_json(g, "instance-data-sensitive.json", data, 0600, err);
}
