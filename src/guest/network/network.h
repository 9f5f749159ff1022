/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"
#include "core/log.h"

/*
 * Network configuration: any of cloud-init's input forms in, the files of one renderer
 * out. Everything here is pure: no file is opened, no interface touched; facts about the
 * machine come in as arguments.
 */

/* One file that a renderer wants to have written. */
struct net_file {
    const char *path; /* absolute, below the root */
    mode_t mode;
    const char *text;
    /* Owned by this user and group where it exists ("systemd-network"), NULL = root */
    const char *owner;
};

struct net_files {
    struct net_file *items; /* in the arena */
    size_t n, cap;
};

void net_files_add(struct net_files *files, struct ol_arena *a, const struct net_file *file);

/* A warning or deprecation that upstream would log while converting. */
struct net_note {
    enum ol_log_level level;
    const char *text;
};

struct net_notes {
    struct net_note *items;
    size_t n, cap;
};

struct net_render_args {
    const char *distro;              /* as in system_info/distro: "debian", "ubuntu", … */
    const struct ol_val *known_macs; /* map mac (lower case) → interface name; NULL = none known */
    const struct ol_val *ib_macs;    /* map infiniband interface → its 20 octets; NULL = none */
    const char *const *features;     /* of "netplan info", NULL-terminated; NULL = none */
    bool has_route_tool_only;        /* no ip(8) in the tree: routes are set by route(8) */
    struct net_notes *notes;         /* collects warnings; may be NULL */
};

struct net_state; /* a parsed configuration; network-internal.h */

/*
 * One way to write the configuration down. Renderers are const and hold no state.
 */
struct net_renderer {
    const char *name;        /* as in system_info/network/renderers: "eni", "netplan", "networkd" */
    bool has_v2_passthrough; /* version 2 is its own language: written as it is, not parsed */

    /* Adds the files for the whole configuration. */
    int (*render)(const struct net_state *state, const struct net_render_args *args,
                  struct ol_arena *a, struct net_files *ret, struct ol_err *err);

    /* Programs of which all must exist for the renderer to be of use, NULL-terminated, and
     * files or directories of which all must exist (upstream's available()). */
    const char *const *programs;
    const char *const *paths;

    /* Glob patterns (fnmatch) of every file that render() may ever write: what of them a new
     * instance's configuration does not name is an earlier instance's and gets removed. */
    const char *const *owned;
};

extern const struct net_renderer net_renderer_eni, net_renderer_netplan, net_renderer_networkd;

/* Registry, in upstream's order of preference; NULL-terminated. */
extern const struct net_renderer *const net_renderers[];
const struct net_renderer *net_renderer_find(const char *name);

/*
 * Parses a version 1 or 2 configuration ('config' is the mapping with the key "version", or one
 * that wraps it in "network"). -EINVAL with a sentence that names the place.
 */
int net_state_parse(const struct ol_val *config, const struct net_render_args *args,
                    struct ol_arena *a, const struct net_state **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* OpenStack's network_data.json to a version 1 configuration. Links are named by
 * args->known_macs. -EINVAL: it names a link whose MAC no interface has, or makes no sense. */
int net_from_network_data(const struct ol_val *network_data, const struct net_render_args *args,
                          struct ol_arena *a, struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* What "devel net-convert" and the boot do: parse and render in one step. */
int net_convert(const struct ol_val *config, const struct net_renderer *renderer,
                const struct net_render_args *args, struct ol_arena *a, struct net_files *ret,
                struct ol_err *err) __attribute__((warn_unused_result));
