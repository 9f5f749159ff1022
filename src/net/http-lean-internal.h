/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/env.h"
#include "core/http.h"

/* What a URL says, as far as it is plain: "http://host:port/path". */
struct lean_url {
    char host[256], port[6], authority[264]; /* of an IPv6 address without brackets */
    const char *path;                        /* within the URL: "/…", "?…" or nothing */
    size_t path_len;
};

/* False: this request is libcurl's. */
bool lean_takes(const struct ol_http_request *q, struct lean_url *ret);
/* The request up to its body. */
void lean_write_head(const struct ol_http_request *q, const struct lean_url *u, struct ol_buf *to);

/* Until when, and how long nothing may come. */
struct lean_patience {
    struct ol_env *env;
    ol_time deadline, idle; /* idle 0 = no such limit */
};

/* A connected socket; -EHOSTUNREACH no such host, -ECONNREFUSED, -ETIMEDOUT. */
int lean_connect(const struct lean_url *u, const struct lean_patience *p)
    __attribute__((warn_unused_result));
/* All of it; -ECONNRESET, -ETIMEDOUT. */
int lean_write(int fd, const struct lean_patience *p, const char *data, size_t len)
    __attribute__((warn_unused_result));
/* What is there, 0 = the peer has ended; -ECONNRESET, -ETIMEDOUT. */
ssize_t lean_read(int fd, const struct lean_patience *p, char *to, size_t size)
    __attribute__((warn_unused_result));
/* It is idle and stands, as far as can be seen. */
bool lean_is_usable(int fd);
