/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/path.h"
#include "core/str.h"
#include "volume/plugin/plugin-internal.h"

/*
 * kubernetes.io/iscsi by the program iscsiadm: discovery, login, the device below
 * /dev/disk/by-path, a file system if it has none, one mount per node. One portal; CHAP secrets go
 * into iscsiadm's own records, never through an argv.
 */

#define WAIT_SECONDS "10"

static const struct kube_iscsi_source *source_of(const struct volume_spec *spec)
{
    return spec->pv ? spec->pv->spec.iscsi : spec->volume->iscsi;
}

static bool owns(const struct volume_spec *spec)
{
    return source_of(spec);
}

/* Portals without a port get iSCSI's own. */
static void add_portal(const char *portal, struct ol_buf *to)
{
    const char *end = strrchr(portal, ']');
    const char *colon = strrchr(end ? end : portal, ':');

    ol_buf_printf(to, "%s%s", portal, colon ? "" : ":3260");
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    const struct kube_iscsi_source *s = source_of(spec);

    ol_buf_printf(to, "%s:%s:%lld", s->portal, s->iqn, (long long)s->lun);
}

static const char *interface_of(const struct kube_iscsi_source *s)
{
    return s->interface && *s->interface ? s->interface : "default";
}

static void device_dir(const struct volume_spec *spec, struct ol_buf *to)
{
    const struct kube_iscsi_source *s = source_of(spec);

    ol_buf_printf(to, "kubernetes.io/iscsi/iface-%s/", interface_of(s));
    add_portal(s->portal, to);
    ol_buf_printf(to, "-%s-lun-%lld", s->iqn, (long long)s->lun);
}

static struct volume_arg text_arg(const char *s)
{
    return (struct volume_arg){s, strlen(s)};
}

/* Text of a Secret's key, or NULL. */
static const struct kube_datum *auth_of(const struct kube_data *d, const char *key)
{
    const struct kube_datum *v = d ? d->data.v : NULL;

    for (uint32_t i = 0; d && i < d->data.n; i++) {
        if (!strcmp(v[i].key, key))
            return &v[i];
    }
    return NULL;
}

/* The names of open-iscsi's records; the Secret's keys are the same. */
static void add_auth(const struct volume_setup *s, const char *portal, bool want_session,
                     struct volume_plan *to)
{
    static const char *const methods[] = {"discovery.sendtargets.auth.authmethod",
                                          "node.session.auth.authmethod"};
    static const char *const discovery[] = {
        "discovery.sendtargets.auth.username", "discovery.sendtargets.auth.password",
        "discovery.sendtargets.auth.username_in", "discovery.sendtargets.auth.password_in"};
    static const char *const session[] = {
        "node.session.auth.username", "node.session.auth.password", "node.session.auth.username_in",
        "node.session.auth.password_in"};
    const struct kube_iscsi_source *i = source_of(s->spec);
    struct volume_arg args[VOLUME_STEP_ARGS] = {text_arg(portal), text_arg(i->iqn),
                                                text_arg(interface_of(i))};
    size_t n = 3;

    args[n++] = text_arg(methods[want_session]);
    args[n++] = text_arg("CHAP");
    for (size_t k = 0; k < 4; k++) {
        const char *name = want_session ? session[k] : discovery[k];
        const struct kube_datum *d = auth_of(s->auth, name);

        if (!d)
            continue;
        args[n++] = text_arg(name);
        args[n++] = (struct volume_arg){(const char *)d->value.data, d->value.size};
    }
    volume_plan_add_args(to, VOLUME_ISCSI_AUTH, args, n);
}
static int mount_device(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    const struct kube_iscsi_source *i = source_of(s->spec);
    ol_auto(ol_buf_done) struct ol_buf portal = OL_BUF_INIT(4096);
    ol_auto(ol_buf_done) struct ol_buf device = OL_BUF_INIT(8192);
    ol_auto(ol_buf_done) struct ol_buf options = OL_BUF_INIT(64 << 10);
    const char *interface = interface_of(i);

    if ((i->want_session_chap || i->want_discovery_chap) && !s->auth)
        return ol_err_set(err, EINVAL, "iscsi: CHAP is asked for, and there is no secret");
    add_portal(i->portal, &portal);
    ol_buf_printf(&device, "/dev/disk/by-path/ip-%s-iscsi-%s-lun-%lld", portal.data, i->iqn,
                  (long long)i->lun);
    volume_join_options(s->spec, volume_spec_is_read_only(s->spec) ? "ro" : NULL, &options);
    volume_plan_add(to, VOLUME_UNLESS_MOUNTED, s->device_dir);
    /* A record that is there already is no failure; --discover would make one without secrets. */
    volume_plan_add(to, VOLUME_TRY, "iscsiadm", "-m", "discoverydb", "-t", "sendtargets", "-p",
                    portal.data, "-I", interface, "-o", "new");
    if (i->want_discovery_chap)
        add_auth(s, portal.data, false, to);
    volume_plan_add(to, VOLUME_ISCSI_DISCOVER, portal.data, interface);
    if (i->want_session_chap)
        add_auth(s, portal.data, true, to);
    volume_plan_add(to, VOLUME_ISCSI_LOGIN, portal.data, i->iqn, interface);
    /* A session that an earlier try opened learns of new units by a scan. */
    volume_plan_add(to, VOLUME_TRY, "iscsiadm", "-m", "node", "-p", portal.data, "-T", i->iqn,
                    "-R");
    volume_plan_add(to, VOLUME_TRY, "iscsiadm", "-m", "node", "-p", portal.data, "-T", i->iqn, "-o",
                    "update", "-n", "node.startup", "-v", "manual");
    volume_plan_add(to, VOLUME_WAIT_DEVICE, device.data, WAIT_SECONDS);
    volume_plan_add(to, VOLUME_FORMAT_MOUNT, device.data, s->device_dir,
                    i->fs_type && *i->fs_type ? i->fs_type : "ext4", options.data);
    return 0;
}

/* ".../iface-default/10.0.0.1:3260-iqn.2003-01.x:y-lun-0": the kubelet finds portal and target in
 * the path, too (iscsi_util.go, DetachDisk). */
static void unmount_device(const char *dir, struct volume_plan *to)
{
    ol_autofree char *parent = ol_path_dir(dir);
    const char *name = ol_path_base(dir), *interface = ol_path_base(parent);
    const char *iqn = strstr(name, "-iqn."), *lun = strstr(name, "-lun-");
    ol_autofree char *portal = NULL, *target = NULL;

    volume_plan_add(to, VOLUME_UMOUNT, dir, "-");
    volume_plan_add(to, VOLUME_RMDIR, dir);
    if (!iqn)
        iqn = strstr(name, "-eui.");
    if (!iqn)
        iqn = strstr(name, "-naa.");
    for (const char *more = lun; more; more = strstr(more + 1, "-lun-"))
        lun = more;
    if (!iqn || !lun || lun < iqn || !ol_str_starts(interface, "iface-"))
        return;
    portal = ol_xstrndup(name, (size_t)(iqn - name));
    target = ol_xstrndup(iqn + 1, (size_t)(lun - iqn - 1));
    volume_plan_add(to, VOLUME_ISCSI_LOGOUT, portal, target, interface + strlen("iface-"));
}

static int set_up(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    bool is_read_only = volume_spec_is_read_only(s->spec);

    volume_plan_add(to, VOLUME_BIND, s->device_dir, s->target, is_read_only ? "ro" : "rw");
    volume_plan_own(s, s->target, to);
    return 0;
}

const struct volume_plugin volume_iscsi = {
    .name = "kubernetes.io/iscsi",
    .flags = VOLUME_ATTACHABLE | VOLUME_HAS_DEVICE | VOLUME_TAKES_GROUP | VOLUME_TAKES_OPTIONS,
    .owns = owns,
    .identify = identify,
    .device_dir = device_dir,
    .mount_device = mount_device,
    .unmount_device = unmount_device,
    .set_up = set_up,
    .tear_down = volume_tear_down_mount,
};
