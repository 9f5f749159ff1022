/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "volume/csi/provisioner-internal.h"

/* Volumes that are directories of an NFS export. */

/* Removing can take a while; a job that is given up is asked again. */
#define NFS_TIMEOUT (60 * OL_SECOND)

const struct nfs_row *provision_nfs_row(const struct provisioner *p, const char *name)
{
    for (size_t i = 0; i < p->n_nfs; i++)
        if (strcmp(p->nfs[i].name, name) == 0)
            return &p->nfs[i];
    return NULL;
}

static bool nfs_is_ready(const struct provisioner *p, const char *name)
{
    return provision_nfs_row(p, name) != NULL;
}

static unsigned nfs_plugin(const struct provisioner *p, const char *name)
{
    return CSI_PLUGIN_CONTROLLER_SERVICE;
}

static unsigned nfs_controller(const struct provisioner *p, const char *name)
{
    return CSI_CAN_CREATE_DELETE;
}

static void start(struct csi_work *w, const struct nfs_row *row, const char *verb,
                  const char *relative,
                  void (*finished)(struct csi_work *w, int status, const struct ol_buf *err))
{
    const char *argv[] = {nfs_directory_job.name,
                          verb,
                          row->local ? "" : row->server,
                          row->local ? row->local : row->path,
                          relative,
                          NULL};

    csi_work_job(w, argv, NFS_TIMEOUT, finished);
}

/* What the job said, and what it means. A job that was killed may have done its work. */
static enum csi_outcome outcome_of(int status, const struct ol_buf *err, const char *what,
                                   struct ol_err *ret)
{
    size_t len = 0;
    const char *text = ol_str_strip(err->data, err->len, &len);

    if (status == 0)
        return CSI_OUTCOME_OK;
    if (status < 0)
        csi_error_say(ret, -status, "%s: %s", what, strerror(-status));
    else
        csi_error_say(ret, EIO, "%s: %.*s", what, (int)(len > 400 ? 400 : len), text);
    return status < 0 ? CSI_OUTCOME_UNSURE : CSI_OUTCOME_FINAL;
}

static void directory_made(struct csi_work *w, int status, const struct ol_buf *text)
{
    struct provision_op *op = w->data;
    struct ol_err err = OL_ERR_INIT;
    enum csi_outcome o =
        outcome_of(status, text, "unable to create directory to provision new pv", &err);

    provision_made(w, o, o == CSI_OUTCOME_OK ? &op->volume : NULL, &err);
}

static void nfs_create(struct csi_work *w, const char *name)
{
    struct provisioner *p = w->ctx;
    struct provision_op *op = w->data;
    const struct nfs_row *row = provision_nfs_row(p, name);
    const char *relative = NULL;
    struct ol_err err = OL_ERR_INIT;
    int r = nfs_directory_of(kube_as_class(op->class), kube_as_pvc(op->claim), op->plan.name,
                             &op->arena, &relative, &err);

    if (r < 0) {
        provision_made(w, CSI_OUTCOME_FINAL, NULL, &err);
        return;
    }
    op->volume = (struct provision_volume){
        .nfs_server = row->server,
        .nfs_path = ol_arena_printf(&op->arena, "%s/%s",
                                    strcmp(row->path, "/") == 0 ? "" : row->path, relative)};
    start(w, row, "make", relative, directory_made);
}

static void directory_removed(struct csi_work *w, int status, const struct ol_buf *text)
{
    const struct provision_removal *r = w->removal;
    struct ol_err err = OL_ERR_INIT;
    enum csi_outcome o = outcome_of(status, text, "unable to remove the volume's directory", &err);

    r->removed(w, o, &err);
}

static void nfs_remove(struct csi_work *w, const struct provision_removal *removal)
{
    struct provisioner *p = w->ctx;
    const struct nfs_row *row = provision_nfs_row(p, removal->name);
    const char *relative =
        removal->volume.nfs_path ? nfs_relative(row, removal->volume.nfs_path) : NULL;
    struct provision_removal *copy = ol_arena_alloc(&w->arena, sizeof(*copy));
    enum nfs_end end = NFS_DELETE;
    struct ol_err err = OL_ERR_INIT;
    int r = removal->is_unused ? 0 : nfs_end_of(removal->class, &end, &err);

    *copy = *removal;
    w->removal = copy;
    if (r == 0 && !relative)
        r = ol_err_set(&err, EINVAL, "volume's path '%s' is not below %s:%s",
                       removal->volume.nfs_path ? removal->volume.nfs_path : "", row->server,
                       row->path);
    if (r < 0)
        removal->removed(w, CSI_OUTCOME_FINAL, &err);
    else if (end == NFS_RETAIN)
        removal->removed(w, CSI_OUTCOME_OK, &err);
    else
        start(w, row,
              removal->is_unused   ? "discard"
              : end == NFS_ARCHIVE ? "archive"
                                   : "delete",
              relative, directory_removed);
}

const struct provision_backend provision_nfs = {
    .is_ready = nfs_is_ready,
    .plugin = nfs_plugin,
    .controller = nfs_controller,
    .create = nfs_create,
    .remove = nfs_remove,
};
