/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "compute/rpc/transport.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * transport_url as oslo.messaging 14 reads it (transport.py, TransportURL.parse):
 * "rabbit://user:password@host:port,user:password@host:port/vhost?option=value". User, password and
 * virtual host have %-escapes; what comes after '?' replaces options of [oslo_messaging_rabbit].
 * No sentence shows a user's password.
 */
enum {
    RABBIT_URL_MAX = 16384, /* bytes */
    RABBIT_HOSTS_MAX = 64,
    RABBIT_PORT = 5672,
};

struct rabbit_host {
    const char *name; /* no brackets around IPv6 */
    int port;
    const char *user, *password; /* "guest" when the URL has none, as kombu has it */
    const char *peer;            /* "rabbit://user@host:port/vhost", to be shown */
};

struct rabbit_param {
    const char *name, *value;
};

struct rabbit_url {
    struct rabbit_host *hosts;
    size_t n_hosts;    /* at least 1 */
    const char *vhost; /* "/" when the URL has none */
    struct rabbit_param *params;
    size_t n_params;
};

/* Everything is in the arena. -EINVAL: not such a URL; -EFBIG: longer than above, or more hosts. */
int rabbit_url_parse(struct ol_arena *a, const char *text, struct rabbit_url *ret,
                     struct ol_err *err) __attribute__((warn_unused_result));

/* Puts the URL's options over 'o'; unknown ones are ignored, as oslo does. -EINVAL: a value that is
 * none, or options that exclude each other. */
int rabbit_url_apply(const struct rabbit_url *u, struct rpc_transport_options *o,
                     struct ol_err *err) __attribute__((warn_unused_result));
