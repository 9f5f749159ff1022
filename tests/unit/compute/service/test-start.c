/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compute/base/compute-id.h"
#include "compute/base/exception.h"
#include "compute/service/report-state.h"
#include "compute/service/start.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

/* The other parts, which note what they were asked. */
struct cloud_double {
    char root[64];
    struct ol_env env;
    struct ol_log log;
    struct ol_buf said, asked;
    struct compute_config config;
    struct nova_release release;
    struct service_setting setting;
    struct ol_err err;
    unsigned silent;  /* pings that nobody answers */
    int oldest;       /* compute */
    int version;      /* of our row; 0 = none */
    const char *node; /* uuid; NULL = none */
    const char *fails;
};

static int note_call(struct cloud_double *d, const char *what, struct ol_err *err)
{
    ol_buf_printf(&d->asked, "%s\n", what);
    if (d->fails && !strcmp(d->fails, what))
        return nova_fail(err, NOVA_HYPERVISOR_UNAVAILABLE, "%s failed", what);
    return 0;
}

static int ping(void *ctx, ol_time timeout, struct ol_err *err)
{
    struct cloud_double *d = ctx;
    char what[32];

    snprintf(what, sizeof(what), "ping %d", (int)(timeout / OL_SECOND));
    if (d->silent) {
        d->silent--;
        (void)!note_call(d, what, NULL);
        return nova_fail(err, NOVA_MESSAGING_TIMEOUT, "nobody");
    }
    return note_call(d, what, err);
}

static int oldest_compute(void *ctx, int *ret, struct ol_err *err)
{
    *ret = ((struct cloud_double *)ctx)->oldest;
    return note_call(ctx, "oldest", err);
}

static int init_host(void *ctx, struct ol_err *err)
{
    return note_call(ctx, "init_host", err);
}

static int find_record(void *ctx, struct service_record *ret, struct ol_err *err)
{
    struct cloud_double *d = ctx;

    *ret = (struct service_record){.is_found = d->version != 0, .version = d->version};
    return note_call(ctx, "find", err);
}

static int create_record(void *ctx, struct ol_err *err)
{
    return note_call(ctx, "create", err);
}

static int save_version(void *ctx, int version, struct ol_err *err)
{
    char what[32];

    snprintf(what, sizeof(what), "version %d", version);
    return note_call(ctx, what, err);
}

static int find_node(void *ctx, char ret[37], struct ol_err *err)
{
    struct cloud_double *d = ctx;

    snprintf(ret, 37, "%s", d->node ? d->node : "");
    return note_call(ctx, "node", err);
}

static int update_resources(void *ctx, struct ol_err *err)
{
    return note_call(ctx, "resources", err);
}

static int serve(void *ctx, const char *topic, struct ol_err *err)
{
    char what[32];

    snprintf(what, sizeof(what), "serve %s", topic);
    return note_call(ctx, what, err);
}

static const struct service_ops ops = {
    .ping = ping,
    .oldest_compute = oldest_compute,
    .init_host = init_host,
    .find_record = find_record,
    .create_record = create_record,
    .save_version = save_version,
    .find_node = find_node,
    .update_resources = update_resources,
    .serve = serve,
};

static void note_line(void *ctx, const struct ol_log_record *record)
{
    struct cloud_double *d = ctx;

    if (record->level > OL_LOG_DEBUG)
        ol_buf_printf(&d->said, "%s %s\n", ol_log_level_name(record->level), record->msg);
}

static int set_up(void **state)
{
    struct cloud_double *d = ol_xcalloc(1, sizeof(*d));
    const struct ol_log_sink sink = {.least = OL_LOG_DEBUG, .write = note_line, .ctx = d};

    snprintf(d->root, sizeof(d->root), "/tmp/compute-start-XXXXXX");
    assert_non_null(mkdtemp(d->root));
    assert_int_equal(ol_env_init(&d->env, d->root, NULL), 0);
    assert_int_equal(ol_mkdir_p(&d->env, "/tmp", 0755, NULL), 0);
    assert_int_equal(ol_mkdir_p(&d->env, "/state", 0755, NULL), 0);
    assert_int_equal(ol_log_add_sink(&d->log, &sink), 0);
    d->env.log = &d->log;
    ol_buf_init(&d->said, 1 << 16);
    ol_buf_init(&d->asked, 1 << 16);
    d->config.host = "h1";
    d->config.state_path = "/state";
    d->config.rpc_response_timeout = 60 * OL_SECOND;
    d->release = (struct nova_release){
        .number = "26.2.2", .service_version = 64, .oldest_service = 61, .oldest_name = "yoga"};
    d->setting = (struct service_setting){
        .env = &d->env, .config = &d->config, .release = &d->release, .ops = &ops, .ctx = d};
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct cloud_double *d = *state;
    struct ol_env tmp;

    ol_buf_done(&d->said);
    ol_buf_done(&d->asked);
    ol_env_done(&d->env);
    assert_int_equal(ol_env_init(&tmp, "/tmp", NULL), 0);
    assert_int_equal(ol_remove_tree(&tmp, d->root + strlen("/tmp"), NULL), 0);
    ol_env_done(&tmp);
    free(d);
    return 0;
}

/* demands: C36 C32 */
static void a_new_host_starts_in_novas_order(void **state)
{
    struct cloud_double *d = *state;

    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_string_equal(d->asked.data,
                        "ping 10\noldest\ninit_host\nfind\ncreate\nresources\nserve compute\n");
    assert_string_equal(d->said.data, "INFO Starting compute node (version 26.2.2)\n");
}

/* demands: C36 */
static void a_known_host_takes_our_version(void **state)
{
    struct cloud_double *d = *state;

    d->version = 61;
    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_string_equal(d->asked.data, "ping 10\noldest\ninit_host\nfind\nversion 64\nresources\n"
                                       "serve compute\n");
    assert_non_null(
        strstr(d->said.data, "INFO Updating service version for nova-compute on h1 from 61 to 64"));
    d->version = 64;
    ol_buf_clear(&d->asked);
    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_null(strstr(d->asked.data, "version"));
}

/* demands: C33 */
static void it_waits_for_the_conductor_for_ever_and_says_so(void **state)
{
    static const char warning[] =
        "WARNING Timed out waiting for nova-conductor.  Is it running? Or did this service start "
        "before nova-conductor?  Reattempting establishment of nova-conductor connection...\n";
    struct cloud_double *d = *state;
    ol_auto(ol_buf_done) struct ol_buf asked = OL_BUF_INIT(4096), said = OL_BUF_INIT(16384);

    d->silent = 12;
    assert_int_equal(service_wait_conductor(&d->setting, &d->err), 0);
    for (int i = 0; i < 10; i++)
        ol_buf_adds(&asked, "ping 10\n");
    ol_buf_adds(&asked, "ping 60\nping 60\nping 60\n");
    assert_string_equal(d->asked.data, asked.data);
    for (int i = 0; i < 12; i++)
        ol_buf_adds(&said, warning);
    ol_buf_adds(&said, "INFO nova-conductor connection established successfully\n");
    assert_string_equal(d->said.data, said.data);
}

/* demands: C34 */
static void it_refuses_to_start_beside_old_computes(void **state)
{
    static const char text[] =
        "Current Nova version does not support computes older than yoga but the minimum compute "
        "service level in your cell is 60 and the oldest supported service level is 61.";
    struct cloud_double *d = *state;

    d->oldest = 60;
    assert_true(service_start(&d->setting, &d->err) < 0);
    assert_true(nova_is(&d->err, NOVA_TOO_OLD_COMPUTE));
    assert_string_equal(d->err.msg, text);
    assert_string_equal(d->asked.data, "ping 10\noldest\n");
    d->config.disable_compute_service_check_for_ffu = true;
    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_non_null(strstr(d->said.data, text));
    d->oldest = 61;
    d->config.disable_compute_service_check_for_ffu = false;
    assert_int_equal(service_start(&d->setting, &d->err), 0);
}

/* demands: C36 */
static void what_fails_ends_the_start_before_the_queues(void **state)
{
    static const char *const parts[] = {"init_host", "find", "create", "resources"};
    struct cloud_double *d = *state;

    for (size_t i = 0; i < ol_count(parts); i++) {
        ol_buf_clear(&d->asked);
        d->fails = parts[i];
        assert_true(service_start(&d->setting, &d->err) < 0);
        assert_true(nova_is(&d->err, NOVA_HYPERVISOR_UNAVAILABLE));
        assert_null(strstr(d->asked.data, "serve"));
    }
    d->fails = NULL;
    d->config.tempdir = "/state/file/below";
    assert_int_equal(ol_file_puts(&d->env, "/state/file", "", 0644, 0, NULL), 0);
    ol_buf_clear(&d->asked);
    assert_true(service_start(&d->setting, &d->err) < 0);
    assert_non_null(strstr(d->err.msg, "Temporary directory is invalid"));
    assert_null(strstr(d->asked.data, "init_host"));
}

static void later_releases_know_who_they_are(void **state)
{
    static const char node[] = "626d6bb0-af4f-4060-8489-c1cb8a6ad53d";
    struct cloud_double *d = *state;
    char id[37];

    d->release.has_compute_id = true;
    d->release.has_compute_alt = true;
    d->node = node;
    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_string_equal(d->asked.data,
                        "ping 10\noldest\nfind\nnode\ninit_host\ncreate\nresources\nserve compute\n"
                        "serve compute-alt\n");
    assert_int_equal(compute_id_read(&d->env, "/state", id, &d->err), 0);
    assert_string_equal(id, node);
    d->node = "11111111-af4f-4060-8489-c1cb8a6ad53d";
    ol_buf_clear(&d->asked);
    assert_true(service_start(&d->setting, &d->err) < 0);
    assert_true(nova_is(&d->err, NOVA_INVALID_CONFIGURATION));
    assert_null(strstr(d->asked.data, "init_host"));
    assert_int_equal(ol_unlink(&d->env, "/state/compute_id", NULL), 0);
    d->node = NULL;
    assert_int_equal(service_start(&d->setting, &d->err), 0);
    assert_int_equal(compute_id_read(&d->env, "/state", id, &d->err), 0);
    assert_string_not_equal(id, node);
}

/* demands: C37 */
static void a_lost_conductor_is_told_once_and_its_return(void **state)
{
    struct cloud_double *d = *state;
    struct report_state s = {.is_lost = false};
    struct ol_err timeout, gone, other;
    int t = nova_fail(&timeout, NOVA_MESSAGING_TIMEOUT, "x");
    int g = nova_fail(&gone, NOVA_SERVICE_NOT_FOUND, "x");
    int o = nova_fail(&other, NOVA_RUNTIME, "broken");

    report_state_note(&s, &d->env, "h1", 0, NULL);
    report_state_note(&s, &d->env, "h1", t, &timeout);
    report_state_note(&s, &d->env, "h1", t, &timeout);
    report_state_note(&s, &d->env, "h1", 0, NULL);
    report_state_note(&s, &d->env, "h1", 0, NULL);
    assert_string_equal(d->said.data,
                        "WARNING Lost connection to nova-conductor for reporting service status.\n"
                        "INFO Recovered from being unable to report status.\n");
    ol_buf_clear(&d->said);
    report_state_note(&s, &d->env, "h1", g, &gone);
    report_state_note(&s, &d->env, "h1", o, &other);
    report_state_note(&s, &d->env, "h1", 0, NULL);
    assert_string_equal(
        d->said.data,
        "ERROR The services table record for the nova-compute service on host h1 is gone. You "
        "either need to stop this service if it should be deleted or restart it to recreate the "
        "record in the database.\n"
        "ERROR Unexpected error while reporting service status: broken\n"
        "INFO Recovered from being unable to report status.\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_host_starts_in_novas_order),
        TEST(a_known_host_takes_our_version),
        TEST(it_waits_for_the_conductor_for_ever_and_says_so),
        TEST(it_refuses_to_start_beside_old_computes),
        TEST(what_fails_ends_the_start_before_the_queues),
        TEST(later_releases_know_who_they_are),
        TEST(a_lost_conductor_is_told_once_and_its_return),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
