/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/cli/cli.h"

static const char data[] =
    "{\"v1\": {\"cloud_name\": \"nocloud\", \"region\": null, \"local-hostname\": \"h\","
    " \"platform\": \"p\"}, \"ds\": {\"meta_data\": {\"list\": [1, \"b\"], \"a-b\": {\"c.d\": 1}}},"
    " \"sensitive_keys\": []}";

/* What the tests look at after a command. */
struct outcome {
    int status;
    const char *out, *err;
};

static void redirect(struct fixture *f, const char *path, int to)
{
    ol_autoclose int fd = ol_open(&f->env, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && dup2(fd, to) >= 0);
}

#define HIDDEN "<redacted for non-root user> file:/var/lib/cloud/instance/"

/* Runs "NAME WORD…" on the fixture's tree. */
static struct outcome run(struct fixture *f, const char *line)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;
    ol_autoclose int out = -1, err = -1;
    struct outcome o;

    ol_strv_split(&words, line, " ");
    ol_strv_addf(&words, "--root=%s", f->root);
    fflush(NULL);
    out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    redirect(f, "/tmp/out", STDOUT_FILENO);
    redirect(f, "/tmp/err", STDERR_FILENO);
    o.status = cloud_init_main((int)words.n, words.v);
    fflush(NULL);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    o.out = fixture_text(f, "/tmp/out");
    o.err = fixture_text(f, "/tmp/err");
    return o;
}

static void assert_outcome(struct fixture *f, const char *line, int status, const char *out)
{
    struct outcome o = run(f, line);

    if (o.status != status || (out && strcmp(o.out, out)))
        fail_msg("'%s': status %d, '%s', '%s'", line, o.status, o.out, o.err);
}

/* demands: 7 16 */
static void query_finds_values_by_path_and_alias(void **state)
{
    static const struct {
        const char *line;
        int status;
        const char *out;
    } cases[] = {
        {"cloud-init query cloud_name", 0, "nocloud\n"},
        {"cloud-init query -n cloud_name", 0, "nocloud\n"},
        {"cloud-init query v1.local-hostname", 0, "h\n"},
        {"cloud-init query v1.local_hostname", 0, "h\n"},
        {"cloud-init query ds.meta_data.a_b.c_d", 0, "1\n"},
        {"cloud-init query ds.meta_data.list", 0, "[\n 1,\n \"b\"\n]\n"},
        {"cloud-init query v1.region", 0, "null\n"},
        {"cloud-init query -f {{v1.cloud_name}}-{{local_hostname}}", 0, "nocloud-h\n"},
        {"cloud-init query --list-keys ds.meta_data", 0, "a-b\nlist\n"},
        {"cloud-init query --list-keys v1.cloud_name", 1, ""},
        {"cloud-init query nothing", 1, ""},
        {"cloud-init query v1.nothing", 1, ""},
        {"cloud-init query v1.cloud_name.deeper", 1, ""},
        {"cloud-init query", 1, ""},
        {"cloud-init query -f {{v1.}}", 1, ""},
        {"cloud-init query --instance-data=/none --all", 1, ""},
    };
    struct fixture *f = fixture_new();

    fixture_put(f, "/run/cloud-init/instance-data-sensitive.json", data);
    fixture_put(f, "/run/cloud-init/instance-data.json", data);
    fixture_put_mode(f, "/var/lib/cloud/instance/user-data.txt", "#cloud-config\n", 0600);
    for (size_t i = 0; i < ol_count(cases); i++)
        assert_outcome(f, cases[i].line, cases[i].status, cases[i].out);
    assert_outcome(f, "cloud-init query userdata", 0,
                   getuid() ? HIDDEN "user-data.txt\n" : "#cloud-config\n\n");
    assert_outcome(f, "cloud-init query vendordata", 0,
                   getuid() ? HIDDEN "vendor-data.txt\n" : "\n");
    assert_non_null(strstr(run(f, "cloud-init query v1.nothing").err,
                           "ERROR: instance-data 'v1' has no 'nothing'"));
    fixture_free(f);
    (void)state;
}

static const char *status_with(struct fixture *f, const char *errors, const char *recoverable)
{
    return ol_arena_printf(&f->arena,
                           "{\"v1\": {\"datasource\": \"DataSourceNoCloud [x]\", \"stage\": null,"
                           " \"init\": {\"start\": 1.5, \"finished\": 2.5, \"errors\": %s,"
                           " \"recoverable_errors\": %s}}}",
                           errors, recoverable);
}

static void status_ends_with_zero_one_or_two(void **state)
{
    static const struct {
        const char *errors, *recoverable;
        int status;
        const char *shown, *extended;
    } cases[] = {
        {"[]", "{}", 0, "status: done\n", "extended_status: done\n"},
        {"[\"x\\ny\"]", "{}", 1, "status: error\n", "extended_status: error - done\n"},
        {"[]", "{\"WARNING\": [\"w\"]}", 2, "status: done\n", "extended_status: degraded done\n"},
    };
    struct fixture *f = fixture_new();

    assert_outcome(f, "cloud-init status", 0, "status: not started\n");
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct outcome o;

        fixture_put(f, "/run/cloud-init/status.json",
                    status_with(f, cases[i].errors, cases[i].recoverable));
        fixture_put(f, "/run/cloud-init/result.json", "{}");
        assert_outcome(f, "cloud-init status", cases[i].status, cases[i].shown);
        assert_outcome(f, "cloud-init status --wait", cases[i].status, NULL);
        o = run(f, "cloud-init status --long");
        assert_int_equal(o.status, cases[i].status);
        assert_non_null(strstr(o.out, cases[i].extended));
        o = run(f, "cloud-init status --format=json");
        assert_int_equal(o.status, cases[i].status);
        assert_non_null(strstr(o.out, "\"datasource\": \"nocloud\""));
        assert_int_equal(run(f, "cloud-init status --format yaml").status, cases[i].status);
    }
    fixture_free(f);
    (void)state;
}

static void cloud_id_tells_the_cloud_or_why_not(void **state)
{
    struct fixture *f = fixture_new();

    assert_outcome(f, "cloud-id", 3, "not started\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/run/systemd/system", 0755, NULL), 0);
    fixture_put(f, "/etc/cloud/cloud-init.disabled", "");
    assert_outcome(f, "cloud-id", 2, "disabled\n");
    assert_int_equal(ol_unlink(&f->env, "/etc/cloud/cloud-init.disabled", NULL), 0);
    fixture_put(f, "/run/cloud-init/status.json", status_with(f, "[]", "{}"));
    fixture_put(f, "/run/cloud-init/result.json", "{}");
    assert_outcome(f, "cloud-id", 1, "");
    fixture_put(f, "/run/cloud-init/instance-data.json", "{");
    assert_outcome(f, "cloud-id", 1, "");
    fixture_put(f, "/run/cloud-init/instance-data.json", data);
    assert_outcome(f, "cloud-id", 0, "nocloud\n");
    assert_outcome(f, "cloud-id -l", 0, "nocloud\tNone\n");
    fixture_put(f, "/run/cloud-init/instance-data.json", "{\"v1\": 7}");
    assert_outcome(f, "cloud-id", 0, "unknown\n");
    fixture_free(f);
    (void)state;
}

/* demands: 35 */
static void clean_removes_what_a_run_left_and_nothing_else(void **state)
{
    static const char *const kept[] = {"/etc/passwd", "/var/lib/cloud/seed/nocloud/user-data",
                                       "/etc/network/interfaces.d/mine", "/var/log/cloud-init.log",
                                       "/etc/machine-id"};
    static const char *const gone[] = {"/var/lib/cloud/data/status.json",
                                       "/var/lib/cloud/instances/i/obj.json",
                                       "/var/lib/cloud/sem/config_x.once"};
    static const char *const more[] = {"/etc/network/interfaces.d/50-cloud-init",
                                       "/etc/systemd/network/10-cloud-init-eth0.network",
                                       "/etc/netplan/50-cloud-init.yaml"};
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(kept); i++)
        fixture_put(f, kept[i], "x\n");
    for (size_t i = 0; i < ol_count(gone); i++)
        fixture_put(f, gone[i], "x\n");
    for (size_t i = 0; i < ol_count(more); i++)
        fixture_put(f, more[i], "x\n");
    assert_int_equal(ol_symlink(&f->env, "/etc", "/var/lib/cloud/instance", NULL), 0);
    assert_outcome(f, "cloud-init clean", 0, "");
    for (size_t i = 0; i < ol_count(kept); i++)
        fixture_assert_file(f, kept[i], "x\n");
    for (size_t i = 0; i < ol_count(gone); i++)
        assert_null(fixture_text(f, gone[i]));
    for (size_t i = 0; i < ol_count(more); i++)
        fixture_assert_file(f, more[i], "x\n");
    assert_outcome(f, "cloud-init clean --logs --seed --machine-id --configs all", 0, "");
    for (size_t i = 0; i < ol_count(more); i++)
        assert_null(fixture_text(f, more[i]));
    assert_null(fixture_text(f, "/var/log/cloud-init.log"));
    assert_null(fixture_text(f, "/var/lib/cloud/seed/nocloud/user-data"));
    assert_null(fixture_text(f, "/etc/machine-id"));
    fixture_assert_file(f, "/etc/network/interfaces.d/mine", "x\n");
    assert_outcome(f, "cloud-init clean --configs nonsense", 2, "");
    fixture_free(f);
    (void)state;
}

static void a_stage_on_an_empty_tree_says_what_lacks(void **state)
{
    struct fixture *f = fixture_new();
    struct outcome o;

    fixture_put(f, "/var/lib/cloud", "a file");
    o = run(f, "cloud-init init --local");
    assert_int_equal(o.status, 1);
    assert_non_null(strstr(o.err, "cloud-init: make directory '/var/lib/cloud"));
    o = run(f, "cloud-init single -n runcmd");
    assert_int_equal(o.status, 1);
    assert_int_equal(run(f, "cloud-init single").status, 2);
    assert_int_equal(run(f, "cloud-init nonsense").status, 2);
    assert_int_equal(run(f, "cloud-init --version").status, 0);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_finds_values_by_path_and_alias),
        cmocka_unit_test(status_ends_with_zero_one_or_two),
        cmocka_unit_test(cloud_id_tells_the_cloud_or_why_not),
        cmocka_unit_test(clean_removes_what_a_run_left_and_nothing_else),
        cmocka_unit_test(a_stage_on_an_empty_tree_says_what_lacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
