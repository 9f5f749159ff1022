/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/find-config.h"

#include <errno.h>
#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/cmdline.h"
#include "guest/base/notice.h"
#include "guest/distro/distro.h"
#include "guest/network/eni-parse.h"
#include "guest/network/fallback.h"
#include "guest/network/initramfs.h"
#include "guest/network/network.h"
#include "guest/source/source.h"

static const struct ol_val *disabled(struct ol_arena *a)
{
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_str(a, v, "config", "disabled");
    return v;
}

/* network-config= of the kernel command line; what cannot be read is told and passed over. */
static const struct ol_val *from_cmdline(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;
    bool is_disabled = false;

    if (cmdline_network_config(guest_cmdline(g), &text, &is_disabled, &err) < 0) {
        ol_error(g->env, "Expected base64 encoded kernel command line parameter network-config. %s",
                 ol_err_text(&err));
        return NULL;
    }
    if (is_disabled)
        return disabled(g->arena);
    if (text.len && ol_yaml_load(text.data, text.len, g->arena, &v, &err) < 0)
        ol_warn(g->env, "Failed loading yaml blob. network-config= on the kernel command line: %s",
                ol_err_text(&err));
    return v;
}

static int convert_json(struct guest *g, const struct nics *nics, const struct ol_val *json,
                        const struct ol_val **ret, struct ol_err *err)
{
    struct ol_val *macs = NULL, *config = NULL;
    struct net_notes notes = {0};
    struct net_render_args args = {.notes = &notes};
    int r = nics_known_macs(g, nics, &macs, err);

    if (r < 0)
        return r;
    ol_debug(g->env, "network config provided via network_json");
    args.distro = g->distro ? g->distro->name : "debian";
    args.known_macs = macs;
    r = net_from_network_data(json, &args, g->arena, &config, err);
    for (size_t i = 0; i < notes.n; i++)
        ol_log(g->env, notes.items[i].level, "%s", notes.items[i].text);
    if (r < 0)
        return ol_err_prefix(err, r, "network_data.json");
    *ret = config;
    return 0;
}

static int convert_eni(struct guest *g, const struct ol_val *text, const struct ol_val **ret,
                       struct ol_err *err)
{
    struct ol_val *config = NULL;
    int r;

    guest_deprecated(
        g, ol_arena_printf(g->arena, "Eni network configuration in %s", g->ds.source->name), 24, 3,
        "You can use network v1 or network v2 instead");
    r = net_from_eni(text->str.data, text->str.len, g->arena, &config, err);
    if (r < 0)
        return ol_err_prefix(err, r, "the datasource's interfaces text");
    *ret = config;
    return 0;
}

/* The datasource's own configuration in whichever form it has it; *ret stays NULL without one. */
static int from_datasource(struct guest *g, const struct nics *nics, const struct ol_val **ret,
                           struct ol_err *err)
{
    const struct ol_val *ready = guest_ds_get(g, "network_config");
    const struct ol_val *json = guest_ds_get(g, "network_json");
    const struct ol_val *eni = guest_ds_get(g, "network_eni");

    if (!g->ds.source)
        return 0;
    if (ready)
        *ret = ready;
    else if (json)
        return convert_json(g, nics, json, ret, err);
    else if (ol_val_is(eni, OL_VAL_STR) || ol_val_is(eni, OL_VAL_BYTES))
        return convert_eni(g, eni, ret, err);
    else
        ol_debug(g->env, "no network configuration available");
    return 0;
}

/* "network" may stand around it. */
static const struct ol_val *unwrap(const struct ol_val *v)
{
    const struct ol_val *inner = ol_val_get(v, "network");

    return inner ? inner : v;
}

static bool is_disabled(const struct ol_val *v)
{
    const char *config = ol_val_str(ol_val_get(v, "config"));

    return config && !strcmp(config, "disabled");
}

static void fall_back(struct guest *g, const struct nics *nics, struct net_found *ret)
{
    const struct ol_val *given = ol_val_get(g->cfg, "network");

    if (given && !ol_val_is_truthy(given))
        ol_warn(g->env, "Empty network config found");
    *ret = (struct net_found){net_fallback_config(nics, g->arena), "fallback"};
}

int net_find_config(struct guest *g, const struct nics *nics, struct net_found *ret,
                    struct ol_err *err)
{
    const char *forbidden = guest_cloud_path(g, "data/upgraded-network");
    struct net_found all[] = {
        {NULL, "cmdline"},
        {NULL, "initramfs"},
        {ol_val_get(g->cfg, "network"), "system_cfg"},
        {NULL, "ds"},
    };
    int r;

    if (ol_exists(g->env, forbidden)) {
        *ret = (struct net_found){NULL, forbidden};
        return 0;
    }
    all[0].config = from_cmdline(g);
    r = net_from_initramfs(g, nics, &all[1].config, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ol_count(all); i++) {
        const struct ol_val *config;

        if (i == 3) {
            r = from_datasource(g, nics, &all[i].config, err);
            if (r < 0)
                return r;
        }
        config = unwrap(all[i].config);
        if (is_disabled(config)) {
            ol_debug(g->env, "network config disabled by %s", all[i].source);
            *ret = (struct net_found){NULL, all[i].source};
            return 0;
        }
        if (ol_val_is_truthy(config)) {
            *ret = (struct net_found){config, all[i].source};
            return 0;
        }
    }
    fall_back(g, nics, ret);
    return 0;
}
