/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/object/object-internal.h"
#include "core/cleanup.h"

static const struct nova_class *const tables[] = {
    nova_classes_service, nova_classes_instance, nova_classes_device,
    nova_classes_request, nova_classes_list,
};

const struct nova_class *nova_class_find(const char *name)
{
    for (size_t t = 0; t < ol_count(tables); t++)
        for (const struct nova_class *c = tables[t]; c->name; c++)
            if (!strcmp(c->name, name))
                return c;
    return NULL;
}

const struct nova_field *nova_field_find(const struct nova_class *c, const char *name)
{
    for (const struct nova_field *f = c->fields; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

/* Depth first, each class once: what oslo.versionedobjects' obj_tree_get_versions() gives. */
static void collect(struct ol_arena *a, const struct nova_release *r, const struct nova_class *c,
                    struct ol_val *to)
{
    const char *version = nova_release_version(r, c->name);

    if (!version || ol_val_get(to, c->name))
        return;
    ol_val_set_str(a, to, c->name, version);
    for (const struct nova_field *f = c->fields; f->name; f++) {
        const struct nova_class *below = f->class ? nova_class_find(f->class) : NULL;

        if (below)
            collect(a, r, below, to);
    }
}

struct ol_val *nova_manifest(struct ol_arena *a, const struct nova_release *r, const char *class)
{
    const struct nova_class *c = nova_class_find(class);
    struct ol_val *to = ol_val_new_map(a);

    if (c)
        collect(a, r, c, to);
    return to;
}
