/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"
#include "kube/base/check-internal.h"
#include "kube/base/kind-internal.h"

enum { DATA_MAX = 1 << 20 };

static const struct kube_path spec_at = {.name = "spec"};

void kube_validate_node(const struct ol_val *object, const struct ol_val *old,
                        struct kube_findings *to)
{
    static const struct {
        const char *member, *words;
    } fixed[] = {
        {"podCIDR", "node updates may not change podCIDR except from \"\" to valid"},
        {"podCIDRs", "node updates may not change podCIDR except from \"\" to valid"},
        {"providerID", "node updates may not change providerID except from \"\" to valid"},
    };
    const struct ol_val *spec = ol_val_get(object, "spec"), *before = ol_val_get(old, "spec");

    check_taints(ol_val_get(spec, "taints"), CHILD(CHILD(NULL, "metadata"), "taints"), to);
    for (size_t i = 0; i < ol_count(fixed); i++) {
        const struct ol_val *was = ol_val_get(before, fixed[i].member);

        if (was && !check_same(was, ol_val_get(spec, fixed[i].member)))
            check_forbidden(to, CHILD(&spec_at, fixed[i].member), fixed[i].words);
    }
}

/* --- Secret and ConfigMap --- */
static size_t check_keys(const struct ol_val *data, const struct ol_val *other, const char *member,
                         struct kube_findings *to)
{
    size_t size = 0;

    for (size_t i = 0; i < ol_val_count(data); i++) {
        const struct ol_pair *pair = ol_val_pair(data, i);
        const char *key = ol_val_str(pair->key);
        const struct kube_path *at = ENTRY(CHILD(NULL, member), key);

        check_form(to, at, key, CHECK_DATA_KEY);
        if (ol_val_get(other, key))
            check_invalid_str(to, at, key, "duplicate of key present in binaryData");
        size += pair->value->str.len;
    }
    return size;
}

static void check_data_kept(const struct ol_val *object, const struct ol_val *old,
                            struct kube_findings *to)
{
    static const char *const members[] = {"data", "binaryData"};
    static const char words[] = "field is immutable when `immutable` is set";

    if (!ol_val_is_truthy(ol_val_get(old, "immutable")))
        return;
    if (!ol_val_is_truthy(ol_val_get(object, "immutable")))
        check_forbidden(to, CHILD(NULL, "immutable"), words);
    for (size_t i = 0; i < ol_count(members); i++)
        if (!check_same(ol_val_get(object, members[i]), ol_val_get(old, members[i])))
            check_forbidden(to, CHILD(NULL, members[i]), words);
}

/* Keys that a type of secret must have. */
static const struct {
    const char *type, *keys[2];
} secret_types[] = {
    {"kubernetes.io/dockercfg", {".dockercfg"}},
    {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}},
    {"kubernetes.io/ssh-auth", {"ssh-privatekey"}},
    {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
};

static void check_secret_type(const struct ol_val *object, struct kube_findings *to)
{
    static const char account[] = "kubernetes.io/service-account.name";
    const char *type = check_str(object, "type");
    const struct ol_val *data = ol_val_get(object, "data");
    const struct kube_path *at = CHILD(NULL, "data");

    for (size_t i = 0; i < ol_count(secret_types); i++)
        for (size_t k = 0; !strcmp(type, secret_types[i].type) && k < 2; k++)
            if (secret_types[i].keys[k] && !ol_val_get(data, secret_types[i].keys[k]))
                check_required(to, ENTRY(at, secret_types[i].keys[k]), NULL);
    if (!strcmp(type, "kubernetes.io/basic-auth") && !ol_val_get(data, "username")
        && !ol_val_get(data, "password")) {
        check_required(to, ENTRY(at, "username"), NULL);
        check_required(to, ENTRY(at, "password"), NULL);
    }
    if (!strcmp(type, "kubernetes.io/service-account-token")
        && !*check_str(ol_val_at(object, "metadata/annotations"), account))
        check_required(to, ENTRY(CHILD(CHILD(NULL, "metadata"), "annotations"), account), NULL);
}

void kube_validate_secret(const struct ol_val *object, const struct ol_val *old,
                          struct kube_findings *to)
{
    /* In base64 four characters are three bytes. */
    size_t size = check_keys(ol_val_get(object, "data"), NULL, "data", to) / 4 * 3;

    if (size > DATA_MAX)
        check_too_long(to, CHILD(NULL, "data"), DATA_MAX);
    check_secret_type(object, to);
    check_data_kept(object, old, to);
}

void kube_validate_config_map(const struct ol_val *object, const struct ol_val *old,
                              struct kube_findings *to)
{
    const struct ol_val *binary = ol_val_get(object, "binaryData");
    size_t size = check_keys(ol_val_get(object, "data"), binary, "data", to);

    size += check_keys(binary, NULL, "binaryData", to) / 4 * 3;
    if (size > DATA_MAX)
        check_too_long(to, CHILD(NULL, ""), DATA_MAX);
    check_data_kept(object, old, to);
}

void kube_validate_lease(const struct ol_val *object, const struct ol_val *old,
                         struct kube_findings *to)
{
    const struct ol_val *spec = ol_val_get(object, "spec");
    const struct ol_val *duration = ol_val_get(spec, "leaseDurationSeconds");
    const struct ol_val *transitions = ol_val_get(spec, "leaseTransitions");

    if (ol_val_int(duration, 1) <= 0)
        check_invalid(to, CHILD(&spec_at, "leaseDurationSeconds"), duration,
                      "must be greater than 0");
    if (ol_val_int(transitions, 0) < 0)
        check_invalid(to, CHILD(&spec_at, "leaseTransitions"), transitions,
                      "must be greater than or equal to 0");
}
