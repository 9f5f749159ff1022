/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "compute/base/exception.h"
#include "compute/virt/libvirt-internal.h"
#include "core/cleanup.h"
#include "core/file.h"

/* Machines begin, stand, go on and end. */

/* [libvirt] wait_soft_reboot_seconds: nova waits so long for the guest. */
enum { SOFT_REBOOT_SECONDS = 120, ASK_AGAIN_SECONDS = 10, LOOK_MS = 500 };

static bool is_off(int state)
{
    return state == VIR_SHUTOFF || state == VIR_CRASHED;
}

/* What libvirt cannot do is said before it is asked; what it needs is there. */
static int check_devices(struct libvirt_call *c, const struct qemu_def *def, struct ol_err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < def->n_disks; i++)
        r = libvirt_check_disk(&def->disks[i].d, err);
    for (size_t i = 0; r == 0 && i < def->n_nics; i++)
        r = libvirt_check_nic(&def->nics[i].n, err);
    for (size_t i = 0; r == 0 && i < def->n_nics; i++)
        r = qemu_need_bridge(&c->l->base, &def->nics[i].n, err);
    return r;
}

/* Its definition as given, in libvirt; c->dom is it. */
static int define(struct libvirt_call *c, const struct qemu_def *def, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf xml = OL_BUF_INIT(LIBVIRT_XML_MAX);
    struct libvirt_run run = libvirt_run_of(c->l);
    time_t now = (time_t)(ol_now_wall(c->l->base.env) / OL_SECOND);
    char created[32] = "";
    struct vir_domain *d;
    struct tm tm;
    int r = check_devices(c, def, err);

    gmtime_r(&now, &tm);
    (void)!strftime(created, sizeof(created), "%Y-%m-%d %H:%M:%S", &tm);
    run.created = created;
    libvirt_domain_xml(def, &run, &xml);
    if (r == 0 && ol_buf_status(&xml) < 0)
        r = ol_err_set(err, EFBIG, "the machine's definition would be too large");
    if (r < 0 || !ol_change(c->l->base.env, "define", c->uuid))
        return r;
    d = c->l->lib.define(c->conn, xml.data, 0);
    if (!d)
        return libvirt_fail(c->l, NULL, err);
    if (c->dom)
        (void)!c->l->lib.free(c->dom);
    c->dom = d;
    return 0;
}

typedef int (*simple_fn)(struct vir_domain *d);
typedef int (*flags_fn)(struct vir_domain *d, unsigned flags);

/* A change that libvirt makes to the domain. */
static int change(struct libvirt_call *c, const char *verb, flags_fn fn, unsigned flags,
                  struct ol_err *err)
{
    if (!c->dom || !ol_change(c->l->base.env, verb, c->uuid))
        return 0;
    return fn(c->dom, flags) < 0 ? libvirt_fail(c->l, c->uuid, err) : 0;
}

static int simple_change(struct libvirt_call *c, const char *verb, simple_fn fn, struct ol_err *err)
{
    if (!ol_change(c->l->base.env, verb, c->uuid))
        return 0;
    return fn(c->dom) < 0 ? libvirt_fail(c->l, c->uuid, err) : 0;
}

/* A domain that is off: defined anew unless its memory is kept, its disks there, started. */
static int start(struct libvirt_call *c, const struct virt_machine *m, struct ol_err *err)
{
    struct virt *v = &c->l->base;
    struct qemu_def *def = NULL;
    int r;

    if (c->dom && c->l->lib.is_saved(c->dom, 0) == 1)
        return change(c, "start", c->l->lib.create, 0, err);
    r = qemu_def_make(m, v->config, &def, err);
    if (r < 0)
        return r;
    r = ol_mkdir_p(v->env, m->directory, 0755, err);
    if (r == 0)
        r = qemu_make_disks(&c->l->host, def, err);
    if (r == 0)
        r = define(c, def, err);
    if (r == 0)
        r = change(c, "start", c->l->lib.create, m->is_held ? VIR_START_PAUSED : 0, err);
    qemu_def_free(def);
    return r < 0 ? ol_err_prefix(err, r, "machine %s did not start", m->uuid) : 0;
}

int libvirt_bring_up(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, m->uuid, LIBVIRT_MAY_MISS, &c, err);
    int state = VIR_SHUTOFF;

    if (r == 0 && c.dom)
        r = libvirt_state(&c, &state, err);
    if (r < 0)
        return r;
    if (state == VIR_PAUSED && !m->is_held)
        return simple_change(&c, "resume", c.l->lib.resume, err);
    return is_off(state) ? start(&c, m, err) : 0;
}

/* Off at once; off already is success. */
static int stop(struct libvirt_call *c, struct ol_err *err)
{
    int state = VIR_SHUTOFF;
    int r = c->dom ? libvirt_state(c, &state, err) : 0;

    if (r < 0 || is_off(state))
        return r;
    r = change(c, "stop", c->l->lib.destroy, 0, err);
    /* It may have ended by itself meanwhile. */
    if (r < 0 && libvirt_state(c, &state, NULL) == 0 && is_off(state))
        return 0;
    return r;
}

/* A domain that was never kept is gone when it is off. */
static int undefine(struct libvirt_call *c, struct ol_err *err)
{
    const unsigned all = VIR_UNDEFINE_MANAGED_SAVE | VIR_UNDEFINE_SNAPSHOTS | VIR_UNDEFINE_NVRAM;
    struct ol_err why = OL_ERR_INIT;
    int r = change(c, "undefine", c->l->lib.undefine, all, &why);

    if (r == 0 || nova_is(&why, NOVA_INSTANCE_NOT_FOUND))
        return 0;
    if (err)
        *err = why;
    return r;
}

int libvirt_destroy(struct virt *v, const char *uuid, const char *directory, bool disks,
                    struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, uuid, LIBVIRT_MAY_MISS, &c, err);

    if (r == 0)
        r = stop(&c, err);
    if (r == 0)
        r = undefine(&c, err);
    if (r == 0 && c.dom) {
        (void)!c.l->lib.free(c.dom);
        c.dom = NULL; /* forgotten */
    }
    return r == 0 && disks && directory ? ol_remove_tree(v->env, directory, err) : r;
}

/* Asks the guest until it is off or the time is over. -ETIME */
static int ask_to_end(struct libvirt_call *c, ol_time timeout, ol_time retry, struct ol_err *err)
{
    struct ol_env *env = c->l->base.env;
    ol_time until = ol_now_boot(env) + timeout, next = 0;

    for (;;) {
        ol_time now = ol_now_boot(env);
        int state, r = libvirt_state(c, &state, err);

        if (r < 0 || is_off(state))
            return r;
        if (now >= until)
            return ol_err_set(err, ETIME, "machine %s does not end", c->uuid);
        if (now >= next) {
            (void)!change(c, "shutdown", c->l->lib.shutdown, VIR_SHUTDOWN_ACPI, NULL);
            next = now + retry;
        }
        now = (until < next ? until : next) - now;
        libvirt_wait(c->l, now < LOOK_MS * OL_MS ? now : LOOK_MS * OL_MS);
    }
}

int libvirt_power_off(struct virt *v, const char *uuid, ol_time timeout, ol_time retry,
                      struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, uuid, 0, &c, err), state;

    if (r == 0)
        r = libvirt_state(&c, &state, err);
    if (r < 0)
        return r;
    /* A guest that stands still hears nothing. */
    if (timeout > 0 && state == VIR_RUNNING)
        (void)!ask_to_end(&c, timeout, retry > 0 ? retry : ASK_AGAIN_SECONDS * OL_SECOND, NULL);
    return stop(&c, err);
}

static int end_softly(struct libvirt_call *c, struct ol_err *err)
{
    int state, r = libvirt_state(c, &state, err);

    if (r < 0)
        return r;
    if (state != VIR_RUNNING)
        return ol_err_set(err, ETIME, "machine %s does not run", c->uuid);
    return ask_to_end(c, SOFT_REBOOT_SECONDS * OL_SECOND, ASK_AGAIN_SECONDS * OL_SECOND, err);
}

/* Memory of before is no longer wanted. */
static int end_hard(struct libvirt_call *c, struct ol_err *err)
{
    int r = stop(c, err);

    if (r == 0 && c->dom && c->l->lib.is_saved(c->dom, 0) == 1)
        r = change(c, "drop-save", c->l->lib.drop_save, 0, err);
    return r;
}

int libvirt_reboot(struct virt *v, const struct virt_machine *m, bool is_hard, struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    unsigned flags = is_hard ? LIBVIRT_MAY_MISS : 0;
    int r = libvirt_enter((struct libvirt *)v, m->uuid, flags, &c, err);

    if (r == 0)
        r = is_hard ? end_hard(&c, err) : end_softly(&c, err);
    return r == 0 ? start(&c, m, err) : r;
}

static int not_running(const char *uuid, struct ol_err *err)
{
    return nova_fail(err, NOVA_INSTANCE_NOT_RUNNING, "Instance %s is not running.", uuid);
}

int libvirt_pause(struct virt *v, const char *uuid, struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, uuid, 0, &c, err), state;

    if (r == 0)
        r = libvirt_state(&c, &state, err);
    if (r < 0 || state == VIR_PAUSED)
        return r;
    return is_off(state) ? not_running(uuid, err)
                         : simple_change(&c, "suspend", c.l->lib.suspend, err);
}

int libvirt_unpause(struct virt *v, const char *uuid, struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, uuid, 0, &c, err), state;

    if (r == 0)
        r = libvirt_state(&c, &state, err);
    if (r < 0 || state == VIR_RUNNING)
        return r;
    return is_off(state) ? not_running(uuid, err)
                         : simple_change(&c, "resume", c.l->lib.resume, err);
}

int libvirt_suspend(struct virt *v, const struct virt_machine *m, struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    int r = libvirt_enter((struct libvirt *)v, m->uuid, 0, &c, err), state;

    if (r == 0)
        r = libvirt_state(&c, &state, err);
    if (r < 0)
        return r;
    if (is_off(state)) /* done already, or nothing to be saved */
        return c.l->lib.is_saved(c.dom, 0) == 1 ? 0 : not_running(m->uuid, err);
    return change(&c, "save", c.l->lib.save, 0, err);
}
