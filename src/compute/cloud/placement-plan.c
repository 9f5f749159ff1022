/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/cloud/placement.h"
#include "core/cleanup.h"
#include "core/str.h"

static const char *const numbers[] = {"total",     "min_unit",         "max_unit",
                                      "step_size", "allocation_ratio", "reserved"};

static struct ol_val *inventory(struct ol_arena *a, const struct placement_inventory *i)
{
    struct ol_val *v = ol_val_new_map(a);

    ol_val_set_int(a, v, "total", i->total);
    ol_val_set_int(a, v, "min_unit", i->min_unit);
    ol_val_set_int(a, v, "max_unit", i->max_unit);
    ol_val_set_int(a, v, "step_size", i->step_size);
    ol_val_set(a, v, "allocation_ratio", ol_val_new_float(a, i->allocation_ratio));
    ol_val_set_int(a, v, "reserved", i->reserved);
    return v;
}

/* An inventory with our six members alone, as it may be sent back. */
static struct ol_val *inventory_again(struct ol_arena *a, const struct ol_val *seen)
{
    struct ol_val *v = ol_val_new_map(a);

    for (size_t i = 0; i < ol_count(numbers); i++)
        if (ol_val_get(seen, numbers[i]))
            ol_val_set(a, v, numbers[i], ol_val_copy(a, ol_val_get(seen, numbers[i])));
    return v;
}

struct ol_val *placement_inventories(struct ol_arena *a, const struct placement_provider *p,
                                     const struct ol_val *keep)
{
    struct ol_val *all = ol_val_new_map(a);

    for (size_t i = 0; i < p->n_inventories; i++)
        ol_val_set(a, all, p->inventories[i].resource_class, inventory(a, &p->inventories[i]));
    for (size_t i = 0; i < ol_val_count(keep); i++) {
        const struct ol_pair *pair = ol_val_pair(keep, i);
        const char *name = pair ? ol_val_str(pair->key) : NULL;

        if (name && !ol_val_get(all, name))
            ol_val_set(a, all, name, inventory_again(a, pair->value));
    }
    return all;
}

bool placement_same_inventories(const struct ol_val *a, const struct ol_val *b)
{
    if (ol_val_count(a) != ol_val_count(b))
        return false;
    for (size_t i = 0; i < ol_val_count(a); i++) {
        const struct ol_pair *pair = ol_val_pair(a, i);
        const struct ol_val *other = pair ? ol_val_get_key(b, pair->key) : NULL;

        if (!other)
            return false;
        for (size_t j = 0; j < ol_count(numbers); j++)
            if (!ol_val_equal(ol_val_get(pair->value, numbers[j]), ol_val_get(other, numbers[j])))
                return false;
    }
    return true;
}

void placement_traits(const struct placement_provider *p, const struct ol_val *seen,
                      struct ol_strv *ret)
{
    if (p->traits)
        ol_strv_each (name, p->traits)
            if (!ol_strv_has(ret, name))
                ol_strv_add(ret, name);
    for (size_t i = 0; i < ol_val_count(seen); i++) {
        const char *name = ol_val_str(ol_val_item(seen, i));

        if (name && !ol_str_starts(name, "COMPUTE_") && !ol_str_starts(name, "HW_CPU_")
            && !ol_strv_has(ret, name))
            ol_strv_add(ret, name);
    }
}

bool placement_same_traits(const struct ol_strv *a, const struct ol_val *b)
{
    if (a->n != ol_val_count(b))
        return false;
    for (size_t i = 0; i < ol_val_count(b); i++) {
        const char *name = ol_val_str(ol_val_item(b, i));

        if (!name || !ol_strv_has(a, name))
            return false;
    }
    return true;
}

enum placement_conflict placement_conflict(const struct ol_val *body)
{
    const struct ol_val *first = ol_val_item(ol_val_get(body, "errors"), 0);
    const char *code = ol_val_str(ol_val_get(first, "code"));
    const char *detail = ol_val_str(ol_val_get(first, "detail"));

    if (code && !strcmp(code, "placement.inventory.inuse"))
        return CONFLICT_IN_USE;
    if (detail && strstr(detail, "Conflicting resource provider name"))
        return CONFLICT_NAME;
    return CONFLICT_GENERATION;
}
