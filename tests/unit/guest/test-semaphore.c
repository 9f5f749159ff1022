/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/stage/semaphore.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define SEM     "/var/lib/cloud/instance/sem/config_write_files"

/* demands: 29 32 */
static void every_state_has_its_verdict(void **state)
{
    static const struct {
        bool has_sem, has_mark, is_same_boot, is_user_code;
        enum sem_verdict want;
    } cases[] = {
        {0, 0, 0, 0, SEM_RUN},  {0, 0, 0, 1, SEM_RUN},  {0, 0, 1, 0, SEM_RUN},
        {0, 0, 1, 1, SEM_RUN},  {0, 1, 0, 0, SEM_RUN},  {0, 1, 0, 1, SEM_RUN},
        {0, 1, 1, 0, SEM_RUN},  {0, 1, 1, 1, SEM_RUN},  {1, 0, 0, 0, SEM_DONE},
        {1, 0, 0, 1, SEM_DONE}, {1, 0, 1, 0, SEM_DONE}, {1, 0, 1, 1, SEM_DONE},
        {1, 1, 0, 0, SEM_RUN},  {1, 1, 0, 1, SEM_DONE}, {1, 1, 1, 0, SEM_RUN},
        {1, 1, 1, 1, SEM_RUN},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct sem_state s = {cases[i].has_sem, cases[i].has_mark, cases[i].is_same_boot,
                                    cases[i].is_user_code};

        if (sem_decide(&s) != cases[i].want)
            fail_msg("case %zu", i);
    }
    (void)state;
}

/* demands: 29 31 */
static void the_file_is_there_before_the_run_and_after_it(void **state)
{
    struct fixture *f = fixture_new();
    struct sem sem = {0};

    fixture_put(f, BOOT_ID, "boot-1\n");
    assert_int_equal(sem_acquire(&f->g, "config-write-files", FREQ_INSTANCE, 0, &sem, NULL),
                     SEM_RUN);
    fixture_assert_file(f, SEM ".running", "boot-1");
    assert_non_null(strstr(fixture_text(f, SEM), ": 1700000000.0\n"));
    assert_int_equal(fixture_mode(f, SEM), 0644);
    sem_release(&f->g, &sem);
    assert_null(fixture_text(f, SEM ".running"));
    assert_int_equal(sem_acquire(&f->g, "config-write_files", FREQ_INSTANCE, 0, &sem, NULL),
                     SEM_DONE);
    fixture_free(f);
    (void)state;
}

/* demands: 30 31 */
static void each_frequency_has_its_place(void **state)
{
    struct fixture *f = fixture_new();
    struct sem sem = {0};

    assert_int_equal(sem_acquire(&f->g, "config-x-y", FREQ_ONCE, 0, &sem, NULL), SEM_RUN);
    assert_string_equal(sem.path, "/var/lib/cloud/sem/config_x_y.once");
    assert_int_equal(sem_acquire(&f->g, "config-x-y", FREQ_ALWAYS, 0, &sem, NULL), SEM_RUN);
    assert_null(sem.path);
    sem_release(&f->g, &sem);
    assert_int_equal(sem_acquire(&f->g, "config-x-y", FREQ_ALWAYS, 0, &sem, NULL), SEM_RUN);
    fixture_free(f);
    (void)state;
}

static void who_was_killed_runs_again_but_user_code_not_after_a_reboot(void **state)
{
    static const struct {
        unsigned flags;
        const char *boot;
        int want;
    } cases[] = {
        {0, "boot-1", SEM_RUN},
        {0, "boot-2", SEM_RUN},
        {MODULE_USER_CODE, "boot-1", SEM_RUN},
        {MODULE_USER_CODE, "boot-2", SEM_DONE},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        struct sem sem = {0};

        fixture_put(f, BOOT_ID, "boot-1");
        assert_int_equal(sem_acquire(&f->g, "config-write_files", FREQ_INSTANCE, 0, &sem, NULL),
                         SEM_RUN);
        fixture_put(f, BOOT_ID, cases[i].boot);
        assert_int_equal(
            sem_acquire(&f->g, "config-write_files", FREQ_INSTANCE, cases[i].flags, &sem, NULL),
            cases[i].want);
        assert_int_equal(fixture_text(f, SEM ".running") != NULL, cases[i].want == SEM_RUN);
        fixture_free(f);
    }
    (void)state;
}

static void without_a_place_for_it_nothing_runs(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;
    struct sem sem = {0};

    fixture_put(f, "/var/lib/cloud", "a file");
    assert_int_equal(sem_acquire(&f->g, "config-x", FREQ_INSTANCE, 0, &sem, &err), -ENOTDIR);
    assert_non_null(strstr(ol_err_text(&err), "/var/lib/cloud"));
    assert_null(sem.path);
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_verdict),
        cmocka_unit_test(the_file_is_there_before_the_run_and_after_it),
        cmocka_unit_test(each_frequency_has_its_place),
        cmocka_unit_test(who_was_killed_runs_again_but_user_code_not_after_a_reboot),
        cmocka_unit_test(without_a_place_for_it_nothing_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
