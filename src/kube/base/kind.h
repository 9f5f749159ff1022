/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "kube/base/types.h"

/*
 * The API kinds that we serve and use: const rows of one registry. A row names the kind, its place
 * in the API, and its schema (field.h).
 */

/* Bits of kube_kind.flags */
enum kube_kind_flag {
    KUBE_NAMESPACED = 1 << 0,
    KUBE_HAS_STATUS = 1 << 1, /* a /status subresource: the main resource ignores status and back */
};

/* A column of kubectl get. */
struct kube_column {
    const char *name, *type, *format; /* "Name", "string", "name" */
    int priority;                     /* 0 = always, 1 = -o wide */
    const char *doc;
    /* Adds the cell as JSON ("\"Bound\"", "3"). 'now' is for ages. */
    void (*cell)(const struct kube_object *o, ol_time now, struct ol_buf *to);
};

struct kube_findings;

struct kube_kind {
    const char *group, *version;    /* "" = core, "v1" */
    const char *kind, *list_kind;   /* "PersistentVolume", "PersistentVolumeList" */
    const char *plural, *singular;  /* "persistentvolumes", as in URLs */
    const char *const *short_names; /* "pv"; NULL-terminated, or NULL */
    const char *const *categories;  /* "all"; or NULL */
    unsigned flags;                 /* enum kube_kind_flag */
    const struct kube_schema *schema;
    const struct kube_column *columns; /* ended by name NULL */
    const char *const *selectable;     /* fieldSelector paths beyond metadata.name and .namespace */
    /* The value of such a path for an object; NULL = "". */
    const char *(*select)(const struct ol_val *object, const char *path);
    /* Rules that a table can't say, on the JSON form. 'old' is NULL on create. Findings go to
     * 'to'. */
    void (*prepare)(struct ol_val *object, const struct ol_val *old, struct ol_arena *a);
    void (*validate)(const struct ol_val *object, const struct ol_val *old,
                     struct kube_findings *to);
};

extern const struct kube_kind kube_pv_kind, kube_pvc_kind, kube_class_kind, kube_va_kind,
    kube_csinode_kind, kube_csidriver_kind, kube_capacity_kind, kube_attributes_class_kind,
    kube_node_kind, kube_pod_kind, kube_secret_kind, kube_config_map_kind,
    kube_service_account_kind, kube_lease_kind, kube_event_kind, kube_namespace_kind;

/* All of them, in the order of discovery; NULL-terminated. */
extern const struct kube_kind *const kube_kinds[];

/* By its place in URLs ("storage.k8s.io", "v1", "storageclasses"); NULL = none. */
const struct kube_kind *kube_kind_by_plural(const char *group, const char *version,
                                            const char *plural);
/* By what objects say ("v1", "PersistentVolume"); NULL = none. */
const struct kube_kind *kube_kind_by_name(const char *api_version, const char *kind);
/* "v1" or "storage.k8s.io/v1", into out. */
void kube_api_version(const struct kube_kind *kind, char out[96]);

/* --- objects --- */
/*
 * Decodes one object; its kind is told by the caller, or by its own words when 'kind' is NULL
 * (-ENOENT when we have no such kind). The result has one reference. Unknown members are skipped;
 * -EINVAL with the field's path when a member has the wrong type.
 */
int kube_decode(const struct kube_kind *kind, const struct ol_val *v,
                const struct kube_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The same from JSON text. */
int kube_decode_text(const struct kube_kind *kind, const char *json, size_t len,
                     const struct kube_object **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/*
 * Pieces of JSON text, found without reading the rest into a tree: the 'object' of a watch event,
 * the items of a list. -EINVAL: not JSON so far; -ENOENT: there is no such member.
 */
int kube_text_member(const char *json, size_t len, const char *key, const char **ret,
                     size_t *ret_len) __attribute__((warn_unused_result));
/* The next item of a list: 1 and its text, 0 at the end. */
struct kube_text_items {
    const char *at, *end; /* of the list's text, with its brackets */
    bool is_begun;        /* own */
};
int kube_text_next(struct kube_text_items *items, const char **ret, size_t *ret_len)
    __attribute__((warn_unused_result));

const struct kube_object *kube_object_ref(const struct kube_object *o);
void kube_object_unref(const struct kube_object *o);
/* For ol_auto(kube_object_unref_at). */
void kube_object_unref_at(const struct kube_object **o);
/* "default/claim", or "pv-1" for kinds without namespaces: the key of queues and caches. Heap. */
char *kube_object_key(const struct kube_object *o) __attribute__((warn_unused_result));
/* Splits such a key; ns is "" without slash. Both into the caller's 254-byte buffers. */
int kube_key_split(const char *key, char ns[254], char name[254])
    __attribute__((warn_unused_result));
/* -1, 0, 1 by resource version as integers; -EINVAL when one is not a number. For our own
 * caches. */
int kube_version_cmp(const char *a, const char *b, int *ret) __attribute__((warn_unused_result));

/* --- selectors --- */
/* NULL selects nothing, an empty selector everything. */
bool kube_labels_match(const struct kube_label_selector *s, const struct kube_map *labels);
/* The terms ORed, requirements of a term ANDed; an empty term matches nothing. metadata.name is
 * the one field of match_fields. NULL selects everything. */
bool kube_node_matches(const struct kube_node_selector *s, const struct kube_node *node);
/* One toleration is enough; rules of v1.Toleration.ToleratesTaint. */
bool kube_is_tolerated(const struct kube_list *tolerations, const struct kube_taint *taint);

/* Some rules that many ask for. */
/* The beta annotation wins over the field; "" when there is neither, and *ret_is_set says whether
 * there is one. */
const char *kube_claim_class(const struct kube_pvc *claim, bool *ret_is_set);
const char *kube_pv_class(const struct kube_pv *pv);
/* A condition's status is "True". */
bool kube_condition_is_true(const struct kube_list *conditions, const char *type);
/* Succeeded or Failed. */
bool kube_pod_is_terminated(const struct kube_pod *pod);
