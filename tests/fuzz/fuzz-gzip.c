/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/gzip.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gzip as it is, and base64 with gzip inside as write_files has it. What was decoded strictly
 * must come back as the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_buf_done) struct ol_buf plain = OL_BUF_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf bytes = OL_BUF_INIT(1 << 16), text = OL_BUF_INIT(1 << 17);
    int r = ol_gzip_decompress(data, size, &plain, NULL);

    ol_buf_clear(&plain);
    if (ol_base64_decode((const char *)data, size, 0, &bytes, NULL) == 0)
        r = ol_gzip_decompress(bytes.data, bytes.len, &plain, NULL);
    (void)r;
    ol_buf_clear(&bytes);
    if (ol_base64_decode((const char *)data, size, OL_BASE64_STRICT, &bytes, NULL) < 0)
        return 0;
    ol_base64_encode(bytes.data, bytes.len, 0, &text);
    if (text.len > size)
        abort();
    return 0;
}
