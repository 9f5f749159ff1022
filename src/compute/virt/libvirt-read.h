/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "core/arena.h"

/*
 * The devices of a domain's XML, whoever defined it. Of each there is its text as it stands, which
 * libvirt takes back to detach it, and what it is known by. Pure; made for foreign bytes: anything
 * that is no such XML is -EINVAL, more than LIBVIRT_MAX_FOUND devices -E2BIG.
 */
enum { LIBVIRT_MAX_FOUND = 256, LIBVIRT_MAX_DEPTH = 64 };

struct libvirt_device {
    const char *text; /* "<disk …>…</disk>", in the XML; not terminated */
    size_t len;
    /* In the arena; NULL = it has none. */
    const char *target; /* "vda", "tap0f5ab8e2-11" */
    const char *source; /* file or block device */
    const char *serial, *alias, *mac;
};

struct libvirt_devices {
    struct libvirt_device *list;
    size_t n;
};

/* All devices of one kind: "disk", "interface". */
int libvirt_find_devices(struct ol_arena *a, const char *xml, const char *kind,
                         struct libvirt_devices *ret) __attribute__((warn_unused_result));

/* That of a disk's role: by our alias, else by its serial, which is the volume's id in domains of
 * nova, else by the file of ours in the instance's directory. NULL when there is none. */
const struct libvirt_device *libvirt_find_disk(const struct libvirt_devices *l, const char *role);
/* That of a port: by our alias, its MAC address (NULL = not known) or its tap device. */
const struct libvirt_device *libvirt_find_nic(const struct libvirt_devices *l, const char *id,
                                              const char *mac);
