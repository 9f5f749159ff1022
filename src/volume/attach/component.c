/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/attach/component-internal.h"

#define POPULATE (60 * OL_SECOND)
#define FORCED   "attach_detach_controller_attachdetach_controller_forced_detaches"

/* --- keys --- */
static void add_key(struct attach_state_of *s, char kind, const char *name)
{
    ol_autofree char *key = ol_xasprintf("%c%s", kind, name);

    kube_controller_add(s->controller, key);
}

static void on_touched(void *ctx, const char *volume)
{
    add_key(ctx, 'v', volume);
}

static void on_node_touched(void *ctx, const char *node)
{
    add_key(ctx, 'n', node);
}

static void on_stepped(void *ctx, const struct attach_link *l, enum attach_event e)
{
    struct attach_state_of *s = ctx;

    ol_debug(s->loop->env, "attachdetach: %s: volume \"%s\" on node \"%s\" is %s",
             attach_event_name(e), l->volume->name, l->node->name, attach_state_name(l->state));
}

static void begin_round(void *ctx, struct kube_task *task)
{
    const char *key = kube_task_key(task);

    if (key[0] == 'v')
        attach_act_volume(ctx, key + 1, task);
    else
        attach_act_node(ctx, key + 1, task);
}

static void on_populate(void *ctx)
{
    struct attach_state_of *s = ctx;

    attach_feed_populate(s);
    ol_timer_set(&s->populator, POPULATE);
}

/* --- the frame --- */
static int start(const struct kube_context *k, const void *options, void **ret_state,
                 struct ol_err *err)
{
    struct attach_state_of *s = ol_xcalloc(1, sizeof(*s));
    struct attach_options o = {0};

    if (options)
        o = *(const struct attach_options *)options;
    o.touched = on_touched;
    o.node_touched = on_node_touched;
    o.stepped = on_stepped;
    o.ctx = s;
    s->loop = k->loop;
    s->client = k->client;
    s->world = attach_world_new(&o);
    s->recorder = kube_recorder_new(k->client, "attachdetach-controller", "");
    s->controller = kube_controller_new(
        k->loop, &(struct kube_controller_options){
                     .name = attach_component.name, .sync = begin_round, .ctx = s});
    ol_timer_init(&s->populator, k->loop, on_populate, s);
    attach_feed_open(s, k->informers);
    *ret_state = s;
    return 0;
}

static void run(void *state)
{
    struct attach_state_of *s = state;

    if (!s->is_filled)
        attach_feed_fill(s);
    ol_timer_set(&s->populator, POPULATE);
    kube_controller_run(s->controller);
}

static void stop(void *state, void (*stopped)(void *ctx), void *ctx)
{
    struct attach_state_of *s = state;

    kube_controller_pause(s->controller);
    attach_act_stop(s);
    ol_timer_done(&s->populator);
    kube_controller_free(s->controller);
    kube_recorder_free(s->recorder);
    attach_world_free(s->world);
    free(s);
    stopped(ctx);
}

const struct kube_component attach_component = {
    .name = "attachdetach",
    .start = start,
    .run = run,
    .stop = stop,
    .write_metrics = attach_write_metrics,
};

void attach_write_metrics(void *state, struct ol_buf *to)
{
    const struct attach_state_of *s = state;
    size_t desired = 0, actual = 0;

    attach_count(s->world, &desired, &actual);
    ol_buf_printf(to,
                  "# TYPE attachdetach_controller_total_volumes gauge\n"
                  "attachdetach_controller_total_volumes{state=\"desired_state_of_world\"} %zu\n"
                  "attachdetach_controller_total_volumes{state=\"actual_state_of_world\"} %zu\n",
                  desired, actual);
    ol_buf_printf(to,
                  "# TYPE " FORCED " counter\n" FORCED "{reason=\"timeout\"} %lu\n" FORCED
                  "{reason=\"out-of-service\"} %lu\n",
                  attach_n_forced(s->world, ATTACH_FORCED_TIMEOUT),
                  attach_n_forced(s->world, ATTACH_FORCED_OUT_OF_SERVICE));
}
