/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json-writer.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "kube/client/events.h"

/* Events at once and one by one. */
struct kube_recorder {
    struct kube_client *client;
    unsigned n;
};

struct kube_recorder *kube_recorder_new(struct kube_client *client, const char *component,
                                        const char *host)
{
    struct kube_recorder *r = ol_xcalloc(1, sizeof(*r));

    r->client = client;
    return r;
}

void kube_recorder_free(struct kube_recorder *r)
{
    free(r);
}

static void on_done(void *ctx, const struct kube_answer *a) {}

void kube_event_add(struct kube_recorder *r, const struct kube_object *about,
                    enum kube_event_type type, const char *reason, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(65536);
    char text[2048], name[64];
    struct ol_jw w;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(name, sizeof(name), "event-%u", r->n++);
    ol_jw_init(&w, &b);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_str(&w, "kind", "Event");
    ol_jw_map(&w, "metadata");
    ol_jw_str(&w, "name", name);
    ol_jw_str(&w, "namespace", "default");
    ol_jw_end(&w);
    ol_jw_str(&w, "type", type == KUBE_WARNING ? "Warning" : "Normal");
    ol_jw_str(&w, "reason", reason);
    ol_jw_str(&w, "message", text);
    ol_jw_end(&w);
    kube_send(r->client,
              &(struct kube_ask){.verb = KUBE_VERB_CREATE,
                                 .kind = &kube_event_kind,
                                 .ns = "default",
                                 .body = b.data,
                                 .size = b.len},
              on_done, NULL);
}
