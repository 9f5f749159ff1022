/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/base/privileged.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request as words, a line each. What is taken stays below the root and is no option. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roots[] = {"/r", NULL};
    ol_auto(ol_buf_done) struct ol_buf plan = OL_BUF_INIT(1 << 16);
    ol_autofree char *text = calloc(1, size + 1);
    const char *argv[12] = {NULL};
    size_t n = 0;

    if (!text)
        abort();
    memcpy(text, data, size);
    for (char *rest = text, *word; n < 11 && (word = strsep(&rest, "\n"));)
        argv[n++] = word;
    if (privileged_plan(roots, argv, &plan, NULL) < 0)
        return 0;
    if (strstr(plan.data, "/../") || !plan.len)
        abort();
    if (!strcmp(argv[0], "chown") && strncmp(plan.data, "chown /r/", 9))
        abort();
    if (!strcmp(argv[0], "umount") && strncmp(plan.data, "umount /r/", 10))
        abort();
    return 0;
}
