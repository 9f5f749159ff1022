/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/cleanup.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

/* "latest", or neither tag nor digest. */
static bool is_latest(const char *image)
{
    const char *slash = strrchr(image, '/'), *tag = strrchr(slash ? slash : image, ':');

    if (strchr(image, '@'))
        return false;
    return !tag || !strcmp(tag + 1, "latest");
}

static void requests_from_limits(struct ol_val *container, struct ol_arena *a)
{
    struct ol_val *resources = ol_val_get_mut(container, "resources");
    const struct ol_val *limits = ol_val_get(resources, "limits");
    struct ol_val *requests = ol_val_get_mut(resources, "requests");

    if (ol_val_count(limits) && !requests) {
        requests = ol_val_new_map(a);
        ol_val_set(a, resources, "requests", requests);
    }
    for (size_t i = 0; i < ol_val_count(limits); i++) {
        const struct ol_pair *pair = ol_val_pair(limits, i);

        if (!ol_val_get_key(requests, pair->key))
            ol_val_set_key(a, requests, pair->key, ol_val_copy(a, pair->value));
    }
}

static void host_ports(struct ol_val *container, struct ol_arena *a)
{
    struct ol_val *ports = ol_val_get_mut(container, "ports");

    for (size_t i = 0; i < ol_val_count(ports); i++) {
        struct ol_val *port = ports->list.items[i];

        if (ol_val_int(ol_val_get(port, "hostPort"), 0) == 0)
            ol_val_set_int(a, port, "hostPort", ol_val_int(ol_val_get(port, "containerPort"), 0));
    }
}

static void prepare_containers(struct ol_val *spec, const char *member, struct ol_arena *a)
{
    struct ol_val *list = ol_val_get_mut(spec, member);

    for (size_t i = 0; i < ol_val_count(list); i++) {
        struct ol_val *c = list->list.items[i];

        if (!*check_str(c, "imagePullPolicy"))
            ol_val_set_str(a, c, "imagePullPolicy",
                           is_latest(check_str(c, "image")) ? "Always" : "IfNotPresent");
        requests_from_limits(c, a);
        if (ol_val_is_truthy(ol_val_get(spec, "hostNetwork")))
            host_ports(c, a);
    }
}

static void prepare_volumes(struct ol_val *spec, struct ol_arena *a)
{
    struct ol_val *list = ol_val_get_mut(spec, "volumes");

    /* A volume has its name and one source; without one it is an emptyDir. */
    for (size_t i = 0; i < ol_val_count(list); i++)
        if (ol_val_count(list->list.items[i]) == 1 && ol_val_get(list->list.items[i], "name"))
            ol_val_set(a, list->list.items[i], "emptyDir", ol_val_new_map(a));
}

/* --- the class of a pod: component-helpers, qos.ComputePodQOS() --- */
struct qos {
    bool has_any, is_guaranteed;
};

static void look_at_resources(const struct ol_val *resources, struct qos *qos)
{
    static const char *const names[] = {"cpu", "memory"};
    const struct ol_val *limits = ol_val_get(resources, "limits");
    const struct ol_val *requests = ol_val_get(resources, "requests");

    for (size_t i = 0; i < ol_count(names); i++) {
        const struct ol_val *limit = ol_val_get(limits, names[i]);
        const struct ol_val *request = ol_val_get(requests, names[i]);
        bool has_limit = check_quantity_cmp(limit, NULL) > 0;

        qos->has_any |= has_limit || check_quantity_cmp(request, NULL) > 0;
        qos->is_guaranteed &= has_limit && check_quantity_cmp(limit, request) == 0;
    }
}

static const char *qos_class(const struct ol_val *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    struct qos qos = {.is_guaranteed = true};

    for (size_t i = 0; i < ol_count(lists); i++) {
        const struct ol_val *list = ol_val_get(spec, lists[i]);

        for (size_t k = 0; k < ol_val_count(list); k++)
            look_at_resources(ol_val_get(ol_val_item(list, k), "resources"), &qos);
    }
    if (!qos.has_any)
        return "BestEffort";
    return qos.is_guaranteed ? "Guaranteed" : "Burstable";
}

/* The older name of the field is kept equal. */
static void prepare_account(struct ol_val *spec, struct ol_arena *a)
{
    const char *name = check_str(spec, "serviceAccountName");

    if (*name)
        ol_val_set_str(a, spec, "serviceAccount", name);
    else if (*check_str(spec, "serviceAccount"))
        ol_val_set_str(a, spec, "serviceAccountName", check_str(spec, "serviceAccount"));
}

void kube_prepare_pod(struct ol_val *object, const struct ol_val *old, struct ol_arena *a)
{
    struct ol_val *spec = ol_val_get_mut(object, "spec"), *status;

    if (!spec)
        return;
    prepare_containers(spec, "containers", a);
    prepare_containers(spec, "initContainers", a);
    prepare_volumes(spec, a);
    prepare_account(spec, a);
    if (old)
        return;
    status = ol_val_get_mut(object, "status");
    if (!ol_val_is(status, OL_VAL_MAP)) {
        status = ol_val_new_map(a);
        ol_val_set(a, object, "status", status);
    }
    if (!*check_str(status, "phase"))
        ol_val_set_str(a, status, "phase", "Pending");
    ol_val_set_str(a, status, "qosClass", qos_class(spec));
}
