/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/module/module.h"

/*
 * The modules of one section of the configuration, in order, each under its semaphore; a
 * module that fails does not stop the next (cloud-init 26.2 config/modules.py).
 */

/* What went wrong, as status.json shows it: "('ssh', OSError('…'))". A list of texts. */
struct module_failures {
    struct ol_val *texts;
};

/* Runs cloud_<stage>_modules ("init", "config", "final"). 'event' is the stage's name in events
 * ("init-network", "modules-config"). */
void run_modules(struct guest *g, const char *section, const char *event,
                 struct module_failures *failures);

/* Runs one module now, with the frequency given or its own (NULL). 0; -ENOENT: we have no such
 * module; -EIO: it failed (logged). */
int run_single_module(struct guest *g, const char *name, const enum frequency *frequency,
                      const struct ol_val *args) __attribute__((warn_unused_result));

/* repr() of the Python exception that stands for err: "RuntimeError('…')". Into the arena. */
const char *exception_text(struct ol_arena *a, const struct ol_err *err);
