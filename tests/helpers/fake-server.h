/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fake-store.h"

/* Requests of a fake API (fake-server.c) and how they come and go (fake-transport.c). */

struct fake_request {
    char *method, *path, *content_type;
    struct ol_buf body;
};
struct fake_reply {
    int http;
    struct ol_buf body;
};

/* Does what is asked. */
void fake_answer(struct fake_api *f, const struct fake_request *q, struct fake_reply *r);
void fake_fail(struct fake_reply *r, int http, const char *reason, const char *message);
/* The value of a query's member, unescaped, in the arena; NULL = none. */
const char *fake_query(const char *path, const char *key, struct ol_arena *a);
/* What a watch is of; *ret_ns is the caller's. */
bool fake_watch_target(const char *path, const struct kube_kind **ret_kind, char **ret_ns);
