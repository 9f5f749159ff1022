/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "volume/attach/state.h"

enum { PAGE_MAX_BYTES = 1 << 20 };

/* One row per state: where each event leads, and what is done. */
static void print_table(struct ol_buf *to)
{
    ol_buf_adds(to, "| state |");
    for (unsigned e = 0; e < ATTACH_N_EVENTS; e++)
        ol_buf_printf(to, " %s |", attach_event_name(e));
    ol_buf_adds(to, "\n|---|");
    for (unsigned e = 0; e < ATTACH_N_EVENTS; e++)
        ol_buf_adds(to, "---|");
    ol_buf_adds(to, "\n");
    for (unsigned s = 0; s < ATTACH_N_STATES; s++) {
        ol_buf_printf(to, "| %s |", attach_state_name(s));
        for (unsigned e = 0; e < ATTACH_N_EVENTS; e++) {
            struct attach_rule r = attach_rule_of(s, e);
            const char *what = attach_do_name(r.what);

            if (r.is_edge)
                ol_buf_printf(to, " %s%s%s |", attach_state_name(r.next), *what ? ", " : "", what);
            else
                ol_buf_adds(to, " |");
        }
        ol_buf_adds(to, "\n");
    }
}

static void the_page_shows_the_machine(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf table = OL_BUF_INIT(PAGE_MAX_BYTES),
                                       page = OL_BUF_INIT(PAGE_MAX_BYTES);
    const char *source = getenv("OL_TEST_SOURCE_DIR");
    ol_autofclose FILE *f = NULL;
    char path[4096], piece[4096];
    size_t n = 0;

    snprintf(path, sizeof(path), "%s/docs/design/attach.md", source ? source : ".");
    f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        ol_buf_add(&page, piece, n);
    print_table(&table);
    if (!strstr(page.data, table.data))
        fail_msg("docs/design/attach.md should have this table:\n%s", table.data);
}

/* Nothing is taken away before the node was told, and a failure is never "not attached". */
static void some_ways_do_not_exist(void **state)
{
    for (unsigned s = 0; s < ATTACH_N_STATES; s++) {
        for (unsigned e = 0; e < ATTACH_N_EVENTS; e++) {
            struct attach_rule r = attach_rule_of(s, e);

            if (!r.is_edge)
                continue;
            if (r.next == ATTACH_DETACHING)
                assert_int_equal(s, ATTACH_WITHDRAWING);
            if (r.next == ATTACH_DETACHED)
                assert_int_equal(e, ATTACH_EV_GONE);
            if (e == ATTACH_EV_FAILED)
                assert_int_not_equal(r.next, ATTACH_DETACHED);
            if (r.next == ATTACH_ATTACHED)
                assert_int_equal(e, ATTACH_EV_CONFIRMED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_the_machine),
        cmocka_unit_test(some_ways_do_not_exist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
