/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compute/base/exception.h"
#include "compute/manager/manager-internal.h"
#include "core/num.h"

/* Methods that only ask. */

enum { MAX_CONSOLE = 100 << 10 /* nova's MAX_CONSOLE_BYTES */ };

/* The last 'lines' lines. */
static const char *tail(const char *text, size_t len, int64_t lines)
{
    const char *p = text + len;

    while (lines > 0 && p > text) {
        if (p[-1] == '\n' && --lines == 0)
            break;
        p--;
    }
    return p;
}

/* ASCII, whatever the guest wrote: other bytes as U+FFFD, as Python decodes with "replace". */
static struct ol_val *decode(struct ol_arena *a, const char *bytes)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4 * MAX_CONSOLE);

    for (; *bytes; bytes++) {
        if ((unsigned char)*bytes < 0x80)
            ol_buf_addc(&text, *bytes);
        else
            ol_buf_adds(&text, "\xef\xbf\xbd");
    }
    return ol_val_new_str(a, text.data);
}

static void no_nul(struct ol_buf *b)
{
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] == '\0')
            b->data[i] = ' ';
}

int method_console_output(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *wanted = work_arg(w, "tail_length");
    const char *as_text = ol_val_str(wanted);
    ol_auto(ol_buf_done) struct ol_buf log = OL_BUF_INIT(MAX_CONSOLE);
    int64_t lines = ol_val_int(wanted, 0);
    int r = w->m->driver->console(w->m->virt, instance_uuid(w), instance_directory(w), MAX_CONSOLE,
                                  &log, err);

    if (r < 0)
        return r;
    if (as_text && ol_parse_i64(as_text, 10, &lines) < 0)
        lines = 0;
    no_nul(&log);
    *ret = decode(w->arena, wanted ? tail(log.data, log.len, lines) : log.data);
    return 0;
}

int method_uptime(struct work *w, struct ol_val **ret, struct ol_err *err)
{
    const char *line;
    int r = w->m->driver->uptime(w->m->virt, w->arena, &line, err);

    if (r >= 0)
        *ret = ol_val_new_str(w->arena, line);
    return r;
}
