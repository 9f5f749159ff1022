/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

static const struct kube_path spec_at = {.name = "spec"};

static const struct ol_val *named(const struct ol_val *list, const char *name, size_t before)
{
    for (size_t i = 0; i < ol_val_count(list) && i < before; i++)
        if (!strcmp(check_str(ol_val_item(list, i), "name"), name))
            return ol_val_item(list, i);
    return NULL;
}

static void check_volumes(const struct ol_val *volumes, struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(volumes); i++) {
        const struct ol_val *volume = ol_val_item(volumes, i);
        const struct kube_path *at = ITEM(CHILD(&spec_at, "volumes"), i);
        const char *name = check_str(volume, "name");
        const struct ol_val *claim = ol_val_at(volume, "ephemeral/volumeClaimTemplate");
        const struct kube_path *claim_at = CHILD(CHILD(at, "ephemeral"), "volumeClaimTemplate");

        if (*name)
            check_form(to, CHILD(at, "name"), name, CHECK_LABEL);
        if (named(volumes, name, i))
            check_duplicate(to, CHILD(at, "name"), name);
        if (ol_val_get(volume, "ephemeral") && !claim)
            check_required(to, claim_at, NULL);
        else if (claim)
            check_claim_spec(ol_val_get(claim, "spec"), CHILD(claim_at, "spec"), to);
    }
}

/* Mounts and devices: each names a volume, each path is there once. */
static void check_mounts(const struct ol_val *list, const char *path_member,
                         const struct ol_val *volumes, const struct kube_path *at,
                         struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *mount = ol_val_item(list, i);
        const char *name = check_str(mount, "name"), *path = check_str(mount, path_member);
        ol_autofree char *missing = ol_xasprintf("Not found: \"%s\"", name);
        char text[KUBE_PATH_MAX];

        if (*name && !named(volumes, name, SIZE_MAX)) {
            kube_path_text(CHILD(ITEM(at, i), "name"), text);
            kube_find(to, "FieldValueNotFound", text, "%s", missing);
        }
        for (size_t k = 0; *path && k < i; k++)
            if (!strcmp(check_str(ol_val_item(list, k), path_member), path)) {
                check_invalid_str(to, CHILD(ITEM(at, i), path_member), path, "must be unique");
                break;
            }
    }
}

static void check_ports(const struct ol_val *ports, const struct kube_path *at,
                        struct kube_findings *to)
{
    static const char *const members[] = {"containerPort", "hostPort"};

    for (size_t i = 0; i < ol_val_count(ports); i++)
        for (size_t k = 0; k < ol_count(members); k++) {
            const struct ol_val *port = ol_val_get(ol_val_item(ports, i), members[k]);
            int64_t n = ol_val_int(port, 1);

            if (!port && k == 0)
                check_required(to, CHILD(ITEM(at, i), members[k]), NULL);
            else if (n < 1 || n > 65535)
                check_invalid_int(to, CHILD(ITEM(at, i), members[k]), n,
                                  "must be between 1 and 65535, inclusive");
        }
}

static void check_resources(const struct ol_val *resources, const struct kube_path *at,
                            struct kube_findings *to)
{
    static const char *const members[] = {"limits", "requests"};
    const struct ol_val *limits = ol_val_get(resources, "limits");

    for (size_t i = 0; i < ol_count(members); i++) {
        const struct ol_val *map = ol_val_get(resources, members[i]);

        for (size_t k = 0; k < ol_val_count(map); k++) {
            const struct ol_pair *pair = ol_val_pair(map, k);
            const char *name = ol_val_str(pair->key), *limit = check_str(limits, name);
            const struct kube_path *entry = ENTRY(CHILD(at, members[i]), name);
            ol_autofree char *text =
                ol_xasprintf("must be less than or equal to %s limit of %s", name, limit);

            check_quantity(pair->value, entry, false, to);
            if (i == 1 && *limit && check_quantity_cmp(pair->value, ol_val_get(limits, name)) > 0)
                check_invalid(to, CHILD(at, "requests"), pair->value, text);
        }
    }
}

static void check_containers(const struct ol_val *spec, const char *member,
                             struct kube_findings *to)
{
    const struct ol_val *list = ol_val_get(spec, member), *volumes = ol_val_get(spec, "volumes");

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *c = ol_val_item(list, i);
        const struct kube_path *at = ITEM(CHILD(&spec_at, member), i);
        const char *name = check_str(c, "name");

        if (*name)
            check_form(to, CHILD(at, "name"), name, CHECK_LABEL);
        if (*name && named(list, name, i))
            check_duplicate(to, CHILD(at, "name"), name);
        if (!*check_str(c, "image"))
            check_required(to, CHILD(at, "image"), NULL);
        check_ports(ol_val_get(c, "ports"), CHILD(at, "ports"), to);
        check_resources(ol_val_get(c, "resources"), CHILD(at, "resources"), to);
        check_mounts(ol_val_get(c, "volumeMounts"), "mountPath", volumes, CHILD(at, "volumeMounts"),
                     to);
        check_mounts(ol_val_get(c, "volumeDevices"), "devicePath", volumes,
                     CHILD(at, "volumeDevices"), to);
    }
}

static void check_tolerations(const struct ol_val *list, struct kube_findings *to)
{
    static const char *const operators[] = {"Equal", "Exists", NULL};

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *t = ol_val_item(list, i);
        const struct kube_path *at = ITEM(CHILD(&spec_at, "tolerations"), i);
        const char *op = check_str(t, "operator"), *key = check_str(t, "key");

        if (*key)
            check_form(to, CHILD(at, "key"), key, CHECK_KEY);
        else if (strcmp(op, "Exists") != 0)
            check_invalid_str(to, CHILD(at, "operator"), op,
                              "operator must be Exists when `key` is empty, which means \"match "
                              "all values and all keys\"");
        if (ol_val_get(t, "tolerationSeconds") && strcmp(check_str(t, "effect"), "NoExecute") != 0)
            check_invalid_str(to, CHILD(at, "effect"), check_str(t, "effect"),
                              "effect must be 'NoExecute' when `tolerationSeconds` is set");
        if (!strcmp(op, "Exists") && *check_str(t, "value"))
            check_invalid_str(to, CHILD(at, "operator"), check_str(t, "value"),
                              "value must be empty when `operator` is 'Exists'");
        if (*op && strcmp(op, "Exists") != 0 && strcmp(op, "Equal") != 0)
            check_unsupported(to, CHILD(at, "operator"), op, operators);
    }
}

static void check_pod_names(const struct ol_val *spec, struct kube_findings *to)
{
    static const struct {
        const char *member;
        enum check_form form;
    } names[] = {
        {"serviceAccountName", CHECK_SUBDOMAIN},
        {"nodeName", CHECK_SUBDOMAIN},
        {"hostname", CHECK_LABEL},
        {"subdomain", CHECK_LABEL},
        {"priorityClassName", CHECK_SUBDOMAIN},
        {"runtimeClassName", CHECK_SUBDOMAIN},
    };

    for (size_t i = 0; i < ol_count(names); i++)
        if (*check_str(spec, names[i].member))
            check_form(to, CHILD(&spec_at, names[i].member), check_str(spec, names[i].member),
                       names[i].form);
}

/* --- what may change of a pod --- */
static void keep_member(struct ol_arena *a, struct ol_val *now, const struct ol_val *old,
                        const char *member)
{
    const struct ol_val *v = ol_val_get(old, member);

    ol_val_remove(now, member);
    if (v)
        ol_val_set(a, now, member, ol_val_copy(a, v));
}

static struct ol_val *frozen_spec(const struct ol_val *spec, const struct ol_val *old,
                                  struct ol_arena *a)
{
    static const char *const lists[] = {"containers", "initContainers"};
    static const char *const free_members[] = {"activeDeadlineSeconds", "tolerations",
                                               "schedulingGates"};
    struct ol_val *now = ol_val_copy(a, spec);

    for (size_t i = 0; i < ol_count(lists); i++) {
        struct ol_val *list = ol_val_get_mut(now, lists[i]);

        for (size_t k = 0; k < ol_val_count(list); k++)
            keep_member(a, list->list.items[k], ol_val_item(ol_val_get(old, lists[i]), k), "image");
    }
    for (size_t i = 0; i < ol_count(free_members); i++)
        keep_member(a, now, old, free_members[i]);
    if (ol_val_count(ol_val_get(old, "schedulingGates"))) {
        keep_member(a, now, old, "nodeSelector");
        keep_member(a, now, old, "affinity");
    }
    return now;
}

static void check_deadline(const struct ol_val *spec, const struct ol_val *old,
                           struct kube_findings *to)
{
    const struct ol_val *now = ol_val_get(spec, "activeDeadlineSeconds");
    const struct ol_val *before = ol_val_get(old, "activeDeadlineSeconds");
    const struct kube_path *at = CHILD(&spec_at, "activeDeadlineSeconds");
    int64_t n = ol_val_int(now, 1);

    if (n < 1 || n > INT32_MAX)
        check_invalid_int(to, at, n, "must be between 1 and 2147483647, inclusive");
    else if (before && now && ol_val_int(before, 0) < n)
        check_invalid_int(to, at, n, "must be less than or equal to previous value");
    else if (before && !now)
        check_invalid(to, at, NULL, "must not update from a positive integer to nil value");
}

static void check_pod_update(const struct ol_val *spec, const struct ol_val *old,
                             struct kube_findings *to)
{
    static const struct ol_json_style style = {
        .indent = 1, .item_separator = ",", .key_separator = ": ", .sort_keys = true};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf a = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(8 << 20);
    const struct ol_val *now = frozen_spec(spec, old, &arena);

    if (ol_val_equal(now, old))
        return;
    ol_buf_adds(&text, "pod updates may not change fields other than `spec.containers[*].image`,"
                       "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                       "`spec.tolerations` (only additions to existing tolerations),"
                       "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                       "previously negative)\n");
    if (ol_json_dump(old, &style, &a) >= 0 && ol_json_dump(now, &style, &b) >= 0)
        check_diff(a.data, b.data, &text);
    check_forbidden(to, &spec_at, text.data);
}

void kube_validate_pod(const struct ol_val *object, const struct ol_val *old,
                       struct kube_findings *to)
{
    const struct ol_val *spec = ol_val_get(object, "spec");
    const struct ol_val *nodes =
        ol_val_at(spec, "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution");

    check_volumes(ol_val_get(spec, "volumes"), to);
    if (ol_val_count(ol_val_get(spec, "containers")) == 0)
        check_required(to, CHILD(&spec_at, "containers"), NULL);
    check_containers(spec, "containers", to);
    check_containers(spec, "initContainers", to);
    check_pod_names(spec, to);
    check_tolerations(ol_val_get(spec, "tolerations"), to);
    if (nodes)
        check_node_selector(nodes,
                            CHILD(CHILD(CHILD(&spec_at, "affinity"), "nodeAffinity"),
                                  "requiredDuringSchedulingIgnoredDuringExecution"),
                            to);
    check_deadline(spec, ol_val_get(old, "spec"), to);
    if (!old && *check_str(spec, "nodeName") && ol_val_count(ol_val_get(spec, "schedulingGates")))
        check_forbidden(to, CHILD(&spec_at, "nodeName"),
                        "cannot be set until all schedulingGates have been cleared");
    if (old)
        check_pod_update(spec, ol_val_get(old, "spec"), to);
}
