/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/num.h"
#include "kube/base/kind.h"

/* An object never changes, its count does. */
static uint32_t *refs_of(const struct kube_object *o)
{
    return (uint32_t *)&o->refs;
}

const struct kube_object *kube_object_ref(const struct kube_object *o)
{
    if (o)
        __atomic_add_fetch(refs_of(o), 1, __ATOMIC_RELAXED);
    return o;
}

void kube_object_unref(const struct kube_object *o)
{
    if (o && __atomic_sub_fetch(refs_of(o), 1, __ATOMIC_ACQ_REL) == 0)
        free((struct kube_object *)o);
}

void kube_object_unref_at(const struct kube_object **o)
{
    kube_object_unref(*o);
}

char *kube_object_key(const struct kube_object *o)
{
    if (!*o->meta.ns)
        return ol_xstrdup(o->meta.name);
    return ol_xasprintf("%s/%s", o->meta.ns, o->meta.name);
}

int kube_key_split(const char *key, char ns[254], char name[254])
{
    const char *slash = strchr(key, '/'), *rest = slash ? slash + 1 : key;
    size_t n_ns = slash ? (size_t)(slash - key) : 0, n_name = strlen(rest);

    if (n_ns > 253 || n_name == 0 || n_name > 253 || strchr(rest, '/'))
        return -EINVAL;
    memcpy(ns, key, n_ns);
    ns[n_ns] = '\0';
    memcpy(name, rest, n_name + 1);
    return 0;
}

int kube_version_cmp(const char *a, const char *b, int *ret)
{
    uint64_t x, y;

    if (ol_parse_u64(a, 10, &x) < 0 || ol_parse_u64(b, 10, &y) < 0)
        return -EINVAL;
    *ret = (x > y) - (x < y);
    return 0;
}

static const void *as(const struct kube_object *o, const struct kube_kind *kind)
{
    return o && o->kind == kind ? o : NULL;
}

const struct kube_pv *kube_as_pv(const struct kube_object *o)
{
    return as(o, &kube_pv_kind);
}

const struct kube_pvc *kube_as_pvc(const struct kube_object *o)
{
    return as(o, &kube_pvc_kind);
}

const struct kube_class *kube_as_class(const struct kube_object *o)
{
    return as(o, &kube_class_kind);
}

const struct kube_va *kube_as_va(const struct kube_object *o)
{
    return as(o, &kube_va_kind);
}

const struct kube_csinode *kube_as_csinode(const struct kube_object *o)
{
    return as(o, &kube_csinode_kind);
}

const struct kube_csidriver *kube_as_csidriver(const struct kube_object *o)
{
    return as(o, &kube_csidriver_kind);
}

const struct kube_capacity *kube_as_capacity(const struct kube_object *o)
{
    return as(o, &kube_capacity_kind);
}

const struct kube_attributes_class *kube_as_attributes_class(const struct kube_object *o)
{
    return as(o, &kube_attributes_class_kind);
}

const struct kube_node *kube_as_node(const struct kube_object *o)
{
    return as(o, &kube_node_kind);
}

const struct kube_pod *kube_as_pod(const struct kube_object *o)
{
    return as(o, &kube_pod_kind);
}

const struct kube_data *kube_as_secret(const struct kube_object *o)
{
    return as(o, &kube_secret_kind);
}

const struct kube_data *kube_as_config_map(const struct kube_object *o)
{
    return as(o, &kube_config_map_kind);
}

const struct kube_service_account *kube_as_service_account(const struct kube_object *o)
{
    return as(o, &kube_service_account_kind);
}

const struct kube_lease *kube_as_lease(const struct kube_object *o)
{
    return as(o, &kube_lease_kind);
}

const struct kube_event *kube_as_event(const struct kube_object *o)
{
    return as(o, &kube_event_kind);
}

const struct kube_namespace *kube_as_namespace(const struct kube_object *o)
{
    return as(o, &kube_namespace_kind);
}
