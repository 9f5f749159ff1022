/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "core/version.h"

void rabbit_send(struct rpc_link *l, uint16_t channel, amqp_method_number_t id, const void *decoded)
{
    rabbit_add_method(&l->out, channel, id, decoded);
}

void rabbit_text(char *out, size_t size, amqp_bytes_t from)
{
    size_t n = from.len < size - 1 ? from.len : size - 1;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = ((const unsigned char *)from.bytes)[i];

        out[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    out[n] = '\0';
    for (size_t i = 0; i < n && !ol_utf8_is_valid(out, n); i++) {
        if (out[i] & 0x80)
            out[i] = '?';
    }
}

int rabbit_refusal(struct ol_err *err, uint16_t code, amqp_bytes_t text)
{
    char said[256];

    rabbit_text(said, sizeof(said), text);
    return ol_err_set_domain(err, ECONNREFUSED, "AMQP", code, "(%u) %s", code, said);
}

uint32_t rabbit_random(void)
{
    uint32_t n = 0;

    if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
        n = (uint32_t)getpid() * 2654435761u;
    return n;
}

ol_time rabbit_earlier(ol_time a, ol_time b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

void rabbit_login_begin(struct rpc_link *l)
{
    l->decoder.max = RABBIT_FRAME_FIRST;
    ol_buf_add(&l->out, "AMQP\0\0\x9\x1", 8);
}

static amqp_table_entry_t text_entry(const char *key, const char *value)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(key),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)},
    };
}

static amqp_table_entry_t true_entry(const char *key)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(key),
        .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1},
    };
}

/* The word 'name' in a list that is separated by blanks. */
static bool has_word(amqp_bytes_t list, const char *name)
{
    size_t len = strlen(name), start = 0;

    for (size_t i = 0; i <= list.len; i++) {
        const char *s = list.bytes;

        if (i < list.len && s[i] != ' ')
            continue;
        if (i - start == len && memcmp(s + start, name, len) == 0)
            return true;
        start = i + 1;
    }
    return false;
}

/* What the mechanism wants to hear: PLAIN is "\0user\0password", AMQPLAIN a table without its
 * length. Returns its size, or -EMSGSIZE. */
static ssize_t answer(const struct rabbit_host *h, bool is_plain, char *out, size_t size)
{
    amqp_table_entry_t entries[] = {text_entry("LOGIN", h->user),
                                    text_entry("PASSWORD", h->password)};
    amqp_table_t table = {.num_entries = ol_count(entries), .entries = entries};
    size_t user = strlen(h->user), password = strlen(h->password), used = 0;

    if (user + password + 64 > size)
        return -EMSGSIZE;
    if (is_plain) {
        out[0] = '\0';
        memcpy(out + 1, h->user, user + 1);
        memcpy(out + user + 2, h->password, password);
        return (ssize_t)(user + password + 2);
    }
    if (amqp_encode_table((amqp_bytes_t){.len = size, .bytes = out}, &table, &used) < 0)
        return -EMSGSIZE;
    memmove(out, out + 4, used - 4);
    return (ssize_t)(used - 4);
}

static void send_start_ok(struct rpc_link *l, const char *mechanism, amqp_bytes_t response)
{
    amqp_table_entry_t able[] = {true_entry("authentication_failure_close"),
                                 true_entry("connection.blocked"),
                                 true_entry("consumer_cancel_notify"), true_entry("basic.nack"),
                                 true_entry("publisher_confirms")};
    amqp_table_entry_t properties[] = {
        text_entry("product", "orlop"),
        text_entry("product_version", ORLOP_VERSION),
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE,
                   .value.table = {.num_entries = ol_count(able), .entries = able}}},
        text_entry("connection_name", l->options.connection_name),
    };
    amqp_connection_start_ok_t ok = {
        .client_properties = {.num_entries = ol_count(properties), .entries = properties},
        .mechanism = amqp_cstring_bytes(mechanism),
        .response = response,
        .locale = amqp_cstring_bytes("en_US"),
    };

    rabbit_send(l, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
}

static int on_start(struct rpc_link *l, const amqp_connection_start_t *start, struct ol_err *err)
{
    bool is_plain = strcmp(l->options.login_method, "PLAIN") == 0;
    char response[RABBIT_URL_MAX];
    ssize_t n;

    if (!has_word(start->mechanisms, is_plain ? "PLAIN" : "AMQPLAIN")) {
        is_plain = !is_plain;
        if (!has_word(start->mechanisms, is_plain ? "PLAIN" : "AMQPLAIN"))
            return ol_err_set(err, EPROTO, "the server knows neither AMQPLAIN nor PLAIN");
    }
    n = answer(rabbit_link_host(l), is_plain, response, sizeof(response));
    if (n < 0)
        return ol_err_set(err, EMSGSIZE, "user and password are too long to be sent");
    send_start_ok(l, is_plain ? "PLAIN" : "AMQPLAIN",
                  (amqp_bytes_t){.len = (size_t)n, .bytes = response});
    explicit_bzero(response, (size_t)n);
    return 0;
}

/* Of two limits where 0 means none. */
static uint32_t less_of(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

static int on_tune(struct rpc_link *l, const amqp_connection_tune_t *tune, struct ol_err *err)
{
    uint32_t ours = (uint32_t)((l->options.heartbeat + OL_SECOND - 1) / OL_SECOND);
    amqp_connection_tune_ok_t ok = {
        .channel_max = (uint16_t)less_of(tune->channel_max, 2047),
        .frame_max = less_of(tune->frame_max, RABBIT_FRAME_MAX),
    };
    amqp_connection_open_t open = {
        .virtual_host = amqp_cstring_bytes(l->url.vhost),
        .capabilities = amqp_empty_bytes,
    };

    if (strlen(l->url.vhost) > 255)
        return ol_err_set(err, EINVAL, "the virtual host's name is longer than 255 bytes");
    if (ok.frame_max < AMQP_FRAME_MIN_SIZE)
        return ol_err_set(err, EPROTO, "the server allows frames of %u bytes only", ok.frame_max);
    if (ours > 0)
        ok.heartbeat = (uint16_t)less_of(ours < 65535 ? ours : 65535, tune->heartbeat);
    l->frame_max = l->decoder.max = ok.frame_max;
    l->heartbeat = ok.heartbeat * OL_SECOND;
    rabbit_send(l, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
    rabbit_send(l, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
    return 0;
}

static int on_close(struct rpc_link *l, const amqp_connection_close_t *close, struct ol_err *err)
{
    amqp_connection_close_ok_t ok = {0};

    rabbit_send(l, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    (void)rabbit_link_flush(l, NULL);
    return rabbit_refusal(err, close->reply_code, close->reply_text);
}

static void on_blocked(struct rpc_link *l, const amqp_connection_blocked_t *b)
{
    char reason[256];

    rabbit_text(reason, sizeof(reason), b->reason);
    l->is_blocked = true;
    ol_error(l->env, "The broker has blocked the connection: %s", reason);
}

/* RABBIT_LOGIN knows three methods in their order, RABBIT_UP those of the other list. */
static int in_login(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    if (f->method == AMQP_CONNECTION_START_METHOD)
        return on_start(l, f->decoded, err);
    if (f->method == AMQP_CONNECTION_TUNE_METHOD)
        return on_tune(l, f->decoded, err);
    if (f->method == AMQP_CONNECTION_OPEN_OK_METHOD) {
        rabbit_link_is_up(l);
        return 0;
    }
    return ol_err_set(err, EPROTO, "%s during the login",
                      f->method ? amqp_method_name(f->method) : "an unknown method");
}

int rabbit_login_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    if (f->type == AMQP_FRAME_HEARTBEAT)
        return 0;
    if (f->method == AMQP_CONNECTION_CLOSE_METHOD)
        return on_close(l, f->decoded, err);
    if (l->state == RABBIT_LOGIN)
        return in_login(l, f, err);
    if (f->method == AMQP_CONNECTION_BLOCKED_METHOD)
        on_blocked(l, f->decoded);
    if (f->method == AMQP_CONNECTION_CLOSE_OK_METHOD)
        return ol_err_set(err, ECANCELED, "closed");
    if (f->method == AMQP_CONNECTION_UNBLOCKED_METHOD && l->is_blocked) {
        l->is_blocked = false;
        ol_info(l->env, "The broker has unblocked the connection");
    }
    return 0;
}

void rabbit_explain_login(struct rpc_link *l, const struct ol_err *err)
{
    const struct rabbit_host *h = rabbit_link_host(l);
    char now[sizeof(l->refused)];

    snprintf(now, sizeof(now), "%d %s:%d %.100s", err->status, h->name, h->port, h->user);
    if (l->state != RABBIT_LOGIN || strcmp(now, l->refused) == 0)
        return;
    memcpy(l->refused, now, sizeof(now));
    if (err->domain && err->status == AMQP_ACCESS_REFUSED)
        ol_error(l->env,
                 "RabbitMQ on %s:%d refuses user '%s' on virtual host '%s': look at user, password "
                 "and virtual host in transport_url, and at the user's permissions",
                 h->name, h->port, h->user, l->url.vhost);
    else if (err->domain && err->status == AMQP_NOT_ALLOWED)
        ol_error(l->env,
                 "RabbitMQ on %s:%d refuses virtual host '%s' to user '%s': look at the end of "
                 "transport_url, and at the user's permissions",
                 h->name, h->port, l->url.vhost, h->user);
    else
        l->refused[0] = '\0';
}
