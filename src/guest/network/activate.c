/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/activate.h"

#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/spawn.h"
#include "core/strv.h"
#include "guest/base/cmdline.h"
#include "guest/distro/distro.h"
#include "guest/network/install.h"
#include "guest/network/network-internal.h"

const char *const *net_netplan_features(struct guest *g)
{
    static const char *const argv[] = {"netplan", "info", NULL};
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(64 << 10);
    const struct ol_val *list;
    struct ol_val *info = NULL;
    const char **names;
    size_t n = 0;

    if (ol_run(g->env, argv, &out, NULL) < 0
        || ol_yaml_load(out.data, out.len, g->arena, &info, NULL) < 0)
        return NULL;
    list = ol_val_get(ol_val_get(info, "netplan.io"), "features");
    names = ol_arena_alloc(g->arena, (ol_val_count(list) + 1) * sizeof(*names));
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (ol_val_str(ol_val_item(list, i)))
            names[n++] = ol_val_str(ol_val_item(list, i));
    return names;
}

static void run_tool(struct guest *g, const char *const *argv)
{
    struct ol_err err = OL_ERR_INIT;

    if (ol_run(g->env, argv, NULL, &err) < 0)
        ol_warn(g->env, "Running interface command %s failed: %s", argv[0], ol_err_text(&err));
}

void net_netplan_refresh(struct guest *g, const struct nics *nics, bool is_changed)
{
    static const char *const generate[] = {"netplan", "generate", NULL};

    if (is_changed)
        run_tool(g, generate);
    else
        ol_debug(g->env, "skipping call to `netplan generate`. reason: identical netplan config");
    if (strstr(guest_cmdline(g), "net.ifnames=0"))
        return;
    for (size_t i = 0; i < nics->n; i++) {
        const char *path = ol_arena_printf(g->arena, "/sys/class/net/%s", nics->items[i].name);
        const char *const argv[] = {"udevadm", "test-builtin", "net_setup_link", path, NULL};

        run_tool(g, argv);
    }
}

static void bring_up_eni(struct guest *g, const struct ol_val *config)
{
    const struct net_render_args args = {.distro = g->distro ? g->distro->name : "debian"};
    const struct net_state *state = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (net_state_parse(config, &args, g->arena, &state, &err) < 0) {
        ol_warn(g->env, "%s", ol_err_text(&err));
        return;
    }
    for (size_t i = 0; i < state->n_ifaces; i++) {
        const char *const argv[] = {"ifup", state->ifaces[i]->name, NULL};

        run_tool(g, argv);
    }
}

static void bring_up_netplan(struct guest *g, const struct ol_val *config)
{
    static const char *const argv[] = {"netplan", "apply", NULL};

    run_tool(g, argv);
}

static void bring_up_networkd(struct guest *g, const struct ol_val *config)
{
    static const char *const argv[] = {"systemctl", "restart", "systemd-networkd",
                                       "systemd-resolved", NULL};

    run_tool(g, argv);
}

/* In upstream's order of preference. */
static const struct activator {
    const char *name;
    void (*bring_up)(struct guest *g, const struct ol_val *config);
} activators[] = {
    {"eni", bring_up_eni},
    {"netplan", bring_up_netplan},
    {"networkd", bring_up_networkd},
};

static const struct activator *usable_activator(struct guest *g, const char *name)
{
    for (size_t i = 0; i < ol_count(activators); i++)
        if (!strcmp(activators[i].name, name)
            && net_renderer_is_available(g, net_renderer_find(name)))
            return &activators[i];
    return NULL;
}

static const struct activator *pick(struct guest *g)
{
    const struct ol_val *list = ol_val_at(g->cfg, "system_info/network/activators");
    const struct activator *found = NULL;

    for (size_t i = 0; !found && i < ol_val_count(list); i++)
        if (ol_val_str(ol_val_item(list, i)))
            found = usable_activator(g, ol_val_str(ol_val_item(list, i)));
    for (size_t i = 0; !list && !found && i < ol_count(activators); i++)
        found = usable_activator(g, activators[i].name);
    return found;
}

void net_bring_up(struct guest *g, const struct ol_val *config)
{
    const struct activator *a = pick(g);

    ol_debug(g->env, "Bringing up newly configured network interfaces");
    if (!a) {
        ol_warn(g->env, "No network activator found, not bringing up network interfaces");
        return;
    }
    ol_debug(g->env, "Using selected activator: %s", a->name);
    a->bring_up(g, config);
}
