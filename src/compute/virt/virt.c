/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/virt.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/virt-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"

const struct virt_driver *const virt_drivers[] = {&virt_qemu, &virt_libvirt, &virt_fake, NULL};

const struct virt_driver *virt_driver_find(const char *compute_driver)
{
    for (size_t i = 0; compute_driver && virt_drivers[i]; i++)
        if (!strcmp(virt_drivers[i]->name, compute_driver)
            || ol_str_in(compute_driver, virt_drivers[i]->aliases))
            return virt_drivers[i];
    return NULL;
}

int virt_not_found(const char *uuid, struct ol_err *err)
{
    return nova_fail(err, NOVA_INSTANCE_NOT_FOUND, "Instance %s could not be found.", uuid);
}

int virt_own_user(char ret[VIRT_USER_SIZE], struct ol_err *err)
{
    enum { ROOM = 16384 };
    ol_autofree char *room = ol_xcalloc(1, ROOM);
    struct passwd entry, *found = NULL;

    getpwuid_r(geteuid(), &entry, room, ROOM, &found);
    if (!found || strlen(found->pw_name) >= VIRT_USER_SIZE)
        return ol_err_set(err, ENOENT, "we have no user name");
    snprintf(ret, VIRT_USER_SIZE, "%s", found->pw_name);
    return 0;
}
