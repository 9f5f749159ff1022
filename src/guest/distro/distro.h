/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * What differs between distributions, as data. A row per name of upstream's distros.OSFAMILIES;
 * code asks for a fact, never for a name.
 */
struct distro {
    const char *name;              /* "debian" */
    const char *family;            /* "debian", "redhat", "suse" … as upstream's osfamily */
    const char *hostname_file;     /* "/etc/hostname"; "/etc/HOSTNAME" on SUSE */
    const char *locale_file;       /* "/etc/default/locale", "/etc/locale.conf" */
    const char *ssh_service;       /* "ssh" or "sshd" */
    bool has_update_hostname_fqdn; /* /etc/hostname holds the FQDN (prefer_fqdn) */
    const char *own_address;       /* what the machine's name stands for in /etc/hosts */
    bool gives_keys_to_group;      /* a group "ssh_keys", where there is one, owns host keys */
};

/* By name as in system_info/distro; NULL for a name that has no row (yet). */
const struct distro *distro_find(const char *name);
/* All rows, NULL-named row last: for help and completion. */
extern const struct distro distros[];
