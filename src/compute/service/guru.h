/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/service/parts.h"
#include "core/buf.h"

/*
 * The Guru Meditation Report (oslo_reports 2.4) in its layout: package, threads, tasks (nova's
 * green threads), processes, configuration without secrets; and what nova's doesn't have: queues
 * and instances.
 */
struct guru {
    struct ol_env *env;
    const struct compute_config *config;
    const struct nova_release *release;
    struct service_parts *parts; /* NULL before they are open */
    const char *phase;           /* "starting", "running", "stopping" */
};

void guru_write(const struct guru *g, struct ol_buf *to);
/* Writes it to [oslo_reports] log_dir/nova-compute_gurumeditation_TIME (0600), else to standard
 * error. Failures are logged. */
void guru_report(const struct guru *g);
