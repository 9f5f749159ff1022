/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/distro/distro.h"

#include <string.h>

/* clang-format off */
const struct distro distros[] = {
    /* name, family, hostname_file, locale_file, ssh_service, fqdn, own_address, key group */
    {"debian", "debian", "/etc/hostname", "/etc/default/locale", "ssh", false, "127.0.1.1", false},
    {"ubuntu", "debian", "/etc/hostname", "/etc/default/locale", "ssh", false, "127.0.1.1", false},
    {"raspberry-pi-os", "debian", "/etc/hostname", "/etc/default/locale", "ssh", false, "127.0.1.1", false},
    {"alpine", "alpine", "/etc/hostname", "/etc/profile.d/50-cloud-init-locale.sh", "sshd", false, "127.0.1.1", false},
    {"arch", "arch", "/etc/hostname", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"photon", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", false, "127.0.0.1", true},
    {"almalinux", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"amazon", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"centos", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"fedora", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"rhel", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"rocky", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"cloudlinux", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"eurolinux", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"miraclelinux", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"virtuozzo", "redhat", "/etc/hostname", "/etc/locale.conf", "sshd", true, "127.0.0.1", true},
    {"opensuse", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"sles", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"opensuse-leap", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"opensuse-microos", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"opensuse-tumbleweed", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"sle_hpc", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"sle-micro", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {"suse", "suse", "/etc/HOSTNAME", "/etc/locale.conf", "sshd", false, "127.0.0.1", false},
    {NULL, NULL, NULL, NULL, NULL, false, NULL, false},
};
/* clang-format on */

const struct distro *distro_find(const char *name)
{
    for (const struct distro *d = distros; d->name; d++)
        if (!strcmp(d->name, name))
            return d;
    return NULL;
}
