/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "workload/pod/runner-internal.h"

/*
 * Where the volumes of one container are on the machine: one after the other, since a subPath has
 * to be bound first. The list of paths only grows while it is walked; pointers into it are taken at
 * the end.
 */

struct pod_part {
    struct pod_run *p; /* NULL: the pod has been given up */
    void (*then)(struct pod_run *p);
};

void pod_run_forget_places(struct pod_run *p)
{
    if (p->part)
        p->part->p = NULL;
    p->part = NULL;
    free(p->mounts);
    free(p->devices);
    p->mounts = p->devices = NULL;
    ol_strv_done(&p->paths);
    p->paths = (struct ol_strv)OL_STRV_INIT;
    p->n_placed = 0;
}

static void refuse(struct pod_run *p, const char *problem)
{
    struct pod_container *c = &p->view.c[p->at];

    c->waiting = "CreateContainerConfigError";
    free(c->waiting_text);
    c->waiting_text = ol_xstrdup(problem);
    c->not_before = ol_now_wall(p->r->env) + 10 * OL_SECOND;
    pod_run_event(p, KUBE_WARNING, "Failed", "Error: %s", problem);
    pod_run_forget_places(p);
    pod_run_end(p);
}

static void place_next(struct pod_run *p, void (*then)(struct pod_run *p));

static void part_done(void *ctx, const char *path, const struct ol_err *err)
{
    struct pod_part *part = ctx;
    struct pod_run *p = part->p;
    void (*then)(struct pod_run *) = part->then;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);

    free(part);
    if (!p)
        return;
    p->part = NULL;
    if (err) {
        ol_buf_printf(
            &text, "failed to prepare subPath for volumeMount \"%s\" of container \"%s\"",
            ((const struct kube_volume_mount *)p->view.c[p->at].spec->mounts.v)[p->n_placed].name,
            p->view.c[p->at].spec->name);
        ol_warn(p->r->env, "pod %s: %s: %s", p->pod->o.meta.name, text.data, ol_err_text(err));
        refuse(p, text.data);
        return;
    }
    ol_strv_add(&p->paths, path);
    p->n_placed++;
    place_next(p, then);
}

static void bind_part(struct pod_run *p, const struct kube_volume_mount *m, const char *sub_path,
                      void (*then)(struct pod_run *p))
{
    struct pod_part *part = ol_xcalloc(1, sizeof(*part));

    *part = (struct pod_part){p, then};
    p->part = part;
    node_pod_subpath(p->r->node, p->uid, m->name, sub_path, p->view.c[p->at].spec->name,
                     p->n_placed, part_done, part);
}

/* subPathExpr is a subPath with $(NAME) in it. */
static const char *sub_path_of(const struct kube_container *c, const struct kube_volume_mount *m,
                               struct ol_arena *a)
{
    struct kube_list env;

    if (m->sub_path && *m->sub_path)
        return m->sub_path;
    if (!m->sub_path_expr || !*m->sub_path_expr)
        return NULL;
    env = pod_env(c, a);
    return pod_expand(m->sub_path_expr, &env, a);
}

static void finish(struct pod_run *p, void (*then)(struct pod_run *p))
{
    const struct kube_container *c = p->view.c[p->at].spec;

    p->mounts = ol_xcalloc(c->mounts.n + 1, sizeof(*p->mounts));
    p->devices = ol_xcalloc(c->devices.n + 1, sizeof(*p->devices));
    for (uint32_t i = 0; i < c->mounts.n; i++)
        p->mounts[i].path = p->paths.v[i];
    for (uint32_t i = 0; i < c->devices.n; i++)
        p->devices[i] = (struct pod_place){p->paths.v[c->mounts.n + i], true};
    then(p);
}

static void place_next(struct pod_run *p, void (*then)(struct pod_run *p))
{
    const struct kube_container *c = p->view.c[p->at].spec;
    const struct kube_volume_mount *mounts = c->mounts.v;
    const struct kube_volume_device *devices = c->devices.v;

    while (p->n_placed < c->mounts.n + c->devices.n) {
        bool is_mount = p->n_placed < c->mounts.n, is_block = false;
        const char *name =
            is_mount ? mounts[p->n_placed].name : devices[p->n_placed - c->mounts.n].name;
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf path = OL_BUF_INIT(8192);
        const char *part = is_mount ? sub_path_of(c, &mounts[p->n_placed], &a) : NULL;

        if (node_pod_volume_path(p->r->node, p->uid, name, &path, &is_block) < 0) {
            ol_buf_clear(&path);
            ol_buf_printf(&path, "the volume \"%s\" of the pod is not mounted", name);
            refuse(p, path.data);
            return;
        }
        if (part) {
            bind_part(p, &mounts[p->n_placed], part, then);
            return;
        }
        ol_strv_add(&p->paths, path.data);
        p->n_placed++;
    }
    finish(p, then);
}

void pod_run_place(struct pod_run *p, void (*then)(struct pod_run *p))
{
    pod_run_forget_places(p);
    place_next(p, then);
}
