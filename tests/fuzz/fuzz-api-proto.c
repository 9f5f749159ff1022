/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "kube/apiserver/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(64 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v;

    if (proto_load(data, size, &a, &v, &err) == 0)
        (void)!ol_json_dump(v, &ol_json_compact, &json);
    return 0;
}
