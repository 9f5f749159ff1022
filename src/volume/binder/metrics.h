/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/table.h"

/*
 * How long provisioning and deleting took, as Kubernetes counts it (pv_controller's
 * volume_operation_total_seconds and volume_operation_total_errors): from the first attempt until
 * the claim is bound, or the volume's object is gone.
 */
enum { BINDER_N_BUCKETS = 13 };
extern const double binder_buckets[BINDER_N_BUCKETS]; /* upper bounds in seconds */

enum binder_timed { BINDER_TIMED_PROVISION, BINDER_TIMED_DELETE };

/* One pair of labels. */
struct binder_timing {
    const char *plugin;   /* plugin_name */
    enum binder_timed op; /* operation_name: "provision", "delete" */
    uint64_t n, n_errors;
    uint64_t buckets[BINDER_N_BUCKETS]; /* not cumulative */
    ol_time sum;
};
struct binder_metrics {
    struct binder_timing *rows;
    size_t n_rows;
    struct ol_table under_way;
    uint64_t retroactive, retroactive_errors; /* retroactive_storageclass_total, _errors_total */
};

void binder_metrics_init(struct binder_metrics *m);
void binder_metrics_done(struct binder_metrics *m);
/* 'key' is the claim's key or the volume's name. A second begin changes nothing. */
void binder_metrics_begin(struct binder_metrics *m, const char *key, const char *plugin,
                          enum binder_timed op, ol_time now);
/* These do nothing for an unknown key. */
void binder_metrics_fail(struct binder_metrics *m, const char *key);
void binder_metrics_end(struct binder_metrics *m, const char *key, ol_time now);
void binder_metrics_drop(struct binder_metrics *m, const char *key);
/* Since when; 0 = it isn't under way. */
ol_time binder_metrics_since(const struct binder_metrics *m, const char *key, enum binder_timed op);
