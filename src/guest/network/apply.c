/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/apply.h"

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/distro/distro.h"
#include "guest/network/fallback.h"
#include "guest/network/network.h"

static bool is_available(struct ol_env *env, const struct net_renderer *r)
{
    for (const char *const *p = r->programs; p && *p; p++) {
        ol_autofree char *found = ol_which(env, *p);

        if (!found)
            return false;
    }
    for (const char *const *p = r->paths; p && *p; p++)
        if (!ol_exists(env, *p))
            return false;
    return true;
}

static const struct net_renderer *choose_renderer(struct guest *g)
{
    for (const char *const *name = g->distro->renderers; *name; name++) {
        const struct net_renderer *r = net_renderer_find(*name);

        if (r && is_available(g->env, r))
            return r;
    }
    return NULL;
}

static int find_config(struct guest *g, const struct net_render_args *args, const struct nics *nics,
                       const struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *json = guest_ds_get(g, "network_json");
    struct ol_val *converted = NULL;
    int r = 0;

    *ret = guest_ds_get(g, "network_config");
    if (!*ret && json) {
        r = net_from_network_data(json, args, g->arena, &converted, err);
        *ret = converted;
    }
    if (r == 0 && !*ret)
        *ret = net_fallback_config(nics, g->arena);
    return r;
}

int net_apply(struct guest *g, unsigned flags, struct ol_err *err)
{
    struct net_render_args args = {.distro = g->distro->name};
    const struct net_renderer *renderer = choose_renderer(g);
    const struct ol_val *config = NULL;
    struct ol_val *macs = NULL;
    struct net_files files = {0};
    struct nics nics = {0};
    int r;

    nics_scan(g, NULL, &nics);
    r = nics_known_macs(g, &nics, &macs, err);
    args.known_macs = macs;
    if (r == 0)
        r = find_config(g, &args, &nics, &config, err);
    if (r < 0 || !config || !renderer || !g->is_new_instance)
        return r;
    r = net_convert(config, renderer, &args, g->arena, &files, err);
    for (size_t i = 0; r == 0 && i < files.n; i++)
        r = ol_file_puts(g->env, files.items[i].path, files.items[i].text, files.items[i].mode,
                         OL_WRITE_PARENTS, err);
    return r;
}
