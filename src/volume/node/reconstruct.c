/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "volume/node/node-internal.h"
#include "volume/node/vol-data.h"
#include "volume/plugin/mountinfo.h"

/*
 * What a restart finds: directories of pods and devices, vol_data.json, mountinfo. Nothing here
 * asks a mounted file system for anything, since its server may be dead.
 */

enum { ARENA_MAX = 1 << 20 };

struct scan {
    struct node *n;
    struct volume_mounts mounts;
};

/* Calls 'each' with every name in ROOT/dir. */
static void for_each(struct scan *s, const char *dir,
                     void (*each)(struct scan *s, const char *dir, const char *name))
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (ol_list_dir(s->n->env, dir, &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        if (*name != '.')
            each(s, dir, name);
    }
}

/* --- CSI --- */

/* Directories that hold nothing, from the innermost; anything else stays. */
static void remove_empty(struct node *n, const char *dir, int depth)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (depth > 6 || ol_list_dir(n->env, dir, &names, NULL) < 0)
        return;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);
        struct stat st;

        if (ol_lstat(n->env, path, &st) == 0 && S_ISDIR(st.st_mode))
            remove_empty(n, path, depth + 1);
    }
    (void)!node_rmdir(n->env, dir, NULL);
}

/* A volume's directory without its note: we were killed before it was one, or when it no longer
 * was. */
static void see_remains(struct scan *s, const char *dir)
{
    if (!volume_mounts_at(&s->mounts, dir) && !volume_mounts_has_below(&s->mounts, dir))
        remove_empty(s->n, dir, 0);
}

static bool load(struct scan *s, const char *dir, struct ol_arena *a, struct node_vol_data *d)
{
    struct ol_err err = OL_ERR_INIT;

    if (node_vol_data_load(s->n->env, dir, a, d, &err) < 0) {
        ol_warn(s->n->env, "a volume is left on disk, and what it is can't be told: %s",
                ol_err_text(&err));
        return false;
    }
    if (*d->driver && *d->handle && *d->volume_id)
        return true;
    ol_warn(s->n->env,
            "a volume is left on disk, and what it is can't be told: %s/" NODE_VOL_DATA
            " lacks members",
            dir);
    return false;
}

static void found_csi(struct scan *s, const struct node_vol_data *d, const char *pod_uid,
                      bool is_block, bool is_device_there)
{
    bool is_inline = !strcmp(d->lifecycle, "Ephemeral");
    ol_autofree char *name =
        is_inline ? ol_xasprintf("%s/%s-%s", volume_csi.name, pod_uid ? pod_uid : "", d->volume_id)
                  : ol_xasprintf("%s/%s^%s", volume_csi.name, d->driver, d->handle);

    node_world_found(&s->n->world, &(struct node_found){
                                       .name = name,
                                       .plugin = &volume_csi,
                                       .spec_name = d->volume_id,
                                       .driver = d->driver,
                                       .handle = d->handle,
                                       .pod_uid = pod_uid,
                                       .is_block = is_block,
                                       .is_inline = is_inline,
                                       .has_device = !is_inline,
                                       .is_device_there = is_device_there,
                                   });
}

/* ROOT/plugins/kubernetes.io/csi/DRIVER/HASH: a staged volume. */
static void see_staged(struct scan *s, const char *dir, const char *name)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);
    ol_autofree char *note = ol_xasprintf("%s/" NODE_VOL_DATA, path);
    struct node_vol_data d;

    if (!ol_exists(s->n->env, note))
        see_remains(s, path);
    else if (load(s, path, &a, &d))
        found_csi(s, &d, NULL, false, true);
}

static void see_driver(struct scan *s, const char *dir, const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);

    if (strcmp(name, "volumeDevices") != 0)
        for_each(s, path, see_staged);
}

/* volumeDevices/staging/NAME and publish/NAME, of which the note is in NAME/data. */
static void see_block_place(struct scan *s, const char *dir, const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);
    ol_autofree char *note = ol_xasprintf(
        "%s/plugins/kubernetes.io/csi/volumeDevices/%s/data/" NODE_VOL_DATA, s->n->root, name);

    if (!ol_exists(s->n->env, note))
        see_remains(s, path);
}

/* ROOT/plugins/kubernetes.io/csi/volumeDevices/NAME with data/ and dev/POD. */
static void see_block(struct scan *s, const char *dir, const char *name)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    ol_auto(ol_strv_done) struct ol_strv pods = OL_STRV_INIT;
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);
    ol_autofree char *data = ol_xasprintf("%s/data", path);
    ol_autofree char *published = ol_xasprintf("%s/publish/%s", dir, name);
    ol_autofree char *note = ol_xasprintf("%s/" NODE_VOL_DATA, data);
    struct node_vol_data d;

    if (!strcmp(name, "staging") || !strcmp(name, "publish")) {
        for_each(s, path, see_block_place);
        return;
    }
    if (!ol_exists(s->n->env, note)) {
        see_remains(s, path);
        return;
    }
    if (!load(s, data, &a, &d))
        return;
    found_csi(s, &d, NULL, true, true);
    if (ol_list_dir(s->n->env, published, &pods, NULL) < 0)
        return;
    ol_strv_each (uid, &pods)
        found_csi(s, &d, uid, true, true);
}

/* --- in-tree devices --- */

static const struct volume_mount_point *mounted_at(const struct scan *s, const char *path)
{
    return volume_mounts_at(&s->mounts, path);
}

static void found_device(struct scan *s, const struct volume_plugin *p, const char *path,
                         const char *spec_name, const char *pod_uid)
{
    ol_autofree char *plugins = ol_xasprintf("%s/plugins/", s->n->root);
    ol_autofree char *name = NULL;

    if (!ol_str_starts(path, plugins))
        return;
    /* The true name is the spec's (world.c, adopt); until then the directory is one. */
    name = p == &volume_local ? ol_xasprintf("%s/%s", p->name, spec_name)
                              : ol_xasprintf("%s/%s", p->name, path + strlen(plugins));
    node_world_found(&s->n->world, &(struct node_found){
                                       .name = name,
                                       .plugin = p,
                                       .spec_name = spec_name,
                                       .handle = path + strlen(plugins),
                                       .pod_uid = pod_uid,
                                       .has_device = true,
                                       .is_device_there = mounted_at(s, path) != NULL,
                                   });
}

static void see_local(struct scan *s, const char *dir, const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);

    found_device(s, &volume_local, path, name, NULL);
}

static void see_unit(struct scan *s, const char *dir, const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);

    found_device(s, &volume_iscsi, path, name, NULL);
}

static void see_interface(struct scan *s, const char *dir, const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", dir, name);

    for_each(s, path, see_unit);
}

/* The device's directory from which a pod's bind mount is: both show the same file system. */
static const char *device_behind(const struct scan *s, const char *target)
{
    const struct volume_mount_point *m = mounted_at(s, target);
    ol_autofree char *below = ol_xasprintf("%s/plugins", s->n->root);

    for (size_t i = 0; m && i < s->mounts.n; i++) {
        if (!strcmp(s->mounts.v[i].device, m->device)
            && volume_path_is_below(s->mounts.v[i].path, below))
            return s->mounts.v[i].path;
    }
    return NULL;
}

/* --- pods --- */

struct place {
    const char *uid, *plugin, *name, *path;
};

static void found_in_tree(struct scan *s, const struct volume_plugin *p, const struct place *at)
{
    ol_autofree char *name = ol_xasprintf("%s/%s-%s", p->name, at->uid, at->name);
    ol_autofree char *local =
        ol_xasprintf("%s/plugins/kubernetes.io/local-volume/mounts/%s", s->n->root, at->name);
    const char *device = device_behind(s, at->path);

    if (p == &volume_local)
        found_device(s, p, local, at->name, at->uid);
    else if (p == &volume_iscsi && device)
        found_device(s, p, device, at->name, at->uid);
    else
        node_world_found(&s->n->world, &(struct node_found){
                                           .name = name,
                                           .plugin = p,
                                           .spec_name = at->name,
                                           .pod_uid = at->uid,
                                       });
}

static void see_pod_volume(struct scan *s, const struct place *at)
{
    const struct volume_plugin *p = volume_plugin_by_name(at->plugin);
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(ARENA_MAX);
    struct node_vol_data d;

    if (!p) {
        ol_warn(s->n->env, "%s: a volume of a kind that is not known here is left on disk",
                at->path);
    } else if (p != &volume_csi) {
        found_in_tree(s, p, at);
    } else if (load(s, at->path, &a, &d)) {
        found_csi(s, &d, at->uid, false, false);
    }
}

static void see_pod(struct scan *s, const char *dir, const char *uid)
{
    ol_autofree char *volumes = ol_xasprintf("%s/%s/volumes", dir, uid);
    ol_auto(ol_strv_done) struct ol_strv plugins = OL_STRV_INIT;

    if (ol_list_dir(s->n->env, volumes, &plugins, NULL) < 0)
        return;
    ol_strv_each (plugin, &plugins) {
        ol_autofree char *at = ol_xasprintf("%s/%s", volumes, plugin);
        ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

        if (ol_list_dir(s->n->env, at, &names, NULL) < 0)
            continue;
        ol_strv_each (name, &names) {
            ol_autofree char *path = ol_xasprintf("%s/%s", at, name);

            see_pod_volume(s, &(struct place){uid, plugin, name, path});
        }
    }
}

void node_reconstruct(struct node *n)
{
    struct scan s = {.n = n};
    struct ol_err err = OL_ERR_INIT;
    ol_autofree char *csi = ol_xasprintf("%s/plugins/kubernetes.io/csi", n->root);
    ol_autofree char *block = ol_xasprintf("%s/volumeDevices", csi);
    ol_autofree char *local = ol_xasprintf("%s/plugins/kubernetes.io/local-volume/mounts", n->root);
    ol_autofree char *iscsi = ol_xasprintf("%s/plugins/kubernetes.io/iscsi", n->root);
    ol_autofree char *pods = ol_xasprintf("%s/pods", n->root);

    if (volume_mounts_read(n->env, &s.mounts, &err) < 0)
        ol_warn(n->env, "%s", ol_err_text(&err));
    for_each(&s, csi, see_driver);
    for_each(&s, block, see_block);
    for_each(&s, local, see_local);
    for_each(&s, iscsi, see_interface);
    for_each(&s, pods, see_pod);
    volume_mounts_done(&s.mounts);
    if (n->world.n_volumes)
        ol_info(n->env, "%zu volumes were found on disk", n->world.n_volumes);
}

/* --- what pods leave --- */

static bool is_known(const struct node *n, const char *uid)
{
    const struct kube_object *o;
    size_t at = 0;

    while ((o = kube_index_each(n->pods_here, n->name, &at))) {
        if (!strcmp(o->meta.uid, uid))
            return true;
    }
    return ol_strv_has(&n->held, uid) || !node_pod_is_gone(&n->world, uid);
}

void node_remove_orphans(struct node *n)
{
    ol_auto(volume_mounts_done) struct volume_mounts mounts = {0};
    ol_auto(ol_strv_done) struct ol_strv uids = OL_STRV_INIT;
    ol_autofree char *pods = ol_xasprintf("%s/pods", n->root);

    if (ol_list_dir(n->env, pods, &uids, NULL) < 0 || volume_mounts_read(n->env, &mounts, NULL) < 0)
        return;
    ol_strv_each (uid, &uids) {
        ol_autofree char *dir = ol_xasprintf("%s/%s", pods, uid);

        if (!is_known(n, uid) && !volume_mounts_has_below(&mounts, dir))
            remove_empty(n, dir, 0);
    }
}
