/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/service/service.h"
#include "core/cleanup.h"

struct machine {
    struct ol_env env;
    struct ol_log log;
    struct ol_buf said, asked;
    struct compute_config config;
    struct nova_release release;
    struct service service;
    pthread_mutex_t gate; /* held while the task shall not end */
};

static void note_line(void *ctx, const struct ol_log_record *record)
{
    struct machine *m = ctx;

    ol_buf_printf(&m->said, "%s\n", record->msg);
}

static void stop_serving(void *ctx, const char *topic)
{
    struct machine *m = ctx;

    ol_buf_printf(&m->asked, "stop %s\n", topic);
}

static const struct service_ops ops = {.stop_serving = stop_serving};

static void run_task(void *ctx)
{
    struct machine *m = ctx;

    pthread_mutex_lock(&m->gate);
    pthread_mutex_unlock(&m->gate);
}

static void on_wake(uv_async_t *wake)
{
    uv_close((uv_handle_t *)wake, NULL);
}

/* A service that runs, with one task. */
static void machine_init(struct machine *m)
{
    static const struct task_pool_options pool = {.n_threads = 1};
    const struct task task = {
        .name = "terminate_instance", .key = "uuid-1", .run = run_task, .ctx = m};
    const struct ol_log_sink sink = {.least = OL_LOG_WARNING, .write = note_line, .ctx = m};

    *m = (struct machine){.said = OL_BUF_INIT(4096), .asked = OL_BUF_INIT(4096)};
    assert_int_equal(ol_env_init(&m->env, "/", NULL), 0);
    assert_int_equal(ol_log_add_sink(&m->log, &sink), 0);
    m->env.log = &m->log;
    pthread_mutex_init(&m->gate, NULL);
    m->config.graceful_shutdown_timeout = 30 * OL_MS;
    m->service.env = &m->env;
    m->service.config = &m->config;
    m->service.release = &m->release;
    m->service.setting = (struct service_setting){.ops = &ops, .ctx = m};
    m->service.parts.pool = task_pool_new(&m->env, &pool);
    assert_int_equal(uv_loop_init(&m->service.loop), 0);
    assert_int_equal(uv_async_init(&m->service.loop, &m->service.wake, on_wake), 0);
    pthread_mutex_lock(&m->gate);
    task_pool_add(m->service.parts.pool, &task);
    while (!task_pool_running(m->service.parts.pool))
        sched_yield();
}

/* After the gate is open. */
static void machine_done(struct machine *m)
{
    assert_int_equal(uv_run(&m->service.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&m->service.loop), 0);
    assert_true(task_pool_stop(m->service.parts.pool, 10 * OL_SECOND));
    task_pool_free(m->service.parts.pool);
    ol_buf_done(&m->said);
    ol_buf_done(&m->asked);
    ol_env_done(&m->env);
}

/* demands: C39 */
static void tasks_that_do_not_end_are_named(void **state)
{
    struct machine m;

    machine_init(&m);
    service_stop_thread(&m.service);
    assert_int_equal(m.service.result, -ETIMEDOUT);
    assert_string_equal(m.asked.data, "stop compute\n");
    assert_string_equal(m.said.data,
                        "Task terminate_instance of uuid-1 has not ended after 0 s and is left\n");
    pthread_mutex_unlock(&m.gate);
    machine_done(&m);
}

/* demands: C39 */
static void a_stop_waits_for_tasks_and_keeps_compute_alt_meanwhile(void **state)
{
    struct machine m;

    machine_init(&m);
    m.release.has_compute_alt = true;
    m.config.manager_shutdown_timeout = 10 * OL_SECOND;
    pthread_mutex_unlock(&m.gate);
    service_stop_thread(&m.service);
    assert_int_equal(m.service.result, 0);
    assert_string_equal(m.asked.data, "stop compute\nstop compute-alt\n");
    assert_string_equal(m.said.data, "");
    machine_done(&m);
}

/* demands: C35 */
static void serve_may_be_called_once(void **state)
{
    struct service s = {.is_served = true};
    struct ol_err err = OL_ERR_INIT;

    assert_true(service_serve(&s, &err) < 0);
    assert_true(nova_is(&err, NOVA_RUNTIME));
    assert_string_equal(err.msg, "serve() can only be called once");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_that_do_not_end_are_named),
        cmocka_unit_test(a_stop_waits_for_tasks_and_keeps_compute_alt_meanwhile),
        cmocka_unit_test(serve_may_be_called_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
