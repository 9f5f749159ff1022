/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/*
 * The configuration in its precedence (cloud-init 26.2 stages.fetch_base_config and
 * helpers.ConfigMerger), low to high: built in, /etc/cloud/cloud.cfg, cloud.cfg.d,
 * /run/cloud-init/cloud.cfg, the kernel command line's cc:, vendor-data, vendor-data2,
 * user-data, $CLOUD_CFG, --file.
 */

/* What a file that is missing or broken gives is said in the log, and the rest is used: this
 * never fails. 'files' (may be NULL) are --file arguments. Becomes g->cfg, paths and distro. */
void config_read(struct guest *g, const struct ol_strv *files);

/* False when no configuration file can move cloud_dir or run_dir from their usual places. */
bool config_mentions_paths(struct guest *g);
