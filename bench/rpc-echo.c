/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc-echo.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"

#define QUEUE "bench.b"

enum { CHANNEL = 1, FRAME_MAX = 131072, ID_MAX = 128 };

static ol_time cpu_used(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * OL_SECOND
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * (OL_SECOND / 1000000);
}

static bool is_normal(amqp_rpc_reply_t r)
{
    return r.reply_type == AMQP_RESPONSE_NORMAL;
}

static bool log_in(amqp_connection_state_t c, char *url)
{
    struct amqp_connection_info info;
    amqp_socket_t *socket = amqp_tcp_socket_new(c);

    return amqp_parse_url(url, &info) == AMQP_STATUS_OK && socket
           && amqp_socket_open(socket, info.host, info.port) == AMQP_STATUS_OK
           && is_normal(amqp_login(c, info.vhost, 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN,
                                   info.user, info.password));
}

static bool declare(amqp_connection_state_t c)
{
    amqp_bytes_t queue = amqp_cstring_bytes(QUEUE), exchange = amqp_cstring_bytes("nova");

    amqp_channel_open(c, CHANNEL);
    if (!is_normal(amqp_get_rpc_reply(c)))
        return false;
    amqp_exchange_declare(c, CHANNEL, exchange, amqp_cstring_bytes("topic"), 0, 0, 0, 0,
                          amqp_empty_table);
    if (!is_normal(amqp_get_rpc_reply(c)))
        return false;
    amqp_queue_declare(c, CHANNEL, queue, 0, 0, 0, 0, amqp_empty_table);
    if (!is_normal(amqp_get_rpc_reply(c)))
        return false;
    amqp_queue_bind(c, CHANNEL, queue, exchange, queue, amqp_empty_table);
    if (!is_normal(amqp_get_rpc_reply(c)))
        return false;
    amqp_basic_consume(c, CHANNEL, queue, amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    return is_normal(amqp_get_rpc_reply(c));
}

/* The text behind "key": in a message within an envelope, where its quotes are escaped. */
static bool find(amqp_bytes_t body, const char *key, char out[ID_MAX])
{
    const char *at = memmem(body.bytes, body.len, key, strlen(key)), *end;
    const char *stop = (const char *)body.bytes + body.len;

    if (!at)
        return false;
    at += strlen(key);
    while (at < stop && strchr("\\\": ", *at))
        at++;
    end = memchr(at, '\\', (size_t)(stop - at));
    if (!end || end - at >= ID_MAX)
        return false;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

static void answer(amqp_connection_state_t c, const amqp_envelope_t *e)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = 2,
    };
    char queue[ID_MAX], id[ID_MAX], body[1024];

    amqp_basic_ack(c, CHANNEL, e->delivery_tag, 0);
    if (!find(e->message.body, "_reply_q", queue) || !find(e->message.body, "_msg_id", id))
        return;
    snprintf(body, sizeof(body),
             "{\"oslo.version\":\"2.0\",\"oslo.message\":\"{\\\"result\\\":{\\\"service\\\":"
             "\\\"bench\\\",\\\"arg\\\":\\\"1.21 GigaWatts\\\"},\\\"failure\\\":null,"
             "\\\"ending\\\":true,\\\"_msg_id\\\":\\\"%s\\\",\\\"_unique_id\\\":\\\"%s\\\"}\"}",
             id, id);
    amqp_basic_publish(c, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(queue), 1, 0, &properties,
                       amqp_cstring_bytes(body));
}

/* True: something came; false: the standard input has ended. */
static bool wait_for_either(amqp_connection_state_t c)
{
    struct pollfd p[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = amqp_get_sockfd(c), .events = POLLIN},
    };

    if (!amqp_frames_enqueued(c) && !amqp_data_in_buffer(c))
        poll(p, 2, -1);
    return !(p[0].revents & (POLLIN | POLLHUP));
}

int rpc_echo(const char *url, size_t *ret_n_served, ol_time *ret_cpu)
{
    const char *rest = strchr(url, ':');
    ol_autofree char *amqp_url = ol_xasprintf("amqp%s", rest ? rest : "");
    amqp_connection_state_t c = amqp_new_connection();

    if (!log_in(c, amqp_url) || !declare(c)) {
        fprintf(stderr, "there is no RabbitMQ\n");
        amqp_destroy_connection(c);
        return -1;
    }
    puts("ready");
    fflush(stdout);
    *ret_cpu = cpu_used();
    while (wait_for_either(c)) {
        struct timeval no_time = {0};
        amqp_envelope_t e;

        amqp_maybe_release_buffers(c);
        if (!is_normal(amqp_consume_message(c, &e, &no_time, 0)))
            continue;
        answer(c, &e);
        amqp_destroy_envelope(&e);
        ++*ret_n_served;
    }
    *ret_cpu = cpu_used() - *ret_cpu;
    amqp_destroy_connection(c);
    return 0;
}
