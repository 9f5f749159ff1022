/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/exception.h"
#include "compute/virt/libvirt-internal.h"
#include "compute/virt/libvirt-read.h"
#include "core/alloc.h"
#include "core/cleanup.h"

/*
 * Devices that come and go, in the definition and, while it runs, in the machine. Which there are
 * is read from libvirt each time, so whoever defined the machine can have done it.
 */
enum { UNPLUG_SECONDS = 20, UNPLUG_TRIES = 4, LOOK_MS = 200, XML_MAX = 4 << 20 };

/* What is looked for. */
struct wanted {
    const char *kind; /* "disk", "interface" */
    const char *id;   /* role or port */
    const char *mac;  /* NULL = not known */
};

/* Devices of the running machine, or of its definition. */
static int read_devices(struct libvirt_call *c, unsigned flags, struct ol_arena *a,
                        const char *kind, struct libvirt_devices *ret, struct ol_err *err)
{
    ol_autofree char *xml = c->l->lib.xml(c->dom, flags);

    if (!xml)
        return libvirt_fail(c->l, c->uuid, err);
    if (libvirt_find_devices(a, ol_arena_strdup(a, xml), kind, ret) < 0)
        return ol_err_set(err, EINVAL, "libvirt describes machine %s in no XML that we understand",
                          c->uuid);
    return 0;
}

static const struct libvirt_device *find(const struct libvirt_devices *l, const struct wanted *w)
{
    return strcmp(w->kind, "disk") == 0 ? libvirt_find_disk(l, w->id)
                                        : libvirt_find_nic(l, w->id, w->mac);
}

/* Its text in the arena; NULL = it is not there. */
static int find_in(struct libvirt_call *c, unsigned flags, const struct wanted *w,
                   struct ol_arena *a, const char **ret, struct ol_err *err)
{
    struct libvirt_devices all = {.n = 0};
    int r = read_devices(c, flags, a, w->kind, &all, err);
    const struct libvirt_device *d = r == 0 ? find(&all, w) : NULL;

    if (r == 0)
        *ret = d ? ol_arena_memdup(a, d->text, d->len) : NULL;
    return r;
}

/* Where it lacks: bits of VIR_AFFECT_…. */
static int where_missing(struct libvirt_call *c, const struct wanted *w, unsigned *ret,
                         struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(XML_MAX);
    const char *live = NULL, *kept = NULL;
    int state, r = libvirt_state(c, &state, err);
    bool is_active = r == 0 && state != VIR_SHUTOFF && state != VIR_CRASHED;

    if (r == 0 && is_active)
        r = find_in(c, 0, w, &a, &live, err);
    if (r == 0)
        r = find_in(c, VIR_XML_INACTIVE, w, &a, &kept, err);
    if (r == 0)
        *ret = (is_active && !live ? VIR_AFFECT_LIVE : 0u) | (!kept ? VIR_AFFECT_CONFIG : 0u);
    return r;
}

static int plug(struct libvirt_call *c, const struct wanted *w, const char *xml, unsigned where,
                struct ol_err *err)
{
    if (!where || !ol_change(c->l->base.env, "attach", w->id))
        return 0;
    return c->l->lib.attach(c->dom, xml, where) < 0 ? libvirt_fail(c->l, c->uuid, err) : 0;
}

static void add_targets(const struct libvirt_devices *l, struct ol_strv *to)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->list[i].target)
            ol_strv_add(to, l->list[i].target);
}

/* The disk with every choice made. */
static int describe_disk(struct libvirt_call *c, const struct virt_disk *d, struct ol_buf *ret,
                         struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(XML_MAX);
    ol_auto(ol_strv_done) struct ol_strv taken = OL_STRV_INIT;
    struct libvirt_devices live = {.n = 0}, kept = {.n = 0};
    struct libvirt_run run = libvirt_run_of(c->l);
    struct virt_disk disk = *d;
    int r = read_devices(c, 0, &a, "disk", &live, err);

    if (r == 0)
        r = read_devices(c, VIR_XML_INACTIVE, &a, "disk", &kept, err);
    if (r < 0)
        return r;
    add_targets(&live, &taken);
    add_targets(&kept, &taken);
    if (!disk.bus)
        disk.bus = disk.is_cdrom ? "scsi" : "virtio";
    libvirt_disk_xml(&disk, libvirt_target(&a, &disk, &taken), &run, ret);
    return ol_buf_status(ret);
}

int libvirt_attach_disk(struct virt *v, const struct virt_machine *m, const struct virt_disk *d,
                        struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    ol_auto(ol_buf_done) struct ol_buf xml = OL_BUF_INIT(LIBVIRT_XML_MAX);
    const struct wanted w = {.kind = "disk", .id = d->role ? d->role : ""};
    unsigned where = 0;
    int r;

    if (!d->path || !*w.id)
        return ol_err_set(err, EINVAL, "disk '%s' has no path", w.id);
    r = libvirt_check_disk(d, err);
    if (r == 0)
        r = libvirt_enter((struct libvirt *)v, m->uuid, 0, &c, err);
    if (r == 0)
        r = where_missing(&c, &w, &where, err);
    if (r == 0 && where)
        r = describe_disk(&c, d, &xml, err);
    return r == 0 ? plug(&c, &w, xml.data, where, err) : r;
}

int libvirt_attach_nic(struct virt *v, const struct virt_machine *m, const struct virt_nic *n,
                       struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    ol_auto(ol_buf_done) struct ol_buf xml = OL_BUF_INIT(LIBVIRT_XML_MAX);
    const struct wanted w = {.kind = "interface", .id = n->id, .mac = n->mac};
    struct libvirt_run run = libvirt_run_of((struct libvirt *)v);
    struct virt_nic nic = *n;
    unsigned where = 0;
    int r;

    if (!n->id || !n->mac || !n->kind)
        return ol_err_set(err, EINVAL, "a NIC needs id, MAC address and kind");
    nic.model = nic.model ? nic.model : "virtio";
    r = libvirt_check_nic(&nic, err);
    if (r == 0)
        r = libvirt_enter((struct libvirt *)v, m->uuid, 0, &c, err);
    if (r == 0)
        r = where_missing(&c, &w, &where, err);
    if (r == 0 && where)
        r = qemu_need_bridge(v, &nic, err);
    libvirt_nic_xml(&nic, &run, &xml);
    return r == 0 ? plug(&c, &w, xml.data, where, err) : r;
}

static int unplug_once(struct libvirt_call *c, const struct wanted *w, const char *xml,
                       unsigned where, struct ol_err *err)
{
    if (!ol_change(c->l->base.env, "detach", w->id) || c->l->lib.detach(c->dom, xml, where) == 0
        || c->l->lib.error_code() == VIR_ERR_DEVICE_MISSING)
        return 0;
    return libvirt_fail(c->l, c->uuid, err);
}

/* Until the guest has let go of it, or for so long. */
static int wait_unplugged(struct libvirt_call *c, const struct wanted *w, ol_time patience,
                          bool *ret_is_gone, struct ol_err *err)
{
    struct ol_env *env = c->l->base.env;
    ol_time until = ol_now_boot(env) + patience;

    for (;;) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(XML_MAX);
        const char *text = NULL;
        int r = find_in(c, 0, w, &a, &text, err);

        if (r < 0 || !text || ol_now_boot(env) > until) {
            *ret_is_gone = !text;
            return r;
        }
        env->clock->sleep(env->clock->ctx, LOOK_MS * OL_MS);
    }
}

/* Asks the guest to let go of it, again when it does not, as nova does. One that is being asked
 * already refuses to be asked again: that is no failure yet. */
static int unplug_live(struct libvirt_call *c, const struct wanted *w, const char *xml,
                       struct ol_err *err)
{
    struct ol_err why = OL_ERR_INIT;
    bool is_gone = false;
    int r = 0;

    for (int i = 0; r == 0 && i < UNPLUG_TRIES && !is_gone; i++) {
        int refused = unplug_once(c, w, xml, VIR_AFFECT_LIVE, &why);

        if (refused < 0 && (i == 0 || nova_is(&why, NOVA_HYPERVISOR_UNAVAILABLE))) {
            if (err)
                *err = why;
            return refused;
        }
        r = wait_unplugged(c, w, UNPLUG_SECONDS / UNPLUG_TRIES * OL_SECOND, &is_gone, err);
    }
    if (r == 0 && !is_gone)
        r = ol_err_set(err, ETIME, "machine %s: the guest does not let go of '%s'", c->uuid, w->id);
    return r;
}

/* Out of the definition first: what stays plugged in for now is gone with the next start. */
static int unplug(struct libvirt_call *c, const struct wanted *w, bool *ret_was_there,
                  struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(2 * XML_MAX);
    const char *live = NULL, *kept = NULL;
    int state, r = libvirt_state(c, &state, err);

    if (r == 0)
        r = find_in(c, VIR_XML_INACTIVE, w, &a, &kept, err);
    if (r == 0 && state != VIR_SHUTOFF && state != VIR_CRASHED)
        r = find_in(c, 0, w, &a, &live, err);
    if (r == 0 && kept)
        r = unplug_once(c, w, kept, VIR_AFFECT_CONFIG, err);
    if (r == 0 && live)
        r = unplug_live(c, w, live, err);
    if (r == 0)
        *ret_was_there = live || kept;
    return r;
}

int libvirt_detach_disk(struct virt *v, const struct virt_machine *m, const char *role,
                        struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    const struct wanted w = {.kind = "disk", .id = role};
    int r = libvirt_enter((struct libvirt *)v, m->uuid, 0, &c, err);
    bool was_there = false;

    if (r == 0)
        r = unplug(&c, &w, &was_there, err);
    if (r == 0 && !was_there)
        r = nova_fail(err, NOVA_DISK_NOT_FOUND, "No disk at %s", role);
    return r;
}

static const char *mac_of(const struct virt_machine *m, const char *id)
{
    for (size_t i = 0; i < m->n_nics; i++)
        if (!strcmp(m->nics[i].id, id))
            return m->nics[i].mac;
    return NULL;
}

/* One that is not there is gone. */
int libvirt_detach_nic(struct virt *v, const struct virt_machine *m, const char *id,
                       struct ol_err *err)
{
    ol_auto(libvirt_leave) struct libvirt_call c = LIBVIRT_CALL_INIT;
    const struct wanted w = {.kind = "interface", .id = id, .mac = mac_of(m, id)};
    int r = libvirt_enter((struct libvirt *)v, m->uuid, 0, &c, err);
    bool was_there = false;

    return r == 0 ? unplug(&c, &w, &was_there, err) : r;
}
