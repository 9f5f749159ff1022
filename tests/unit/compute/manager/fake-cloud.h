/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "compute/config/config.h"
#include "core/http.h"
#include "core/strv.h"

/*
 * A double of neutron and cinder: whatever is asked is written down as "METHOD /PATH BODY" and
 * answered by the last row that fits. What no row fits is 404, for lists of neutron empty. One
 * request may be told to fail.
 */
struct fake_cloud_row {
    const char *what; /* the beginning of "METHOD /PATH" */
    const char *body; /* JSON, with ' for " */
};

struct fake_cloud {
    const struct fake_cloud_row *rows; /* ended by what NULL; of the test */
    const char *failing; /* the beginning of "METHOD /PATH" that answers 500; NULL = none */
    struct ol_strv asked;
    pthread_mutex_t lock;
    bool is_there;
};

void fake_cloud_init(struct fake_cloud *c, struct ol_env *env, struct compute_config *config);
void fake_cloud_done(struct fake_cloud *c);
/* How often something was asked that begins so. */
size_t fake_cloud_asked(const struct fake_cloud *c, const char *what);
/* The last of it; NULL = never. */
const char *fake_cloud_last(const struct fake_cloud *c, const char *what);
