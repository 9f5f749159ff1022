/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/cleanup.h"

enum { MAX_TOLD = 8 };

struct rig {
    struct ol_env env;
    struct qemu q;
    struct qemu_machine *m;
    enum virt_event_kind told[MAX_TOLD];
    int n_told;
};

static void note(void *ctx, const struct virt_event *e)
{
    struct rig *rig = ctx;

    assert_string_equal(e->uuid, "U");
    assert_true(rig->n_told < MAX_TOLD);
    rig->told[rig->n_told++] = e->kind;
}

static void begin(struct rig *rig)
{
    *rig = (struct rig){.env = {.root_fd = -1}};
    assert_int_equal(ol_env_init(&rig->env, "/", NULL), 0);
    rig->env.is_dry_run = true;
    rig->q.base = (struct virt){.env = &rig->env, .event = note, .ctx = rig};
    rig->q.machines = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    pthread_mutex_init(&rig->q.lock, NULL);
    pthread_cond_init(&rig->q.changed, NULL);
    rig->m = qemu_enter_new(&rig->q, "U", "/no-such-directory");
    rig->m->power = VIRT_RUNNING;
    rig->m->is_busy = false;
}

static void finish(struct rig *rig)
{
    qemu_forget(rig->m);
    qemu_leave(rig->m);
    ol_table_done(&rig->q.machines);
    pthread_cond_destroy(&rig->q.changed);
    pthread_mutex_destroy(&rig->q.lock);
    ol_env_done(&rig->env);
}

/* "ENDED" stands for the end of the connection; '*' before an event: a call is at the machine. */
static void hear(struct rig *rig, const char *name)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    const char *event = *name == '*' ? name + 1 : name;
    struct ol_val *data = ol_val_new_map(&a);

    rig->m->is_busy = *name == '*';
    if (!strcmp(event, "SHUTDOWN guest")) {
        ol_val_set_bool(&a, data, "guest", true);
        qemu_on_event(rig->m, "SHUTDOWN", data);
    } else if (!strcmp(event, "ENDED")) {
        rig->m->refs++; /* the connection's */
        qemu_on_ended(rig->m);
    } else {
        qemu_on_event(rig->m, event, data);
    }
}

static void events_make_power_and_news(void **state)
{
    static const struct {
        const char *heard[5];
        enum virt_power power;
        enum virt_event_kind told[3];
        int n_told;
    } cases[] = {
        {{"STOP"}, VIRT_PAUSED, {VIRT_EVENT_PAUSED}, 1},
        {{"STOP", "STOP"}, VIRT_PAUSED, {VIRT_EVENT_PAUSED}, 1},
        {{"STOP", "RESUME"}, VIRT_RUNNING, {VIRT_EVENT_PAUSED, VIRT_EVENT_RESUMED}, 2},
        {{"*STOP"}, VIRT_PAUSED, {0}, 0},
        {{"RESET", "POWERDOWN", "RTC_CHANGE", "NO_SUCH"}, VIRT_RUNNING, {0}, 0},
        /* A guest that powers off stands still first. */
        {{"SHUTDOWN guest", "STOP"}, VIRT_RUNNING, {0}, 0},
        {{"SHUTDOWN guest", "STOP", "SHUTDOWN", "ENDED"}, VIRT_SHUTDOWN, {VIRT_EVENT_STOPPED}, 1},
        {{"ENDED"}, VIRT_CRASHED, {VIRT_EVENT_CRASHED}, 1},
        {{"*ENDED"}, VIRT_CRASHED, {0}, 0},
        {{"SHUTDOWN", "ENDED"}, VIRT_CRASHED, {VIRT_EVENT_CRASHED}, 1}, /* by a signal */
        {{"GUEST_PANICKED", "STOP"}, VIRT_CRASHED, {VIRT_EVENT_CRASHED}, 1},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct rig rig;

        begin(&rig);
        for (int j = 0; j < 5 && cases[i].heard[j]; j++)
            hear(&rig, cases[i].heard[j]);
        assert_int_equal(rig.m->power, cases[i].power);
        assert_int_equal(rig.n_told, cases[i].n_told);
        for (int j = 0; j < rig.n_told; j++)
            assert_int_equal(rig.told[j], cases[i].told[j]);
        finish(&rig);
    }
}

static void unplugged_devices_are_noted(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4096);
    struct ol_val *data = ol_val_new_map(&a);
    struct rig rig;

    (void)state;
    begin(&rig);
    qemu_on_event(rig.m, "DEVICE_DELETED", data); /* a child of the device: it has no id */
    ol_val_set_str(&a, data, "device", "vd1");
    for (int i = 0; i < 2 * QEMU_MAX_DEVICES; i++)
        qemu_on_event(rig.m, "DEVICE_DELETED", data);
    assert_int_equal(rig.m->gone.n, QEMU_MAX_DEVICES);
    assert_string_equal(rig.m->gone.v[0], "vd1");
    finish(&rig);
}

static void machine_without_a_definition_is_none(void **state)
{
    struct qemu_machine *found = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct rig rig;

    (void)state;
    begin(&rig);
    assert_true(qemu_enter(&rig.q, "U", &found, &err) < 0);
    assert_true(nova_is(&err, NOVA_INSTANCE_NOT_FOUND));
    finish(&rig);
}

/* What needs no trial: nova's virt_type qemu, and an operator's own word before it. */
static void who_chose_the_accelerator_is_not_asked(void **state)
{
    static const struct {
        const char *accelerator, *virt_type, *want;
    } cases[] = {
        {NULL, "qemu", "tcg"},
        {"kvm", "qemu", "kvm"},
        {"tcg", "kvm", "tcg"},
        {"kvm", NULL, "kvm"},
    };

    (void)state;
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct compute_config config = {.accelerator = (char *)(uintptr_t)cases[i].accelerator,
                                        .virt_type = (char *)(uintptr_t)cases[i].virt_type};
        struct qemu_host host = {.config = &config};

        assert_string_equal(qemu_accelerator(&host), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_make_power_and_news),
        cmocka_unit_test(unplugged_devices_are_noted),
        cmocka_unit_test(machine_without_a_definition_is_none),
        cmocka_unit_test(who_chose_the_accelerator_is_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
