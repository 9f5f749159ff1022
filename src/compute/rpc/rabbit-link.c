/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/cleanup.h"

/* How long each step towards a connection may take. */
enum { RESOLVE_S = 30, CONNECT_S = 10, SECURE_S = 10, LOGIN_S = 15, LEAVE_S = 1 };
/* A connection that lasted shorter than this counts as one more failure. */
enum { STEADY_S = 5, READ_ROOM = 65536 };

const struct rabbit_host *rabbit_link_host(const struct rpc_link *l)
{
    return &l->url.hosts[l->order[l->host]];
}

void rabbit_link_wake(struct rpc_link *l)
{
    (void)eventfd_write(l->wake_fd, 1);
}

void rabbit_link_set(struct rpc_link *l, enum rabbit_state state, ol_time until)
{
    l->state = state;
    l->state_until = until;
}

static void step_to(struct rpc_link *l, enum rabbit_state state, int seconds)
{
    rabbit_link_set(l, state, ol_now_boot(l->env) + seconds * OL_SECOND);
}

/* The socket is full. What it took goes, or the buffer would grow while there is more to send. */
static void shift_output(struct rpc_link *l)
{
    size_t left = l->out.len - l->out_done;

    if (l->out_done < left)
        return;
    memmove(l->out.data, l->out.data + l->out_done, left);
    ol_buf_truncate(&l->out, left);
    l->out_done = 0;
}

int rabbit_link_flush(struct rpc_link *l, struct ol_err *err)
{
    int r = ol_buf_status(&l->out);

    if (r < 0)
        return ol_err_set(err, -r, "too much waits to be sent");
    while (l->out_done < l->out.len) {
        ssize_t n = rabbit_socket_write(&l->socket, l->out.data + l->out_done,
                                        l->out.len - l->out_done, err);

        if (n == -EAGAIN) {
            shift_output(l);
            return 0;
        }
        if (n < 0)
            return (int)n;
        l->out_done += (size_t)n;
        l->last_out = ol_now_boot(l->env);
    }
    ol_buf_clear(&l->out);
    l->out_done = 0;
    return 0;
}

static void shuffle(struct rpc_link *l)
{
    for (size_t i = l->url.n_hosts - 1; i > 0; i--) {
        size_t k = rabbit_random() % (i + 1), was = l->order[i];

        l->order[i] = l->order[k];
        l->order[k] = was;
    }
}

static void drop_connection(struct rpc_link *l)
{
    rabbit_lookup_drop(l->lookup);
    l->lookup = NULL;
    rabbit_addresses_free(l->addresses);
    l->addresses = NULL;
    rabbit_socket_close(&l->socket);
    /* Once in a while a message of 16 MiB went through them. */
    ol_buf_done(&l->in);
    ol_buf_done(&l->out);
    l->out_done = 0;
    l->heartbeat = 0;
    l->is_blocked = false;
    rabbit_publish_down(l);
    rabbit_consumers_down(l);
}

static ol_time next_try(struct rpc_link *l, bool was_connected)
{
    ol_time now = ol_now_boot(l->env);

    if (was_connected && now - l->up_since > STEADY_S * OL_SECOND)
        l->failures = 0;
    l->failures++;
    l->host = (l->host + 1) % l->url.n_hosts;
    if (l->host == 0 && l->options.is_shuffled)
        shuffle(l);
    return rabbit_retry_delay(&l->options, l->url.n_hosts, l->failures, rabbit_random());
}

/* The words of oslo.messaging, that operators search their logs for. */
static void lost(struct rpc_link *l, const struct ol_err *err)
{
    const struct rabbit_host *h = rabbit_link_host(l);
    bool was_connected = l->state == RABBIT_UP;
    ol_time delay;

    rabbit_explain_login(l, err);
    delay = next_try(l, was_connected);
    ol_error(l->env, "[%s] AMQP server on %s:%d is unreachable: %s. Trying again in %d seconds.",
             l->id, h->name, h->port, ol_err_text(err), (int)((delay + OL_SECOND / 2) / OL_SECOND));
    rabbit_link_set(l, RABBIT_DOWN, 0);
    l->retry_at = ol_now_boot(l->env) + delay;
    pthread_mutex_lock(&l->lock);
    l->last_err = *err;
    pthread_mutex_unlock(&l->lock);
    drop_connection(l);
    if (was_connected)
        l->sink.changed(l->sink.ctx, false, ol_err_text(err));
}

void rabbit_link_is_up(struct rpc_link *l)
{
    const struct rabbit_host *h = rabbit_link_host(l);
    const char *format = "[%s] %s to AMQP server on %s:%d via [amqp] client with port %d.";

    rabbit_link_set(l, RABBIT_UP, 0);
    l->up_since = ol_now_boot(l->env);
    l->refused[0] = '\0';
    if (l->was_up)
        ol_info(l->env, format, l->id, "Reconnected", h->name, h->port,
                rabbit_socket_port(&l->socket));
    else
        ol_debug(l->env, format, l->id, "Connected", h->name, h->port,
                 rabbit_socket_port(&l->socket));
    l->was_up = true;
    atomic_store(&l->peer, h->peer);
    rabbit_publish_up(l);
    l->sink.changed(l->sink.ctx, true, NULL);
}

/* --- towards a connection --- */

static int begin_login(struct rpc_link *l)
{
    step_to(l, RABBIT_LOGIN, LOGIN_S);
    rabbit_login_begin(l);
    return 0;
}

static int on_handshake(struct rpc_link *l, struct ol_err *err)
{
    int r = rabbit_socket_handshake(&l->socket, rabbit_link_host(l)->name, err);

    if (r == -EAGAIN)
        return 0;
    return r < 0 ? r : begin_login(l);
}

static int begin_tls(struct rpc_link *l, struct ol_err *err)
{
    int r = rabbit_socket_secure(&l->socket, &l->options, rabbit_link_host(l)->name, err);

    if (r < 0)
        return r;
    step_to(l, RABBIT_SECURING, SECURE_S);
    return on_handshake(l, err);
}

static int has_tcp(struct rpc_link *l, struct ol_err *err)
{
    l->last_in = l->last_out = ol_now_boot(l->env);
    return l->options.has_tls ? begin_tls(l, err) : begin_login(l);
}

static int try_address(struct rpc_link *l, struct ol_err *err)
{
    ol_time patience = l->options.heartbeat > 0 ? 2 * l->options.heartbeat : 120 * OL_SECOND;
    int r = rabbit_socket_connect(&l->socket, l->addresses, patience, err);

    if (r == -EAGAIN) {
        step_to(l, RABBIT_CONNECTING, CONNECT_S);
        return 0;
    }
    return r < 0 ? r : has_tcp(l, err);
}

static int on_resolved(struct rpc_link *l, struct ol_err *err)
{
    int r = rabbit_lookup_end(ol_take_ptr(l->lookup), &l->addresses, err);

    return r < 0 ? r : try_address(l, err);
}

/* An address that does not answer is no reason to give the host up. */
static int on_connected(struct rpc_link *l, struct ol_err *err)
{
    int r = rabbit_socket_connected(&l->socket, err);

    if (r == 0)
        return has_tcp(l, err);
    return rabbit_addresses_more(l->addresses) ? try_address(l, err) : r;
}

static int begin(struct rpc_link *l, struct ol_err *err)
{
    const struct rabbit_host *h = rabbit_link_host(l);

    if (!ol_change(l->env, "connect", h->peer)) {
        l->retry_at = INT64_MAX;
        return 0;
    }
    ol_debug(l->env, "[%s] Connecting to AMQP server on %s:%d", l->id, h->name, h->port);
    l->lookup = rabbit_lookup_start(h->name, h->port);
    if (!l->lookup)
        return ol_err_set(err, EAGAIN, "[Errno %d] %s", EAGAIN, strerror(EAGAIN));
    step_to(l, RABBIT_RESOLVING, RESOLVE_S);
    return 0;
}

/* --- frames --- */

static int on_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    if (f->channel == 0 || l->state == RABBIT_LOGIN)
        return rabbit_login_frame(l, f, err);
    if (f->type == AMQP_FRAME_HEARTBEAT)
        return 0;
    if (f->channel == RABBIT_CHANNEL_PUBLISH)
        return rabbit_publish_frame(l, f, err);
    if (f->channel == RABBIT_CHANNEL_DECLARE)
        return rabbit_exchange_frame(l, f, err);
    return rabbit_consume_frame(l, f, err);
}

static int read_frames(struct rpc_link *l, struct ol_err *err)
{
    size_t done = 0;
    int r = 0;

    while (r == 0) {
        struct rabbit_frame f;
        ssize_t n = rabbit_frame_read(&l->decoder, l->in.data + done, l->in.len - done, &f, err);

        if (n <= 0) {
            r = (int)n;
            break;
        }
        r = on_frame(l, &f, err);
        done += (size_t)n;
    }
    if (r < 0) {
        struct ol_err second = OL_ERR_INIT;

        /* What came before it is complete. */
        (void)!rabbit_consumers_deliver(l, &second);
        return r;
    }
    r = rabbit_consumers_deliver(l, err);
    if (r < 0)
        return r;
    memmove(l->in.data, l->in.data + done, l->in.len - done);
    ol_buf_truncate(&l->in, l->in.len - done);
    return 0;
}

static int on_input(struct rpc_link *l, struct ol_err *err)
{
    char *room = ol_buf_reserve(&l->in, READ_ROOM);
    ssize_t n;

    if (!room)
        return ol_err_set(err, ENOMEM, "no memory for what comes in");
    n = rabbit_socket_read(&l->socket, room, READ_ROOM, err);
    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return (int)n;
    if (n == 0)
        return ol_err_set(err, ECONNRESET, "Server unexpectedly closed connection");
    ol_buf_commit(&l->in, (size_t)n);
    l->last_in = ol_now_boot(l->env);
    return read_frames(l, err);
}

/* --- time --- */

static const char *late_text(enum rabbit_state state)
{
    switch (state) {
    case RABBIT_RESOLVING: return "its name is not resolved in time";
    case RABBIT_SECURING: return "TLS: no answer in time";
    case RABBIT_LOGIN: return "no answer to the login in time";
    default: return "timed out";
    }
}

/* Said before the sink is asked for the last time, so that a stalled connection is seen. */
static int check_heartbeat(struct rpc_link *l, ol_time now, struct ol_err *err)
{
    if (l->state != RABBIT_UP || l->heartbeat == 0)
        return 0;
    if (now - l->last_in >= 2 * l->heartbeat)
        return ol_err_set(err, ETIMEDOUT, "Too many heartbeats missed: nothing came for %d seconds",
                          (int)((now - l->last_in) / OL_SECOND));
    if (now - l->last_out >= l->heartbeat / 2 && l->out.len == 0)
        rabbit_add_heartbeat(&l->out);
    return 0;
}

static int check_time(struct rpc_link *l, ol_time now, struct ol_err *err)
{
    if (l->state == RABBIT_DOWN)
        return now >= l->retry_at ? begin(l, err) : 0;
    if (l->state_until && now >= l->state_until && l->state == RABBIT_CONNECTING
        && rabbit_addresses_more(l->addresses))
        return try_address(l, err); /* IPv6 that leads nowhere, and then IPv4 */
    if (l->state_until && now >= l->state_until)
        return ol_err_set(err, ETIMEDOUT, "%s", late_text(l->state));
    return check_heartbeat(l, now, err);
}

static ol_time next_time(struct rpc_link *l, ol_time now)
{
    ol_time at = l->state == RABBIT_DOWN ? l->retry_at : l->state_until;

    if (l->state == RABBIT_UP && l->heartbeat) {
        ol_time send = l->last_out + l->heartbeat / 2;

        at = rabbit_earlier(at, l->last_in + 2 * l->heartbeat);
        /* What can't be written holds the next heartbeat back as well. */
        if (l->out.len == 0)
            at = rabbit_earlier(at, send);
    }
    at = rabbit_earlier(at, rabbit_publish_next(l, now));
    return rabbit_earlier(at, rabbit_consumers_next(l));
}

/* --- the loop --- */

static short wanted_events(const struct rpc_link *l)
{
    if (l->state == RABBIT_CONNECTING)
        return POLLOUT;
    if (l->socket.wants_write || (l->state != RABBIT_SECURING && l->out.len > l->out_done))
        return POLLIN | POLLOUT;
    return POLLIN;
}

static int poll_timeout(struct rpc_link *l)
{
    ol_time now = ol_now_boot(l->env), at = next_time(l, now);

    if (l->socket.fd >= 0 && rabbit_socket_is_pending(&l->socket))
        return 0;
    if (at == 0 || at - now > 3600 * OL_SECOND)
        return 3600 * 1000;
    return at <= now ? 0 : (int)((at - now + OL_MS - 1) / OL_MS);
}

static int on_events(struct rpc_link *l, short events, struct ol_err *err)
{
    switch (l->state) {
    case RABBIT_DOWN: return 0;
    case RABBIT_RESOLVING: return events ? on_resolved(l, err) : 0;
    case RABBIT_CONNECTING: return events ? on_connected(l, err) : 0;
    case RABBIT_SECURING: return events ? on_handshake(l, err) : 0;
    default: return events || rabbit_socket_is_pending(&l->socket) ? on_input(l, err) : 0;
    }
}

static int wait_for(struct rpc_link *l, struct ol_err *err)
{
    struct pollfd fds[2] = {{.fd = l->wake_fd, .events = POLLIN}, {.fd = l->socket.fd}};
    eventfd_t count;

    if (l->state == RABBIT_RESOLVING)
        fds[1].fd = rabbit_lookup_fd(l->lookup);
    fds[1].events = l->state == RABBIT_RESOLVING ? POLLIN : wanted_events(l);
    if (poll(fds, 2, poll_timeout(l)) < 0)
        return 0;
    if (fds[0].revents)
        (void)eventfd_read(l->wake_fd, &count);
    return on_events(l, fds[1].revents, err);
}

static int step(struct rpc_link *l, struct ol_err *err)
{
    ol_time now = ol_now_boot(l->env);
    int r = check_time(l, now, err);

    if (r < 0)
        return r;
    rabbit_consumers_step(l, now);
    rabbit_publish_step(l, now);
    if (l->state >= RABBIT_LOGIN)
        r = rabbit_link_flush(l, err);
    return r < 0 ? r : wait_for(l, err);
}

/* What is ours alone is deleted, and the broker told; a second at most. */
static void say_goodbye(struct rpc_link *l)
{
    amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS,
                                     .reply_text = amqp_empty_bytes};
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (l->state != RABBIT_UP)
        return;
    rabbit_consumers_leave(l);
    rabbit_send(l, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
    step_to(l, RABBIT_LEAVING, LEAVE_S);
    do {
        r = rabbit_link_flush(l, &err);
        if (r == 0)
            r = wait_for(l, &err);
    } while (r == 0 && ol_now_boot(l->env) < l->state_until);
}

static bool is_closing(struct rpc_link *l)
{
    bool is;

    pthread_mutex_lock(&l->lock);
    is = l->is_closing;
    pthread_mutex_unlock(&l->lock);
    return is;
}

void *rabbit_link_main(void *link)
{
    struct rpc_link *l = link;

    shuffle(l);
    while (!is_closing(l)) {
        struct ol_err err = OL_ERR_INIT;

        if (step(l, &err) < 0)
            lost(l, &err);
    }
    say_goodbye(l);
    drop_connection(l);
    rabbit_publish_done(l);
    return NULL;
}
