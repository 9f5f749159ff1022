/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/rpc/bus-internal.h"

enum {
    READ_SIZE = 64 << 10,
    READ_MOST = 1 << 20, /* at once, unless one frame is longer */
    OUT_MOST = 64 << 20,
};

void bus_stream_init(struct bus_stream *s, int fd)
{
    s->fd = fd;
    s->written = 0;
    ol_buf_init(&s->in, bus_frame_max + READ_MOST + READ_SIZE);
    ol_buf_init(&s->out, OUT_MOST);
}

void bus_stream_done(struct bus_stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    ol_buf_done(&s->in);
    ol_buf_done(&s->out);
}

int bus_stream_read(struct bus_stream *s)
{
    struct bus_frame f;

    while (s->in.len < READ_MOST || bus_frame_read(s->in.data, s->in.len, &f) == 0) {
        char *to = ol_buf_reserve(&s->in, READ_SIZE);
        ssize_t n;

        if (!to)
            return -EPROTO;
        n = recv(s->fd, to, READ_SIZE, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (n == 0)
            return -EPIPE;
        ol_buf_commit(&s->in, (size_t)n);
        if (n < READ_SIZE)
            return 0;
    }
    return 0;
}

int bus_stream_write(struct bus_stream *s)
{
    if (ol_buf_status(&s->out) < 0)
        return ol_buf_status(&s->out);
    while (s->written < s->out.len) {
        ssize_t n = send(s->fd, s->out.data + s->written, s->out.len - s->written,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        s->written += (size_t)n;
    }
    ol_buf_clear(&s->out);
    s->written = 0;
    return 0;
}

size_t bus_stream_pending(const struct bus_stream *s)
{
    return s->out.len - s->written;
}

void bus_stream_eat(struct bus_stream *s, size_t n)
{
    size_t rest = s->in.len - n;

    memmove(s->in.data, s->in.data + n, rest);
    ol_buf_truncate(&s->in, rest);
}

void bus_wake(int event_fd)
{
    static const uint64_t one = 1;

    /* It fails only when it is awake already. */
    if (write(event_fd, &one, sizeof(one)) < 0)
        return;
}

void bus_woken(int event_fd)
{
    uint64_t n;

    if (read(event_fd, &n, sizeof(n)) < 0)
        return;
}
