/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/client/client.h"

/*
 * Events (core/v1) as client-go's recorder makes them: named OBJECT.<hex of the time>, repeated
 * ones counted by a patch instead of made anew, similar ones combined, a rate per object; written
 * in the background, never twice at once for one object. A lost event is logged and nothing else.
 */
enum kube_event_type { KUBE_NORMAL, KUBE_WARNING };

struct kube_recorder;
struct kube_recorder *kube_recorder_new(struct kube_client *client, const char *component,
                                        const char *host) __attribute__((warn_unused_result));
void kube_recorder_free(struct kube_recorder *r);
/* Text is "what users grep": keep Kubernetes' words. */
void kube_event_add(struct kube_recorder *r, const struct kube_object *about,
                    enum kube_event_type type, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
