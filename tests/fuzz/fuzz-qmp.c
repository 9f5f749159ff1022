/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "compute/virt/qemu-def.h"
#include "compute/virt/qmp.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What QEMU sends, in pieces as the first byte says; and the same as a machine's record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(qmp_reader_done) struct qmp_reader r = QMP_READER_INIT;
    size_t piece = size ? (size_t)data[0] + 1 : 1;
    struct qemu_def *d = NULL;

    for (size_t at = 0; at < size; at += piece) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct qmp_message m;

        if (qmp_feed(&r, data + at, size - at < piece ? size - at : piece) < 0)
            break;
        while (qmp_next(&r, &a, &m, NULL) > 0)
            ;
    }
    if (qemu_def_load((const char *)data, size, &d, NULL) == 0)
        qemu_def_free(d);
    return 0;
}
