/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"

/*
 * What the daemon can wait for before it starts, in place of an init script: libvirt's socket,
 * units that have to be up, the module nbd.
 */

/* --load-nbd: modprobe, but not in a container (/run/container_type, as the upstart job of nova
 * asked; /run/systemd/container). A failure fails the start. */
int pre_start_nbd(struct ol_env *env, const struct compute_config *c, struct ol_err *err)
    __attribute__((warn_unused_result));
/* --wait-libvirt: until its socket takes connections; -ETIMEDOUT after 5 minutes. */
int pre_start_libvirt(struct ol_env *env, struct ol_err *err) __attribute__((warn_unused_result));
/* --wait-unit NAME: up to 20 tries; each asks the service manager whether it is active and, if not,
 * starts it, then waits 1, 1, 3, 3, 5, 5 s and so on (LP #1471022). Out of tries it says so and
 * goes on. */
void pre_start_unit(struct ol_env *env, const char *unit);
/* The wait after try number 'attempt' (from 1). */
ol_time pre_start_delay(unsigned attempt);
