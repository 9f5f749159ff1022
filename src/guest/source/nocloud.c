/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/http.h"
#include "core/str.h"
#include "core/strv.h"
#include "guest/base/cmdline.h"
#include "guest/base/notice.h"
#include "guest/source/device.h"
#include "guest/source/dmi.h"
#include "guest/source/mount.h"
#include "guest/source/seed.h"
#include "guest/source/source-internal.h"

/* One search: what was put together and where it came from. */
struct search {
    struct guest *g;
    const struct ol_val *cfg;
    struct seed seed;
    struct ol_strv found;
};

static const char *const local_starts[] = {"/", "file://", NULL};
static const char *const net_starts[] = {"http://", "https://", "ftp://", "ftps://", NULL};

static bool starts_with_any(const char *s, const char *const *starts)
{
    for (; *starts; starts++)
        if (ol_str_starts(s, *starts))
            return true;
    return false;
}

/* The dsmode that the command line means when it does not say so. */
static const char *implied_dsmode(const struct ol_val *fields, const char *of_id)
{
    const char *seedfrom = ol_val_str(ol_val_get(fields, "seedfrom"));

    if (!seedfrom || !*seedfrom)
        return of_id;
    if (starts_with_any(seedfrom, net_starts))
        return "net";
    return starts_with_any(seedfrom, local_starts) ? "local" : NULL;
}

/* The fields of ds=nocloud or ds=nocloud-net in 'text'; false when it has neither. */
static bool load_fields(struct ol_arena *a, const char *text, struct ol_val *fields)
{
    static const char *const ids[][2] = {{"ds=nocloud", "local"}, {"ds=nocloud-net", "net"}};

    for (size_t i = 0; i < ol_count(ids); i++) {
        const char *mode;

        if (!cmdline_fields(a, text, ids[i][0], fields))
            continue;
        mode = implied_dsmode(fields, ids[i][1]);
        if (mode && !ol_val_get(fields, "dsmode"))
            ol_val_set_str(a, fields, "dsmode", mode);
        return true;
    }
    return false;
}

static void look_at_fields(struct search *s, const char *text, const char *name)
{
    struct ol_val *fields = ol_val_new_map(s->g->arena);

    if (!text || !load_fields(s->g->arena, text, fields))
        return;
    ol_strv_add(&s->found, name);
    s->seed.metadata = source_complete(s->g, s->seed.metadata, fields);
}

static const char *seed_dir(struct guest *g, size_t at)
{
    static const char *const dirs[] = {"seed/nocloud", "seed/nocloud-net"};

    return at < ol_count(dirs) ? guest_cloud_path(g, dirs[at]) : NULL;
}

static int look_at_seed_dirs(struct search *s, struct ol_err *err)
{
    const char *dir;

    for (size_t i = 0; (dir = seed_dir(s->g, i)); i++) {
        struct source_files files = source_files_dir(s->g->env, dir);
        int r = seed_add_files(&s->seed, s->g, &files, err);

        if (r == -ENODATA)
            continue;
        if (r < 0)
            return r;
        ol_debug(s->g->env, "Using seeded data from %s", dir);
        ol_strv_add(&s->found, dir);
        return 0;
    }
    return 0;
}

static void look_at_cfg(struct search *s)
{
    const struct ol_val *seedfrom = ol_val_get(s->cfg, "seedfrom");

    if (ol_val_is_truthy(seedfrom)) {
        ol_strv_add(&s->found, "ds_config_seedfrom");
        ol_val_set(s->g->arena, s->seed.metadata, "seedfrom", ol_val_copy(s->g->arena, seedfrom));
    }
    if (ol_val_get(s->cfg, "user-data") && ol_val_get(s->cfg, "meta-data")) {
        seed_add(&s->seed, s->g, s->cfg);
        ol_strv_add(&s->found, "ds_config");
    }
}

static int take_device(struct guest *g, const struct source_files *files, void *ctx,
                       struct ol_err *err)
{
    struct search *s = ctx;

    return seed_add_files(&s->seed, g, files, err);
}

static void look_at_devices(struct search *s)
{
    const struct ol_val *given = ol_val_get(s->cfg, "fs_label");
    const char *label = given ? ol_val_str(given) : "cidata";
    struct source_devices all = {0}, devices = {0};

    if (!label)
        return;
    source_devices_scan(s->g, &all);
    source_devices_for_nocloud(&all, label, s->g, &devices);
    for (size_t i = 0; i < devices.n; i++) {
        const char *path = devices.items[i].path;
        struct ol_err err = OL_ERR_INIT;
        int r;

        ol_debug(s->g->env, "Attempting to use data from %s", path);
        r = source_with_device(s->g, &devices.items[i], take_device, s, &err);
        if (r >= 0) {
            ol_debug(s->g->env, "Using data from %s", path);
            ol_strv_add(&s->found, path);
            return;
        }
        if (r == -ENODATA)
            ol_warn(s->g->env, "device %s with label=%s not a valid seed.", path, label);
        else
            ol_warn(s->g->env, "Failed to mount %s when looking for data: %s", path,
                    ol_err_text(&err));
    }
}

static void log_unusable(struct guest *g, unsigned have, const char *url)
{
    const char *class = source_class(&source_nocloud, have);

    if (have & SOURCE_NEEDS_NET)
        ol_warn(
            g->env,
            "%s only uses seeds starting with ('http://', 'https://', 'ftp://', 'ftps://') - %s "
            "is not valid.",
            class, url);
    else
        ol_info(g->env,
                "%s only uses seeds starting with ('/', 'file://') - will try to use %s in the "
                "network stage.",
                class, url);
}

/* Follows metadata's seedfrom. -ENODATA: this stage cannot. */
static int follow_seedfrom(struct search *s, unsigned have, struct ol_err *err)
{
    const struct ol_val *given = ol_val_get(s->seed.metadata, "seedfrom");
    const char *const *starts = have & SOURCE_NEEDS_NET ? net_starts : local_starts;
    const char *url = ol_val_str(given);
    int r;

    if (!given)
        return 0;
    if (!url)
        return ol_err_set(err, EINVAL, "NoCloud: seedfrom is a %s, not text",
                          ol_val_type_name(given));
    if (!starts_with_any(url, starts)) {
        log_unusable(s->g, have, url);
        return ol_err_set(err, ENODATA, "seedfrom %s cannot be used in this stage",
                          ol_url_shown(url));
    }
    url = dmi_substitute(s->g, url);
    r = seed_add_url(&s->seed, s->g, url, err);
    if (r < 0)
        return ol_err_prefix(err, r, "NoCloud: seedfrom");
    ol_debug(s->g->env, "Using seeded cache data from %s", ol_url_shown(url));
    ol_strv_add(&s->found, ol_url_shown(url)); /* status.json is for everybody */
    return 0;
}

/* Warns once about the name "nocloud-net". */
static void deprecate_net_name(struct guest *g)
{
    guest_deprecated(g, "The 'nocloud-net' datasource name", 24, 1,
                     "Use 'nocloud' instead, which uses the seedfrom protocolscheme (http:// or "
                     "file://) to decide how to run.");
}

/* With the network, only a machine that says so is ours: cloud-init 26.2
 * DataSourceNoCloudNet.ds_detect(). */
static bool is_detected(struct guest *g)
{
    const char *serial = dmi_read(g, "system-serial-number");
    const char *name;

    if (source_is_forced(g, "NoCloud"))
        return true;
    if (!strcmp(cmdline_datasource(g->arena, guest_cmdline(g), NULL), "nocloud-net")) {
        deprecate_net_name(g);
        return true;
    }
    name = cmdline_datasource(g->arena, serial ? serial : "", NULL);
    if (ol_str_eq_nocase(name, "nocloud-net"))
        deprecate_net_name(g);
    return ol_str_eq_nocase(name, "nocloud-net") || ol_str_eq_nocase(name, "nocloud")
           || ol_val_is_truthy(ol_val_get(source_cfg(g, "NoCloud"), "seedfrom"));
}

/* 22.4.2 always shows the dsmode and 26.2 only another one than "net"; the longer form holds the
 * shorter one, so whoever looks for either finds it. */
static const char *describe(struct guest *g, unsigned have, const char *seed, const char *dsmode)
{
    return ol_arena_printf(g->arena, "%s [seed=%s][dsmode=%s]", source_class(&source_nocloud, have),
                           seed, dsmode);
}

static int search_all(struct search *s, unsigned have, struct ol_err *err)
{
    int r;

    look_at_fields(s, dmi_read(s->g, "system-serial-number"), "dmi");
    look_at_fields(s, guest_cmdline(s->g), "cmdline");
    r = look_at_seed_dirs(s, err);
    if (r < 0)
        return r;
    look_at_cfg(s);
    look_at_devices(s);
    if (!s->found.n)
        return ol_err_set(err, ENODATA,
                          "no seed in DMI, on the command line, in the seed directories, the "
                          "configuration or on a disk");
    return follow_seedfrom(s, have, err);
}

static void set_data(struct guest *g, struct ol_val *doc, const char *key, const struct ol_val *v)
{
    ol_val_set(g->arena, doc, key, v ? ol_val_copy(g->arena, v) : ol_val_new_str(g->arena, ""));
}

static int finish(struct search *s, unsigned have, struct ol_val *doc, struct ol_err *err)
{
    ol_autofree char *places = ol_strv_join(&s->found, ",");
    struct guest *g = s->g;
    const struct ol_val *mode;
    struct source_facts facts = {.name = "NoCloud", .cloud_name = "unknown"};
    struct ol_val *defaults = ol_val_new_map(g->arena);
    int r;

    ol_val_set_str(g->arena, defaults, "instance-id", "nocloud");
    ol_val_set_str(g->arena, defaults, "dsmode", "net");
    facts.metadata = source_complete(g, s->seed.metadata, defaults);
    mode = ol_val_get(facts.metadata, "dsmode");
    facts.dsmode = source_dsmode(g, &mode, 1);
    facts.description = describe(g, have, places, facts.dsmode);
    if (!strcmp(facts.dsmode, "disabled"))
        return ol_err_set(err, ENODATA, "not claimed, dsmode=disabled");
    facts.platform = ol_exists(g->env, "/dev/lxd/sock") ? "lxd" : "nocloud";
    facts.subplatform = source_subplatform(g, places);
    r = source_fill(g, &facts, doc, err);
    if (r < 0)
        return r;
    set_data(g, doc, "userdata_raw", s->seed.userdata);
    set_data(g, doc, "vendordata_raw", s->seed.vendordata);
    if (s->seed.network)
        ol_val_set(g->arena, doc, "network_config", ol_val_copy(g->arena, s->seed.network));
    else if (ol_val_str(ol_val_get(facts.metadata, "network-interfaces")))
        ol_val_set_str(g->arena, doc, "network_eni",
                       ol_val_str(ol_val_get(facts.metadata, "network-interfaces")));
    return 0;
}

static int nocloud_fetch(struct guest *g, unsigned have, struct ol_val *doc, struct ol_err *err)
{
    struct search s = {.g = g, .cfg = source_cfg(g, "NoCloud")};
    int r;

    if ((have & SOURCE_NEEDS_NET) && !is_detected(g))
        return ol_err_set(err, ENODATA, "neither command line, DMI nor configuration name it");
    seed_init(&s.seed, g);
    r = search_all(&s, have, err);
    if (r >= 0)
        r = finish(&s, have, doc, err);
    ol_strv_done(&s.found);
    return r;
}

/* The instance-id as the command line or a seed directory gives it now; NULL when neither does.
 * cloud-init 26.2 DataSourceNoCloud._quick_read_instance_id(). */
static const struct ol_val *quick_iid(struct guest *g)
{
    struct ol_val *fields = ol_val_new_map(g->arena);
    const char *dir;

    if (load_fields(g->arena, guest_cmdline(g), fields) && ol_val_get(fields, "instance-id"))
        return ol_val_get(fields, "instance-id");
    for (size_t i = 0; (dir = seed_dir(g, i)); i++) {
        struct source_files files = source_files_dir(g->env, dir);
        struct ol_val *text = NULL;
        const struct ol_val *iid;

        if (source_read(&files, "meta-data", g->arena, &text, NULL) < 0)
            continue;
        iid = ol_val_get(source_load_map(g, text, "meta-data"), "instance-id");
        if (iid)
            return iid;
    }
    return NULL;
}

static bool nocloud_is_same_instance(struct guest *g, const struct ol_val *doc)
{
    const char *cached = ol_val_str(ol_val_get(doc, "instance_id"));
    const struct ol_val *now = cached ? quick_iid(g) : NULL;

    return ol_val_is_truthy(now) && !strcmp(ol_val_to_text(g->arena, now), cached);
}

static const unsigned nocloud_needs[] = {
    SOURCE_NEEDS_DISK,
    SOURCE_NEEDS_DISK | SOURCE_NEEDS_NET,
    0,
};
static const char *const nocloud_classes[] = {"DataSourceNoCloud", "DataSourceNoCloudNet", NULL};

const struct source source_nocloud = {
    .name = "NoCloud",
    .needs = nocloud_needs,
    .classes = nocloud_classes,
    .fetch = nocloud_fetch,
    .is_same_instance = nocloud_is_same_instance,
};
