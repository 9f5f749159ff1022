/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "compute/virt/libvirt-read.h"
#include "core/alloc.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A domain's XML as libvirt gives it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_autofree char *text = ol_xstrndup((const char *)data, size);
    static const char *const kinds[] = {"disk", "interface"};

    for (size_t i = 0; i < ol_count(kinds); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct libvirt_devices found = {.n = 0};

        if (libvirt_find_devices(&a, text, kinds[i], &found) < 0)
            continue;
        (void)libvirt_find_disk(&found, "disk");
        (void)libvirt_find_nic(&found, "0f5ab8e2-1111-2222", "fa:16:3e:00:00:01");
    }
    return 0;
}
