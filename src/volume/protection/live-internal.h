/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"
#include "kube/client/controller.h"

/*
 * The pods of a namespace as the API itself has them, for claims that the cache holds to be unused.
 * Claims that ask while a list is under way share the next one: theirs has to begin after they
 * asked.
 */
struct live;

struct live_options {
    struct kube_client *client;
    /* The answer for one who asked: items of the list as JSON text (items NULL: it failed, see
     * err). */
    void (*answer)(void *ctx, struct kube_task *task, const char *items, size_t len,
                   const struct ol_err *err);
    void *ctx;
};
struct live *live_new(const struct live_options *options) __attribute__((warn_unused_result));
/* Those who wait get no answer; their tasks are done. */
void live_free(struct live *l);
void live_ask(struct live *l, const char *ns, struct kube_task *task);
