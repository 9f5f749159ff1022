/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/json-writer.h"
#include "kube/document/describe.h"

/* Of every kind; apiserver installs the same for all of its own storages. */
static const char all_verbs[] = "create,delete,deletecollection,get,list,patch,update,watch";
static const char status_verbs[] = "get,patch,update";

const struct kube_subresource kube_subresources[] = {
    {&kube_pod_kind, "binding", "Binding", "", "v1", "create"},
    {&kube_pod_kind, "eviction", "Eviction", "policy", "v1", "create"},
    {&kube_service_account_kind, "token", "TokenRequest", "authentication.k8s.io", "v1", "create"},
    {0},
};

static bool is_same(const struct kube_kind *a, const struct kube_kind *b, bool with_version)
{
    return !strcmp(a->group, b->group) && (!with_version || !strcmp(a->version, b->version));
}

/* The next kind from *at that is the first of its group, or of its version of 'group'; NULL at the
 * end. */
static const struct kube_kind *next_first(size_t *at, const char *group)
{
    for (; kube_kinds[*at]; (*at)++) {
        const struct kube_kind *k = kube_kinds[*at];
        bool is_first = !group || !strcmp(k->group, group);

        for (size_t i = 0; is_first && i < *at; i++)
            is_first = !is_same(kube_kinds[i], k, group != NULL);
        if (is_first)
            return kube_kinds[(*at)++];
    }
    return NULL;
}

static void add_words(struct ol_jw *w, const char *key, const char *const *words)
{
    if (!words)
        return;
    ol_jw_list(w, key);
    for (size_t i = 0; words[i]; i++)
        ol_jw_str(w, NULL, words[i]);
    ol_jw_end(w);
}

/* "get,list" as a list. */
static void add_verbs(struct ol_jw *w, const char *verbs)
{
    ol_jw_list(w, "verbs");
    while (*verbs) {
        char verb[24];
        size_t len = strcspn(verbs, ",");

        if (len < sizeof(verb)) {
            memcpy(verb, verbs, len);
            verb[len] = '\0';
            ol_jw_str(w, NULL, verb);
        }
        verbs += len + (verbs[len] == ',');
    }
    ol_jw_end(w);
}

void kube_discover_core_versions(const char *address, struct ol_buf *to)
{
    struct ol_jw w;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "APIVersions");
    ol_jw_list(&w, "versions");
    ol_jw_str(&w, NULL, "v1");
    ol_jw_end(&w);
    ol_jw_list(&w, "serverAddressByClientCIDRs");
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "clientCIDR", "0.0.0.0/0");
    ol_jw_str(&w, "serverAddress", address);
    ol_jw_end(&w);
    ol_jw_end(&w);
    ol_jw_end(&w);
}

static void add_group_version(struct ol_jw *w, const char *key, const struct kube_kind *kind)
{
    char name[96];

    kube_api_version(kind, name);
    ol_jw_map(w, key);
    ol_jw_str(w, "groupVersion", name);
    ol_jw_str(w, "version", kind->version);
    ol_jw_end(w);
}

/* The members of an APIGroup; its first version in the registry is the preferred one. */
static void add_group(struct ol_jw *w, const char *group)
{
    const struct kube_kind *kind, *preferred = NULL;
    size_t at = 0;

    ol_jw_str(w, "name", group);
    ol_jw_list(w, "versions");
    while ((kind = next_first(&at, group))) {
        add_group_version(w, NULL, kind);
        if (!preferred)
            preferred = kind;
    }
    ol_jw_end(w);
    if (preferred)
        add_group_version(w, "preferredVersion", preferred);
}

void kube_discover_groups(struct ol_buf *to)
{
    const struct kube_kind *kind;
    struct ol_jw w;
    size_t at = 0;

    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "APIGroupList");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_list(&w, "groups");
    while ((kind = next_first(&at, NULL))) {
        if (!*kind->group)
            continue;
        ol_jw_map(&w, NULL);
        add_group(&w, kind->group);
        ol_jw_end(&w);
    }
    ol_jw_end(&w);
    ol_jw_end(&w);
}

int kube_discover_group(const char *group, struct ol_buf *to)
{
    struct ol_jw w;
    size_t at = 0;

    if (!*group || !next_first(&at, group))
        return -ENOENT;
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "APIGroup");
    ol_jw_str(&w, "apiVersion", "v1");
    add_group(&w, group);
    ol_jw_end(&w);
    return 0;
}

/* "pods/eviction" with the group of its object where that is another one. */
static void add_subresource(struct ol_jw *w, const struct kube_subresource *s)
{
    char name[192];

    snprintf(name, sizeof(name), "%s/%s", s->kind->plural, s->name);
    ol_jw_map(w, NULL);
    ol_jw_str(w, "name", name);
    ol_jw_str(w, "singularName", "");
    ol_jw_bool(w, "namespaced", s->kind->flags & KUBE_NAMESPACED);
    if (strcmp(s->group, s->kind->group) != 0) {
        ol_jw_str(w, "group", s->group);
        ol_jw_str(w, "version", s->version);
    }
    ol_jw_str(w, "kind", s->object_kind);
    add_verbs(w, s->verbs);
    ol_jw_end(w);
}

/* A kind's subresources, status among them; false at the end. */
static bool next_subresource(const struct kube_kind *kind, size_t *at, struct kube_subresource *ret)
{
    const struct kube_subresource status = {kind,        "status",      kind->kind,
                                            kind->group, kind->version, status_verbs};

    if (*at == 0) {
        ++*at;
        if (kind->flags & KUBE_HAS_STATUS) {
            *ret = status;
            return true;
        }
    }
    for (; kube_subresources[*at - 1].kind; ++*at)
        if (kube_subresources[*at - 1].kind == kind) {
            *ret = kube_subresources[(*at)++ - 1];
            return true;
        }
    return false;
}

static void add_resource(struct ol_jw *w, const struct kube_kind *kind)
{
    struct kube_subresource sub;
    size_t at = 0;

    ol_jw_map(w, NULL);
    ol_jw_str(w, "name", kind->plural);
    ol_jw_str(w, "singularName", kind->singular);
    ol_jw_bool(w, "namespaced", kind->flags & KUBE_NAMESPACED);
    ol_jw_str(w, "kind", kind->kind);
    add_verbs(w, all_verbs);
    add_words(w, "shortNames", kind->short_names);
    add_words(w, "categories", kind->categories);
    ol_jw_end(w);
    while (next_subresource(kind, &at, &sub))
        add_subresource(w, &sub);
}

int kube_discover_resources(const char *group, const char *version, struct ol_buf *to)
{
    const struct kube_kind *kind;
    struct ol_jw w;
    char name[96];
    size_t at = 0;

    while ((kind = next_first(&at, group)) && strcmp(kind->version, version) != 0)
        continue;
    if (!kind)
        return -ENOENT;
    kube_api_version(kind, name);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "APIResourceList");
    ol_jw_str(&w, "apiVersion", "v1");
    ol_jw_str(&w, "groupVersion", name);
    ol_jw_list(&w, "resources");
    for (size_t i = 0; kube_kinds[i]; i++)
        if (is_same(kube_kinds[i], kind, true))
            add_resource(&w, kube_kinds[i]);
    ol_jw_end(&w);
    ol_jw_end(&w);
    return 0;
}

static void add_response_kind(struct ol_jw *w, const char *group, const char *version,
                              const char *kind)
{
    ol_jw_map(w, "responseKind");
    ol_jw_str(w, "group", group);
    ol_jw_str(w, "version", version);
    ol_jw_str(w, "kind", kind);
    ol_jw_end(w);
}

/* A kind as APIResourceDiscovery. */
static void add_aggregated_resource(struct ol_jw *w, const struct kube_kind *kind)
{
    struct kube_subresource sub;
    size_t at = 0;
    bool has_any = false;

    ol_jw_map(w, NULL);
    ol_jw_str(w, "resource", kind->plural);
    add_response_kind(w, kind->group, kind->version, kind->kind);
    ol_jw_str(w, "scope", kind->flags & KUBE_NAMESPACED ? "Namespaced" : "Cluster");
    ol_jw_str(w, "singularResource", kind->singular);
    add_verbs(w, all_verbs);
    add_words(w, "shortNames", kind->short_names);
    add_words(w, "categories", kind->categories);
    while (next_subresource(kind, &at, &sub)) {
        if (!has_any)
            ol_jw_list(w, "subresources");
        has_any = true;
        ol_jw_map(w, NULL);
        ol_jw_str(w, "subresource", sub.name);
        add_response_kind(w, sub.group, sub.version, sub.object_kind);
        add_verbs(w, sub.verbs);
        ol_jw_end(w);
    }
    if (has_any)
        ol_jw_end(w);
    ol_jw_end(w);
}

static void add_aggregated_group(struct ol_jw *w, const char *group)
{
    const struct kube_kind *first;
    size_t at = 0;

    ol_jw_map(w, NULL);
    ol_jw_map(w, "metadata");
    if (*group)
        ol_jw_str(w, "name", group);
    ol_jw_null(w, "creationTimestamp");
    ol_jw_end(w);
    ol_jw_list(w, "versions");
    while ((first = next_first(&at, group))) {
        ol_jw_map(w, NULL);
        ol_jw_str(w, "version", first->version);
        ol_jw_list(w, "resources");
        for (size_t i = 0; kube_kinds[i]; i++)
            if (is_same(kube_kinds[i], first, true))
                add_aggregated_resource(w, kube_kinds[i]);
        ol_jw_end(w);
        ol_jw_str(w, "freshness", "Current");
        ol_jw_end(w);
    }
    ol_jw_end(w);
    ol_jw_end(w);
}

void kube_discover_aggregated(bool is_core, const char *version, struct ol_buf *to)
{
    const struct kube_kind *kind;
    char api_version[64];
    struct ol_jw w;
    size_t at = 0;

    snprintf(api_version, sizeof(api_version), "apidiscovery.k8s.io/%s", version);
    ol_jw_init(&w, to);
    ol_jw_map(&w, NULL);
    ol_jw_str(&w, "kind", "APIGroupDiscoveryList");
    ol_jw_str(&w, "apiVersion", api_version);
    ol_jw_map(&w, "metadata");
    ol_jw_end(&w);
    ol_jw_list(&w, "items");
    while ((kind = next_first(&at, NULL)))
        if (!*kind->group == is_core)
            add_aggregated_group(&w, kind->group);
    ol_jw_end(&w);
    ol_jw_end(&w);
}
