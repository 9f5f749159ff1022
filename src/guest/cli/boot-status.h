/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/* What can be told about the boot from outside (cloud-init 26.2 cmd/status.py). */

enum boot_running { BOOT_NOT_STARTED, BOOT_RUNNING, BOOT_DONE, BOOT_DISABLED };
enum boot_condition { BOOT_PEACHY, BOOT_DEGRADED, BOOT_ERROR };

struct boot_status {
    enum boot_running running;
    enum boot_condition condition;
    const char *code;        /* "enabled-by-generator" … */
    const char *detail;      /* the datasource, the stage, or why it is enabled */
    const char *datasource;  /* "nocloud", "" when none */
    const char *last_update; /* RFC 1123 date, "" when none */
    struct ol_val *errors;   /* list of text */
    struct ol_val *recoverable;
    const struct ol_val *v1; /* status.json's, an empty map when there is none */
};

/* Looks at the files below the root; strings and values live in g's arena. */
void boot_status_read(struct guest *g, struct boot_status *ret);
/* "not started", "running", "done", "disabled". */
const char *boot_running_name(enum boot_running running);
