/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/cleanup.h"
#include "core/file.h"

/* [libvirt] wait_soft_reboot_seconds: nova waits so long for the guest. */
enum { SOFT_REBOOT_SECONDS = 120, ASK_AGAIN_SECONDS = 10, LOAD_SECONDS = 600, LOOK_MS = 10 };

/* A machine that reads its memory back is done when it no longer says "inmigrate". */
static int wait_loaded(struct qemu_machine *m, struct ol_err *err)
{
    struct ol_env *env = m->q->base.env;
    ol_time until = ol_now_boot(env) + LOAD_SECONDS * OL_SECOND;

    for (;;) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
        const char *status = NULL;
        int r = qemu_status(m, &a, &status, err);

        if (r < 0 || strcmp(status, "inmigrate") != 0)
            return r;
        if (ol_now_boot(env) > until)
            return ol_err_set(err, ETIME, "machine %s: its memory is not read back", m->uuid);
        env->clock->sleep(env->clock->ctx, LOOK_MS * OL_MS);
    }
}

/* One that does not start; what QEMU said of it is the reason. */
static int give_up(struct qemu_machine *m, int r, struct ol_err *err)
{
    char words[400];

    (void)!qemu_stop(m, NULL);
    if (r != -EPIPE && r != -ECONNREFUSED && r != -ECONNRESET)
        return r;
    qemu_last_words(m->q->base.env, m->directory, words, sizeof(words));
    return ol_err_set(err, EIO, "machine %s did not start: %s", m->uuid, words);
}

int qemu_run(struct qemu_machine *m, struct ol_err *err)
{
    ol_autofree char *state = qemu_path(m, QEMU_STATE);
    bool is_resuming = ol_exists(m->q->base.env, state);
    bool is_held = m->def->m.is_held && !is_resuming;
    int r = 0;

    if (qemu_is_alive(m->q->base.env, m->directory)) /* one that we cannot reach */
        r = qemu_stop(m, err);
    if (r == 0)
        r = qemu_start(m, is_resuming, err);
    if (r == 0 && is_resuming)
        r = wait_loaded(m, err);
    if (r == 0 && !is_held)
        r = qemu_command(m, "cont", NULL, err);
    if (r < 0)
        return give_up(m, r, err);
    qemu_set_power(m, is_held ? VIRT_PAUSED : VIRT_RUNNING);
    return is_resuming ? ol_unlink(m->q->base.env, state, err) : 0;
}

/* Asks the guest until it is off or the time is over. -ETIME */
static int ask_to_end(struct qemu_machine *m, ol_time timeout, ol_time retry)
{
    struct ol_env *env = m->q->base.env;
    ol_time until = ol_now_boot(env) + timeout;

    for (;;) {
        ol_time left = until - ol_now_boot(env);

        if (left <= 0)
            return -ETIME;
        (void)!qemu_command(m, "system_powerdown", NULL, NULL);
        if (qemu_wait_ended(m, left < retry ? left : retry) == 0)
            return 0;
    }
}

int qemu_power_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                   struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, uuid, &m, err);

    if (r < 0)
        return r;
    /* A guest that stands still hears nothing. */
    if (timeout > 0 && qemu_power(m) == VIRT_RUNNING)
        (void)!ask_to_end(m, timeout, retry > 0 ? retry : ASK_AGAIN_SECONDS * OL_SECOND);
    r = qemu_stop(m, err);
    qemu_leave(m);
    return r;
}

/* Off by its own doing. -ETIME: it does not follow. */
static int end_softly(struct virt *v, const char *uuid, struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, uuid, &m, err);

    if (r < 0)
        return r;
    if (qemu_power(m) == VIRT_RUNNING)
        r = ask_to_end(m, SOFT_REBOOT_SECONDS * OL_SECOND, ASK_AGAIN_SECONDS * OL_SECOND);
    else
        r = -ETIME;
    if (r == 0)
        r = qemu_stop(m, err);
    qemu_leave(m);
    return r;
}

static int end_hard(struct virt *v, const struct virt_machine *machine, struct ol_err *err)
{
    struct qemu_machine *m = qemu_enter_new((struct qemu *)v, machine->uuid, machine->directory);
    ol_autofree char *state = qemu_path(m, QEMU_STATE);
    int r = ol_is_dir(v->env, machine->directory) ? qemu_stop(m, err) : 0;

    /* Memory of before is no longer wanted. */
    if (r == 0 && ol_exists(v->env, state))
        r = ol_unlink(v->env, state, err);
    qemu_leave(m);
    return r;
}

int qemu_reboot(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err)
{
    int r = is_hard ? end_hard(v, m, err) : end_softly(v, m->uuid, err);

    return r < 0 ? r : virt_qemu.power_on(v, m, err);
}

static int stand_or_go(struct virt *v, const char *uuid, const char *command, enum virt_power power,
                       struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, uuid, &m, err);

    if (r < 0)
        return r;
    r = qemu_command(m, command, NULL, err);
    if (r == 0)
        qemu_set_power(m, power);
    qemu_leave(m);
    return r;
}

int qemu_pause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return stand_or_go(v, uuid, "stop", VIRT_PAUSED, err);
}

int qemu_unpause(struct virt *v, const char *uuid, struct ol_err *err)
{
    return stand_or_go(v, uuid, "cont", VIRT_RUNNING, err);
}
