/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

/*
 * Suspending: the machine stands still, its memory goes into a file that gets its name when all of
 * it is on the disk, then its QEMU ends. Killed in between, it either goes on or starts from there.
 */
enum { SAVE_SECONDS = 600, LOOK_MS = 20 };

static int give_state(struct qemu_machine *m, int fd, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 14);
    struct ol_val *arguments = ol_val_new_map(&a);

    ol_val_set_str(&a, arguments, "fdname", "state");
    return qemu_send_fd(m, arguments, fd, err);
}

static int start_save(struct qemu_machine *m, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 14);
    struct ol_val *speed = ol_val_new_map(&a), *to = ol_val_new_map(&a);
    int r;

    ol_val_set_int(&a, speed, "max-bandwidth", INT64_C(1) << 40);
    ol_val_set_str(&a, to, "uri", "fd:state");
    r = qemu_command(m, "migrate-set-parameters", speed, err);
    return r < 0 ? r : qemu_command(m, "migrate", to, err);
}

/* The end of "fd:" is heard of by asking only. */
static int ask_migrate(struct qemu_machine *m, struct ol_arena *a, const struct ol_val **ret,
                       struct ol_err *err)
{
    const struct qmp_ask ask = {.command = "query-migrate"};

    return qemu_ask(m, &ask, a, ret, err);
}

/* 1 done, 0 not yet. */
static int is_saved(struct qemu_machine *m, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    const struct ol_val *answer = NULL;
    const char *status;
    int r = ask_migrate(m, &a, &answer, err);

    if (r < 0)
        return r;
    status = ol_val_str(ol_val_get(answer, "status"));
    if (status && (!strcmp(status, "failed") || !strcmp(status, "cancelled")))
        return ol_err_set(err, EIO, "machine %s: its memory was not saved: %s", m->uuid,
                          ol_val_str(ol_val_get(answer, "error-desc"))
                              ? ol_val_str(ol_val_get(answer, "error-desc"))
                              : status);
    return status && !strcmp(status, "completed");
}

static int wait_saved(struct qemu_machine *m, struct ol_err *err)
{
    struct ol_env *env = m->q->base.env;
    ol_time until = ol_now_boot(env) + SAVE_SECONDS * OL_SECOND;
    int r;

    while ((r = is_saved(m, err)) == 0) {
        if (ol_now_boot(env) > until)
            return ol_err_set(err, ETIME, "machine %s: its memory takes too long", m->uuid);
        env->clock->sleep(env->clock->ctx, LOOK_MS * OL_MS);
    }
    return r < 0 ? r : 0;
}

static bool is_saving(struct qemu_machine *m)
{
    static const char *const states[] = {"setup",  "active",         "cancelling",
                                         "device", "pre-switchover", NULL};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 16);
    const struct ol_val *answer = NULL;
    const char *status;

    if (ask_migrate(m, &a, &answer, NULL) < 0)
        return false;
    status = ol_val_str(ol_val_get(answer, "status"));
    return status && ol_str_in(status, states);
}

bool qemu_undo_save(struct qemu_machine *m)
{
    struct ol_env *env = m->q->base.env;
    ol_autofree char *path = qemu_path(m, QEMU_STATE);
    ol_autofree char *part = ol_xasprintf("%s.part", path);
    ol_time until = ol_now_boot(env) + SAVE_SECONDS * OL_SECOND;

    if (ol_exists(env, path) || !ol_exists(env, part))
        return false;
    if (is_saving(m))
        (void)!qemu_command(m, "migrate_cancel", NULL, NULL);
    while (is_saving(m) && ol_now_boot(env) < until)
        env->clock->sleep(env->clock->ctx, LOOK_MS * OL_MS);
    if (qemu_command(m, "cont", NULL, NULL) < 0)
        return false;
    (void)!ol_unlink(env, part, NULL);
    qemu_set_power(m, VIRT_RUNNING);
    return true;
}

static int save(struct qemu_machine *m, struct ol_err *err)
{
    struct ol_env *env = m->q->base.env;
    ol_autofree char *path = qemu_path(m, QEMU_STATE);
    ol_autofree char *part = ol_xasprintf("%s.part", path);
    ol_autoclose int fd = ol_open(env, part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    int r;

    if (fd < 0)
        return ol_err_set(err, -fd, "open '%s': %s", part, strerror(-fd));
    r = qemu_command(m, "stop", NULL, err);
    if (r == 0)
        r = give_state(m, fd, err);
    if (r == 0)
        r = start_save(m, err);
    if (r == 0)
        r = wait_saved(m, err);
    if (r == 0 && fsync(fd) < 0)
        r = ol_err_set(err, errno, "write '%s': %s", part, strerror(errno));
    return r == 0 ? ol_rename(env, part, path, err) : r;
}

int qemu_suspend(struct virt *v, const struct virt_machine *machine, struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, machine->uuid, &m, err);
    ol_autofree char *state = NULL;

    if (r < 0)
        return r;
    state = qemu_path(m, QEMU_STATE);
    if (m->qmp) {
        r = save(m, err);
        if (r == 0)
            r = qemu_stop(m, err);
        else
            (void)!qemu_undo_save(m);
    } else if (!ol_exists(v->env, state)) {
        r = nova_fail(err, NOVA_INSTANCE_NOT_RUNNING, "Instance %s is not running.", m->uuid);
    }
    qemu_leave(m);
    return r;
}
