/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/network/netplan-internal.h"

#include <string.h>

#include "codec/yaml.h"
#include "core/buf.h"
#include "core/cleanup.h"

/*
 * /etc/netplan/50-cloud-init.yaml (cloud-init 26.2 net/netplan.py). Version 2 is netplan's own
 * language and goes through as it is; version 1 is translated.
 */
static const struct ol_yaml_style document_style = {.indent = 4, .sort_keys = true};

void netplan_share(struct ol_arena *a, struct ol_val *map, const char *key, const struct ol_val *v)
{
    ol_val_set(a, map, key, (struct ol_val *)v);
}

/* A map with the same values, of which some can then be replaced. */
static struct ol_val *shallow_copy(struct ol_arena *a, const struct ol_val *map)
{
    struct ol_val *copy = ol_val_new_map(a);

    for (size_t n = 0; n < ol_val_count(map); n++)
        ol_val_set_key(a, copy, ol_val_pair(map, n)->key, ol_val_pair(map, n)->value);
    return copy;
}

/* MACs that YAML read as numbers would be written as numbers: 'map' or a copy without. */
static const struct ol_val *repair_mac(struct netplan_writer *w, const struct ol_val *map)
{
    const struct ol_val *v = ol_val_get(map, "macaddress");
    const char *mac = ol_val_is(v, OL_VAL_INT) ? net_mac_from_int(w->arena, v) : NULL;
    struct ol_val *copy;

    if (!mac)
        return map;
    net_note(w->args, w->arena, OL_LOG_WARNING,
             "network: macaddress: YAML reads this as the number %s; taken as %s. Put it in "
             "quotes.",
             ol_val_to_text(w->arena, v), mac);
    copy = shallow_copy(w->arena, map);
    ol_val_set_str(w->arena, copy, "macaddress", mac);
    return copy;
}

static const struct ol_val *repair_device(struct netplan_writer *w, const struct ol_val *device)
{
    const struct ol_val *match = ol_val_get(device, "match");
    const struct ol_val *sound = repair_mac(w, match);
    struct ol_val *copy;

    device = repair_mac(w, device);
    if (sound == match)
        return device;
    copy = shallow_copy(w->arena, device);
    netplan_share(w->arena, copy, "match", sound);
    return copy;
}

static const struct ol_val *repair_section(struct netplan_writer *w, const struct ol_val *section)
{
    struct ol_val *copy = NULL;

    for (size_t n = 0; ol_val_is(section, OL_VAL_MAP) && n < ol_val_count(section); n++) {
        const struct ol_pair *pair = ol_val_pair(section, n);
        const struct ol_val *sound = repair_device(w, pair->value);

        if (sound == pair->value)
            continue;
        if (!copy)
            copy = shallow_copy(w->arena, section);
        ol_val_set_key(w->arena, copy, pair->key, (struct ol_val *)sound);
    }
    return copy ? copy : section;
}

static int pass_through(struct netplan_writer *w, struct ol_buf *to, struct ol_err *err)
{
    struct ol_val *root = ol_val_new_map(w->arena);
    struct ol_val *config = shallow_copy(w->arena, w->state->config);
    int r;

    for (size_t n = 0; n < ol_val_count(config); n++) {
        const struct ol_pair *pair = ol_val_pair(config, n);

        ol_val_set_key(w->arena, config, pair->key,
                       (struct ol_val *)repair_section(w, pair->value));
    }
    ol_val_set(w->arena, root, "network", config);
    r = ol_yaml_dump(root, &document_style, to);
    if (r < 0)
        return ol_err_set(err, -r, "netplan: %s", strerror(-r));
    return 0;
}

static int render(const struct net_state *state, const struct net_render_args *args,
                  struct ol_arena *a, struct net_files *ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(NET_FILE_MAX);
    struct net_file file = {.path = "/etc/netplan/50-cloud-init.yaml", .mode = 0600};
    struct netplan_writer w = {.state = state, .args = args, .arena = a};
    int r;

    ol_buf_adds(&text, net_file_header);
    r = state->is_passthrough ? pass_through(&w, &text, err) : netplan_from_v1(&w, &text, err);
    if (r == 0)
        r = net_take_text(&text, file.path, a, &file.text, err);
    if (r < 0)
        return r;
    net_files_add(ret, a, &file);
    return 0;
}

const struct net_renderer net_renderer_netplan = {
    .name = "netplan",
    .has_v2_passthrough = true,
    .render = render,
    .programs = (const char *const[]){"netplan", NULL},
    .paths = (const char *const[]){NULL},
    .owned = (const char *const[]){"/etc/netplan/50-cloud-init.yaml", NULL},
};
