/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/virt/libvirt-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* What is known of machines, and what of it is news. */

/* Both names that nova has given to what it writes into a domain. */
static const char *const namespaces[] = {
    "http://openstack.org/xmlns/libvirt/nova/1.1",
    "http://openstack.org/xmlns/libvirt/nova/1.0",
};

/* nova virt/libvirt/guest.py, LIBVIRT_POWER_STATE. */
enum virt_power libvirt_power_of(int state)
{
    static const enum virt_power powers[] = {
        [VIR_NOSTATE] = VIRT_NOSTATE,   [VIR_RUNNING] = VIRT_RUNNING,
        [VIR_BLOCKED] = VIRT_RUNNING,   [VIR_PAUSED] = VIRT_PAUSED,
        [VIR_SHUTDOWN] = VIRT_SHUTDOWN, [VIR_SHUTOFF] = VIRT_SHUTDOWN,
        [VIR_CRASHED] = VIRT_CRASHED,   [VIR_PMSUSPENDED] = VIRT_SUSPENDED,
    };

    return state >= 0 && state < (int)ol_count(powers) ? powers[state] : VIRT_NOSTATE;
}

/* Under the lock. */
static struct libvirt_machine *machine_at(struct libvirt *l, const char *uuid)
{
    struct libvirt_machine *m = ol_table_find_str(&l->machines, uuid);

    if (m)
        return m;
    m = ol_xcalloc(1, sizeof(*m));
    m->uuid = ol_xstrdup(uuid);
    ol_table_put(&l->machines, m);
    return m;
}

static void forget(struct libvirt *l, const char *uuid)
{
    struct libvirt_machine *m = ol_table_find_str(&l->machines, uuid);

    if (!m)
        return;
    ol_table_remove(&l->machines, m);
    free((char *)(uintptr_t)m->uuid);
    free(m);
}

int libvirt_enter(struct libvirt *l, const char *uuid, unsigned flags, struct libvirt_call *ret,
                  struct ol_err *err)
{
    struct vir_connect *c = NULL;
    struct libvirt_machine *m;
    struct vir_domain *d;
    int r = libvirt_connection(l, &c, err);

    if (r < 0)
        return r;
    d = l->lib.lookup(c, uuid);
    if (!d && !(flags & LIBVIRT_MAY_MISS && l->lib.error_code() == VIR_ERR_NO_DOMAIN)) {
        r = libvirt_fail(l, uuid, err);
        (void)!l->lib.close(c);
        return r;
    }
    pthread_mutex_lock(&l->lock);
    m = machine_at(l, uuid);
    m->is_busy = true;
    m->n_calls++;
    pthread_mutex_unlock(&l->lock);
    *ret = (struct libvirt_call){.l = l, .uuid = ol_xstrdup(uuid), .conn = c, .dom = d};
    return 0;
}

/* What it is now is what our call made of it. */
void libvirt_leave(struct libvirt_call *c)
{
    int state = 0, reason = 0;
    bool is_known = c->dom && c->l->lib.state(c->dom, &state, &reason, 0) == 0;
    struct libvirt_machine *m;
    bool is_marked;

    if (!c->uuid)
        return;
    pthread_mutex_lock(&c->l->lock);
    m = machine_at(c->l, c->uuid);
    m->is_busy = false;
    if (is_known)
        m->power = libvirt_power_of(state);
    is_marked = m->is_marked;
    if (!c->dom)
        forget(c->l, c->uuid);
    pthread_mutex_unlock(&c->l->lock);
    if (is_marked)
        libvirt_wake(c->l);
    if (c->dom)
        (void)!c->l->lib.free(c->dom);
    (void)!c->l->lib.close(c->conn);
    free(c->uuid);
    c->uuid = NULL;
}

int libvirt_state(struct libvirt_call *c, int *ret, struct ol_err *err)
{
    int state = 0, reason = 0;

    if (c->l->lib.state(c->dom, &state, &reason, 0) < 0)
        return libvirt_fail(c->l, c->uuid, err);
    *ret = state;
    return 0;
}

void libvirt_wait(struct libvirt *l, ol_time patience)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    patience += until.tv_nsec;
    until.tv_sec += (time_t)(patience / OL_SECOND);
    until.tv_nsec = (long)(patience % OL_SECOND);
    pthread_mutex_lock(&l->lock);
    (void)!pthread_cond_timedwait(&l->changed, &l->lock, &until);
    pthread_mutex_unlock(&l->lock);
}

void libvirt_mark(struct libvirt *l, const char *uuid)
{
    struct libvirt_machine *m;
    size_t at = 0;

    pthread_mutex_lock(&l->lock);
    m = uuid ? ol_table_find_str(&l->machines, uuid) : NULL;
    if (m)
        m->is_marked = true;
    while (!uuid && (m = ol_table_each(&l->machines, &at)))
        m->is_marked = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* A machine that was marked and at which no call is; its mark is taken off. NULL when there is
 * none; heap. */
static char *next_marked(struct libvirt *l, unsigned *ret_n_calls)
{
    struct libvirt_machine *m;
    char *uuid = NULL;
    size_t at = 0;

    pthread_mutex_lock(&l->lock);
    while (!uuid && (m = ol_table_each(&l->machines, &at))) {
        if (!m->is_marked || m->is_busy)
            continue;
        uuid = ol_xstrdup(m->uuid);
        m->is_marked = false;
        *ret_n_calls = m->n_calls;
    }
    pthread_mutex_unlock(&l->lock);
    return uuid;
}

static enum virt_event_kind kind_of(enum virt_power before, enum virt_power now)
{
    switch (now) {
    case VIRT_PAUSED: return VIRT_EVENT_PAUSED;
    case VIRT_SUSPENDED: return VIRT_EVENT_SUSPENDED;
    case VIRT_CRASHED: return VIRT_EVENT_CRASHED;
    case VIRT_RUNNING: return before == VIRT_PAUSED ? VIRT_EVENT_RESUMED : VIRT_EVENT_STARTED;
    default: return VIRT_EVENT_STOPPED;
    }
}

/* False = there is no such domain any more, or nobody to ask. */
static bool ask_power(struct libvirt *l, const char *uuid, bool *ret_is_gone, enum virt_power *ret)
{
    struct vir_connect *c = NULL;
    struct vir_domain *d;
    int state = 0, reason = 0, r;

    if (libvirt_connection(l, &c, NULL) < 0)
        return false;
    d = l->lib.lookup(c, uuid);
    *ret_is_gone = !d && l->lib.error_code() == VIR_ERR_NO_DOMAIN;
    r = d ? l->lib.state(d, &state, &reason, 0) : -1;
    if (d)
        (void)!l->lib.free(d);
    (void)!l->lib.close(c);
    *ret = libvirt_power_of(state);
    return r == 0;
}

/* What a call has changed meanwhile is no news. */
static void look_at(struct libvirt *l, const char *uuid, unsigned n_calls)
{
    enum virt_power now = VIRT_NOSTATE, before = VIRT_NOSTATE;
    bool is_gone = false, is_known = ask_power(l, uuid, &is_gone, &now), is_news = false;
    struct libvirt_machine *m;

    pthread_mutex_lock(&l->lock);
    m = ol_table_find_str(&l->machines, uuid);
    if (m && m->n_calls != n_calls)
        m = NULL;
    if (m && is_gone) {
        forget(l, uuid);
    } else if (m && is_known) {
        before = m->power;
        is_news = before != now;
        m->power = now;
    }
    pthread_mutex_unlock(&l->lock);
    if (is_news && l->base.event)
        l->base.event(l->base.ctx, &(struct virt_event){kind_of(before, now), uuid});
}

void libvirt_tell_news(struct libvirt *l)
{
    unsigned n_calls = 0;
    char *uuid;

    while ((uuid = next_marked(l, &n_calls))) {
        look_at(l, uuid, n_calls);
        free(uuid);
    }
}

bool libvirt_is_ours(struct libvirt *l, struct vir_domain *d, const char *uuid)
{
    ol_autofree char *directory = ol_xasprintf("%s/%s", l->base.config->instances_path, uuid);
    bool is_ours = ol_is_dir(l->base.env, directory);

    for (size_t i = 0; i < ol_count(namespaces) && !is_ours; i++) {
        ol_autofree char *text = l->lib.metadata(d, VIR_METADATA_ELEMENT, namespaces[i], 0);

        is_ours = text != NULL;
    }
    return is_ours;
}

int libvirt_domains(struct libvirt *l, struct vir_connect *c, struct libvirt_domains *ret,
                    struct ol_err *err)
{
    struct libvirt_domains all = {.list = NULL};
    int n = l->lib.list(c, &all.list, 0);

    if (n < 0)
        return libvirt_fail(l, NULL, err);
    for (int i = 0; i < n; i++) {
        char uuid[64] = "";

        if (l->lib.uuid(all.list[i], uuid) == 0 && libvirt_is_ours(l, all.list[i], uuid))
            all.list[all.n++] = all.list[i];
        else
            (void)!l->lib.free(all.list[i]);
    }
    *ret = all;
    return 0;
}

void libvirt_domains_free(struct libvirt *l, struct libvirt_domains *d)
{
    for (int i = 0; i < d->n; i++)
        (void)!l->lib.free(d->list[i]);
    free(d->list);
}
