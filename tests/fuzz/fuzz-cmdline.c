/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/base/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    ol_auto(ol_buf_done) struct ol_buf config = OL_BUF_INIT(1 << 20),
                                       network = OL_BUF_INIT(1 << 20);
    const char *line = ol_arena_memdup(&a, data, size);
    struct ol_val *fields = ol_val_new_map(&a);
    bool is_disabled = false;
    int r;

    cmdline_fields(&a, line, "ds=nocloud", fields);
    cmdline_cloud_config(line, &config);
    r = cmdline_network_config(line, &network, &is_disabled, NULL);
    if ((r < 0 || is_disabled) && network.len)
        abort();
    if (strpbrk(cmdline_datasource(&a, line, NULL), "; \t"))
        abort();
    return 0;
}
