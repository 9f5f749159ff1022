/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-url.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Python's urllib.parse.unquote(): what is no escape stays as it is. NULL for an escaped NUL. */
static const char *unescape(struct ol_arena *a, const char *s, size_t len)
{
    char *out = ol_arena_memdup(a, s, len);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int high = -1, low = -1;

        if (s[i] == '%' && i + 2 < len) {
            high = hex_digit(s[i + 1]);
            low = hex_digit(s[i + 2]);
        }
        if (high < 0 || low < 0) {
            out[n++] = s[i];
            continue;
        }
        out[n++] = (char)(high << 4 | low);
        i += 2;
        if (out[n - 1] == '\0')
            return NULL;
    }
    out[n] = '\0';
    return out;
}

static int no_escape(struct ol_err *err)
{
    return ol_err_set(err, EINVAL, "transport_url: an escape that stands for no character");
}

/* Nothing of it is shown: it may be what stands behind a ',' in a password. */
static int no_address(struct ol_err *err)
{
    return ol_err_set(err, EINVAL,
                      "transport_url: a host or port that is none; in users and passwords ',' is "
                      "written %%2C, '@' %%40, '/' %%2F, ':' %%3A, '#' %%23 and '?' %%3F");
}

/* USER[:PASSWORD], the part before the last '@'. */
static int parse_user(struct ol_arena *a, const char *s, struct rabbit_host *h, struct ol_err *err)
{
    const char *colon = strchr(s, ':');
    size_t n = colon ? (size_t)(colon - s) : strlen(s);

    if (n)
        h->user = unescape(a, s, n);
    if (colon && colon[1])
        h->password = unescape(a, colon + 1, strlen(colon + 1));
    if (!h->user || !h->password)
        return no_escape(err);
    return 0;
}

/* As oslo.utils' parse_host_port: "[v6]:port", "v6", "host:port", "host". Cuts 's'. */
static int parse_address(char *s, struct rabbit_host *h, struct ol_err *err)
{
    char *colon = strrchr(s, ':'), *port = NULL;

    h->name = s;
    if (s[0] == '[') {
        char *close = strchr(s, ']');

        if (!close || (close[1] && close[1] != ':'))
            return no_address(err);
        *close = '\0';
        h->name = s + 1;
        port = close[1] ? close + 2 : NULL;
    } else if (colon && colon == strchr(s, ':')) {
        *colon = '\0';
        port = colon + 1;
    }
    if (!h->name[0])
        h->name = "localhost";
    h->port = RABBIT_PORT;
    return port && ol_parse_int(port, 10, 1, 65535, &h->port) < 0 ? no_address(err) : 0;
}

static int parse_host(struct ol_arena *a, char *s, struct rabbit_url *u, struct ol_err *err)
{
    struct rabbit_host h = {.user = "guest", .password = "guest"};
    char *at = strrchr(s, '@');
    int r = 0;

    if (u->n_hosts == RABBIT_HOSTS_MAX)
        return ol_err_set(err, EFBIG, "transport_url: more than %d hosts", RABBIT_HOSTS_MAX);
    if (at) {
        *at = '\0';
        r = parse_user(a, s, &h, err);
        s = at + 1;
    }
    if (r == 0)
        r = parse_address(s, &h, err);
    if (r < 0)
        return r;
    u->hosts[u->n_hosts++] = h;
    return 0;
}

static int parse_hosts(struct ol_arena *a, const char *s, size_t len, struct rabbit_url *u,
                       struct ol_err *err)
{
    char *next = ol_arena_memdup(a, s, len);
    int r = 0;

    u->hosts = ol_arena_alloc(a, RABBIT_HOSTS_MAX * sizeof(*u->hosts));
    while (r == 0 && next) {
        char *host = strsep(&next, ",");

        r = host[0] ? parse_host(a, host, u, err) : 0;
    }
    if (r == 0 && u->n_hosts == 0)
        u->hosts[u->n_hosts++] = (struct rabbit_host){
            .name = "localhost", .port = RABBIT_PORT, .user = "guest", .password = "guest"};
    return r;
}

static int parse_query(struct ol_arena *a, const char *s, struct rabbit_url *u, struct ol_err *err)
{
    size_t most = 1;

    for (const char *p = s; *p; p++)
        most += *p == '&';
    u->params = ol_arena_alloc(a, most * sizeof(*u->params));
    while (*s) {
        size_t len = strcspn(s, "&#");
        const char *is = memchr(s, '=', len);

        if (is && is + 1 < s + len) {
            struct rabbit_param *p = &u->params[u->n_params++];
            char *value = ol_arena_memdup(a, is + 1, len - (size_t)(is + 1 - s));

            p->name = unescape(a, s, (size_t)(is - s));
            p->value = unescape(a, ol_str_tr(value, '+', ' '), strlen(value));
            if (!p->name || !p->value)
                return no_escape(err);
        }
        s += len;
        if (*s == '#')
            break;
        s += *s == '&';
    }
    return 0;
}

static void name_peers(struct ol_arena *a, struct rabbit_url *u)
{
    for (size_t i = 0; i < u->n_hosts; i++) {
        struct rabbit_host *h = &u->hosts[i];
        const char *format =
            strchr(h->name, ':') ? "rabbit://%s@[%s]:%d/%s" : "rabbit://%s@%s:%d/%s";
        const char *vhost = strcmp(u->vhost, "/") == 0 ? "" : u->vhost;

        h->peer = ol_arena_printf(a, format, h->user, h->name, h->port, vhost);
    }
}

int rabbit_url_parse(struct ol_arena *a, const char *text, struct rabbit_url *ret,
                     struct ol_err *err)
{
    struct rabbit_url u = {.vhost = "/"};
    const char *rest, *end;
    int r;

    if (strlen(text) > RABBIT_URL_MAX)
        return ol_err_set(err, EFBIG, "transport_url is longer than %d bytes", RABBIT_URL_MAX);
    if (!ol_str_starts(text, "rabbit://"))
        return ol_err_set(err, EINVAL, "transport_url does not begin with rabbit://");
    rest = text + strlen("rabbit://");
    end = rest + strcspn(rest, "/?#");
    r = parse_hosts(a, rest, (size_t)(end - rest), &u, err);
    if (r == 0 && *end == '/') {
        size_t len = strcspn(end, "?#");

        if (len > 1)
            u.vhost = unescape(a, end + 1, len - 1);
        end += len;
    }
    if (r == 0 && !u.vhost)
        r = no_escape(err);
    if (r == 0 && *end == '?')
        r = parse_query(a, end + 1, &u, err);
    if (r < 0)
        return r;
    name_peers(a, &u);
    *ret = u;
    return 0;
}

enum param_type { PARAM_BOOL, PARAM_INT, PARAM_SECONDS, PARAM_TEXT, PARAM_STRATEGY };

#define ROW(name_, type_, member_)                                                                 \
    {                                                                                              \
        name_, PARAM_##type_, offsetof(struct rpc_transport_options, member_)                      \
    }

/* Options of oslo.messaging's [oslo_messaging_rabbit] that the link knows. */
static const struct {
    const char *name;
    enum param_type type;
    size_t at;
} known[] = {
    ROW("amqp_auto_delete", BOOL, is_auto_delete),
    ROW("amqp_durable_queues", BOOL, is_durable),
    ROW("heartbeat_timeout_threshold", SECONDS, heartbeat),
    ROW("hostname", TEXT, hostname),
    ROW("kombu_failover_strategy", STRATEGY, is_shuffled),
    ROW("kombu_reconnect_delay", SECONDS, reconnect_delay),
    ROW("processname", TEXT, program),
    ROW("rabbit_ha_queues", BOOL, has_ha_queues),
    ROW("rabbit_interval_max", SECONDS, retry_most),
    ROW("rabbit_login_method", TEXT, login_method),
    ROW("rabbit_quorum_delivery_limit", INT, quorum_delivery_limit),
    ROW("rabbit_quorum_max_memory_bytes", INT, quorum_max_memory_bytes),
    ROW("rabbit_quorum_max_memory_length", INT, quorum_max_memory_length),
    ROW("rabbit_quorum_queue", BOOL, has_quorum_queues),
    ROW("rabbit_retry_backoff", SECONDS, retry_step),
    ROW("rabbit_retry_interval", SECONDS, retry_first),
    ROW("rabbit_stream_fanout", BOOL, has_stream_fanout),
    ROW("rabbit_transient_queues_ttl", SECONDS, transient_ttl),
    ROW("rabbit_transient_quorum_queue", BOOL, has_transient_quorum_queues),
    ROW("ssl", BOOL, has_tls),
    ROW("ssl_ca_file", TEXT, ca_file),
    ROW("ssl_cert_file", TEXT, cert_file),
    ROW("ssl_key_file", TEXT, key_file),
    ROW("use_queue_manager", BOOL, use_queue_manager),
};

static int parse_bool(const char *s, bool *ret)
{
    static const char *const words[] = {"0", "1", "no", "yes", "off", "on", "false", "true"};

    for (size_t i = 0; i < ol_count(words); i++) {
        if (ol_str_eq_nocase(s, words[i])) {
            *ret = i & 1;
            return 0;
        }
    }
    return -EINVAL;
}

/* "30" or "1.5": kombu_reconnect_delay is a float of oslo.config. */
static int parse_seconds(const char *s, ol_time *ret)
{
    size_t whole = strcspn(s, "."), n = s[whole] ? strlen(s + whole + 1) : 0;
    char digits[32];
    ol_time unit = OL_SECOND;
    int64_t number;

    if (whole == 0 || whole > 9 || n > 9 || (s[whole] && n == 0))
        return -EINVAL;
    memcpy(digits, s, whole);
    memcpy(digits + whole, s + whole + 1, n);
    digits[whole + n] = '\0';
    for (size_t i = 0; i < n; i++)
        unit /= 10;
    if (strspn(digits, "0123456789") != whole + n || ol_parse_i64(digits, 10, &number) < 0)
        return -EINVAL;
    *ret = number * unit;
    return 0;
}

static int parse_value(enum param_type type, const char *value, void *at)
{
    switch (type) {
    case PARAM_BOOL: return parse_bool(value, at);
    case PARAM_INT: return ol_parse_int(value, 10, 0, INT_MAX, at);
    case PARAM_SECONDS: return parse_seconds(value, at);
    case PARAM_STRATEGY:
        *(bool *)at = strcmp(value, "shuffle") == 0;
        return *(bool *)at || strcmp(value, "round-robin") == 0 ? 0 : -EINVAL;
    case PARAM_TEXT: *(const char **)at = value; return 0;
    }
    return -EINVAL;
}

int rabbit_url_apply(const struct rabbit_url *u, struct rpc_transport_options *o,
                     struct ol_err *err)
{
    for (size_t i = 0; i < u->n_params; i++) {
        for (size_t k = 0; k < ol_count(known); k++) {
            if (strcmp(known[k].name, u->params[i].name) == 0
                && parse_value(known[k].type, u->params[i].value, (char *)o + known[k].at) < 0)
                return ol_err_set(err, EINVAL, "transport_url: '%s' is no value of %s",
                                  u->params[i].value, known[k].name);
        }
    }
    if (o->has_quorum_queues && o->has_ha_queues)
        return ol_err_set(err, EINVAL,
                          "rabbit_quorum_queue and rabbit_ha_queues exclude each other");
    if (o->has_stream_fanout && !o->has_transient_quorum_queues)
        return ol_err_set(err, EINVAL, "rabbit_stream_fanout needs rabbit_transient_quorum_queue");
    return 0;
}
