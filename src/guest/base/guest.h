/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "codec/val.h"
#include "core/env.h"

/*
 * What every part of the guest is handed: the environment, the configuration of the
 * moment and the datasource. One per process, made by the stage runner; there are no
 * globals.
 */
struct distro;
struct guest_jobs;
struct source;

/* system_info/paths of the configuration. */
struct guest_paths {
    const char *cloud_dir;     /* "/var/lib/cloud" */
    const char *run_dir;       /* "/run/cloud-init" */
    const char *templates_dir; /* "/etc/cloud/templates" */
};

/*
 * What the datasource gave. All of it lives in one map, 'doc', which is what the cache
 * (instance/obj.json) holds, what 'query' reads and what 'cache set' changes. Keys, each
 * absent or null when the source has none:
 *
 *   source           "ConfigDrive": the row of the datasource table
 *   description      "DataSourceConfigDrive [net,ver=2][source=/dev/sr0]": as status.json shows it
 *   instance_id      text
 *   dsmode           "local" | "net" | "disabled" | "pass"
 *   platform, subplatform, cloud_name
 *   metadata         map; upstream's normalised names ("local-hostname", "public-keys" …)
 *   userdata_raw, vendordata_raw, vendordata2_raw      text, bytes or (vendor) a list
 *   network_config   version 1 or 2 mapping, ready for network/network.h
 *   network_json     OpenStack's network_data.json as it came
 *   network_eni      text of an interfaces(5) file, deprecated
 *   ec2_metadata     map
 *   version          number or text that the source calls its version
 *   system_uuid      DMI product_uuid at the time of fetching
 */
struct guest_ds {
    const struct source *source; /* NULL = no datasource */
    struct ol_val *doc;          /* never NULL when source is set */
};

struct guest {
    struct ol_env *env;
    struct ol_arena *arena; /* lives as long as the process */
    struct guest_paths paths;
    const struct distro *distro; /* ubuntu's where the configuration names one without a row */
    const struct ol_val *cfg;    /* merged configuration of this moment, with system_info; a map */
    const char *boot_id;         /* the kernel's, read once; NULL = not yet */
    const char *cmdline;         /* the kernel's, read once; NULL = not yet. guest_cmdline() */
    const struct ol_val *base_cfg; /* what the tree's own files say, read once; NULL = not yet */
    bool has_template_cfg;         /* /etc/cloud has jinja templates: base_cfg is not kept */
    struct guest_ds ds;
    const char *previous_instance_id; /* "NO_PREVIOUS_INSTANCE_ID" on a first boot */
    bool is_new_instance;
    struct guest_jobs *jobs; /* children that run beside the modules; base/jobs.h */
};

/* "/var/lib/cloud/" + name; into the arena. */
const char *guest_cloud_path(const struct guest *g, const char *name);
/* "/run/cloud-init/" + name. */
const char *guest_run_path(const struct guest *g, const char *name);
/* "/var/lib/cloud/instance/" + name: below the link to the current instance. */
const char *guest_instance_path(const struct guest *g, const char *name);
/* "/etc/cloud/templates/" + name + ".tmpl" where it exists; NULL = there is none. */
const char *guest_template_path(const struct guest *g, const char *name);

/* doc's value, NULL when absent. */
const struct ol_val *guest_ds_get(const struct guest *g, const char *key);
/* A key of the datasource's metadata. */
const struct ol_val *guest_metadata(const struct guest *g, const char *key);
/* Never NULL: "iid-datasource-none" when there is none. */
const char *guest_instance_id(const struct guest *g);
/* metadata's public keys in any of the forms that sources give (text, list, map of either), one
 * element per key; cloud-init 26.2 sources.normalize_pubkey_data(). A list. */
const struct ol_val *guest_public_keys(const struct guest *g);

/* Makes the mergeable system configuration visible as g->cfg, paths and distro. 'cfg' is kept. */
void guest_set_config(struct guest *g, const struct ol_val *cfg);
