/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "compute/object/object.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every way to read every field of the class, and every child. */
static void read_all(const struct nova_object *o, int depth)
{
    for (const struct nova_field *f = o->class->fields; f->name; f++) {
        const char *text = nova_str(o, f->name);
        struct nova_object *child = nova_child(o, f->name);

        if (text && nova_time(text) < -1)
            abort();
        (void)nova_int(o, f->name, 0);
        (void)nova_float(o, f->name, 0);
        (void)nova_bool(o, f->name);
        (void)nova_is_changed(o, f->name);
        if (child && depth < 100)
            read_all(child, depth + 1);
    }
    for (size_t i = 0; i < nova_list_count(o) && depth < 100; i++) {
        struct nova_object *item = nova_list_item(o, i);

        if (item)
            read_all(item, depth + 1);
    }
}

/* What was loaded is dumped as it was, can be changed, and takes itself as an answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(32 << 20);
    struct nova_object *o, *fresh;
    struct ol_val *v;
    struct ol_err err = OL_ERR_INIT;

    if (ol_json_load((const char *)data, size, &a, &v, NULL) < 0
        || nova_object_load(&a, v, &o, &err) < 0)
        return 0;
    if (!ol_val_equal(v, nova_object_dump(o)))
        abort();
    read_all(o, 0);
    fresh = nova_object_new(&a, nova_releases, o->class->name);
    if (nova_object_update(fresh, o->data, &err) < 0)
        return 0;
    read_all(fresh, 0);
    if (nova_object_update(o, v, &err) < 0)
        return 0;
    nova_clear_changes(o);
    read_all(o, 0);
    return 0;
}
