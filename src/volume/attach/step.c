/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "volume/attach/world-internal.h"

enum { TEXT_MAX_BYTES = 8192 };

void attach_actions_clear(struct attach_actions *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->v[i].text);
    a->n = 0;
}

void attach_actions_done(struct attach_actions *a)
{
    attach_actions_clear(a);
    free(a->v);
}

static struct attach_action *add(struct attach_actions *a)
{
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 8;
        a->v = ol_xrealloc(a->v, a->cap, sizeof(a->v[0]));
    }
    a->v[a->n] = (struct attach_action){0};
    return &a->v[a->n++];
}

void attach_tell(struct attach_actions *to, struct attach_link *l, const struct kube_pod *pod,
                 bool is_warning, const char *fmt, ...)
{
    struct ol_buf b = OL_BUF_INIT(TEXT_MAX_BYTES);
    struct attach_action *a = add(to);
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    a->kind = ATTACH_TELL;
    a->link = l;
    a->pod = pod;
    a->is_warning = is_warning;
    a->reason = is_warning ? "FailedAttachVolume" : "SuccessfulAttachVolume";
    a->text = ol_buf_take(&b);
}

void attach_tell_all(struct attach_actions *to, struct attach_link *l, bool is_warning,
                     const char *prefix, const char *suffix)
{
    for (size_t i = 0; i < l->n_pods; i++)
        attach_tell(to, l, l->pods[i], is_warning, "%s for volume \"%s\" %s", prefix,
                    l->volume->spec.shown, suffix);
}

/* --- the funnel --- */
static void later(struct attach_link *l, ol_time now)
{
    l->not_before = now + ol_backoff_delay(&l->world->options.backoff, ++l->failures);
}

static void withdraw(struct attach_link *l)
{
    bool was_reported = l->is_reported;

    attach_report(l, false);
    l->withdrawn_with = was_reported ? l->node->generation : 0;
}

static void act(struct attach_link *l, enum attach_do what, ol_time now)
{
    if (what == ATTACH_DO_REPORT || what == ATTACH_DO_RESTORE)
        attach_report(l, true);
    if (what == ATTACH_DO_LATER || what == ATTACH_DO_RESTORE || what == ATTACH_DO_LOST)
        later(l, now);
    if (what == ATTACH_DO_LOST)
        attach_report(l, false);
    if (what == ATTACH_DO_WITHDRAW)
        withdraw(l);
    if (what == ATTACH_DO_CREATE || what == ATTACH_DO_DELETE)
        l->deadline = now + l->world->options.operation_timeout;
    if (what == ATTACH_DO_REPORT) {
        l->failures = 0;
        l->not_before = 0;
        l->has_shown_conflict = false;
    }
}

enum attach_do attach_step(struct attach_link *l, enum attach_event e, ol_time now)
{
    struct attach_rule rule = attach_rule_of(l->state, e);

    if (!rule.is_edge)
        return ATTACH_DO_NOTHING;
    l->state = rule.next;
    act(l, rule.what, now);
    if (rule.next == ATTACH_DETACHED && rule.what == ATTACH_DO_NOTHING) {
        attach_report(l, false);
        l->failures = 0;
        l->not_before = 0;
        l->unwanted_since = 0;
    }
    attach_touch(l);
    if (l->world->options.stepped)
        l->world->options.stepped(l->world->options.ctx, l, e);
    return rule.what;
}
