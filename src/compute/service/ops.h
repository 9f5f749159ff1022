/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "compute/config/config.h"
#include "compute/object/release.h"
#include "core/env.h"

/*
 * What the start and the life of the service ask of the other parts, so that the order can be
 * tested without them. All block; the real ones are in parts.c. Errors are exceptions.
 */
struct service_record { /* our row of the services table */
    bool is_found;
    int version;
};

struct service_ops {
    /* One try: NOVA_MESSAGING_TIMEOUT when nobody answered. */
    int (*ping)(void *ctx, ol_time timeout, struct ol_err *err);
    /* Service.get_minimum_version('nova-compute'); 0 = there are none. */
    int (*oldest_compute)(void *ctx, int *ret, struct ol_err *err);
    int (*init_host)(void *ctx, struct ol_err *err);
    /* Service.get_by_host_and_binary */
    int (*find_record)(void *ctx, struct service_record *ret, struct ol_err *err);
    int (*create_record)(void *ctx, struct ol_err *err);
    int (*save_version)(void *ctx, int version, struct ol_err *err);
    /* The uuid of this host's compute node; "" = there is none yet. */
    int (*find_node)(void *ctx, char ret[37], struct ol_err *err);
    int (*update_resources)(void *ctx, struct ol_err *err);
    int (*serve)(void *ctx, const char *topic, struct ol_err *err);
    void (*stop_serving)(void *ctx, const char *topic);
    /* report_count += 1; save() */
    int (*report)(void *ctx, struct ol_err *err);
};

struct service_setting {
    struct ol_env *env;
    const struct compute_config *config;
    const struct nova_release *release;
    const struct service_ops *ops;
    void *ctx;
};
