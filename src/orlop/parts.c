/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "orlop/defaults.h"
#include "volume/attach/attach.h"
#include "volume/binder/binder.h"
#include "volume/binder/in-tree.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/csi.h"
#include "volume/node/node.h"
#include "volume/protection/protection.h"
#include "workload/pod/runner.h"
#include "workload/scheduler/scheduler.h"

struct parts {
    struct csi_drivers *drivers;
    struct csi_options csi;
    struct node_link link;
    struct node_options node;
    struct ol_strv node_sockets;
    struct pods_options pods;
    struct kube_stack_row rows[PARTS_MAX];
    size_t n_rows;
};

/* Names that kube-controller-manager's --controllers takes for the same thing. */
static const struct alias {
    const char *alias, *name;
} aliases[] = {
    {"persistentvolume-binder-controller", "persistentvolume-binder"},
    {"persistentvolume-attach-detach-controller", "attachdetach"},
    {"persistentvolumeclaim-protection-controller", "persistentvolumeclaim-protection"},
    {"pvc-protection", "persistentvolumeclaim-protection"},
    {"persistentvolume-protection-controller", "persistentvolume-protection"},
    {"pv-protection", "persistentvolume-protection"},
    {"volumeattributesclass-protection-controller", "volumeattributesclass-protection"},
};

static void add(struct parts *p, const struct kube_component *c, const void *options)
{
    assert(p->n_rows < PARTS_MAX);
    p->rows[p->n_rows++] = (struct kube_stack_row){.component = c, .options = options};
}

static void copy_all(struct ol_strv *to, const struct ol_strv *from)
{
    if (from)
        ol_strv_add_all(to, ol_strv_argv(from));
}

static void volume_left(void *ctx, const char *driver, const char *handle)
{
    csi_volume_left(((struct parts *)ctx)->drivers, driver, handle);
}

static void add_node(struct parts *p, const struct parts_options *o)
{
    copy_all(&p->node_sockets, o->csi_sockets);
    if (o->own_socket)
        ol_strv_add(&p->node_sockets, o->own_socket);
    p->node = (struct node_options){.name = o->node_name,
                                    .root = o->node_root,
                                    .csi_sockets = &p->node_sockets,
                                    .link = &p->link,
                                    .left = volume_left,
                                    .left_ctx = p};
    p->pods = (struct pods_options){
        .link = &p->link, .runtime = o->containerd, .log_dir = o->pod_log_dir};
    add(p, &node_component, &p->node);
    add(p, &pods_component, &p->pods);
}

struct parts *parts_new(struct ol_loop *loop, const struct parts_options *o)
{
    struct parts *p = ol_xcalloc(1, sizeof(*p));

    copy_all(&p->csi.sockets, o->csi_sockets);
    copy_all(&p->csi.directories, o->csi_socket_dirs);
    copy_all(&p->csi.nfs, o->nfs_provisioners);
    if (o->own_socket)
        ol_strv_add(&p->csi.sockets, o->own_socket);
    p->csi.want_create_metadata = o->want_create_metadata;
    p->csi.is_strict_topology = o->is_strict_topology;
    p->drivers = csi_drivers_new(loop, &p->csi);
    p->csi.drivers = p->drivers;
    if (o->want_defaults)
        add(p, &defaults_component, NULL);
    add(p, &binder_component, NULL);
    add(p, &protection_claims, NULL);
    add(p, &protection_volumes, NULL);
    add(p, &protection_classes, NULL);
    add(p, &attach_component, NULL);
    add(p, &csi_provisioner_component, &p->csi);
    add(p, &csi_attacher_component, &p->csi);
    add(p, &csi_resizer_component, &p->csi);
    add(p, &csi_modifier_component, &p->csi);
    add(p, &scheduler_component, NULL);
    if (o->has_node)
        add_node(p, o);
    return p;
}

void parts_free(struct parts *p)
{
    if (!p)
        return;
    csi_drivers_free(p->drivers);
    ol_strv_done(&p->csi.sockets);
    ol_strv_done(&p->csi.directories);
    ol_strv_done(&p->csi.nfs);
    ol_strv_done(&p->node_sockets);
    free(p);
}

const struct kube_stack_row *parts_rows(const struct parts *p, size_t *ret_n)
{
    *ret_n = p->n_rows;
    return p->rows;
}

static const char *real_name(const char *name)
{
    for (size_t i = 0; i < ol_count(aliases); i++)
        if (!strcmp(aliases[i].alias, name))
            return aliases[i].name;
    return name;
}

static int unknown(const struct parts *p, const char *name, struct ol_err *err)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    ol_autofree char *all = NULL;

    for (size_t i = 0; i < p->n_rows; i++)
        ol_strv_add(&names, p->rows[i].component->name);
    all = ol_strv_join(&names, " ");
    return ol_err_set(err, EINVAL, "no controller is called '%s'; there are: %s", name, all);
}

int parts_select(const struct parts *p, const struct ol_strv *names,
                 struct kube_stack_row *ret_rows, size_t *ret_n, struct ol_err *err)
{
    bool is_wanted[PARTS_MAX] = {false};
    size_t n = 0;

    ol_strv_each (name, names) {
        bool is_off = *name == '-';
        const struct kube_stack_row *row =
            kube_stack_row_find(p->rows, p->n_rows, real_name(name + is_off));

        if (!row && strcmp(name, "*") != 0)
            return unknown(p, name + is_off, err);
        for (size_t i = 0; i < p->n_rows; i++)
            if (!row || row == &p->rows[i])
                is_wanted[i] = !is_off;
    }
    for (size_t i = 0; i < p->n_rows; i++)
        if (is_wanted[i])
            ret_rows[n++] = p->rows[i];
    *ret_n = n;
    return 0;
}

void parts_job_main(int argc, char **argv)
{
    struct ol_job_function all[PARTS_MAX] = {{0}};
    size_t n = 0;

    for (const struct ol_job_function *f = node_job_functions; f->name; f++)
        all[n++] = *f;
    all[n++] = binder_scrub_job;
    all[n++] = nfs_directory_job;
    assert(n < PARTS_MAX);
    ol_job_main(all, argc, argv);
}
