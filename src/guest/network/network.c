/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/network.h"

#include <errno.h>
#include <string.h>

#include "guest/network/network-internal.h"

const char net_file_header[] =
    "# This file is generated from information provided by the datasource.  Changes\n"
    "# to it will not persist across an instance reboot.  To disable cloud-init's\n"
    "# network configuration capabilities, write a file\n"
    "# /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg with the following:\n"
    "# network: {config: disabled}\n";

const struct net_renderer *const net_renderers[] = {
    &net_renderer_eni,
    &net_renderer_netplan,
    &net_renderer_networkd,
    NULL,
};

const struct net_renderer *net_renderer_find(const char *name)
{
    for (size_t i = 0; net_renderers[i]; i++)
        if (strcmp(net_renderers[i]->name, name) == 0)
            return net_renderers[i];
    return NULL;
}

/* The mapping with "version" in it, and its version 1 or 2. */
static int find_config(const struct ol_val *config, const struct ol_val **ret, int *ret_version,
                       struct ol_err *err)
{
    const struct ol_val *wrapped = ol_val_get(config, "network");
    int64_t version;

    if (ol_val_is(wrapped, OL_VAL_MAP))
        config = wrapped;
    if (!ol_val_is(config, OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "network: must be a mapping, not a %s",
                          ol_val_type_name(config));
    version = ol_val_int(ol_val_get(config, "version"), 0);
    if (version != 1 && version != 2)
        return ol_err_set(err, EINVAL, "network: version: must be 1 or 2");
    *ret = config;
    *ret_version = (int)version;
    return 0;
}

/* Interpreted, except version 2 for a renderer that takes it as it is. */
static int parse(const struct ol_val *config, bool has_passthrough, struct net_parser *p)
{
    const struct ol_val *commands;
    int r = find_config(config, &p->state->config, &p->state->version, p->err);

    if (r < 0)
        return r;
    if (p->state->version == 2) {
        p->state->is_passthrough = has_passthrough;
        return has_passthrough ? 0 : net_parse_v2(p, p->state->config);
    }
    commands = ol_val_get(p->state->config, "config");
    if (!ol_val_is(commands, OL_VAL_LIST))
        return ol_err_set(p->err, EINVAL, "network: config: must be a list, not a %s",
                          ol_val_type_name(commands));
    return net_parse_v1(p, commands);
}

int net_state_parse(const struct ol_val *config, const struct net_render_args *args,
                    struct ol_arena *a, const struct net_state **ret, struct ol_err *err)
{
    struct net_state *state = ol_arena_alloc(a, sizeof(*state));
    struct net_parser p = {.state = state, .args = args, .arena = a, .err = err};
    int r = parse(config, false, &p);

    if (r < 0)
        return r;
    *ret = state;
    return 0;
}

int net_convert(const struct ol_val *config, const struct net_renderer *renderer,
                const struct net_render_args *args, struct ol_arena *a, struct net_files *ret,
                struct ol_err *err)
{
    struct net_state *state = ol_arena_alloc(a, sizeof(*state));
    struct net_parser p = {.state = state, .args = args, .arena = a, .err = err};
    int r = parse(config, renderer->has_v2_passthrough, &p);

    if (r < 0)
        return r;
    return renderer->render(state, args, a, ret, err);
}
