/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* The table of machines, and what is heard of them. */

enum { TICK_MS = 10000, REAP_MS = 20 };

char *qemu_path(const struct qemu_machine *m, const char *name)
{
    return ol_xasprintf("%s/%s", m->directory, name);
}

static void free_machine(struct qemu_machine *m)
{
    qemu_def_free(m->def);
    ol_strv_done(&m->gone);
    free(m->directory);
    free((char *)(uintptr_t)m->uuid);
    free(m);
}

/* Under the lock. */
static void unref_locked(struct qemu_machine *m)
{
    if (--m->refs == 0)
        free_machine(m);
}

void qemu_machine_unref(struct qemu_machine *m)
{
    struct qemu *q = m->q;

    pthread_mutex_lock(&q->lock);
    unref_locked(m);
    pthread_mutex_unlock(&q->lock);
}

int qemu_enter(struct qemu *q, const char *uuid, struct qemu_machine **ret, struct ol_err *err)
{
    struct qemu_machine *m;

    pthread_mutex_lock(&q->lock);
    m = ol_table_find_str(&q->machines, uuid);
    m = m && m->def ? m : NULL; /* one that could not even be defined is none */
    if (m) {
        m->refs++;
        m->is_busy = true;
    }
    pthread_mutex_unlock(&q->lock);
    if (!m)
        return virt_not_found(uuid, err);
    *ret = m;
    return 0;
}

struct qemu_machine *qemu_enter_new(struct qemu *q, const char *uuid, const char *directory)
{
    struct qemu_machine *m;

    pthread_mutex_lock(&q->lock);
    m = ol_table_find_str(&q->machines, uuid);
    if (!m) {
        m = ol_xcalloc(1, sizeof(*m));
        m->uuid = ol_xstrdup(uuid);
        m->q = q;
        m->directory = ol_xstrdup(directory);
        m->refs = 1;
        m->power = VIRT_SHUTDOWN;
        ol_table_put(&q->machines, m);
    }
    m->refs++;
    m->is_busy = true;
    pthread_mutex_unlock(&q->lock);
    return m;
}

void qemu_leave(struct qemu_machine *m)
{
    struct qemu *q = m->q;

    pthread_mutex_lock(&q->lock);
    m->is_busy = false;
    unref_locked(m);
    pthread_mutex_unlock(&q->lock);
}

void qemu_forget(struct qemu_machine *m)
{
    pthread_mutex_lock(&m->q->lock);
    if (ol_table_find_str(&m->q->machines, m->uuid) == m) {
        ol_table_remove(&m->q->machines, m);
        m->refs--; /* the caller has one more */
    }
    pthread_mutex_unlock(&m->q->lock);
}

/* Text of our own state: whole or not at all, and on the disk. */
static int write_durable(struct ol_env *env, const char *path, const struct ol_buf *text,
                         struct ol_err *err)
{
    ol_autofree char *part = ol_xasprintf("%s.part", path);
    ol_autoclose int fd = -1;
    int r = ol_file_write_buf(env, part, text, 0600, 0, err);

    if (r < 0)
        return r;
    fd = ol_open(env, part, O_RDONLY, 0);
    if (fd < 0)
        return ol_err_set(err, -fd, "write '%s': %s", path, strerror(-fd));
    if (fsync(fd) < 0)
        return ol_err_set(err, errno, "write '%s': %s", path, strerror(errno));
    return ol_rename(env, part, path, err);
}

int qemu_write_record(struct qemu_machine *m, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(QEMU_DEF_MAX);
    ol_autofree char *path = qemu_path(m, QEMU_RECORD);

    if (qemu_def_dump(m->def, &text) < 0)
        return ol_err_set(err, EFBIG, "'%s' would be too large", path);
    return write_durable(m->q->base.env, path, &text, err);
}

int qemu_define(struct qemu_machine *m, struct qemu_def *d, struct ol_err *err)
{
    struct qemu_def *before;

    pthread_mutex_lock(&m->q->lock);
    before = m->def;
    m->def = d;
    pthread_mutex_unlock(&m->q->lock);
    qemu_def_free(before);
    return qemu_write_record(m, err);
}

enum virt_power qemu_power(struct qemu_machine *m)
{
    enum virt_power power;

    pthread_mutex_lock(&m->q->lock);
    power = m->power;
    pthread_mutex_unlock(&m->q->lock);
    return power;
}

bool qemu_is_running(struct qemu_machine *m)
{
    bool is_running;

    pthread_mutex_lock(&m->q->lock);
    is_running = m->qmp != NULL;
    pthread_mutex_unlock(&m->q->lock);
    return is_running;
}

void qemu_set_power(struct qemu_machine *m, enum virt_power power)
{
    pthread_mutex_lock(&m->q->lock);
    m->power = power;
    pthread_cond_broadcast(&m->q->changed);
    pthread_mutex_unlock(&m->q->lock);
}

int qemu_wait_ended(struct qemu_machine *m, ol_time patience)
{
    struct timespec until;
    bool has_ended;

    clock_gettime(CLOCK_MONOTONIC, &until);
    patience += until.tv_nsec;
    until.tv_sec += (time_t)(patience / OL_SECOND);
    until.tv_nsec = (long)(patience % OL_SECOND);
    pthread_mutex_lock(&m->q->lock);
    while (m->qmp && pthread_cond_timedwait(&m->q->changed, &m->q->lock, &until) != ETIMEDOUT)
        ;
    has_ended = !m->qmp;
    pthread_mutex_unlock(&m->q->lock);
    return has_ended ? 0 : -ETIME;
}

/* --- what is heard; in the hub's thread --- */

static void tell(struct qemu_machine *m, enum virt_event_kind kind)
{
    const struct virt *v = &m->q->base;

    if (v->event)
        v->event(v->ctx, &(struct virt_event){kind, m->uuid});
}

/* What an event makes of a machine. */
struct heard {
    const char *name;
    enum virt_power power;
    enum virt_event_kind kind;
};

static const struct heard heard[] = {
    {"STOP", VIRT_PAUSED, VIRT_EVENT_PAUSED},
    {"RESUME", VIRT_RUNNING, VIRT_EVENT_RESUMED},
    {"GUEST_PANICKED", VIRT_CRASHED, VIRT_EVENT_CRASHED},
};

static void hear_power(struct qemu_machine *m, const struct heard *h)
{
    bool is_news;

    pthread_mutex_lock(&m->q->lock);
    /* What a guest does on its way out is told as its end. */
    is_news = !m->is_busy && !m->is_shut_down && !m->is_panicked && m->power != h->power;
    if (!m->is_shut_down && !m->is_panicked)
        m->power = h->power;
    m->is_panicked = m->is_panicked || h->kind == VIRT_EVENT_CRASHED;
    pthread_cond_broadcast(&m->q->changed);
    pthread_mutex_unlock(&m->q->lock);
    if (is_news)
        tell(m, h->kind);
}

/* The guest has powered off; QEMU waits for us to end it (-action shutdown=pause). */
static void hear_shutdown(struct qemu_machine *m)
{
    struct qmp *qmp;

    pthread_mutex_lock(&m->q->lock);
    m->is_shut_down = true;
    qmp = qmp_ref(m->qmp);
    pthread_cond_broadcast(&m->q->changed);
    pthread_mutex_unlock(&m->q->lock);
    if (qmp)
        qmp_send(qmp, "quit");
    qmp_unref(qmp);
}

static void hear_unplugged(struct qemu_machine *m, const char *device)
{
    pthread_mutex_lock(&m->q->lock);
    if (m->gone.n < QEMU_MAX_DEVICES)
        ol_strv_add(&m->gone, device);
    pthread_cond_broadcast(&m->q->changed);
    pthread_mutex_unlock(&m->q->lock);
}

void qemu_on_event(void *machine, const char *name, const struct ol_val *data)
{
    struct qemu_machine *m = machine;
    const char *device = ol_val_str(ol_val_get(data, "device"));

    ol_debug(m->q->base.env, "machine %s: %s", m->uuid, name);
    if (!strcmp(name, "SHUTDOWN") && ol_val_is_truthy(ol_val_get(data, "guest")))
        hear_shutdown(m);
    else if (!strcmp(name, "DEVICE_DELETED") && device)
        hear_unplugged(m, device);
    for (size_t i = 0; i < ol_count(heard); i++)
        if (!strcmp(heard[i].name, name))
            hear_power(m, &heard[i]);
}

/* Under the lock: a child that has ended or is about to. */
static void bury(struct qemu *q, pid_t pid)
{
    q->ended = ol_xrealloc(q->ended, q->n_ended + 1, sizeof(*q->ended));
    q->ended[q->n_ended++] = pid;
}

void qemu_on_ended(void *machine)
{
    struct qemu_machine *m = machine;
    struct qemu *q = m->q;
    bool is_news, is_orderly;
    struct qmp *qmp;

    pthread_mutex_lock(&q->lock);
    is_orderly = m->is_shut_down;
    is_news = !m->is_busy && !q->is_closing;
    qmp = m->qmp;
    m->qmp = NULL;
    if (!q->is_closing) {
        m->power = is_orderly ? VIRT_SHUTDOWN : VIRT_CRASHED;
        if (m->is_child)
            bury(q, m->pid);
    }
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    qmp_unref(qmp);
    if (is_news) {
        ol_autofree char *pid_file = qemu_path(m, QEMU_PIDFILE);

        if (is_orderly)
            (void)!ol_unlink(q->base.env, pid_file, NULL);
        ol_info(q->base.env, "machine %s has %s", m->uuid,
                is_orderly ? "powered off" : "ended unasked");
        tell(m, is_orderly ? VIRT_EVENT_STOPPED : VIRT_EVENT_CRASHED);
    }
    qemu_machine_unref(m);
}

/* Children that have ended; how many are still on their way. */
static size_t reap(struct qemu *q)
{
    size_t left = 0;

    pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < q->n_ended; i++)
        if (waitpid(q->ended[i], NULL, WNOHANG) == 0)
            q->ended[left++] = q->ended[i];
    q->n_ended = left;
    pthread_mutex_unlock(&q->lock);
    return left;
}

/* Directories of machines that run; the list is the caller's. */
static void running(struct qemu *q, struct ol_strv *ret)
{
    const struct qemu_machine *m;
    size_t at = 0;

    pthread_mutex_lock(&q->lock);
    while ((m = ol_table_each(&q->machines, &at)))
        if (m->qmp)
            ol_strv_add(ret, m->directory);
    pthread_mutex_unlock(&q->lock);
}

int qemu_on_tick(void *ctx)
{
    struct qemu *q = ctx;
    ol_time now = ol_now_boot(q->base.env);
    size_t left = reap(q);

    if (now >= q->next_look) {
        ol_auto(ol_strv_done) struct ol_strv directories = OL_STRV_INIT;

        running(q, &directories);
        ol_strv_each (directory, &directories)
            qemu_bound_logs(q->base.env, directory);
        q->next_look = now + TICK_MS * OL_MS;
        if (!directories.n && !left)
            return -1; /* nobody to look after until a connection wakes us */
    }
    return left ? REAP_MS : TICK_MS;
}
