/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "volume/binder/rules.h"

enum { BODY_MAX = 1 << 20 };

void binder_step_init(struct binder_step *s)
{
    *s = (struct binder_step){.act = BINDER_NOTHING};
    ol_buf_init(&s->body, BODY_MAX);
}

void binder_step_done(struct binder_step *s)
{
    ol_buf_done(&s->body);
}

void binder_step_clear(struct binder_step *s)
{
    struct ol_buf body = s->body;

    ol_buf_clear(&body);
    *s = (struct binder_step){.act = BINDER_NOTHING, .body = body};
}

void binder_step_event(struct binder_step *s, const struct kube_object *about,
                       enum kube_event_type type, const char *reason, const char *fmt, ...)
{
    struct binder_event *e = &s->events[s->n_events];
    va_list ap;

    assert(s->n_events < ol_count(s->events));
    e->about = about;
    e->type = type;
    e->reason = reason;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    s->n_events++;
}
