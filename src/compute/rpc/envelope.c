/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/envelope.h"

#include <errno.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "compute/rpc/dispatch.h"
#include "core/cleanup.h"

#define ENVELOPE_VERSION "2.0"
#define ID_KEY           "\"_msg_id\""

size_t rpc_arena_max(size_t len)
{
    /* A list of numbers needs most: three bytes of text are a value and its pointer. */
    return ((size_t)64 << 10) + 64 * len;
}

static int read_map(const char *text, size_t len, struct ol_arena *a, const struct ol_val **ret,
                    struct ol_err *err)
{
    struct ol_val *v = NULL;
    int r = ol_json_load(text, len, a, &v, err);

    if (r == -EINVAL)
        return ol_err_set(err, EPROTO, "a message that is no JSON");
    if (r < 0)
        return r;
    if (!ol_val_is(v, OL_VAL_MAP))
        return ol_err_set(err, EPROTO, "a message that is no object");
    *ret = v;
    return 0;
}

int rpc_envelope_open(const char *body, size_t len, struct ol_arena *a, const char **ret_text,
                      size_t *ret_len, struct ol_err *err)
{
    const struct ol_val *v = NULL, *version, *message;
    int r;

    if (len > RPC_MAX_BODY)
        return ol_err_set(err, EFBIG, "a message of %zu bytes", len);
    r = read_map(body, len, a, &v, err);
    if (r < 0)
        return r;
    version = ol_val_get(v, "oslo.version");
    message = ol_val_get(v, "oslo.message");
    if (!version || !message) {
        *ret_text = body;
        *ret_len = len;
        return 0;
    }
    if (!ol_val_str(version) || !rpc_version_fits(ENVELOPE_VERSION, ol_val_str(version)))
        return ol_err_set(err, EPROTO,
                          "Specified RPC envelope version, %s, not supported by this endpoint.",
                          ol_val_to_text(a, version));
    if (!ol_val_str(message))
        return ol_err_set(err, EPROTO, "an envelope whose message is no text");
    *ret_text = message->str.data;
    *ret_len = message->str.len;
    return 0;
}

int rpc_envelope_seal(const struct ol_buf *message, struct ol_buf *to)
{
    static const char head[] = "{\"oslo.version\":\"" ENVELOPE_VERSION "\",\"oslo.message\":";

    if (ol_buf_status(message) < 0)
        return ol_buf_status(message);
    ol_buf_adds(to, head);
    ol_json_add_string(to, message->data, message->len);
    ol_buf_addc(to, '}');
    return ol_buf_status(to);
}

/* A name that may be in the message: -EPROTO when it is no text, or too long. */
static int read_name(const struct ol_val *message, const char *key, const char **ret,
                     struct ol_err *err)
{
    const struct ol_val *v = ol_val_get(message, key);

    *ret = NULL;
    if (!v || v->type == OL_VAL_NULL)
        return 0;
    if (!ol_val_str(v) || v->str.len > RPC_MAX_NAME || strlen(v->str.data) != v->str.len)
        return ol_err_set(err, EPROTO, "a message whose %s is no name", key);
    *ret = v->str.data;
    return 0;
}

/* RPCDispatcher._watchdog(): half of it has to be a second at least. */
static void read_monitor(const struct ol_val *v, struct rpc_packet *p)
{
    int64_t seconds = ol_val_int(v, 0);

    if (!ol_val_is_truthy(v))
        return;
    if (seconds >= 2 && seconds <= INT32_MAX)
        p->monitor = seconds * OL_SECOND;
    else
        p->has_bad_monitor = true;
}

int rpc_request_read(const char *text, size_t len, struct ol_arena *a, struct rpc_packet *ret,
                     struct ol_err *err)
{
    struct rpc_packet p = {0};
    const struct {
        const char *key;
        const char **to;
    } names[] = {
        {"method", &p.method},  {"namespace", &p.space},  {"version", &p.version},
        {"_msg_id", &p.msg_id}, {"_reply_q", &p.reply_q}, {"_unique_id", &p.unique_id},
    };
    const struct ol_val *v = NULL;
    int r = read_map(text, len, a, &v, err);

    for (size_t i = 0; r >= 0 && i < ol_count(names); i++)
        r = read_name(v, names[i].key, names[i].to, err);
    if (r < 0)
        return r;
    if (!p.method)
        return ol_err_set(err, EPROTO, "a message without a method");
    if (p.msg_id && !p.reply_q)
        return ol_err_set(err, EPROTO, "a call of %s without a queue for its answer", p.method);
    p.version = p.version ? p.version : "1.0";
    p.args = ol_val_get(v, "args");
    if (!p.args)
        p.args = ol_val_new_map(a);
    if (!ol_val_is(p.args, OL_VAL_MAP))
        return ol_err_set(err, EPROTO, "arguments of %s that are no object", p.method);
    read_monitor(ol_val_get(v, "_timeout"), &p);
    p.context = nova_context_load(a, v);
    *ret = p;
    return 0;
}

/* Adds ,"key":"text" or nothing. */
static void add_text(struct ol_buf *to, const char *key, const char *text)
{
    if (!text)
        return;
    ol_buf_addc(to, ',');
    ol_json_add_string(to, key, strlen(key));
    ol_buf_addc(to, ':');
    ol_json_add_string(to, text, strlen(text));
}

/* The context, flat, straight into the text: it has some thirty members and goes with each call. */
static int add_context(const struct nova_context *c, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf key = OL_BUF_INIT(1 << 16);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ol_val_count(c->values); i++) {
        const struct ol_pair *p = ol_val_pair(c->values, i);
        const char *name = ol_val_str(p->key);

        ol_buf_clear(&key);
        ol_buf_adds(&key, "_context_");
        ol_buf_adds(&key, name ? name : "");
        ol_buf_addc(to, ',');
        ol_json_add_string(to, key.data, key.len);
        ol_buf_addc(to, ':');
        r = ol_json_dump(p->value, &ol_json_compact, to);
    }
    return r;
}

static int write_request(const struct rpc_packet *p, struct ol_buf *to)
{
    int r = 0;

    ol_buf_adds(to, "{\"method\":");
    ol_json_add_string(to, p->method, strlen(p->method));
    ol_buf_adds(to, ",\"args\":");
    if (p->args)
        r = ol_json_dump(p->args, &ol_json_compact, to);
    else
        ol_buf_adds(to, "{}");
    add_text(to, "namespace", p->space);
    add_text(to, "version", p->version);
    if (p->msg_id) {
        add_text(to, "_msg_id", p->msg_id);
        add_text(to, "_reply_q", p->reply_q);
        if (p->monitor)
            ol_buf_printf(to, ",\"_timeout\":%d", (int)(p->monitor / OL_SECOND));
        else
            ol_buf_adds(to, ",\"_timeout\":null");
    }
    add_text(to, "_unique_id", p->unique_id);
    if (r >= 0)
        r = add_context(&p->context, to);
    ol_buf_addc(to, '}');
    return r;
}

int rpc_request_write(const struct rpc_packet *p, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RPC_MAX_BODY);
    int r = write_request(p, &text);

    return r < 0 ? r : rpc_envelope_seal(&text, to);
}

int rpc_answer_read(const char *text, size_t len, struct ol_arena *a, struct rpc_answer *ret,
                    struct ol_err *err)
{
    const struct ol_val *v = NULL, *failure;
    struct rpc_answer w = {0};
    int r = read_map(text, len, a, &v, err);

    if (r >= 0)
        r = read_name(v, "_msg_id", &w.msg_id, err);
    if (r < 0)
        return r;
    w.result = ol_val_get(v, "result");
    if (ol_val_is(w.result, OL_VAL_NULL))
        w.result = NULL;
    failure = ol_val_get(v, "failure");
    if (ol_val_is_truthy(failure))
        w.failure = ol_val_to_text(a, failure);
    w.is_ending = ol_val_is_truthy(ol_val_get(v, "ending"));
    *ret = w;
    return 0;
}

int rpc_answer_write(const struct rpc_answer *w, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RPC_MAX_BODY);
    char unique_id[33];
    int r = 0;

    nova_uuid_hex(unique_id);
    ol_buf_adds(&text, "{\"result\":");
    if (w->result)
        r = ol_json_dump(w->result, &ol_json_compact, &text);
    else
        ol_buf_adds(&text, "null");
    ol_buf_adds(&text, ",\"failure\":");
    if (w->failure)
        ol_json_add_string(&text, w->failure, strlen(w->failure));
    else
        ol_buf_adds(&text, "null");
    ol_buf_printf(&text, ",\"ending\":%s,\"_msg_id\":", w->is_ending ? "true" : "false");
    ol_json_add_string(&text, w->msg_id, strlen(w->msg_id));
    ol_buf_printf(&text, ",\"_unique_id\":\"%s\"}", unique_id);
    return r < 0 ? r : rpc_envelope_seal(&text, to);
}

/* The text between the quotes behind "_msg_id" and its colon; ids have nothing to escape. */
static bool take_id(const char *p, const char *end, char out[RPC_MAX_NAME + 1])
{
    const char *close;

    while (p < end && (*p == ' ' || *p == ':'))
        p++;
    if (p == end || *p++ != '"')
        return false;
    close = memchr(p, '"', (size_t)(end - p));
    if (!close || close - p > RPC_MAX_NAME)
        return false;
    memcpy(out, p, (size_t)(close - p));
    out[close - p] = '\0';
    return true;
}

bool rpc_answer_guess(const char *text, size_t *at, char out[RPC_MAX_NAME + 1])
{
    const size_t n = sizeof(ID_KEY) - 1;
    const char *end = text + *at;

    for (size_t i = *at; i >= n; i--) {
        const char *p = text + i - n;

        if (*p != '"' || memcmp(p, ID_KEY, n) != 0 || !take_id(p + n, end, out))
            continue;
        *at = i - 1;
        return true;
    }
    return false;
}
