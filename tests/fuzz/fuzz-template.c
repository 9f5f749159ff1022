/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/template.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input with a jinja header, so that the fuzzer need not find it, and then as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char header[] = "## template: jinja\n";
    static const char vars[] = "{\"a\":1,\"l\":[\"x\",2,null],\"d\":{\"k\":\"v\"},\"s\":\"a b\"}";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
    struct ol_val *v;

    if (ol_json_load(vars, strlen(vars), &a, &v, NULL) < 0)
        abort();
    ol_buf_adds(&text, header);
    ol_buf_add(&text, data, size);
    if (ol_template_render(text.data, text.len, v, &b, NULL) < 0 && b.len > 0)
        abort();
    ol_buf_clear(&b);
    if (ol_template_render((const char *)data, size, v, &b, NULL) < 0 && b.len > 0)
        abort();
    return 0;
}
