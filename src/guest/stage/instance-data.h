/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/*
 * /run/cloud-init/instance-data.json (for everybody, secrets redacted) and
 * instance-data-sensitive.json (0600), cloud-id, combined-cloud-config.json: what 'query' and
 * templates read. Keys as cloud-init 26.2 sources.DataSource.persist_instance_data().
 */
int instance_data_write(struct guest *g, struct ol_err *err) __attribute__((warn_unused_result));

/* After user-data was consumed: combined-cloud-config.json (0600), and system_info and features
 * in the sensitive file. */
int instance_data_combine(struct guest *g, struct ol_err *err) __attribute__((warn_unused_result));
