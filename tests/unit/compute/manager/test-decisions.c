/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/build-internal.h"
#include "core/cleanup.h"

/* The decisions of nova.compute.manager as tables: recovery at the start, power states that differ,
 * the end of a failed build. */

static struct nova_object *instance(struct ol_arena *a, const char *vm, const char *task,
                                    enum virt_power stored)
{
    struct nova_object *i = nova_object_new(a, nova_release_find("zed"), "Instance");

    nova_set_str(i, "host", "cmp1");
    nova_set_str(i, "vm_state", vm);
    nova_set_str(i, "task_state", task);
    nova_set_int(i, "power_state", stored);
    return i;
}

static void an_agent_that_starts_finishes_what_was_begun(void **state)
{
    static const struct {
        const char *vm, *task;
        enum virt_power power;
        enum recover_step step;
    } cases[] = {
        {"active", NULL, VIRT_RUNNING, RECOVER_NOTHING},
        {"stopped", NULL, VIRT_SHUTDOWN, RECOVER_NOTHING},
        {"building", NULL, VIRT_NOSTATE, RECOVER_ERROR},
        {"building", "spawning", VIRT_RUNNING, RECOVER_ERROR},
        {"active", "networking", VIRT_NOSTATE, RECOVER_ERROR},
        {"active", "rebuilding", VIRT_RUNNING, RECOVER_ERROR},
        {"deleted", NULL, VIRT_NOSTATE, RECOVER_FINISH_DELETED},
        {"active", "deleting", VIRT_RUNNING, RECOVER_DELETE},
        {"error", "deleting", VIRT_NOSTATE, RECOVER_DELETE},
        {"error", NULL, VIRT_RUNNING, RECOVER_NOTHING},
        {"error", "powering-off", VIRT_RUNNING, RECOVER_NOTHING},
        {"soft-delete", NULL, VIRT_SHUTDOWN, RECOVER_NOTHING},
        {"active", "image_uploading", VIRT_RUNNING, RECOVER_CLEAR_TASK},
        {"active", "migrating", VIRT_RUNNING, RECOVER_CLEAR_TASK},
        {"active", "powering-off", VIRT_RUNNING, RECOVER_STOP},
        {"stopped", "powering-on", VIRT_SHUTDOWN, RECOVER_START},
        {"active", "reboot_pending", VIRT_RUNNING, RECOVER_REBOOT_SOFT},
        {"active", "reboot_pending", VIRT_SHUTDOWN, RECOVER_REBOOT_HARD},
        {"active", "reboot_pending_hard", VIRT_RUNNING, RECOVER_REBOOT_HARD},
        {"active", "reboot_started", VIRT_RUNNING, RECOVER_ACTIVE},
        {"active", "reboot_started", VIRT_SHUTDOWN, RECOVER_REBOOT_HARD},
        {"active", "reboot_started_hard", VIRT_NOSTATE, RECOVER_REBOOT_HARD},
        {"active", "pausing", VIRT_RUNNING, RECOVER_ACTIVE},
        {"paused", "unpausing", VIRT_RUNNING, RECOVER_ACTIVE},
        {"paused", "unpausing", VIRT_PAUSED, RECOVER_UNPAUSE},
    };

    for (size_t n = 0; n < ol_count(cases); n++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_object *i = instance(&a, cases[n].vm, cases[n].task, VIRT_NOSTATE);

        if (recover_decide(i, "cmp1", cases[n].power, 0) != cases[n].step)
            fail_msg("%s, %s, power %d", cases[n].vm, cases[n].task ? cases[n].task : "None",
                     (int)cases[n].power);
    }
}

static void an_instance_of_another_host_is_left_alone(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *i = instance(&a, "active", "deleting", VIRT_RUNNING);

    nova_set_str(i, "host", "cmp2");
    assert_int_equal(recover_decide(i, "cmp1", VIRT_RUNNING, RECOVER_MAY_RESUME), RECOVER_NOT_OURS);
    nova_set_null(i, "host");
    assert_int_equal(recover_decide(i, "cmp1", VIRT_RUNNING, RECOVER_MAY_RESUME), RECOVER_NOT_OURS);
}

static void machines_come_back_after_a_reboot_of_the_host_when_asked(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *i = instance(&a, "active", NULL, VIRT_RUNNING);

    assert_int_equal(recover_decide(i, "cmp1", VIRT_SHUTDOWN, RECOVER_MAY_RESUME),
                     RECOVER_RESUME_ON_BOOT);
    assert_int_equal(recover_decide(i, "cmp1", VIRT_SHUTDOWN, 0), RECOVER_NOTHING);
    assert_int_equal(recover_decide(i, "cmp1", VIRT_RUNNING, RECOVER_MAY_RESUME), RECOVER_NOTHING);
    nova_set_int(i, "power_state", VIRT_SHUTDOWN);
    assert_int_equal(recover_decide(i, "cmp1", VIRT_SHUTDOWN, RECOVER_MAY_RESUME), RECOVER_NOTHING);
}

static void alone_no_task_is_left_that_nobody_will_do(void **state)
{
    static const struct {
        const char *vm, *task;
        enum recover_step in_a_cloud, alone;
    } cases[] = {
        {"active", NULL, RECOVER_NOTHING, RECOVER_NOTHING},
        {"active", "rebooting", RECOVER_NOTHING, RECOVER_CLEAR_TASK},
        {"active", "suspending", RECOVER_NOTHING, RECOVER_CLEAR_TASK},
        {"suspended", "resuming", RECOVER_NOTHING, RECOVER_CLEAR_TASK},
        {"error", "powering-off", RECOVER_NOTHING, RECOVER_CLEAR_TASK},
        {"active", "powering-off", RECOVER_STOP, RECOVER_STOP},
        {"active", "deleting", RECOVER_DELETE, RECOVER_DELETE},
    };

    for (size_t n = 0; n < ol_count(cases); n++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_object *i = instance(&a, cases[n].vm, cases[n].task, VIRT_RUNNING);

        assert_int_equal(recover_decide(i, "cmp1", VIRT_RUNNING, 0), cases[n].in_a_cloud);
        assert_int_equal(recover_decide(i, "cmp1", VIRT_RUNNING, RECOVER_ALONE), cases[n].alone);
    }
}

static void power_states_are_brought_together_as_nova_does(void **state)
{
    static const struct {
        const char *vm, *task;
        enum virt_power stored, power;
        enum sync_step step;
    } cases[] = {
        {"active", NULL, VIRT_RUNNING, VIRT_RUNNING, SYNC_NOTHING},
        {"active", NULL, VIRT_RUNNING, VIRT_SHUTDOWN, SYNC_STOP},
        {"active", NULL, VIRT_SHUTDOWN, VIRT_SHUTDOWN, SYNC_STOP},
        {"active", NULL, VIRT_RUNNING, VIRT_CRASHED, SYNC_STOP},
        {"active", NULL, VIRT_RUNNING, VIRT_SUSPENDED, SYNC_STOP},
        {"active", NULL, VIRT_RUNNING, VIRT_PAUSED, SYNC_SAVE_POWER},
        {"active", NULL, VIRT_RUNNING, VIRT_NOSTATE, SYNC_SAVE_POWER},
        {"active", "powering-off", VIRT_RUNNING, VIRT_SHUTDOWN, SYNC_NOTHING},
        {"stopped", NULL, VIRT_SHUTDOWN, VIRT_RUNNING, SYNC_FORCE_STOP},
        {"stopped", NULL, VIRT_SHUTDOWN, VIRT_NOSTATE, SYNC_SAVE_POWER},
        {"stopped", NULL, VIRT_SHUTDOWN, VIRT_SHUTDOWN, SYNC_NOTHING},
        {"paused", NULL, VIRT_PAUSED, VIRT_SHUTDOWN, SYNC_FORCE_STOP},
        {"paused", NULL, VIRT_PAUSED, VIRT_RUNNING, SYNC_SAVE_POWER},
        {"soft-delete", NULL, VIRT_SHUTDOWN, VIRT_RUNNING, SYNC_SAVE_POWER},
        {"error", NULL, VIRT_RUNNING, VIRT_SHUTDOWN, SYNC_SAVE_POWER},
        {"rescued", NULL, VIRT_RUNNING, VIRT_SHUTDOWN, SYNC_SAVE_POWER},
        {"suspended", NULL, VIRT_SUSPENDED, VIRT_SHUTDOWN, SYNC_SAVE_POWER},
    };

    for (size_t n = 0; n < ol_count(cases); n++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_object *i = instance(&a, cases[n].vm, cases[n].task, cases[n].stored);

        if (sync_decide(i, cases[n].power) != cases[n].step)
            fail_msg("%s, %s, stored %d, power %d", cases[n].vm,
                     cases[n].task ? cases[n].task : "None", (int)cases[n].stored,
                     (int)cases[n].power);
    }
}

static void a_failed_build_ends_by_its_exception(void **state)
{
    static const struct {
        enum nova_exception exception;
        enum build_end end;
    } cases[] = {
        {NOVA_INSTANCE_NOT_FOUND, BUILD_GONE},
        {NOVA_UNEXPECTED_DELETING, BUILD_GONE},
        {NOVA_UNEXPECTED_TASK_STATE, BUILD_ABORT},
        {NOVA_BUILD_ABORT, BUILD_ABORT},
        {NOVA_IMAGE_UNACCEPTABLE, BUILD_ABORT},
        {NOVA_IMAGE_CORRUPT, BUILD_ABORT},
        {NOVA_COMPUTE_RESOURCES_UNAVAILABLE, BUILD_RESCHEDULE},
        {NOVA_IMAGE_NOT_FOUND, BUILD_RESCHEDULE},
        {NOVA_HYPERVISOR_UNAVAILABLE, BUILD_RESCHEDULE},
        {NOVA_MESSAGING_TIMEOUT, BUILD_RESCHEDULE},
    };
    struct ol_err err = OL_ERR_INIT;

    for (size_t n = 0; n < ol_count(cases); n++) {
        assert_true(nova_fail(&err, cases[n].exception, "why") < 0);
        assert_int_equal(build_end_of(&err), cases[n].end);
    }
    assert_int_equal(ol_err_set(&err, ENOSPC, "No space left on device"), -ENOSPC);
    assert_int_equal(build_end_of(&err), BUILD_RESCHEDULE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_that_starts_finishes_what_was_begun),
        cmocka_unit_test(an_instance_of_another_host_is_left_alone),
        cmocka_unit_test(machines_come_back_after_a_reboot_of_the_host_when_asked),
        cmocka_unit_test(alone_no_task_is_left_that_nobody_will_do),
        cmocka_unit_test(power_states_are_brought_together_as_nova_does),
        cmocka_unit_test(a_failed_build_ends_by_its_exception),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
