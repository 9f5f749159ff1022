/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/str.h"
#include "kube/base/kind.h"
#include "volume/binder/rules.h"

static const char *annotation(const struct kube_object *o, const char *key)
{
    return kube_map_get(&o->meta.annotations, key);
}

static bool is_true(const char *s)
{
    return s && strcmp(s, "true") == 0;
}

static bool is_default(const struct kube_class *c)
{
    return is_true(annotation(&c->o, "storageclass.kubernetes.io/is-default-class"))
           || is_true(annotation(&c->o, "storageclass.beta.kubernetes.io/is-default-class"));
}

static bool is_preferred(const struct kube_class *a, const struct kube_class *b)
{
    if (a->o.meta.created != b->o.meta.created)
        return a->o.meta.created > b->o.meta.created;
    return strcmp(a->o.meta.name, b->o.meta.name) < 0;
}

const struct kube_class *binder_default_class(const struct binder_rules *r)
{
    const struct kube_class *best = NULL, *c = NULL;

    for (size_t at = 0; (c = r->view->each_class(r->self, &at));) {
        if (is_default(c) && (!best || is_preferred(c, best)))
            best = c;
    }
    return best;
}

bool binder_is_released(const struct binder_rules *r, const struct kube_pv *pv)
{
    const struct kube_ref *ref = pv->spec.claim;
    const struct kube_pvc *claim = NULL;

    if (!ref || !ref->uid[0])
        return false;
    claim = r->view->claim(r->self, ref->ns, ref->name);
    if (!claim || strcmp(claim->o.meta.uid, ref->uid) != 0)
        return true;
    /* Two volumes for one claim: the one that it doesn't use goes. */
    return claim->spec.volume_name[0] && strcmp(claim->spec.volume_name, pv->o.meta.name) != 0;
}

static const struct binder_plugin *plugin_named(const struct binder_rules *r, const char *name)
{
    for (const struct binder_plugin *const *p = r->options->plugins; p && *p; p++) {
        if (strcmp((*p)->name, name) == 0)
            return *p;
    }
    return NULL;
}

static const struct binder_plugin *plugin_of(const struct binder_rules *r, const struct kube_pv *pv)
{
    for (const struct binder_plugin *const *p = r->options->plugins; p && *p; p++) {
        if ((*p)->can_support(pv))
            return *p;
    }
    return NULL;
}

static int remover_of_source(const struct binder_rules *r, const struct kube_pv *pv,
                             const struct binder_plugin **ret, struct ol_err *err)
{
    const struct binder_plugin *p = plugin_of(r, pv);

    if (!p || !p->remove)
        return ol_err_set(err, ENOENT, "error getting deleter volume plugin for volume \"%s\": %s",
                          pv->o.meta.name,
                          p ? "no deletable volume plugin matched" : "no volume plugin matched");
    *ret = p;
    return 0;
}

static int remover_named(const struct binder_rules *r, const char *name,
                         const struct binder_plugin **ret, struct ol_err *err)
{
    const struct binder_plugin *p = plugin_named(r, name);

    if (p && p->remove) {
        *ret = p;
        return 0;
    }
    if (!ol_str_starts(name, "kubernetes.io/"))
        return 0;
    if (p)
        return ol_err_set(err, ENOENT, "no deletable volume plugin matched");
    return ol_err_set(err, ENOENT, "no volume plugin matched name: %s", name);
}

int binder_find_remover(const struct binder_rules *r, const struct kube_pv *pv,
                        const struct binder_plugin **ret, struct ol_err *err)
{
    const char *by = annotation(&pv->o, BINDER_PROVISIONED_BY);

    *ret = NULL;
    if (by && by[0])
        return remover_named(r, by, ret, err);
    if (annotation(&pv->o, BINDER_MIGRATED_TO) || pv->spec.csi)
        return 0;
    return remover_of_source(r, pv, ret, err);
}

/* Kubernetes' sentence; and why it is this class where that surprises: the annotation wins. */
static int class_not_found(const struct kube_pvc *claim, const char *name, struct ol_err *err)
{
    const char *field = claim->spec.class_name;

    if (!annotation(&claim->o, BINDER_BETA_CLASS) || !field || !strcmp(field, name))
        return ol_err_set(err, ENOENT, "storageclass.storage.k8s.io \"%s\" not found", name);
    return ol_err_set(
        err, ENOENT,
        "storageclass.storage.k8s.io \"%s\" not found (the annotation " BINDER_BETA_CLASS
        " names it and wins over storageClassName \"%s\")",
        name, field);
}

int binder_find_provisioner(const struct binder_rules *r, const struct kube_pvc *claim,
                            const struct binder_plugin **ret, const struct kube_class **ret_class,
                            struct ol_err *err)
{
    bool is_set = false;
    const char *name = kube_claim_class(claim, &is_set);
    const struct kube_class *cls = r->view->class_of(r->self, name);
    const struct binder_plugin *p = NULL;

    if (!cls)
        return class_not_found(claim, name, err);
    *ret_class = cls;
    *ret = NULL;
    if (binder_migrated(r, cls->provisioner))
        return 0;
    p = plugin_named(r, cls->provisioner);
    if (p && p->provision) {
        *ret = p;
        return 0;
    }
    if (!ol_str_starts(cls->provisioner, "kubernetes.io/"))
        return 0;
    if (p)
        return ol_err_set(err, ENOENT, "no provisionable volume plugin matched");
    return ol_err_set(err, ENOENT, "no volume plugin matched name: %s", cls->provisioner);
}

const struct binder_plugin *binder_find_recycler(const struct binder_rules *r,
                                                 const struct kube_pv *pv)
{
    const struct binder_plugin *p = plugin_of(r, pv);

    return p && p->recycle ? p : NULL;
}
