/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/file.h"

struct machine {
    char root[64];
    struct ol_env env;
};

static int set_up(void **state)
{
    struct machine *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    strncpy(m->root, "/tmp/orlop-doctor-XXXXXX", sizeof(m->root) - 1);
    assert_non_null(mkdtemp(m->root));
    assert_int_equal(ol_env_init(&m->env, m->root, NULL), 0);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *m = *state;

    struct ol_env host;

    ol_env_done(&m->env);
    assert_int_equal(ol_env_init(&host, "/", NULL), 0);
    assert_int_equal(ol_remove_tree(&host, m->root, NULL), 0);
    ol_env_done(&host);
    free(m);
    return 0;
}

static void put(struct machine *m, const char *path, const char *text, mode_t mode)
{
    assert_int_equal(
        ol_file_puts(&m->env, path, text, mode, OL_WRITE_PARENTS | OL_WRITE_EXCL, NULL), 0);
}

static enum doctor_state state_of(const struct doctor_report *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->v[i].name, name))
            return r->v[i].state;
    fail_msg("there is no check '%s'", name);
    return DOCTOR_BAD;
}

static void an_empty_machine_lacks_all_but_gets_advice(void **state)
{
    struct machine *m = *state;
    struct doctor_report r;

    doctor_examine(&m->env, &r);
    assert_int_equal(state_of(&r, "mkfs.ext4"), DOCTOR_MISSING);
    assert_int_equal(state_of(&r, "xfs"), DOCTOR_MISSING);
    for (size_t i = 0; i < r.n; i++)
        assert_true(r.v[i].advice && r.v[i].use);
}

static void file_systems_count_when_built_in_or_as_modules(void **state)
{
    struct machine *m = *state;
    struct doctor_report r;

    put(m, "/proc/filesystems", "nodev\tsysfs\n\text4\n", 0644);
    put(m, "/proc/sys/kernel/osrelease", "6.1.0\n", 0644);
    put(m, "/lib/modules/6.1.0/kernel/fs/nfs/nfs.ko", "", 0644);
    doctor_examine(&m->env, &r);
    assert_int_equal(state_of(&r, "ext4"), DOCTOR_OK);
    assert_int_equal(state_of(&r, "nfs"), DOCTOR_OK);
    assert_int_equal(state_of(&r, "xfs"), DOCTOR_MISSING);
}

static void only_the_roots_own_line_says_that_mounts_are_shared(void **state)
{
    struct machine *m = *state;
    struct doctor_report r;

    put(m, "/proc/self/mountinfo",
        "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n23 22 0:21 / /sys rw shared:7 - sysfs sysfs rw\n",
        0644);
    doctor_examine(&m->env, &r);
    assert_int_equal(state_of(&r, "shared mounts"), DOCTOR_BAD);
}

static void both_outputs_name_every_check(void **state)
{
    struct machine *m = *state;
    ol_auto(ol_buf_done) struct ol_buf table = OL_BUF_INIT(1 << 16);
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(1 << 16);
    struct doctor_report r;

    doctor_examine(&m->env, &r);
    doctor_print_table(&r, &table);
    doctor_print_json(&r, &json);
    for (size_t i = 0; i < r.n; i++) {
        assert_non_null(strstr(table.data, r.v[i].name));
        assert_non_null(strstr(json.data, r.v[i].name));
    }
    assert_non_null(strstr(json.data, "\"advice\":\"apt-get install xfsprogs\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_machine_lacks_all_but_gets_advice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(file_systems_count_when_built_in_or_as_modules, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_the_roots_own_line_says_that_mounts_are_shared, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(both_outputs_name_every_check, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
