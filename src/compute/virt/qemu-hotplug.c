/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "compute/base/exception.h"
#include "compute/virt/qemu-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/* Devices that come and go while a machine runs; in its definition only when it does not. */

enum { UNPLUG_SECONDS = 20, UNPLUG_TRIES = 4, ARGUMENTS_MAX = 1 << 16 };

static int with_name(struct qemu_machine *m, const char *command, const char *key, const char *name,
                     struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    struct ol_val *arguments = ol_val_new_map(&a);

    ol_val_set_str(&a, arguments, key, name);
    return qemu_command(m, command, arguments, err);
}

/* A command that may find its work done. */
static int unless_gone(int r, struct ol_err *err)
{
    if (r == -EREMOTEIO && err
        && (strstr(err->msg, "not found") || strstr(err->msg, "Failed to find")))
        return 0;
    return r;
}

/* What was heard of a device of this name before. */
static void forget_gone(struct qemu_machine *m, const char *device)
{
    pthread_mutex_lock(&m->q->lock);
    for (size_t i = m->gone.n; i > 0; i--)
        if (!strcmp(m->gone.v[i - 1], device))
            ol_strv_remove(&m->gone, i - 1);
    pthread_mutex_unlock(&m->q->lock);
}

static bool take_gone(struct qemu_machine *m, const char *device, const struct timespec *until)
{
    bool is_gone = false;

    pthread_mutex_lock(&m->q->lock);
    for (;;) {
        for (size_t i = 0; i < m->gone.n && !is_gone; i++)
            if (!strcmp(m->gone.v[i], device)) {
                ol_strv_remove(&m->gone, i);
                is_gone = true;
            }
        if (is_gone || !m->qmp
            || pthread_cond_timedwait(&m->q->changed, &m->q->lock, until) == ETIMEDOUT)
            break;
    }
    is_gone = is_gone || !m->qmp;
    pthread_mutex_unlock(&m->q->lock);
    return is_gone;
}

/* Asks the guest to let go of it, again when it does not, as nova does. */
static int unplug(struct qemu_machine *m, const char *device, struct ol_err *err)
{
    forget_gone(m, device);
    for (int i = 0; i < UNPLUG_TRIES; i++) {
        struct ol_err why = OL_ERR_INIT;
        struct timespec until;
        int r = with_name(m, "device_del", "id", device, &why);

        if (r < 0 && unless_gone(r, &why) == 0)
            return 0;
        if (r < 0 && !strstr(why.msg, "in the process of unplug"))
            return ol_err_set(err, -r, "%s", ol_err_text(&why));
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += UNPLUG_SECONDS / UNPLUG_TRIES;
        if (take_gone(m, device, &until))
            return 0;
    }
    return ol_err_set(err, ETIME, "machine %s: the guest does not let go of device '%s'", m->uuid,
                      device);
}

static bool is_plugged(struct qemu_machine *m, const char *id)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    struct ol_val *arguments = ol_val_new_map(&a);
    const struct qmp_ask ask = {.command = "qom-list", .arguments = arguments};

    ol_val_set_str(&a, arguments, "path", ol_arena_printf(&a, "/machine/peripheral/%s", id));
    return qemu_ask(m, &ask, NULL, NULL, NULL) == 0;
}

/* What a call that was cut off has left behind a device. */
static void drop_node(struct qemu_machine *m, const char *id)
{
    ol_autofree char *node = ol_xasprintf("node-%s", id);

    (void)!with_name(m, "blockdev-del", "node-name", node, NULL);
}

static void drop_netdev(struct qemu_machine *m, const char *id)
{
    ol_autofree char *netdev = ol_xasprintf("host-%s", id);

    (void)!with_name(m, "netdev_del", "id", netdev, NULL);
}

/* A secret is asked for when the node is opened, and never again. */
static int add_node(struct qemu_machine *m, const struct qemu_disk *disk, const struct ol_val *node,
                    struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    const char *secret = qemu_secret_id(&a, disk);
    struct ol_val *object = ol_val_new_map(&a);
    int r = 0;

    if (!secret)
        return qemu_command(m, "blockdev-add", node, err);
    ol_val_set_str(&a, object, "qom-type", "secret");
    ol_val_set_str(&a, object, "id", secret);
    ol_val_set_str(&a, object, "data", disk->d.password);
    /* One of that name may be there from the machine's start, or from before a crash of ours. */
    (void)!with_name(m, "object-del", "id", secret, NULL);
    r = qemu_command(m, "object-add", object, err);
    if (r == 0)
        r = qemu_command(m, "blockdev-add", node, err);
    (void)!with_name(m, "object-del", "id", secret, NULL);
    return r;
}

static int plug_disk(struct qemu_machine *m, const struct qemu_disk *disk, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    struct qemu_run run = qemu_run_of(m->q);
    const struct ol_val *node = qemu_blockdev(&a, m->def, disk, &run);
    int r = qemu_is_remote(disk->d.path) ? 0 : qemu_give_file(&m->q->host, disk->d.path, err);

    if (r < 0)
        return r;
    /* What an earlier try has left, which may have ended after we had given it up. */
    drop_node(m, qemu_disk_id(&a, disk));
    r = add_node(m, disk, node, err);
    if (r == 0)
        r = qemu_command(m, "device_add", qemu_disk_device(&a, m->def, disk, &run), err);
    if (r < 0)
        drop_node(m, qemu_disk_id(&a, disk));
    return r;
}

static int unplug_disk(struct qemu_machine *m, const struct qemu_disk *disk, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    const char *id = qemu_disk_id(&a, disk);
    int r = unplug(m, id, err);

    if (r == 0)
        r = unless_gone(
            with_name(m, "blockdev-del", "node-name", ol_arena_printf(&a, "node-%s", id), err),
            err);
    return r;
}

static int remove_disk(struct qemu_machine *m, const struct qemu_disk *disk, struct ol_err *err)
{
    pthread_mutex_lock(&m->q->lock);
    qemu_def_remove_disk(m->def, disk);
    pthread_mutex_unlock(&m->q->lock);
    return qemu_write_record(m, err);
}

static int remove_nic(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err)
{
    pthread_mutex_lock(&m->q->lock);
    qemu_def_remove_nic(m->def, nic);
    pthread_mutex_unlock(&m->q->lock);
    return qemu_write_record(m, err);
}

static int define_disk(struct qemu_machine *m, const struct virt_disk *d, struct qemu_disk **made,
                       struct ol_err *err)
{
    int r;

    pthread_mutex_lock(&m->q->lock);
    r = qemu_def_add_disk(m->def, d, made, err);
    pthread_mutex_unlock(&m->q->lock);
    return r;
}

static bool is_same(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* There is one of this role: plugged in it has to be the same; a record alone may be of a volume
 * that went long ago, and gives way. 1 = nothing is left to do. */
static int replace_disk(struct qemu_machine *m, const struct virt_disk *d, struct qemu_disk **made,
                        struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    int r;

    if (qemu_is_running(m) && is_plugged(m, qemu_disk_id(&a, *made))) {
        if (is_same((*made)->d.path, d->path))
            return 1;
        return ol_err_set(err, EEXIST, "disk '%s' of machine %s is another one", d->role, m->uuid);
    }
    if (qemu_is_running(m))
        drop_node(m, qemu_disk_id(&a, *made));
    r = remove_disk(m, *made, err);
    return r < 0 ? r : define_disk(m, d, made, err);
}

/* It is recorded before it is plugged in: after a crash the next call finds what is half done. */
static int add_disk(struct qemu_machine *m, const struct virt_disk *d, struct ol_err *err)
{
    struct qemu_disk *made = NULL;
    int r = define_disk(m, d, &made, err);

    if (r == -EEXIST && made)
        r = replace_disk(m, d, &made, err);
    if (r != 0)
        return r < 0 ? r : 0;
    r = qemu_write_record(m, err);
    if (r < 0 || !qemu_is_running(m))
        return r;
    r = plug_disk(m, made, err);
    if (r < 0)
        (void)!remove_disk(m, made, NULL);
    return r;
}

int qemu_attach_disk(struct virt *v, const struct virt_machine *machine, const struct virt_disk *d,
                     struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, machine->uuid, &m, err);

    if (r < 0)
        return r;
    r = add_disk(m, d, err);
    qemu_leave(m);
    return r;
}

int qemu_detach_disk(struct virt *v, const struct virt_machine *machine, const char *role,
                     struct ol_err *err)
{
    struct qemu_machine *m;
    struct qemu_disk *disk;
    int r = qemu_enter((struct qemu *)v, machine->uuid, &m, err);

    if (r < 0)
        return r;
    disk = qemu_def_disk(m->def, role);
    if (!disk)
        r = nova_fail(err, NOVA_DISK_NOT_FOUND, "No disk at %s", role);
    else if (qemu_is_running(m))
        r = unplug_disk(m, disk, err);
    if (r == 0)
        r = remove_disk(m, disk, err);
    qemu_leave(m);
    return r;
}

static int give_tap(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    struct ol_val *arguments = ol_val_new_map(&a);
    ol_autoclose int fd = -1;
    int r = qemu_open_tap(m, nic, &fd, err);

    ol_val_set_str(&a, arguments, "fdname", "tap");
    return r < 0 ? r : qemu_send_fd(m, arguments, fd, err);
}

static int plug_nic(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    const struct ol_val *netdev = qemu_netdev(&a, nic, "tap");
    int r = qemu_nic_has_tap(nic) ? give_tap(m, nic, err) : 0;

    if (r == 0)
        r = qemu_command(m, "netdev_add", netdev, err);
    if (r < 0)
        return r;
    r = qemu_command(m, "device_add", qemu_nic_device(&a, m->def, nic), err);
    if (r < 0)
        drop_netdev(m, qemu_nic_id(&a, nic));
    return r;
}

static int unplug_nic(struct qemu_machine *m, const struct qemu_nic *nic, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    const char *id = qemu_nic_id(&a, nic);
    int r = unplug(m, id, err);

    if (r == 0)
        r = unless_gone(with_name(m, "netdev_del", "id", ol_arena_printf(&a, "host-%s", id), err),
                        err);
    return r == 0 ? qemu_release_tap(m, nic, err) : r;
}

static int add_nic(struct qemu_machine *m, const struct virt_nic *n, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARGUMENTS_MAX);
    struct qemu_nic *made = NULL;
    bool is_new;
    int r;

    pthread_mutex_lock(&m->q->lock);
    r = qemu_def_add_nic(m->def, n, &made, err);
    pthread_mutex_unlock(&m->q->lock);
    is_new = r == 0;
    if (r < 0 && r != -EEXIST)
        return r;
    r = is_new ? qemu_write_record(m, err) : 0;
    if (r < 0 || !qemu_is_running(m))
        return r;
    if (!is_new && is_plugged(m, qemu_nic_id(&a, made)))
        return 0;
    if (!is_new)
        drop_netdev(m, qemu_nic_id(&a, made));
    r = plug_nic(m, made, err);
    if (r < 0)
        (void)!remove_nic(m, made, NULL);
    return r;
}

int qemu_attach_nic(struct virt *v, const struct virt_machine *machine, const struct virt_nic *n,
                    struct ol_err *err)
{
    struct qemu_machine *m;
    int r = qemu_enter((struct qemu *)v, machine->uuid, &m, err);

    if (r < 0)
        return r;
    r = add_nic(m, n, err);
    qemu_leave(m);
    return r;
}

/* One that is not there is gone. */
int qemu_detach_nic(struct virt *v, const struct virt_machine *machine, const char *id,
                    struct ol_err *err)
{
    struct qemu_machine *m;
    struct qemu_nic *nic;
    int r = qemu_enter((struct qemu *)v, machine->uuid, &m, err);

    if (r < 0)
        return r;
    nic = qemu_def_nic(m->def, id);
    if (nic && qemu_is_running(m))
        r = unplug_nic(m, nic, err);
    if (nic && r == 0)
        r = remove_nic(m, nic, err);
    qemu_leave(m);
    return r;
}
