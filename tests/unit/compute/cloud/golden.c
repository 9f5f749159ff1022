/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"

struct ol_val *golden_load(struct ol_arena *a, const char *name)
{
    const char *root = getenv("OL_TEST_SOURCE_DIR");
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ol_val *v = NULL;
    struct ol_env env;

    assert_int_equal(ol_env_init(&env, root ? root : ".", NULL), 0);
    assert_int_equal(
        ol_file_read(&env, ol_arena_printf(a, "/tests/golden/compute/%s", name), &text, NULL), 0);
    ol_env_done(&env);
    assert_int_equal(ol_json_load(text.data, text.len, a, &v, NULL), 0);
    return v;
}

const char *golden_text(struct ol_arena *a, const struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    if (!v)
        return NULL;
    assert_int_equal(ol_json_dump(v, &ol_json_python, &text), 0);
    return ol_arena_strdup(a, text.data);
}
