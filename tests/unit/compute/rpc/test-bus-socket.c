/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compute/base/exception.h"
#include "compute/rpc/rpc.h"
#include "compute/rpc/transport.h"
#include "core/cleanup.h"
#include "core/file.h"

/* The bus over a socket in a temporary root: the first that opens it serves it. */
struct world {
    char root[64];
    struct ol_env env;
    struct rpc *first, *second;
    struct ol_arena arena;
    struct nova_context context;
};

static int run_echo(struct rpc_request *q, struct ol_val **ret, struct ol_err *err)
{
    *ret = ol_val_new_str(q->arena, ol_val_str(ol_val_get(q->args, "word")));
    return 0;
}

static const struct rpc_method methods[] = {
    {.name = "echo", .run = run_echo, .flags = RPC_QUICK},
    {.name = NULL},
};
static const char *const versions[] = {"1.0", NULL};
static const struct rpc_endpoint endpoints[] = {{.versions = versions, .methods = methods}};

static struct rpc *join(struct world *w)
{
    struct rpc_transport_options transport = {.url = "orlop:///run/bus"};
    struct rpc_options o = {.transport = &transport, .exchange = "nova", .timeout = 20 * OL_SECOND};
    struct ol_err err = OL_ERR_INIT;
    struct rpc *r = NULL;

    assert_int_equal(rpc_new(&w->env, &o, &r, &err), 0);
    return r;
}

static void serve(struct rpc *r)
{
    struct rpc_server s = {
        .topic = "echo", .server = "h", .endpoints = endpoints, .n_endpoints = 1};
    struct ol_err err = OL_ERR_INIT;

    if (rpc_serve(r, &s, &err) < 0)
        fail_msg("%s", err.msg);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct ol_err err = OL_ERR_INIT;

    *state = w;
    strncpy(w->root, "/tmp/orlop-bus-XXXXXX", sizeof(w->root) - 1);
    assert_non_null(mkdtemp(w->root));
    assert_int_equal(ol_env_init(&w->env, w->root, &err), 0);
    assert_int_equal(ol_mkdir_p(&w->env, "/run", 0755, &err), 0);
    ol_arena_init(&w->arena, 32 << 20);
    w->context = nova_context_admin(&w->arena, &w->env);
    w->first = join(w);
    serve(w->first);
    w->second = join(w);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    struct ol_err err = OL_ERR_INIT;

    rpc_free(w->second);
    rpc_free(w->first);
    assert_false(ol_exists(&w->env, "/run/bus"));
    assert_int_equal(ol_remove_tree(&w->env, "/run", &err), 0);
    ol_env_done(&w->env);
    rmdir(w->root);
    ol_arena_done(&w->arena);
    free(w);
    return 0;
}

static int call(struct world *w, struct rpc *r, const char *word, ol_time timeout)
{
    struct rpc_target to = {.topic = "echo", .version = "1.0", .timeout = timeout};
    struct ol_val *args = ol_val_new_map(&w->arena);
    const struct ol_val *result = NULL;
    struct ol_err err = OL_ERR_INIT;
    int status;

    ol_val_set_str(&w->arena, args, "word", word);
    status = rpc_call(r, &to, &w->context, &(struct rpc_message){.method = "echo", .args = args},
                      &w->arena, &result, &err);
    if (status >= 0 && strcmp(ol_val_str(result), word) != 0)
        fail_msg("got %s", ol_val_to_repr(&w->arena, result));
    return status;
}

static void two_meet_at_a_socket(void **state)
{
    struct world *w = *state;
    struct stat st;

    assert_int_equal(call(w, w->second, "one", 0), 0);
    assert_int_equal(call(w, w->first, "two", 0), 0);
    assert_int_equal(ol_stat(&w->env, "/run/bus", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void large_messages_pass(void **state)
{
    struct world *w = *state;
    size_t len = 3 << 20;
    char *word = malloc(len + 1);

    memset(word, 'x', len);
    word[len] = '\0';
    assert_int_equal(call(w, w->second, word, 0), 0);
    free(word);
}

static void the_next_serves_when_the_first_goes(void **state)
{
    struct world *w = *state;
    struct rpc_state s = {0};

    assert_int_equal(call(w, w->second, "before", 0), 0);
    rpc_free(w->first);
    w->first = NULL;
    serve(w->second);
    assert_int_equal(call(w, w->second, "alone", 0), 0);
    rpc_state(w->second, &s);
    assert_true(s.is_connected);
    assert_int_equal(s.n_connects, 2);
    w->first = join(w);
    assert_int_equal(call(w, w->first, "again", 0), 0);
}

static void what_a_crash_left_is_removed(void **state)
{
    struct world *w = *state;
    struct ol_err err = OL_ERR_INIT;

    rpc_free(w->second);
    w->second = NULL;
    rpc_free(w->first);
    w->first = NULL;
    /* A plain file is not ours to remove: nobody can be reached. */
    assert_int_equal(ol_file_puts(&w->env, "/run/bus", "", 0600, 0, &err), 0);
    w->first = join(w);
    assert_int_equal(call(w, w->first, "never", 50 * OL_MS), -ETIMEDOUT);
    assert_int_equal(ol_unlink(&w->env, "/run/bus", &err), 0);
    serve(w->first);
    assert_int_equal(call(w, w->first, "now", 0), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(two_meet_at_a_socket),
        T(large_messages_pass),
        T(the_next_serves_when_the_first_goes),
        T(what_a_crash_left_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
