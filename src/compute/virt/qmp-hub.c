/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/virt/qmp-hub.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "core/alloc.h"
#include "core/cleanup.h"

enum {
    CHUNK = 16384,
    ANSWER_MAX = 4 << 20,
    COMMAND_MAX = 1 << 16,
    DEFAULT_SECONDS = 10,
    SHORT_MS = 200
};

/* A command that waits; on its thread's stack, in its connection's list. */
struct waiter {
    struct waiter *next;
    int64_t id;
    struct ol_arena *arena;
    const struct ol_val *answer;
    struct ol_err *err;
    pthread_cond_t done;
    bool is_done;
    int result;
};

struct qmp {
    struct qmp_hub *hub;
    struct qmp *next; /* in the hub's list; the hub's thread takes out */
    unsigned refs;
    int fd;
    void *machine;
    struct qmp_reader reader; /* of the hub's thread */
    bool has_ended;
    int64_t last_id;
    struct waiter *waiters;
    pthread_mutex_t sending; /* one line at a time */
};

struct qmp_hub {
    struct ol_env *env;
    struct qmp_hub_owner owner;
    pthread_t thread;
    pthread_mutex_t lock; /* lists, has_ended, waiters */
    struct qmp *all;
    size_t n;
    int wake_fd;
    bool is_stopping;
};

struct qmp *qmp_ref(struct qmp *q)
{
    if (q)
        __atomic_add_fetch(&q->refs, 1, __ATOMIC_RELAXED);
    return q;
}

void qmp_unref(struct qmp *q)
{
    if (!q || __atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    close(q->fd);
    qmp_reader_done(&q->reader);
    pthread_mutex_destroy(&q->sending);
    free(q);
}

void qmp_hub_wake(struct qmp_hub *h)
{
    (void)!write(h->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

struct qmp *qmp_new(struct qmp_hub *h, int fd, void *machine)
{
    struct qmp *q = ol_xcalloc(1, sizeof(*q));

    *q = (struct qmp){.hub = h, .refs = 2, .fd = fd, .machine = machine};
    q->reader = (struct qmp_reader)QMP_READER_INIT;
    pthread_mutex_init(&q->sending, NULL);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    pthread_mutex_lock(&h->lock);
    q->next = h->all;
    h->all = q;
    h->n++;
    pthread_mutex_unlock(&h->lock);
    qmp_hub_wake(h);
    return q;
}

/* Under the hub's lock. */
static void answer(struct qmp *q, const struct qmp_message *m)
{
    for (struct waiter *w = q->waiters; w; w = w->next) {
        if (w->id != m->id || w->is_done)
            continue;
        if (m->kind == QMP_RETURN)
            w->answer = w->arena ? ol_val_copy(w->arena, m->data) : NULL;
        else
            w->result = ol_err_set_domain(w->err, EREMOTEIO, "QMP", 0, "%s (%s)", m->text, m->name);
        w->is_done = true;
        pthread_cond_signal(&w->done);
        return;
    }
}

/* Hands out what was read; false when it is no QMP. */
static bool hand_out(struct qmp *q)
{
    struct qmp_hub *h = q->hub;

    for (;;) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ANSWER_MAX);
        struct ol_err err = OL_ERR_INIT;
        struct qmp_message m;
        int r = qmp_next(&q->reader, &a, &m, &err);

        if (r < 0)
            ol_warn(h->env, "%s", ol_err_text(&err));
        if (r <= 0)
            return r == 0;
        if (m.kind == QMP_EVENT) {
            h->owner.event(q->machine, m.name, m.data);
        } else if (m.kind != QMP_GREETING) {
            pthread_mutex_lock(&h->lock);
            answer(q, &m);
            pthread_mutex_unlock(&h->lock);
        }
    }
}

/* Reads what is there; false at the end. */
static bool serve(struct qmp *q)
{
    char chunk[CHUNK];
    ssize_t n = read(q->fd, chunk, sizeof(chunk));

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    return n > 0 && qmp_feed(&q->reader, chunk, (size_t)n) == 0 && hand_out(q);
}

static void end(struct qmp *q)
{
    struct qmp_hub *h = q->hub;

    pthread_mutex_lock(&h->lock);
    for (struct qmp **at = &h->all; *at; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            break;
        }
    h->n--;
    q->has_ended = true;
    for (struct waiter *w = q->waiters; w; w = w->next)
        if (!w->is_done) {
            w->is_done = true;
            w->result = -EPIPE;
            pthread_cond_signal(&w->done);
        }
    pthread_mutex_unlock(&h->lock);
    shutdown(q->fd, SHUT_RDWR);
    h->owner.ended(q->machine);
    qmp_unref(q);
}

/* Everyone to look at: *ret has room for n + 1, the first is the wake-up. */
static size_t gather(struct qmp_hub *h, struct pollfd **ret_fds, struct qmp ***ret_all)
{
    size_t n = 0;

    pthread_mutex_lock(&h->lock);
    *ret_fds = ol_xrealloc(*ret_fds, h->n + 1, sizeof(**ret_fds));
    *ret_all = ol_xrealloc(*ret_all, h->n + 1, sizeof(**ret_all));
    (*ret_fds)[0] = (struct pollfd){.fd = h->wake_fd, .events = POLLIN};
    for (struct qmp *q = h->all; q; q = q->next, n++) {
        (*ret_fds)[n + 1] = (struct pollfd){.fd = q->fd, .events = POLLIN};
        (*ret_all)[n] = q;
    }
    pthread_mutex_unlock(&h->lock);
    return n;
}

static void *run(void *arg)
{
    ol_autofree struct pollfd *fds = NULL;
    ol_autofree struct qmp **all = NULL;
    struct qmp_hub *h = arg;

    while (!__atomic_load_n(&h->is_stopping, __ATOMIC_ACQUIRE)) {
        int wait_ms = h->owner.tick(h->owner.ctx);
        size_t n = gather(h, &fds, &all);

        if (poll(fds, (nfds_t)n + 1, wait_ms) < 0)
            continue;
        if (fds[0].revents)
            (void)!read(h->wake_fd, &(uint64_t){0}, sizeof(uint64_t));
        /* None leaves the list but by end(), here. */
        for (size_t i = 0; i < n; i++)
            if (fds[i + 1].revents && !serve(all[i]))
                end(all[i]);
    }
    return NULL;
}

struct qmp_hub *qmp_hub_new(struct ol_env *env, const struct qmp_hub_owner *owner)
{
    struct qmp_hub *h = ol_xcalloc(1, sizeof(*h));
    sigset_t all, before;

    h->env = env;
    h->owner = *owner;
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&h->lock, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (h->wake_fd < 0 || pthread_create(&h->thread, NULL, run, h) != 0) {
        ol_close_at(&h->wake_fd);
        free(h);
        h = NULL;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return h;
}

void qmp_hub_free(struct qmp_hub *h)
{
    if (!h)
        return;
    __atomic_store_n(&h->is_stopping, true, __ATOMIC_RELEASE);
    qmp_hub_wake(h);
    pthread_join(h->thread, NULL);
    while (h->all)
        end(h->all);
    close(h->wake_fd);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* Sends all of it, with the descriptor beside its first byte. */
static int send_line(struct qmp *q, const struct ol_buf *line, const struct qmp_ask *ask)
{
    char room[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t)))) = {0};
    size_t sent = 0;

    while (sent < line->len) {
        struct iovec part = {line->data + sent, line->len - sent};
        struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t n;

        if (sent == 0 && ask && ask->has_fd) {
            struct cmsghdr *c;

            msg.msg_control = room;
            msg.msg_controllen = sizeof(room);
            c = CMSG_FIRSTHDR(&msg);
            *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
            memcpy(CMSG_DATA(c), &ask->fd, sizeof(int));
        }
        n = sendmsg(q->fd, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = q->fd, .events = POLLOUT};

            if (poll(&p, 1, ask ? DEFAULT_SECONDS * 1000 : SHORT_MS) <= 0) {
                shutdown(q->fd, SHUT_RDWR); /* half a line cannot be taken back */
                return -ETIMEDOUT;
            }
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        } else if (n > 0) {
            sent += (size_t)n;
        }
    }
    return 0;
}

static int send_command(struct qmp *q, const struct qmp_ask *ask, int64_t id)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(COMMAND_MAX);
    int r = qmp_command(&line, ask->command, ask->arguments, id);

    if (r < 0)
        return r;
    pthread_mutex_lock(&q->sending);
    r = send_line(q, &line, ask);
    pthread_mutex_unlock(&q->sending);
    return r;
}

void qmp_send(struct qmp *q, const char *command)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(COMMAND_MAX);

    if (qmp_command(&line, command, NULL, 0) < 0 || pthread_mutex_trylock(&q->sending) != 0)
        return;
    (void)send_line(q, &line, NULL);
    pthread_mutex_unlock(&q->sending);
}

static struct timespec after(ol_time span)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    span += t.tv_nsec;
    t.tv_sec += (time_t)(span / OL_SECOND);
    t.tv_nsec = (long)(span % OL_SECOND);
    return t;
}

static void waiter_begin(struct qmp *q, struct waiter *w)
{
    pthread_condattr_t clock;

    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&w->done, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_lock(&q->hub->lock);
    w->id = ++q->last_id;
    w->next = q->waiters;
    q->waiters = w;
    if (q->has_ended) {
        w->is_done = true;
        w->result = -EPIPE;
    }
    pthread_mutex_unlock(&q->hub->lock);
}

static void waiter_end(struct qmp *q, struct waiter *w, const struct timespec *until)
{
    pthread_mutex_lock(&q->hub->lock);
    while (!w->is_done && w->result == 0)
        if (pthread_cond_timedwait(&w->done, &q->hub->lock, until) == ETIMEDOUT && !w->is_done)
            w->result = -ETIMEDOUT;
    for (struct waiter **at = &q->waiters; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            break;
        }
    pthread_mutex_unlock(&q->hub->lock);
    pthread_cond_destroy(&w->done);
}

int qmp_call(struct qmp *q, const struct qmp_ask *ask, struct ol_arena *a,
             const struct ol_val **ret, struct ol_err *err)
{
    struct waiter w = {.arena = a, .err = err};
    struct timespec until = after(ask->timeout ? ask->timeout : DEFAULT_SECONDS * OL_SECOND);
    int r;

    waiter_begin(q, &w);
    r = w.is_done ? 0 : send_command(q, ask, w.id);
    if (r < 0)
        until = after(0);
    waiter_end(q, &w, &until);
    r = r < 0 ? r : w.result;
    if (r == -EREMOTEIO)
        return ol_err_prefix(err, r, "QMP %s", ask->command);
    if (r < 0)
        return ol_err_set(err, -r, "QMP %s: %s", ask->command,
                          r == -EPIPE ? "the machine has ended" : strerror(-r));
    if (ret)
        *ret = w.answer;
    return 0;
}
