/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json-writer.h"
#include "codec/json.h"
#include "core/cleanup.h"

/* A list of cases below tests/golden. */
static inline struct ol_val *golden_load(struct ol_arena *a, const char *name)
{
    const char *root = getenv("OL_TEST_SOURCE_DIR");
    const char *path = ol_arena_printf(a, "%s/tests/golden/%s", root ? root : ".", name);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(16 << 20);
    ol_autofclose FILE *file = fopen(path, "re");
    struct ol_val *v = NULL;
    char chunk[8192];
    size_t n;

    assert_non_null(file);
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        ol_buf_add(&text, chunk, n);
    assert_int_equal(ol_json_load(text.data, text.len, a, &v, NULL), 0);
    return v;
}

/* Sorted, so that two texts can be compared. */
static inline const char *golden_text(struct ol_arena *a, const struct ol_val *v)
{
    static const struct ol_json_style sorted = {
        .indent = -1, .sort_keys = true, .item_separator = ",", .key_separator = ":"};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(16 << 20);

    assert_int_equal(ol_json_dump(v, &sorted, &text), 0);
    return ol_arena_strdup(a, text.data);
}
