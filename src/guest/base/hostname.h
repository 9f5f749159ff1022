/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/* The machine's name as configuration and datasource give it. Strings are in the arena. */
struct guest_hostname {
    const char *hostname; /* without domain; NULL only with HOSTNAME_METADATA_ONLY */
    const char *fqdn;     /* equals hostname when no domain is known */
    bool is_default;      /* nobody gave a name: "localhost" */
};

/* Bits of 'flags' */
enum hostname_flag {
    HOSTNAME_METADATA_ONLY = 1 << 0, /* only what the configuration and metadata say; else NULL */
    HOSTNAME_TELL = 1 << 1,          /* warn about names that no machine can have */
};

/* A name that no machine can have (hostname(7): letters, digits, '-', '.'; 64 bytes, a qualified
 * one 253) is as good as none.
 * cloud-init 26.2 util.get_hostname_fqdn() and DataSource.get_hostname(). */
void guest_get_hostname(struct guest *g, const struct ol_val *cfg, unsigned flags,
                        struct guest_hostname *ret);
