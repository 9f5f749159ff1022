/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/arena.h"
#include "core/buf.h"
#include "guest/base/guest.h"

/*
 * What the kernel command line says to us. All but guest_cmdline() is pure: text in, answer out.
 * A machine's DMI serial number may hold the same language ("ds=nocloud;s=http://…").
 */

/* The command line of the kernel, or of process 1 in a container; $DEBUG_PROC_CMDLINE wins where it
 * is set (cloud-init 26.2 util.get_cmdline()). In the arena; "" when it cannot be read. */
const char *guest_cmdline(struct guest *g);
/* True when we run in a container: /run/systemd/container or "container=" in process 1's
 * environment. */
bool guest_is_container(struct guest *g);

/* The datasource named by ds=, ci.ds= or ci.datasource= without what follows a ';'. In the arena;
 * "" when there is none. *ret_is_old: one of the last two, deprecated, named it; may be NULL. */
const char *cmdline_datasource(struct ol_arena *a, const char *cmdline, bool *ret_is_old);

/*
 * The fields of "ID;key=value;key=value" with ID "ds=nocloud" or the like, set in the map 'fill';
 * h, i and s stand for local-hostname, instance-id and seedfrom, a key without '=' is null.
 * False when ID is not there. cloud-init 26.2 DataSourceNoCloud.parse_cmdline_data().
 */
bool cmdline_fields(struct ol_arena *a, const char *cmdline, const char *id, struct ol_val *fill);

/* Adds the cloud-config between "cc:" and "end_cc" (or the end), unquoted, one piece per line.
 * cloud-init 26.2 util.read_cc_from_cmdline(). */
void cmdline_cloud_config(const char *cmdline, struct ol_buf *to);

/* The value of the last "NAME=value" word; NULL when there is none. In the arena. */
const char *cmdline_value(struct ol_arena *a, const char *cmdline, const char *name);

/*
 * The text that network-config= holds: base64, perhaps of gzip. 0 with *ret_disabled when it says
 * "disabled", else with the text added to 'to' (nothing when there is no such word); -EINVAL when
 * it is not base64. cloud-init 26.2 net/cmdline.py read_kernel_cmdline_config().
 */
int cmdline_network_config(const char *cmdline, struct ol_buf *to, bool *ret_disabled,
                           struct ol_err *err) __attribute__((warn_unused_result));
