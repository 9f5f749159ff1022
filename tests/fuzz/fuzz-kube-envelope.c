/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "kube/client/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *text;
    size_t len;
};

static void on_item(void *ctx, const char *object, size_t len)
{
    const struct input *in = ctx;

    if (object < in->text || object + len > in->text + in->len || !len)
        abort();
}

/* Objects lie within the text, and what is read as a list is no event. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {(const char *)data, size};
    struct envelope_list list = {.item = on_item, .ctx = &in};
    struct envelope_event event;

    if (envelope_read_list(in.text, size, &list, NULL) == 0)
        free(list.token);
    if (envelope_read_event(in.text, size, &event, NULL) == 0 && event.len != 4)
        on_item(&in, event.object, event.len);
    return 0;
}
