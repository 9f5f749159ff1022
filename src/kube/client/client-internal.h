/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/* What informers need beyond kube_send(). */

/* "/api/v1/namespaces/default/persistentvolumeclaims/data?limit=500" of an ask. Heap. */
char *kube_ask_path(const struct kube_ask *ask) __attribute__((warn_unused_result));

/* One exchange as it stands, answered in pieces; for watches. */
void *kube_client_stream(struct kube_client *c, const struct kube_exchange *x);
void kube_client_stream_cancel(struct kube_client *c, void *handle);

/* Reads a Status that came with the HTTP code 'http'; what it doesn't say is made of the code.
 * *ret_message is in the arena. */
enum kube_reason kube_status_read(const char *body, size_t size, int http, struct ol_arena *a,
                                  const char **ret_message);
