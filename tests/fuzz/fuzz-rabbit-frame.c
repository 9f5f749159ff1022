/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "compute/rpc/rabbit-frame.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a server might send: frames one after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(rabbit_decoder_done) struct rabbit_decoder d;
    size_t at = 0;

    rabbit_decoder_init(&d);
    while (at < size) {
        struct ol_err err = OL_ERR_INIT;
        struct rabbit_frame f;
        ssize_t n = rabbit_frame_read(&d, (const char *)data + at, size - at, &f, &err);

        if (n <= 0) {
            if (n < 0 && !err.msg[0])
                abort();
            break;
        }
        if ((size_t)n > size - at || f.len > size || (f.method && !f.decoded))
            abort();
        at += (size_t)n;
        d.max = RABBIT_FRAME_MAX;
    }
    return 0;
}
