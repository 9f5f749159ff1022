/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json-writer.h"
#include "core/str.h"
#include "volume/binder/patch-internal.h"

/* In-tree plug-ins of Kubernetes 1.35 that CSI migration has for good: csi-translation-lib. */
const struct binder_migration binder_migrations[] = {
    {"kubernetes.io/aws-ebs", "ebs.csi.aws.com"},
    {"kubernetes.io/azure-disk", "disk.csi.azure.com"},
    {"kubernetes.io/azure-file", "file.csi.azure.com"},
    {"kubernetes.io/cinder", "cinder.csi.openstack.org"},
    {"kubernetes.io/gce-pd", "pd.csi.storage.gke.io"},
    {"kubernetes.io/portworx-volume", "pxd.portworx.com"},
    {"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"},
    {NULL, NULL},
};

const char *binder_migrated(const struct binder_rules *r, const char *plugin)
{
    const struct binder_migration *m = r->options->migrations;

    for (m = m ? m : binder_migrations; m->plugin; m++) {
        if (strcmp(m->plugin, plugin) == 0)
            return m->driver;
    }
    return NULL;
}

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

/* What is to be done with migrated-to: nothing, "set to *ret", or "take away" (*ret NULL). */
static bool is_mark_wrong(const struct binder_rules *r, const struct kube_object *o,
                          const char *provisioner, const char **ret)
{
    const char *has = annotation(o, BINDER_MIGRATED_TO);
    const char *want = provisioner ? binder_migrated(r, provisioner) : NULL;

    *ret = want;
    if (!provisioner)
        return false;
    if (want)
        return !has || strcmp(has, want) != 0;
    return has && has[0];
}

static void write_mark(struct ol_jw *w, const char *driver)
{
    if (driver)
        ol_jw_str(w, BINDER_MIGRATED_TO, driver);
    else
        ol_jw_null(w, BINDER_MIGRATED_TO);
}

static const char *provisioner_of(const struct kube_pvc *claim)
{
    const char *name = annotation(&claim->o, BINDER_PROVISIONER);

    return name ? name : annotation(&claim->o, BINDER_BETA_PROVISIONER);
}

bool binder_patch_migrated_claim(struct binder_step *s, const struct binder_rules *r,
                                 const struct kube_pvc *claim)
{
    const char *driver = NULL;
    struct ol_jw w;

    if (!is_mark_wrong(r, &claim->o, provisioner_of(claim), &driver))
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, &claim->o);
    ol_jw_map(&w, "annotations");
    write_mark(&w, driver);
    binder_patch_end(&w);
    return true;
}

bool binder_patch_provisioner(struct binder_step *s, const struct binder_rules *r,
                              const struct kube_pvc *claim, const char *provisioner)
{
    const char *has = annotation(&claim->o, BINDER_PROVISIONER), *driver = NULL;
    struct ol_jw w;

    if (has && strcmp(has, provisioner) == 0)
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, &claim->o);
    ol_jw_map(&w, "annotations");
    ol_jw_str(&w, BINDER_BETA_PROVISIONER, provisioner);
    ol_jw_str(&w, BINDER_PROVISIONER, provisioner);
    if (is_mark_wrong(r, &claim->o, provisioner, &driver))
        write_mark(&w, driver);
    binder_patch_end(&w);
    return true;
}

/* --- finalizers of volumes --- */
/* What a volume's list is to be: which of the two are to go, whether ours is to be added. */
struct finalizers {
    bool drop_in_tree, drop_external, add_in_tree;
};

static struct finalizers decide_finalizers(const struct binder_rules *r, const struct kube_pv *pv)
{
    const char *by = annotation(&pv->o, BINDER_PROVISIONED_BY);
    bool has_ours = kube_strs_has(&pv->o.meta.finalizers, BINDER_IN_TREE_FINALIZER);
    struct finalizers f = {0};

    /* What a driver made, whoever the annotation names, is the external provisioner's to
     * protect. */
    if ((r->options->off & BINDER_OFF_HONOR_RECLAIM) || !by || pv->spec.csi)
        return f;
    if (binder_migrated(r, by)) {
        f.drop_in_tree = has_ours;
        return f;
    }
    if (!ol_str_starts(by, "kubernetes.io/"))
        return f;
    f.add_in_tree = pv->spec.reclaim == KUBE_DELETE && !has_ours;
    f.drop_in_tree =
        (pv->spec.reclaim == KUBE_RETAIN || pv->spec.reclaim == KUBE_RECYCLE) && has_ours;
    f.drop_external = kube_strs_has(&pv->o.meta.finalizers, BINDER_EXTERNAL_FINALIZER);
    return f;
}

static bool is_dropped(const struct finalizers *f, const char *name)
{
    return (f->drop_in_tree && strcmp(name, BINDER_IN_TREE_FINALIZER) == 0)
           || (f->drop_external && strcmp(name, BINDER_EXTERNAL_FINALIZER) == 0);
}

static void write_finalizers(struct ol_jw *w, const struct kube_strs *all,
                             const struct finalizers *f)
{
    ol_jw_list(w, "finalizers");
    for (uint32_t i = 0; i < all->n; i++) {
        if (!is_dropped(f, all->v[i]))
            ol_jw_str(w, NULL, all->v[i]);
    }
    if (f->add_in_tree)
        ol_jw_str(w, NULL, BINDER_IN_TREE_FINALIZER);
    ol_jw_end(w);
}

bool binder_patch_migrated_pv(struct binder_step *s, const struct binder_rules *r,
                              const struct kube_pv *pv)
{
    const char *driver = NULL;
    bool is_wrong = is_mark_wrong(r, &pv->o, annotation(&pv->o, BINDER_PROVISIONED_BY), &driver);
    struct finalizers f = decide_finalizers(r, pv);
    struct ol_jw w;

    if (!is_wrong && !f.add_in_tree && !f.drop_in_tree && !f.drop_external)
        return false;
    binder_patch_begin(&w, s, BINDER_PATCH, &pv->o);
    if (f.add_in_tree || f.drop_in_tree || f.drop_external)
        write_finalizers(&w, &pv->o.meta.finalizers, &f);
    if (is_wrong) {
        ol_jw_map(&w, "annotations");
        write_mark(&w, driver);
        ol_jw_end(&w);
    }
    binder_patch_end(&w);
    return true;
}
