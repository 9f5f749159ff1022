/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/num.h"
#include "kube/base/kind.h"

const char *kube_map_get(const struct kube_map *m, const char *key)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int r = strcmp(key, m->v[middle].key);

        if (r == 0)
            return m->v[middle].value;
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool kube_strs_has(const struct kube_strs *s, const char *what)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (!strcmp(s->v[i], what))
            return true;
    return false;
}

const struct ol_quantity *kube_resource_get(const struct kube_resources *r, const char *name)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (!strcmp(r->v[i].name, name))
            return &r->v[i].amount;
    return NULL;
}

const struct kube_field *kube_field_find(const struct kube_schema *s, const char *name)
{
    for (const struct kube_field *f = s->fields; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

/* --- selectors --- */
/* Gt and Lt: both sides are integers, else there is no match. */
static bool is_beyond(const struct kube_requirement *r, const char *value)
{
    int64_t have, limit;

    if (r->values.n != 1 || ol_parse_i64(value, 10, &have) < 0
        || ol_parse_i64(r->values.v[0], 10, &limit) < 0)
        return false;
    return r->op == KUBE_OP_GT ? have > limit : have < limit;
}

/* apimachinery pkg/labels, Requirement.Matches(); 'value' NULL: there is no such label. */
static bool requirement_matches(const struct kube_requirement *r, const char *value)
{
    switch (r->op) {
    case KUBE_OP_IN: return value && kube_strs_has(&r->values, value);
    case KUBE_OP_NOT_IN: return !value || !kube_strs_has(&r->values, value);
    case KUBE_OP_EXISTS: return value;
    case KUBE_OP_DOES_NOT_EXIST: return !value;
    case KUBE_OP_GT:
    case KUBE_OP_LT: return value && is_beyond(r, value);
    default: return false;
    }
}

static bool requirements_match(const struct kube_list *requirements, const struct kube_map *labels)
{
    const struct kube_requirement *r = requirements->v;

    for (uint32_t i = 0; i < requirements->n; i++)
        if (!requirement_matches(&r[i], kube_map_get(labels, r[i].key)))
            return false;
    return true;
}

bool kube_labels_match(const struct kube_label_selector *s, const struct kube_map *labels)
{
    if (!s)
        return false;
    for (uint32_t i = 0; i < s->match_labels.n; i++) {
        const char *value = kube_map_get(labels, s->match_labels.v[i].key);

        if (!value || strcmp(value, s->match_labels.v[i].value) != 0)
            return false;
    }
    return requirements_match(&s->match_expressions, labels);
}

/* component-helpers scheduling/corev1/nodeaffinity: of fields metadata.name alone, with In or NotIn
 * and one value. */
static bool fields_match(const struct kube_list *requirements, const struct kube_node *node)
{
    const struct kube_requirement *r = requirements->v;

    for (uint32_t i = 0; i < requirements->n; i++) {
        if (strcmp(r[i].key, "metadata.name") != 0 || r[i].values.n != 1
            || (r[i].op != KUBE_OP_IN && r[i].op != KUBE_OP_NOT_IN)
            || !requirement_matches(&r[i], node->o.meta.name))
            return false;
    }
    return true;
}

bool kube_node_matches(const struct kube_node_selector *s, const struct kube_node *node)
{
    const struct kube_node_term *t;

    if (!s)
        return true;
    t = s->terms.v;
    for (uint32_t i = 0; i < s->terms.n; i++) {
        if (t[i].match_expressions.n == 0 && t[i].match_fields.n == 0)
            continue;
        if (requirements_match(&t[i].match_expressions, &node->o.meta.labels)
            && fields_match(&t[i].match_fields, node))
            return true;
    }
    return false;
}

/* v1.Toleration.ToleratesTaint: an empty key tolerates all, an empty effect all effects. */
static bool tolerates(const struct kube_toleration *t, const struct kube_taint *taint)
{
    struct kube_requirement r = {.op = t->op, .values = {.n = 1}};

    if (*t->effect && strcmp(t->effect, taint->effect) != 0)
        return false;
    if (*t->key && strcmp(t->key, taint->key) != 0)
        return false;
    switch (t->op) {
    case KUBE_OP_NONE:
    case KUBE_OP_EQUAL: return !strcmp(t->value, taint->value);
    case KUBE_OP_EXISTS: return true;
    case KUBE_OP_GT:
    case KUBE_OP_LT: r.values.v = (const char *[]){t->value}; return is_beyond(&r, taint->value);
    default: return false;
    }
}

bool kube_is_tolerated(const struct kube_list *tolerations, const struct kube_taint *taint)
{
    const struct kube_toleration *t = tolerations->v;

    for (uint32_t i = 0; i < tolerations->n; i++)
        if (tolerates(&t[i], taint))
            return true;
    return false;
}

/* --- rules that many ask for --- */
static const char beta_class[] = "volume.beta.kubernetes.io/storage-class";

const char *kube_claim_class(const struct kube_pvc *claim, bool *ret_is_set)
{
    const char *name = kube_map_get(&claim->o.meta.annotations, beta_class);

    if (!name)
        name = claim->spec.class_name;
    if (ret_is_set)
        *ret_is_set = name;
    return name ? name : "";
}

const char *kube_pv_class(const struct kube_pv *pv)
{
    const char *name = kube_map_get(&pv->o.meta.annotations, beta_class);

    if (!name)
        name = pv->spec.class_name;
    return name ? name : "";
}

bool kube_condition_is_true(const struct kube_list *conditions, const char *type)
{
    const struct kube_condition *c = conditions->v;

    for (uint32_t i = 0; i < conditions->n; i++)
        if (!strcmp(c[i].type, type))
            return !strcmp(c[i].status, "True");
    return false;
}

bool kube_pod_is_terminated(const struct kube_pod *pod)
{
    return !strcmp(pod->status.phase, "Succeeded") || !strcmp(pod->status.phase, "Failed");
}
