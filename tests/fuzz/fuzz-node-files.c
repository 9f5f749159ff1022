/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "volume/node/vol-data.h"
#include "volume/plugin/mountinfo.h"
#include "volume/plugin/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_plan(char *text, size_t size)
{
    struct volume_step step;
    size_t at = 0;

    while (volume_plan_next(text, size, &at, &step) > 0) {
        for (size_t i = 0; i < step.n; i++) {
            if (step.args[i].data[step.args[i].size])
                abort();
        }
    }
}

static void read_mounts(const char *text)
{
    struct volume_mounts m;

    volume_mounts_parse(text, &m);
    for (size_t i = 0; i < m.n; i++) {
        if (!volume_mounts_at(&m, m.v[i].path))
            abort();
    }
    volume_mounts_done(&m);
}

/* What is written of a note is read as the same note. */
static void read_note(const char *text, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf out = OL_BUF_INIT(16 << 20);
    struct node_vol_data d, again;

    if (node_vol_data_parse(text, size, &a, &d, NULL) < 0)
        return;
    node_vol_data_format(&d, &out);
    if (ol_buf_status(&out) == 0
        && (node_vol_data_parse(out.data, out.len, &a, &again, NULL) < 0
            || strcmp(d.handle, again.handle) != 0))
        abort();
}

/* The first byte says as what the rest is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_autofree char *text = NULL;

    if (!size)
        return 0;
    text = ol_xcalloc(1, size);
    memcpy(text, data + 1, size - 1);
    if (data[0] == 'p')
        read_plan(text, size - 1);
    else if (data[0] == 'm')
        read_mounts(text);
    else
        read_note(text, size - 1);
    return 0;
}
