/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rabbit-internal.h"
#include "core/num.h"

void rabbit_outgoings_init(struct rabbit_outgoings *o)
{
    o->head = NULL;
    o->tail = &o->head;
}

void rabbit_outgoings_add(struct rabbit_outgoings *o, struct rabbit_outgoing *g)
{
    g->next = NULL;
    *o->tail = g;
    o->tail = &g->next;
}

static struct rabbit_outgoing *take_at(struct rabbit_outgoings *o, struct rabbit_outgoing **at)
{
    struct rabbit_outgoing *g = *at;

    *at = g->next;
    if (!g->next)
        o->tail = at;
    return g;
}

/* All of 'more' behind those of 'o'. */
static void append(struct rabbit_outgoings *o, struct rabbit_outgoings *more)
{
    if (!more->head)
        return;
    *o->tail = more->head;
    o->tail = more->tail;
    rabbit_outgoings_init(more);
}

static void end(struct rabbit_outgoing *g, int status)
{
    g->sent.done(g->sent.ctx, status);
    free(g);
}

/* What was written and not confirmed goes first when there is a connection again. */
static void land(struct rpc_link *l)
{
    for (struct rabbit_outgoing *g = l->flying.head; g; g = g->next)
        g->is_returned = false;
    append(&l->flying, &l->waiting);
    append(&l->waiting, &l->flying);
    l->n_flying = 0;
}

static void open_channel(struct rpc_link *l)
{
    amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};
    amqp_confirm_select_t confirm = {.nowait = 0};

    rabbit_send(l, RABBIT_CHANNEL_PUBLISH, AMQP_CHANNEL_OPEN_METHOD, &open);
    rabbit_send(l, RABBIT_CHANNEL_PUBLISH, AMQP_CONFIRM_SELECT_METHOD, &confirm);
    l->is_publish_open = true;
    l->next_tag = 1;
    rabbit_incoming_reset(&l->returned);
}

void rabbit_publish_up(struct rpc_link *l)
{
    l->publish_at = 0;
    l->publish_failures = 0;
    open_channel(l);
}

void rabbit_publish_down(struct rpc_link *l)
{
    l->is_publish_open = false;
    rabbit_incoming_reset(&l->returned);
    rabbit_exchanges_forget(l);
    land(l);
}

static bool is_allowed(struct rpc_link *l, struct rabbit_outgoing *g)
{
    char object[2 * RABBIT_NAME_MAX + 2];

    if (g->is_counted)
        return true;
    g->is_counted = true;
    snprintf(object, sizeof(object), "%s/%s%s", g->exchange, g->key, g->is_fanout ? " fanout" : "");
    return ol_change(l->env, "send", object);
}

static void write_one(struct rpc_link *l, struct rabbit_outgoing *g)
{
    char expiration[24] = "";
    amqp_basic_publish_t publish = {
        .exchange = amqp_cstring_bytes(g->exchange),
        .routing_key = amqp_cstring_bytes(g->is_fanout ? "" : g->key),
        .mandatory = g->is_mandatory,
    };

    if (g->expiration > 0)
        snprintf(expiration, sizeof(expiration), "%lld", (long long)(g->expiration / OL_MS));
    g->tag = l->next_tag++;
    rabbit_send(l, RABBIT_CHANNEL_PUBLISH, AMQP_BASIC_PUBLISH_METHOD, &publish);
    rabbit_add_content(&l->out, RABBIT_CHANNEL_PUBLISH, l->frame_max,
                       expiration[0] ? expiration : NULL, g->body, g->len);
}

static void write_all(struct rpc_link *l, ol_time now)
{
    struct rabbit_outgoing **at = &l->waiting.head;

    while (*at && l->n_flying < RABBIT_FLYING_MAX && l->out.len - l->out_done < RABBIT_OUT_AIM) {
        struct rabbit_outgoing *g;

        if (!rabbit_exchange_ready(l, *at, now)) {
            at = &(*at)->next;
            continue;
        }
        g = take_at(&l->waiting, at);
        if (!is_allowed(l, g)) {
            end(g, 0);
            continue;
        }
        write_one(l, g);
        rabbit_outgoings_add(&l->flying, g);
        l->n_flying++;
    }
}

static void note_deadline(struct rpc_link *l, const struct rabbit_outgoing *g)
{
    if (g->deadline && (!l->next_deadline || g->deadline < l->next_deadline))
        l->next_deadline = g->deadline;
}

/* Ends what is too late. A confirm that comes after it finds nothing. */
static void expire(struct rpc_link *l, struct rabbit_outgoings *o, ol_time now)
{
    struct rabbit_outgoing **at = &o->head;

    while (*at) {
        if ((*at)->deadline && (*at)->deadline <= now) {
            l->n_flying -= o == &l->flying;
            end(take_at(o, at), -ETIMEDOUT);
            continue;
        }
        note_deadline(l, *at);
        at = &(*at)->next;
    }
}

static void take_inbox(struct rpc_link *l)
{
    struct rabbit_outgoings came;

    rabbit_outgoings_init(&came);
    pthread_mutex_lock(&l->lock);
    append(&came, &l->inbox);
    pthread_mutex_unlock(&l->lock);
    while (came.head) {
        struct rabbit_outgoing *g = take_at(&came, &came.head);

        if (g->len > RABBIT_BODY_MAX) {
            end(g, -EMSGSIZE);
            continue;
        }
        note_deadline(l, g);
        rabbit_outgoings_add(&l->waiting, g);
    }
}

void rabbit_publish_step(struct rpc_link *l, ol_time now)
{
    take_inbox(l);
    if (l->next_deadline && l->next_deadline <= now) {
        l->next_deadline = 0;
        expire(l, &l->flying, now);
        expire(l, &l->waiting, now);
    }
    if (l->state != RABBIT_UP || l->is_blocked || now < l->publish_at)
        return;
    /* An answer to a queue that is not there again would be lost. */
    if (now < l->up_since + RABBIT_SETTLE_S * OL_SECOND && !rabbit_consumers_stand(l))
        return;
    if (!l->is_publish_open)
        open_channel(l);
    write_all(l, now);
}

ol_time rabbit_publish_next(const struct rpc_link *l, ol_time now)
{
    ol_time at = l->next_deadline, settled = l->up_since + RABBIT_SETTLE_S * OL_SECOND, held;

    if (l->state != RABBIT_UP || !l->waiting.head)
        return at;
    if (settled > now && (!at || settled < at))
        at = settled;
    if (l->publish_at > now && (!at || l->publish_at < at))
        at = l->publish_at;
    held = rabbit_exchange_next(l);
    return held && (!at || held < at) ? held : at;
}

/* basic.ack and basic.nack: one tag, or all up to it. */
static void confirm(struct rpc_link *l, uint64_t tag, bool is_multiple, bool is_taken)
{
    struct rabbit_outgoing **at = &l->flying.head;
    struct rabbit_outgoings again;

    rabbit_outgoings_init(&again);
    /* Tags grow along the list. */
    while (*at && (*at)->tag <= tag) {
        struct rabbit_outgoing *g;

        if (!is_multiple && (*at)->tag != tag) {
            at = &(*at)->next;
            continue;
        }
        g = take_at(&l->flying, at);
        l->n_flying--;
        if (is_taken)
            end(g, g->is_returned ? -ENOENT : 0);
        else
            rabbit_outgoings_add(&again, g);
    }
    if (is_taken) {
        l->publish_failures = 0;
        return;
    }
    ol_warn(l->env, "RabbitMQ did not take a message to '%s' (basic.nack); it is sent again",
            again.head ? again.head->key : "?");
    append(&again, &l->waiting);
    append(&l->waiting, &again);
    l->publish_at = ol_now_boot(l->env) + OL_SECOND;
}

/* A returned message comes before its confirm, with all of its body: the oldest of that key and
 * that body is the one. */
static void mark_returned(struct rpc_link *l, const char *body)
{
    const struct rabbit_incoming *m = &l->returned;

    for (struct rabbit_outgoing *g = l->flying.head; g; g = g->next) {
        if (g->is_mandatory && !g->is_returned && g->len == m->size && strcmp(g->key, m->key) == 0
            && (!body || memcmp(g->body, body, g->len) == 0)) {
            g->is_returned = true;
            return;
        }
    }
}

static int on_content(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    const char *body;
    int r = rabbit_incoming_add(&l->returned, f, &body, err);

    if (r <= 0)
        return r;
    mark_returned(l, body);
    rabbit_incoming_reset(&l->returned);
    return 0;
}

/* The exchange that a text names: "no exchange 'x' in vhost '/'". */
static struct rabbit_exchange *named_exchange(struct rpc_link *l, const char *text)
{
    const char *name = strstr(text, "exchange '");
    char copy[RABBIT_NAME_MAX];

    if (!name)
        return NULL;
    name += strlen("exchange '");
    snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(name, "'"), name);
    return rabbit_exchange_find(l, copy);
}

/* "message size 200 is larger than configured max size 100": whose it is would close each channel. */
static bool drop_too_long(struct rpc_link *l, const char *text)
{
    const char *at = strstr(text, "message size ");
    char digits[24];
    uint64_t size;

    if (!at || !strstr(at, "larger than"))
        return false;
    at += strlen("message size ");
    snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at, "0123456789"), at);
    if (ol_parse_u64(digits, 10, &size) < 0)
        return false;
    for (struct rabbit_outgoing **g = &l->flying.head; *g; g = &(*g)->next) {
        if ((*g)->len == size) {
            l->n_flying--;
            end(take_at(&l->flying, g), -EMSGSIZE);
            return true;
        }
    }
    return false;
}

/* The broker closed the channel on account of some publish: what is not confirmed is sent again. An
 * exchange that is gone is declared anew, one that is refused waits, so that others go on. */
static void on_close(struct rpc_link *l, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t ok = {0};
    ol_time delay, now = ol_now_boot(l->env);
    struct rabbit_exchange *x;
    struct ol_err err;
    bool is_dropped;

    (void)rabbit_refusal(&err, close->reply_code, close->reply_text);
    rabbit_send(l, RABBIT_CHANNEL_PUBLISH, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    l->is_publish_open = false;
    is_dropped = drop_too_long(l, err.msg);
    land(l);
    if (is_dropped)
        return;
    x = named_exchange(l, err.msg);
    l->publish_failures++;
    delay = rabbit_retry_delay(&l->options, 1, l->publish_failures, 0);
    if (x && close->reply_code == AMQP_NOT_FOUND && l->publish_failures < 3) {
        x->state = EXCHANGE_UNKNOWN;
        return;
    }
    ol_error(l->env, "Failed to publish message to topic '%s': %s. Trying again in %d seconds.",
             x ? x->name : "?", err.msg, (int)(delay / OL_SECOND));
    if (x) {
        x->state = EXCHANGE_HELD;
        x->until = now + delay;
    } else {
        l->publish_at = now + delay;
    }
}

static int on_return(struct rpc_link *l, const amqp_basic_return_t *r)
{
    rabbit_incoming_reset(&l->returned);
    l->returned.is_open = true;
    rabbit_text(l->returned.key, sizeof(l->returned.key), r->routing_key);
    return 0;
}

int rabbit_publish_frame(struct rpc_link *l, const struct rabbit_frame *f, struct ol_err *err)
{
    if (f->type == AMQP_FRAME_HEADER || f->type == AMQP_FRAME_BODY)
        return on_content(l, f, err);
    switch (f->method) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = f->decoded;

        confirm(l, ack->delivery_tag, ack->multiple, true);
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = f->decoded;

        confirm(l, nack->delivery_tag, nack->multiple, false);
        break;
    }
    case AMQP_BASIC_RETURN_METHOD: return on_return(l, f->decoded);
    case AMQP_CHANNEL_CLOSE_METHOD: on_close(l, f->decoded); break;
    default: break;
    }
    return 0;
}

void rabbit_publish_done(struct rpc_link *l)
{
    take_inbox(l);
    append(&l->waiting, &l->flying);
    l->n_flying = 0;
    while (l->waiting.head)
        end(take_at(&l->waiting, &l->waiting.head), -ECANCELED);
}
