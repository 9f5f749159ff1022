/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/alloc.h"

/*
 * external_instance_event. What a task waits for wakes it at once; what works on an instance is
 * done in its turn, like any other work on it.
 */
enum { EVENT_ARENA = 32 << 20 };

void event_expect(struct manager *m, struct event_wait *wait)
{
    pthread_mutex_lock(&m->lock);
    wait->next = m->waits;
    m->waits = wait;
    pthread_mutex_unlock(&m->lock);
}

static void forget(struct manager *m, const struct event_wait *wait)
{
    for (struct event_wait **at = &m->waits; *at; at = &(*at)->next)
        if (*at == wait) {
            *at = wait->next;
            return;
        }
}

void event_forget(struct manager *m, const struct event_wait *wait)
{
    pthread_mutex_lock(&m->lock);
    forget(m, wait);
    pthread_mutex_unlock(&m->lock);
}

int event_await(struct manager *m, struct event_wait *wait, ol_time patience)
{
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience / OL_SECOND;
    pthread_mutex_lock(&m->lock);
    while (wait->tags.n && !wait->has_failed && r == 0)
        r = pthread_cond_timedwait(&m->heard, &m->lock, &until);
    forget(m, wait);
    if (wait->has_failed)
        r = EIO;
    else if (wait->tags.n)
        r = ETIME;
    else
        r = 0;
    pthread_mutex_unlock(&m->lock);
    return -r;
}

static bool hear(struct event_wait *wait, const struct nova_object *event)
{
    const char *uuid = nova_str(event, "instance_uuid"), *name = nova_str(event, "name");
    const char *tag = nova_str(event, "tag"), *status = nova_str(event, "status");

    if (!uuid || !name || !tag || strcmp(wait->uuid, uuid) != 0 || strcmp(wait->name, name) != 0)
        return false;
    for (size_t i = 0; i < wait->tags.n; i++)
        if (strcmp(wait->tags.v[i], tag) == 0) {
            ol_strv_remove(&wait->tags, i);
            wait->has_failed = wait->has_failed || (status && strcmp(status, "failed") == 0);
            return true;
        }
    return false;
}

static void wake(struct manager *m, const struct nova_object *event)
{
    bool is_heard = false;

    pthread_mutex_lock(&m->lock);
    for (struct event_wait *wait = m->waits; wait; wait = wait->next)
        is_heard = hear(wait, event) || is_heard;
    if (is_heard)
        pthread_cond_broadcast(&m->heard);
    pthread_mutex_unlock(&m->lock);
    if (!is_heard)
        ol_debug(m->env, "nobody waits for event %s of instance %s", nova_str(event, "name"),
                 nova_str(event, "instance_uuid"));
}

static int refresh(struct work *w, const char *tag, struct ol_err *err)
{
    (void)tag;
    return network_heal(w, err);
}

static int port_deleted(struct work *w, const char *tag, struct ol_err *err)
{
    struct virt_machine *machine;
    struct ol_err why = OL_ERR_INIT;
    int r;

    if (!tag || !network_vif(w, tag))
        return 0;
    ol_info(w->m->env,
            "Neutron deleted interface %s; detaching it from the instance %s and deleting it from "
            "the info cache",
            tag, instance_uuid(w));
    r = network_keep(w, network_without(w, tag), err);
    if (r >= 0)
        r = machine_of(w, &machine, err);
    if (r >= 0 && w->m->driver->detach_nic(w->m->virt, machine, tag, &why) < 0)
        ol_warn(w->m->env, "Detach interface failed, port_id=%s, reason: %s", tag,
                ol_err_text(&why));
    return r;
}

static const struct {
    const char *name;
    int (*run)(struct work *w, const char *tag, struct ol_err *err);
} kinds[] = {
    {"network-changed", refresh},
    {"network-vif-deleted", port_deleted},
};

/* An event that is work on an instance. */
struct job {
    struct manager *m;
    char *uuid, *tag;
    size_t kind;
};

static void job_free(void *ctx)
{
    struct job *j = ctx;

    free(j->uuid);
    free(j->tag);
    free(j);
}

static void job_run(void *ctx)
{
    static const char *const attrs[] = {"info_cache", "metadata", "system_metadata", NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(EVENT_ARENA);
    struct job *j = ctx;
    struct work w = instance_work(j->m, &a, NULL);
    struct ol_err err = OL_ERR_INIT;
    int r =
        conductor_get_instance(j->m->conductor, &w.context, j->uuid, attrs, &a, &w.instance, &err);

    if (r >= 0)
        r = kinds[j->kind].run(&w, j->tag, &err);
    if (r < 0)
        ol_info(j->m->env,
                "Failed to process external instance event %s-%s of instance %s due to: %s",
                kinds[j->kind].name, j->tag, j->uuid, ol_err_text(&err));
    job_free(j);
}

static void add_job(struct manager *m, size_t kind, const struct nova_object *event)
{
    const char *tag = nova_str(event, "tag");
    struct job *j = ol_xcalloc(1, sizeof(*j));

    *j = (struct job){.m = m,
                      .uuid = ol_xstrdup(nova_str(event, "instance_uuid")),
                      .tag = ol_xstrdup(tag ? tag : ""),
                      .kind = kind};
    task_pool_add(
        m->parts.pool,
        &(struct task){
            .name = kinds[kind].name, .key = j->uuid, .run = job_run, .drop = job_free, .ctx = j});
}

static void take(struct manager *m, const struct nova_object *event)
{
    const char *name = nova_str(event, "name");

    if (!name || !nova_str(event, "instance_uuid"))
        return;
    for (size_t i = 0; i < ol_count(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) {
            add_job(m, i, event);
            return;
        }
    wake(m, event);
}

int method_external_event(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *events = work_arg(w, "events");

    for (size_t i = 0; i < ol_val_count(events); i++) {
        struct nova_object *event;
        int r = nova_object_load(w->arena, ol_val_item(events, i), &event, err);

        if (r < 0)
            return ol_err_prefix(err, r, "argument 'events'");
        take(w->m, event);
    }
    return 0;
}
