/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/binder/in-tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/str.h"

#define TIMEOUT (600 * OL_SECOND)
enum { SHOWN_BYTES = 400 };

struct binder_in_tree {
    struct ol_loop *loop;
    struct binder_plugin host_path, nfs;
    const struct binder_plugin *all[3];
};

/* A job and who waits for it. */
struct scrub {
    struct binder_done done;
    struct ol_job *job;
};

static void on_done(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *text)
{
    struct scrub *s = ctx;
    struct binder_done done = s->done;
    struct ol_err err = OL_ERR_INIT;
    size_t len = 0;
    const char *why = ol_str_strip(text->data, text->len, &len);

    free(s);
    if (status < 0)
        (void)!ol_err_set(&err, -status, "%s", strerror(-status));
    else if (status > 0)
        (void)!ol_err_set(&err, EIO, "%.*s", (int)(len < SHOWN_BYTES ? len : SHOWN_BYTES), why);
    done.fn(done.ctx, NULL, &err);
}

static int start(struct binder_in_tree *t, const char *const *argv, const struct binder_done *done,
                 void **ret_handle)
{
    struct scrub *s = ol_xcalloc(1, sizeof(*s));

    s->done = *done;
    s->job = ol_job_start(
        t->loop,
        &(struct ol_job_options){
            .argv = argv, .is_function = true, .timeout = TIMEOUT, .done = on_done, .ctx = s});
    *ret_handle = s;
    return 0;
}

static void cancel(void *self, void *handle)
{
    struct scrub *s = handle;

    ol_job_cancel(s->job);
    free(s);
}

/* --- hostPath --- */
static bool is_host_path(const struct kube_pv *pv)
{
    return pv->spec.host_path != NULL;
}

static int remove_host_path(void *self, const struct kube_pv *pv, const struct binder_done *done,
                            void **ret_handle, struct ol_err *err)
{
    const char *argv[] = {binder_scrub_job.name, "remove", pv->spec.host_path->path, NULL};

    return start(self, argv, done, ret_handle);
}

static int recycle_host_path(void *self, const struct kube_pv *pv, const struct binder_done *done,
                             void **ret_handle, struct ol_err *err)
{
    const char *argv[] = {binder_scrub_job.name, "empty", pv->spec.host_path->path, NULL};

    return start(self, argv, done, ret_handle);
}

/* --- NFS: without a mount, by the job that also makes directories on servers --- */
static bool is_nfs(const struct kube_pv *pv)
{
    return pv->spec.nfs != NULL;
}

static int recycle_nfs(void *self, const struct kube_pv *pv, const struct binder_done *done,
                       void **ret_handle, struct ol_err *err)
{
    const struct kube_nfs_source *nfs = pv->spec.nfs;
    const char *argv[] = {"nfs-directory", "empty", nfs->server, nfs->path, "", NULL};

    return start(self, argv, done, ret_handle);
}

struct binder_in_tree *binder_in_tree_new(struct ol_loop *loop)
{
    struct binder_in_tree *t = ol_xcalloc(1, sizeof(*t));

    t->loop = loop;
    t->host_path = (struct binder_plugin){
        .name = "kubernetes.io/host-path",
        .self = t,
        .can_support = is_host_path,
        .remove = remove_host_path,
        .recycle = recycle_host_path,
        .cancel = cancel,
    };
    t->nfs = (struct binder_plugin){
        .name = "kubernetes.io/nfs",
        .self = t,
        .can_support = is_nfs,
        .recycle = recycle_nfs,
        .cancel = cancel,
    };
    t->all[0] = &t->host_path;
    t->all[1] = &t->nfs;
    return t;
}

void binder_in_tree_free(struct binder_in_tree *t)
{
    free(t);
}

const struct binder_plugin *const *binder_in_tree_plugins(const struct binder_in_tree *t)
{
    return t->all;
}
