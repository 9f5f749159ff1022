/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/base/exception.h"
#include "compute/base/privileged.h"
#include "compute/virt/libvirt-internal.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

#define LIBRARY     "libvirt.so.0"
#define DEFAULT_URI "qemu:///system"

static const char *const aliases[] = {"libvirt.LibvirtDriver", NULL};

static void libvirt_close(struct virt *v)
{
    struct libvirt *l = (struct libvirt *)v;
    struct libvirt_machine *m;
    size_t at = 0;

    if (l->lib.connect)
        libvirt_stop(l);
    while ((m = ol_table_each(&l->machines, &at))) {
        free((char *)(uintptr_t)m->uuid);
        free(m);
    }
    ol_table_done(&l->machines);
    qemu_host_done(&l->host);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void init_locks(struct libvirt *l)
{
    pthread_condattr_t clock;

    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &clock);
    pthread_condattr_destroy(&clock);
}

/* Machines that are there, as they are now: only what changes from here on is news. Of each there
 * is a call that does nothing. */
static int look_at_all(struct libvirt *l, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv uuids = OL_STRV_INIT;
    int r = virt_libvirt.list(&l->base, &uuids, err);

    ol_strv_each (uuid, &uuids) {
        ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;

        (void)!libvirt_enter(l, uuid, 0, &c, NULL);
    }
    return r;
}

static int libvirt_open(const struct virt_options *o, struct virt **ret, struct ol_err *err)
{
    const char *uri = o->config->connection_uri;
    struct libvirt *l = ol_xcalloc(1, sizeof(*l));
    int r;

    l->base = (struct virt){o->env, o->config, o->event, o->ctx, o->privileged};
    l->machines = (struct ol_table)OL_TABLE_INIT(&ol_table_of_strings);
    l->uri = uri && *uri ? uri : DEFAULT_URI;
    l->timer = l->event_id = -1;
    init_locks(l);
    r = libvirt_load(LIBRARY, &l->lib, err);
    if (r == 0)
        r = qemu_host_init(&l->host, o, QEMU_HOST_KEEPS_OWNERS, err);
    if (r == 0)
        r = libvirt_start(l, err);
    if (r == 0)
        r = look_at_all(l, err);
    if (r < 0) {
        libvirt_close(&l->base);
        return r;
    }
    *ret = &l->base;
    return 0;
}

static int libvirt_list(struct virt *v, struct ol_strv *ret_uuids, struct ol_err *err)
{
    struct libvirt *l = (struct libvirt *)v;
    struct libvirt_domains all = {.list = NULL};
    struct vir_connect *c = NULL;
    int r = libvirt_connection(l, &c, err);

    if (r < 0)
        return r;
    r = libvirt_domains(l, c, &all, err);
    for (int i = 0; i < all.n; i++) {
        char uuid[64] = "";

        if (l->lib.uuid(all.list[i], uuid) == 0)
            ol_strv_add(ret_uuids, uuid);
    }
    ol_strv_sort(ret_uuids);
    libvirt_domains_free(l, &all);
    (void)!l->lib.close(c);
    return r;
}

static int libvirt_info(struct virt *v, const char *uuid, struct virt_info *ret, struct ol_err *err)
{
    struct libvirt *l = (struct libvirt *)v;
    struct vir_domain_info info = {.state = VIR_NOSTATE};
    struct vir_connect *c = NULL;
    struct vir_domain *d;
    int r = libvirt_connection(l, &c, err);

    if (r < 0)
        return r;
    d = l->lib.lookup(c, uuid);
    if (!d || l->lib.info(d, &info) < 0)
        r = libvirt_fail(l, uuid, err);
    else
        *ret = (struct virt_info){
            .power = libvirt_power_of(info.state),
            .memory_kb = (int64_t)info.memory,
            .max_memory_kb = (int64_t)info.max_memory,
            .vcpus = info.vcpus,
            .cpu_time = (ol_time)info.cpu_time,
        };
    if (d)
        (void)!l->lib.free(d);
    (void)!l->lib.close(c);
    return r;
}

/* What a guest prints is written by virtlogd or QEMU, who are others: the file becomes ours, as
 * nova does it. */
static int libvirt_console(struct virt *v, const char *uuid, const char *directory, size_t max,
                           struct ol_buf *ret, struct ol_err *err)
{
    ol_autofree char *path = ol_xasprintf("%s/console.log", directory);
    ol_autoclose int fd = ol_open(v->env, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    char user[VIRT_USER_SIZE];
    const char *argv[] = {"chown", path, user, NULL};
    int r = 0;

    if (fd == -EACCES && v->privileged)
        r = virt_own_user(user, err);
    if (r == 0 && fd == -EACCES && v->privileged)
        r = privileged_run(v->privileged, v->env, argv, err);
    return r < 0 ? r : qemu_console(v, uuid, directory, max, ret, err);
}

const struct virt_driver virt_libvirt = {
    .name = "libvirt",
    .has_wires = true,
    .aliases = aliases,
    .open = libvirt_open,
    .close = libvirt_close,
    .resources = libvirt_resources,
    .uptime = qemu_uptime,
    .list = libvirt_list,
    .info = libvirt_info,
    .spawn = libvirt_bring_up,
    .destroy = libvirt_destroy,
    .power_off = libvirt_power_off,
    .power_on = libvirt_bring_up,
    .reboot = libvirt_reboot,
    .pause = libvirt_pause,
    .unpause = libvirt_unpause,
    .suspend = libvirt_suspend,
    .resume = libvirt_bring_up,
    .console = libvirt_console,
    .attach_disk = libvirt_attach_disk,
    .detach_disk = libvirt_detach_disk,
    .attach_nic = libvirt_attach_nic,
    .detach_nic = libvirt_detach_nic,
};
