/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/rpc/rabbit-url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"

/* The hosts as "user|password|name|port" with a blank between them, and the virtual host. */
static const struct {
    const char *url, *hosts, *vhost;
} good[] = {
    {"rabbit://nova:secret@127.0.0.1:5672/", "nova|secret|127.0.0.1|5672", "/"},
    {"rabbit://nova:secret@mq", "nova|secret|mq|5672", "/"},
    {"rabbit://nova:secret@mq:5673/nova", "nova|secret|mq|5673", "nova"},
    {"rabbit://a:b@h1:1,c:d@h2:2/v", "a|b|h1|1 c|d|h2|2", "v"},
    {"rabbit://a:b@h1,h2:7", "a|b|h1|5672 guest|guest|h2|7", "/"},
    {"rabbit://", "guest|guest|localhost|5672", "/"},
    {"rabbit:///v", "guest|guest|localhost|5672", "v"},
    {"rabbit://,,h1,,/", "guest|guest|h1|5672", "/"},
    {"rabbit://u%40x:p%3A%2f%2C%25@h/%2F", "u@x|p:/,%|h|5672", "/"},
    {"rabbit://u:p@ss:w@h/", "u|p@ss:w|h|5672", "/"},
    {"rabbit://u:%zz%4@h/a%20b", "u|%zz%4|h|5672", "a b"},
    {"rabbit://u:p@[::1]:5671/", "u|p|::1|5671", "/"},
    {"rabbit://u:p@[fe80::1]/", "u|p|fe80::1|5672", "/"},
    {"rabbit://u:p@fe80::1/", "u|p|fe80::1|5672", "/"},
    {"rabbit://u@h/", "u|guest|h|5672", "/"},
    {"rabbit://:p@h/", "guest|p|h|5672", "/"},
    {"rabbit://u:p@:5673/", "u|p|localhost|5673", "/"},
    {"rabbit://u:p@h//", "u|p|h|5672", "/"},
    {"rabbit://u:p@h/a/b", "u|p|h|5672", "a/b"},
    {"rabbit://u:p@h?ssl=1", "u|p|h|5672", "/"},
    {"rabbit://u:p@h/v?ssl=1#x", "u|p|h|5672", "v"},
    {"rabbit://u:p@h/v#x?y", "u|p|h|5672", "v"},
};

static void urls_are_read_as_oslo_does(void **state)
{
    for (size_t i = 0; i < ol_count(good); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct rabbit_url u;
        char text[400] = "";
        size_t n = 0;

        if (rabbit_url_parse(&a, good[i].url, &u, &err) < 0)
            fail_msg("%s: %s", good[i].url, err.msg);
        for (size_t k = 0; k < u.n_hosts; k++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s|%s|%s|%d", k ? " " : "",
                                  u.hosts[k].user, u.hosts[k].password, u.hosts[k].name,
                                  u.hosts[k].port);
        assert_string_equal(text, good[i].hosts);
        assert_string_equal(u.vhost, good[i].vhost);
    }
}

static const struct {
    const char *url;
    int code;
} bad[] = {
    {"", EINVAL},
    {"nova", EINVAL},
    {"amqp://u:SECRET@h/", EINVAL},
    {"rabbit:", EINVAL},
    {"rabbit://u:SECRET@h:x/", EINVAL},
    {"rabbit://u:SECRET@h:0/", EINVAL},
    {"rabbit://u:SECRET@h:65536/", EINVAL},
    {"rabbit://u:SECRET@h:/", EINVAL},
    {"rabbit://u:SEC,RET@h/", EINVAL},
    {"rabbit://u:SEC/RET@h/", EINVAL},
    {"rabbit://u:SECRET@[::1/", EINVAL},
    {"rabbit://u:SECRET@[::1]5672/", EINVAL},
    {"rabbit://u:SECRET%00@h/", EINVAL},
    {"rabbit://u:SECRET@h/%00", EINVAL},
    {"rabbit://u:SECRET@h/?ssl=%00", EINVAL},
};

static void what_is_no_url_is_refused_and_no_password_shown(void **state)
{
    for (size_t i = 0; i < ol_count(bad); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct rabbit_url u;
        int r = rabbit_url_parse(&a, bad[i].url, &u, &err);

        if (r != -bad[i].code)
            fail_msg("%s: %d, not %d", bad[i].url, r, -bad[i].code);
        assert_null(strstr(err.msg, "SEC"));
        assert_null(strstr(err.msg, "RET"));
    }
}

static void peers_are_shown_without_password(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct rabbit_url u;

    assert_int_equal(rabbit_url_parse(&a, "rabbit://u:p@h:1,v:q@[::1]/nova", &u, NULL), 0);
    assert_string_equal(u.hosts[0].peer, "rabbit://u@h:1/nova");
    assert_string_equal(u.hosts[1].peer, "rabbit://v@[::1]:5672/nova");
    assert_int_equal(rabbit_url_parse(&a, "rabbit://u:p@h/", &u, NULL), 0);
    assert_string_equal(u.hosts[0].peer, "rabbit://u@h:5672/");
}

static void too_long_is_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_autofree char *text = calloc(1, RABBIT_URL_MAX + 2);
    struct rabbit_url u;

    memset(text, 'h', RABBIT_URL_MAX + 1);
    memcpy(text, "rabbit://", 9);
    assert_int_equal(rabbit_url_parse(&a, text, &u, NULL), -EFBIG);
    text[RABBIT_URL_MAX] = '\0';
    assert_int_equal(rabbit_url_parse(&a, text, &u, NULL), 0);
    for (size_t i = 9; i < 9 + 2 * RABBIT_HOSTS_MAX; i++)
        text[i] = i % 2 ? 'h' : ',';
    text[9 + 2 * RABBIT_HOSTS_MAX] = '\0';
    assert_int_equal(rabbit_url_parse(&a, text, &u, NULL), 0);
    assert_int_equal(u.n_hosts, RABBIT_HOSTS_MAX);
    text[9 + 2 * RABBIT_HOSTS_MAX] = 'h';
    text[9 + 2 * RABBIT_HOSTS_MAX + 1] = '\0';
    assert_int_equal(rabbit_url_parse(&a, text, &u, NULL), -EFBIG);
}

static int apply(struct ol_arena *a, const char *query, struct rpc_transport_options *o,
                 struct ol_err *err)
{
    struct rabbit_url u;

    *o = (struct rpc_transport_options){.heartbeat = 60 * OL_SECOND};
    assert_int_equal(rabbit_url_parse(a, ol_arena_printf(a, "rabbit://u:p@h/?%s", query), &u, err),
                     0);
    return rabbit_url_apply(&u, o, err);
}

static void the_query_replaces_options(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct rpc_transport_options o;

    assert_int_equal(
        apply(&a, "ssl=1&heartbeat_timeout_threshold=5&unknown=x&empty=&flag", &o, NULL), 0);
    assert_true(o.has_tls);
    assert_true(o.heartbeat == 5 * OL_SECOND);
    assert_int_equal(apply(&a, "ssl_ca_file=%2Fetc%2Fca+1.pem&ssl=False", &o, NULL), 0);
    assert_string_equal(o.ca_file, "/etc/ca 1.pem");
    assert_false(o.has_tls);
    assert_int_equal(apply(&a, "kombu_failover_strategy=shuffle&rabbit_retry_backoff=3", &o, NULL),
                     0);
    assert_true(o.is_shuffled);
    assert_int_equal(apply(&a, "kombu_reconnect_delay=1.25", &o, NULL), 0);
    assert_true(o.reconnect_delay == 1250 * OL_MS);
    assert_int_equal(apply(&a, "kombu_reconnect_delay=999999999.999999999", &o, NULL), 0);
    assert_true(o.reconnect_delay == 1000000000 * OL_SECOND - 1);
    assert_int_equal(apply(&a, "kombu_failover_strategy=shuffle&rabbit_retry_backoff=3", &o, NULL),
                     0);
    assert_true(o.retry_step == 3 * OL_SECOND);
    assert_int_equal(apply(&a, "rabbit_quorum_queue=yes&rabbit_quorum_delivery_limit=7", &o, NULL),
                     0);
    assert_true(o.has_quorum_queues);
    assert_int_equal(o.quorum_delivery_limit, 7);
}

static void options_that_are_none_are_refused(void **state)
{
    static const char *const queries[] = {
        "ssl=maybe",
        "heartbeat_timeout_threshold=-1",
        "heartbeat_timeout_threshold=x",
        "heartbeat_timeout_threshold=1.",
        "heartbeat_timeout_threshold=.5",
        "heartbeat_timeout_threshold=1.2.3",
        "heartbeat_timeout_threshold=12345678901",
        "kombu_failover_strategy=best",
        "rabbit_quorum_queue=1&rabbit_ha_queues=1",
        "rabbit_stream_fanout=1",
    };

    for (size_t i = 0; i < ol_count(queries); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct rpc_transport_options o;
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(apply(&a, queries[i], &o, &err), -EINVAL);
        assert_true(err.msg[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read_as_oslo_does),
        cmocka_unit_test(what_is_no_url_is_refused_and_no_password_shown),
        cmocka_unit_test(peers_are_shown_without_password),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(the_query_replaces_options),
        cmocka_unit_test(options_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
