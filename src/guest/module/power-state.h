/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "codec/val.h"
#include "core/clock.h"
#include "core/err.h"

/* What 'power_state' asks for; cloud-init 26.2 cc_power_state_change.load_power_state(). */
struct power_state {
    const char *argv[5];          /* "shutdown", "-r", "+5", message; NULL-terminated */
    ol_time timeout;              /* how long we may take to end before it is done all the same */
    const char *const *condition; /* it is done when this command ends with 0; NULL = always */
    bool is_wanted;               /* false: the condition is no command but a no */
};

/*
 * Reads the map 'power_state'. Strings are in the arena. 'family' is that of struct distro.
 * -EINVAL: domain "TypeError" or "ValueError", with upstream's sentence.
 */
int power_state_parse(struct ol_arena *a, const struct ol_val *v, const char *family,
                      struct power_state *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
