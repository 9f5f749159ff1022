/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/virt.h"

#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/virt-internal.h"
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
