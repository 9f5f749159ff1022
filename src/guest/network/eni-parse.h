/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * Reads the text of /etc/network/interfaces into a version 1 configuration (cloud-init 26.2
 * net/eni.py, convert_eni_data): one device per interface, one subnet per stanza, devices
 * sorted by name. "source" and "source-directory" are not followed: the function is pure.
 *
 * Beyond upstream: an interface may have several stanzas (inet and inet6), allow-hotplug is
 * kept, "inet6 dhcp" and "inet6 auto" keep their family.
 *
 * -EINVAL with the line in err: an option outside of a stanza, a stanza that is not complete.
 */
int net_from_eni(const char *text, size_t len, struct ol_arena *a, struct ol_val **ret,
                 struct ol_err *err) __attribute__((warn_unused_result));
