/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/virt/virt.h"

/* What every open driver begins with; a driver's own struct has it as its first member. */
struct virt {
    struct ol_env *env;
    const struct compute_config *config;
    void (*event)(void *ctx, const struct virt_event *e); /* NULL = nobody asks */
    void *ctx;
    struct privileged *privileged; /* NULL = none is needed */
};

/* "Instance U could not be found." */
int virt_not_found(const char *uuid, struct ol_err *err);

/* The name of the user that we are. */
enum { VIRT_USER_SIZE = 64 };
int virt_own_user(char ret[VIRT_USER_SIZE], struct ol_err *err);

extern const struct virt_driver virt_fake, virt_libvirt, virt_qemu;
