/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/buf.h"

/*
 * The text of a hosts file with the machine's own address made to stand for its name
 * (cloud-init 26.2 distros.Distro.update_etc_hosts(), localhost mode): other lines stay, entries
 * come out with tabs between their fields. False when the text says so already; 'to' then
 * gets nothing.
 */
bool hosts_set_own(const char *text, const char *address, const char *fqdn, const char *hostname,
                   struct ol_buf *to);
