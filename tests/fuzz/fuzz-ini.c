/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "codec/ini.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct ol_val *v;

    if (ol_ini_load((const char *)data, size, &a, &v, NULL) < 0)
        return 0;
    if (!ol_val_is(v, OL_VAL_MAP))
        abort();
    return 0;
}
