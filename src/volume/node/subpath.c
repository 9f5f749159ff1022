/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "volume/node/node-internal.h"
#include "volume/node/path.h"
#include "volume/plugin/run.h"

/* Where a pod's volume is, and parts of it for single containers. */

#define TIMEOUT (120 * OL_SECOND)

struct node_part {
    struct node_part *next;
    struct node *n;
    struct ol_job *job;
    struct ol_timer soon; /* an answer that needs no job */
    char *path, *problem;
    int code;
    void (*done)(void *ctx, const char *path, const struct ol_err *err);
    void *ctx;
};

static const struct node_mount *mount_of(const struct node *n, const char *uid, const char *volume)
{
    for (size_t i = 0; i < n->world.n_volumes; i++) {
        const struct node_volume *v = n->world.volumes[i];

        for (size_t k = 0; k < v->n_mounts; k++) {
            const struct node_mount *m = v->mounts[k];

            if (!strcmp(m->pod_uid, uid) && m->outer && !strcmp(m->outer, volume))
                return m;
        }
    }
    return NULL;
}

/* Two volumes of a pod may name the same claim: there is one mount then. */
static const struct node_mount *mount_by_spec(const struct node *n, const char *uid,
                                              const char *volume)
{
    const struct node_pod *p = ol_table_find_str(&n->world.pods, uid);
    const struct kube_volume *v = p ? p->pod->spec.volumes.v : NULL;
    const char *claim = NULL;

    for (uint32_t i = 0; p && i < p->pod->spec.volumes.n; i++) {
        if (!strcmp(v[i].name, volume) && v[i].claim)
            claim = v[i].claim->claim;
    }
    for (uint32_t i = 0; claim && i < p->pod->spec.volumes.n; i++) {
        const struct node_mount *m =
            v[i].claim && !strcmp(v[i].claim->claim, claim) ? mount_of(n, uid, v[i].name) : NULL;

        if (m)
            return m;
    }
    return NULL;
}

int node_pod_volume_path(const struct node *n, const char *uid, const char *volume,
                         struct ol_buf *to, bool *ret_is_block)
{
    const struct node_mount *m = mount_of(n, uid, volume);
    struct volume_spec spec;

    if (!m)
        m = mount_by_spec(n, uid, volume);
    if (!m || (m->life != NODE_THERE && m->life != NODE_REDOING))
        return -ENOENT;
    *ret_is_block = m->volume->is_block;
    if (m->volume->is_block) {
        node_path_block_link(n->root, uid, m->volume->spec_name, to);
    } else if (m->volume->plugin == &volume_csi) {
        node_path_csi_target(n->root, uid, m->volume->spec_name, to);
    } else if (m->volume->plugin == &volume_host_path) {
        spec = node_mount_spec(m);
        volume_host_path.identify(&spec, to); /* the directory itself */
    } else {
        node_path_volume(n->root, uid, m->volume->plugin->name, m->volume->spec_name, to);
    }
    return ol_buf_status(to);
}

static void part_end(struct node_part *p)
{
    struct node_part **at = &p->n->parts;
    struct ol_err err = OL_ERR_INIT;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    ol_timer_done(&p->soon);
    if (p->code && ol_err_set(&err, p->code, "%s", p->problem ? p->problem : "no such volume") < 0)
        p->done(p->ctx, NULL, &err);
    else
        p->done(p->ctx, p->path, NULL);
    free(p->path);
    free(p->problem);
    free(p);
}

static void part_soon(void *ctx)
{
    part_end(ctx);
}

static void part_ran(void *ctx, int status, const struct ol_buf *out, const struct ol_buf *err)
{
    struct node_part *p = ctx;
    ol_auto(ol_buf_done) struct ol_buf problem = OL_BUF_INIT(64 << 10);

    p->job = NULL;
    if (node_job_outcome(status, err, &problem) != NODE_OK) {
        p->code = status < 0 ? -status : EIO;
        p->problem = ol_xstrdup(problem.data);
    }
    part_end(p);
}

static void part_start(struct node_part *p, const char *volume_path, const char *part)
{
    const char *const argv[] = {VOLUME_JOB, "subpath", NULL};
    struct volume_plan plan;

    volume_plan_init(&plan);
    volume_plan_add(&plan, VOLUME_SUBPATH, volume_path, part, p->path, "rw");
    p->job = ol_job_start(p->n->k.loop, &(struct ol_job_options){
                                            .argv = argv,
                                            .is_function = true,
                                            .in = plan.wire.data,
                                            .in_size = plan.wire.len,
                                            .timeout = TIMEOUT,
                                            .done = part_ran,
                                            .ctx = p,
                                        });
    volume_plan_done(&plan);
}

void node_pod_subpath(struct node *n, const char *uid, const char *volume, const char *part,
                      const char *container, unsigned index,
                      void (*done)(void *ctx, const char *path, const struct ol_err *err),
                      void *ctx)
{
    struct node_part *p = ol_xcalloc(1, sizeof(*p));
    const struct node_mount *m = mount_of(n, uid, volume);
    ol_auto(ol_buf_done) struct ol_buf from = OL_BUF_INIT(8192), to = OL_BUF_INIT(8192);
    bool is_block = false;

    *p = (struct node_part){.next = n->parts, .n = n, .done = done, .ctx = ctx};
    n->parts = p;
    if (!m)
        m = mount_by_spec(n, uid, volume);
    if (!m || node_pod_volume_path(n, uid, volume, &from, &is_block) < 0 || is_block) {
        p->code = ENOENT;
        ol_timer_init(&p->soon, n->k.loop, part_soon, p);
        ol_timer_set(&p->soon, 0);
        return;
    }
    node_path_subpath(n->root, uid, m->volume->spec_name, container, index, &to);
    p->path = ol_xstrdup(to.data);
    part_start(p, from.data, part);
}

void node_parts_cancel(struct node *n)
{
    while (n->parts) {
        struct node_part *p = n->parts;

        n->parts = p->next;
        if (p->job)
            ol_job_cancel(p->job);
        ol_timer_done(&p->soon);
        free(p->path);
        free(p->problem);
        free(p);
    }
}

void node_plan_parts_away(const struct node_mount *m, const char *root, struct volume_plan *to)
{
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);

    node_path_subpath(root, m->pod_uid, m->volume->spec_name, NULL, 0, &dir);
    volume_plan_add(to, VOLUME_UMOUNT_BELOW, dir.data);
}

bool node_has_parts(struct node *n, const struct node_mount *m)
{
    ol_auto(ol_buf_done) struct ol_buf dir = OL_BUF_INIT(8192);

    node_path_subpath(n->root, m->pod_uid, m->volume->spec_name, NULL, 0, &dir);
    return ol_is_dir(n->env, dir.data);
}
