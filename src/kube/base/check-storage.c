/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

enum {
    PARAMETERS_MAX = 512,
    PARAMETERS_SIZE_MAX = 256 << 10,
    ERROR_MESSAGE_MAX = 1024,
    NODE_ID_MAX = 256,
    UPDATE_PERIOD_MIN = 10,
    TOKEN_SECONDS_MIN = 600,
};

static const struct kube_path spec_at = {.name = "spec"};

static void check_parameters(const struct ol_val *parameters, struct kube_findings *to)
{
    const struct kube_path *at = CHILD(NULL, "parameters");
    size_t size = 0;

    if (ol_val_count(parameters) > PARAMETERS_MAX) {
        check_too_long(to, at, PARAMETERS_MAX);
        return;
    }
    for (size_t i = 0; i < ol_val_count(parameters); i++) {
        const struct ol_pair *pair = ol_val_pair(parameters, i);

        if (pair->key->str.len == 0)
            check_invalid_str(to, at, "", "field can not be empty.");
        size += pair->key->str.len + pair->value->str.len;
    }
    if (size > PARAMETERS_SIZE_MAX)
        check_too_long(to, at, PARAMETERS_SIZE_MAX);
}

static void check_provisioner(const char *name, const char *member, struct kube_findings *to)
{
    ol_autofree char *lower = ol_str_lower(ol_xstrdup(name));

    if (*name)
        check_form(to, CHILD(NULL, member), lower, CHECK_KEY);
}

/* Members of the root that may not be changed, in the words of the storage group. */
static void forbid_updates(const struct ol_val *object, const struct ol_val *old,
                           const char *const *members, struct kube_findings *to)
{
    for (; *members; members++) {
        ol_autofree char *text = ol_xasprintf("updates to %s are forbidden.", *members);

        if (!check_same(ol_val_get(object, *members), ol_val_get(old, *members)))
            check_forbidden(to, CHILD(NULL, *members), text);
    }
}

static void check_topology(const struct ol_val *term, const struct kube_path *at,
                           struct kube_findings *to)
{
    const struct ol_val *list = ol_val_get(term, "matchLabelExpressions");

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *r = ol_val_item(list, i);
        const struct kube_path *item = ITEM(CHILD(at, "matchLabelExpressions"), i);

        if (ol_val_count(ol_val_get(r, "values")) == 0)
            check_required(to, CHILD(item, "values"), NULL);
        check_form(to, CHILD(item, "key"), check_str(r, "key"), CHECK_KEY);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(check_str(ol_val_item(list, k), "key"), check_str(r, "key"))) {
                check_duplicate(to, CHILD(item, "key"), check_str(r, "key"));
                break;
            }
    }
}

void kube_validate_class(const struct ol_val *object, const struct ol_val *old,
                         struct kube_findings *to)
{
    static const char *const fixed[] = {"parameters", "provisioner", "reclaimPolicy", NULL};
    const struct ol_val *topologies = ol_val_get(object, "allowedTopologies");

    check_provisioner(check_str(object, "provisioner"), "provisioner", to);
    check_parameters(ol_val_get(object, "parameters"), to);
    for (size_t i = 0; i < ol_val_count(topologies); i++)
        check_topology(ol_val_item(topologies, i), ITEM(CHILD(NULL, "allowedTopologies"), i), to);
    if (old)
        forbid_updates(object, old, fixed, to);
}

void kube_validate_attributes_class(const struct ol_val *object, const struct ol_val *old,
                                    struct kube_findings *to)
{
    static const char *const fixed[] = {"driverName", "parameters", NULL};

    check_provisioner(check_str(object, "driverName"), "driverName", to);
    check_parameters(ol_val_get(object, "parameters"), to);
    if (ol_val_count(ol_val_get(object, "parameters")) == 0)
        check_required(to, CHILD(NULL, "parameters"), "must contain at least one key/value pair");
    if (old)
        forbid_updates(object, old, fixed, to);
}

static void check_volume_error(const struct ol_val *e, const struct kube_path *at,
                               struct kube_findings *to)
{
    int64_t code = ol_val_int(ol_val_get(e, "errorCode"), 0);

    if (strlen(check_str(e, "message")) > ERROR_MESSAGE_MAX)
        check_too_long(to, CHILD(at, "message"), PARAMETERS_SIZE_MAX);
    if (code < 0)
        check_invalid_int(to, CHILD(at, "errorCode"), code,
                          "must be between 0 and 2147483647, inclusive");
}

void kube_validate_va(const struct ol_val *object, const struct ol_val *old,
                      struct kube_findings *to)
{
    const struct ol_val *spec = ol_val_get(object, "spec"), *source = ol_val_get(spec, "source");
    const struct ol_val *name = ol_val_get(source, "persistentVolumeName");
    const struct ol_val *inline_spec = ol_val_get(source, "inlineVolumeSpec");
    const struct ol_val *status = ol_val_get(object, "status");
    const struct kube_path *at = CHILD(&spec_at, "source"), *status_at = CHILD(NULL, "status");
    static const char one[] =
        "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

    check_driver_name(check_str(spec, "attacher"), CHILD(&spec_at, "attacher"), to);
    if (!name && !inline_spec)
        check_required(to, at, one);
    else if (name && inline_spec)
        check_forbidden(to, at, one);
    else if (name && !*ol_val_str(name))
        check_required(to, CHILD(at, "persistentVolumeName"),
                       "must specify non empty persistentVolumeName");
    else if (name)
        check_form(to, CHILD(at, "persistentVolumeName"), ol_val_str(name), CHECK_SUBDOMAIN);
    check_form(to, CHILD(&spec_at, "nodeName"), check_str(spec, "nodeName"), CHECK_SUBDOMAIN);
    check_volume_error(ol_val_get(status, "attachError"), CHILD(status_at, "attachError"), to);
    check_volume_error(ol_val_get(status, "detachError"), CHILD(status_at, "detachError"), to);
}

/* --- what drivers tell --- */
static void check_topology_keys(const struct ol_val *keys, const struct kube_path *at,
                                struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(keys); i++) {
        const char *key = ol_val_str(ol_val_item(keys, i));

        for (size_t k = 0; k < i; k++)
            if (!strcmp(ol_val_str(ol_val_item(keys, k)), key)) {
                check_duplicate(to, at, key);
                break;
            }
        check_form(to, at, key, CHECK_KEY);
    }
}

/* All but 'allocatable' stays as it is while a driver is registered. */
static void check_driver_kept(const struct ol_val *driver, const struct ol_val *old,
                              struct kube_findings *to)
{
    static const char *const fixed[] = {"nodeID", "topologyKeys"};

    for (size_t i = 0; i < ol_count(fixed); i++)
        if (!check_same(ol_val_get(driver, fixed[i]), ol_val_get(old, fixed[i]))) {
            check_invalid(to, CHILD(&spec_at, "drivers"), driver, "field is immutable");
            return;
        }
}

void kube_validate_csinode(const struct ol_val *object, const struct ol_val *old,
                           struct kube_findings *to)
{
    const struct ol_val *drivers = ol_val_at(object, "spec/drivers");
    const struct ol_val *before = ol_val_at(old, "spec/drivers");

    for (size_t i = 0; i < ol_val_count(drivers); i++) {
        const struct ol_val *driver = ol_val_item(drivers, i);
        const struct kube_path *at = ITEM(CHILD(&spec_at, "drivers"), i);
        const char *name = check_str(driver, "name"), *id = check_str(driver, "nodeID");

        check_driver_name(name, CHILD(at, "name"), to);
        if (strlen(id) > NODE_ID_MAX)
            check_invalid_str(to, CHILD(at, "nodeID"), id, "must be 256 characters or less");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(check_str(ol_val_item(drivers, k), "name"), name)) {
                check_duplicate(to, CHILD(at, "name"), name);
                break;
            }
        check_topology_keys(ol_val_get(driver, "topologyKeys"), at, to);
        for (size_t k = 0; k < ol_val_count(before); k++)
            if (!strcmp(check_str(ol_val_item(before, k), "name"), name))
                check_driver_kept(driver, ol_val_item(before, k), to);
    }
}

static void check_token_requests(const struct ol_val *list, struct kube_findings *to)
{
    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *request = ol_val_item(list, i);
        const struct kube_path *at = ITEM(CHILD(&spec_at, "tokenRequests"), i);
        const struct ol_val *seconds = ol_val_get(request, "expirationSeconds");
        int64_t n = ol_val_int(seconds, TOKEN_SECONDS_MIN);

        for (size_t k = 0; k < i; k++)
            if (!strcmp(check_str(ol_val_item(list, k), "audience"),
                        check_str(request, "audience"))) {
                check_duplicate(to, CHILD(at, "audience"), check_str(request, "audience"));
                break;
            }
        if (n < TOKEN_SECONDS_MIN)
            check_invalid_int(to, CHILD(at, "expirationSeconds"), n,
                              "may not specify a duration less than 10 minutes");
        if (n > (int64_t)1 << 32)
            check_invalid_int(to, CHILD(at, "expirationSeconds"), n,
                              "may not specify a duration larger than 2^32 seconds");
    }
}

void kube_validate_csidriver(const struct ol_val *object, const struct ol_val *old,
                             struct kube_findings *to)
{
    const struct ol_val *spec = ol_val_get(object, "spec");
    const struct ol_val *period = ol_val_get(spec, "nodeAllocatableUpdatePeriodSeconds");
    const struct ol_val *in_secrets = ol_val_get(spec, "serviceAccountTokenInSecrets");

    check_token_requests(ol_val_get(spec, "tokenRequests"), to);
    if (ol_val_int(period, UPDATE_PERIOD_MIN) < UPDATE_PERIOD_MIN)
        check_invalid(to, CHILD(&spec_at, "nodeAllocatableUpdatePeriodSeconds"), period,
                      "must be greater than or equal to 10 seconds");
    if (in_secrets && ol_val_count(ol_val_get(spec, "tokenRequests")) == 0)
        check_invalid(to, CHILD(&spec_at, "serviceAccountTokenInSecrets"), in_secrets,
                      "serviceAccountTokenInSecrets is set but no tokenRequests are specified");
    if (old)
        /* The path is kube-apiserver's. */
        check_immutable(ol_val_get(spec, "attachRequired"), ol_val_at(old, "spec/attachRequired"),
                        CHILD(&spec_at, "attachedRequired"), to);
}

void kube_validate_capacity(const struct ol_val *object, const struct ol_val *old,
                            struct kube_findings *to)
{
    check_label_selector(ol_val_get(object, "nodeTopology"), CHILD(NULL, "nodeTopology"), to);
    check_form(to, CHILD(NULL, "storageClassName"), check_str(object, "storageClassName"),
               CHECK_SUBDOMAIN);
    check_quantity(ol_val_get(object, "capacity"), CHILD(NULL, "capacity"), false, to);
}
