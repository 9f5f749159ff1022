/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/config/oslo-ini.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct oslo_ini ini;
    struct ol_err err = OL_ERR_INIT;

    if (oslo_ini_parse(&a, "f", (const char *)data, size, &ini, &err) < 0) {
        if (!err.msg[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < ini.n; i++) {
        const struct oslo_entry *e = &ini.entries[i];

        if (!e->key[0] || !e->group[0] || e->line < 1 || !oslo_ini_find(&ini, e->group, e->key))
            abort();
    }
    return 0;
}
