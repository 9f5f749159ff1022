/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/scheduler/amounts.h"

#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"

void sched_amounts_done(struct sched_amounts *a)
{
    for (uint32_t i = 0; i < a->n; i++)
        free((char *)a->v[i].name);
    free(a->v);
    *a = (struct sched_amounts){0};
}

static struct ol_quantity *amount_of(struct sched_amounts *a, const char *name)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].name, name) == 0)
            return &a->v[i].amount;
    if (a->n == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 4;
        a->v = ol_xrealloc(a->v, a->cap, sizeof(*a->v));
    }
    a->v[a->n] = (struct kube_resource){.name = ol_xstrdup(name)};
    return &a->v[a->n++].amount;
}

void sched_amounts_add(struct sched_amounts *a, const char *name, const struct ol_quantity *more)
{
    ol_quantity_add(amount_of(a, name), more);
}

void sched_amounts_add_all(struct sched_amounts *a, const struct sched_amounts *more, int sign)
{
    for (uint32_t i = 0; i < more->n; i++) {
        struct ol_quantity *sum = amount_of(a, more->v[i].name);

        if (sign < 0)
            ol_quantity_sub(sum, &more->v[i].amount);
        else
            ol_quantity_add(sum, &more->v[i].amount);
    }
}

const struct ol_quantity *sched_amounts_get(const struct sched_amounts *a, const char *name)
{
    for (uint32_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].name, name) == 0)
            return &a->v[i].amount;
    return NULL;
}

static void add_container(struct sched_amounts *a, const struct kube_container *c)
{
    for (uint32_t i = 0; i < c->requests.n; i++)
        sched_amounts_add(a, c->requests.v[i].name, &c->requests.v[i].amount);
    for (uint32_t i = 0; i < c->limits.n; i++)
        if (!kube_resource_get(&c->requests, c->limits.v[i].name))
            sched_amounts_add(a, c->limits.v[i].name, &c->limits.v[i].amount);
}

static void raise_to(struct sched_amounts *a, const struct sched_amounts *least)
{
    for (uint32_t i = 0; i < least->n; i++) {
        struct ol_quantity *amount = amount_of(a, least->v[i].name);

        if (ol_quantity_cmp(amount, &least->v[i].amount) < 0)
            *amount = least->v[i].amount;
    }
}

void sched_pod_requests(const struct kube_pod *pod, struct sched_amounts *ret)
{
    const struct kube_container *c = pod->spec.containers.v, *init = pod->spec.init_containers.v;
    ol_auto(sched_amounts_done) struct sched_amounts most = {0}, stay = {0};

    *ret = (struct sched_amounts){0};
    for (uint32_t i = 0; i < pod->spec.containers.n; i++)
        add_container(ret, &c[i]);
    for (uint32_t i = 0; i < pod->spec.init_containers.n; i++) {
        ol_auto(sched_amounts_done) struct sched_amounts now = {0};

        if (init[i].restart_policy && strcmp(init[i].restart_policy, "Always") == 0) {
            add_container(&stay, &init[i]);
            raise_to(&most, &stay);
            continue;
        }
        add_container(&now, &init[i]);
        sched_amounts_add_all(&now, &stay, 1);
        raise_to(&most, &now);
    }
    sched_amounts_add_all(ret, &stay, 1);
    raise_to(ret, &most);
}
