/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The canonical text of a quantity is that of the same quantity. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[300], first[OL_QUANTITY_MAX], second[OL_QUANTITY_MAX];
    struct ol_quantity q, again;

    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ol_quantity_parse(text, &q, NULL) < 0)
        return 0;
    ol_quantity_format(&q, first);
    if (ol_quantity_parse(first, &again, NULL) < 0)
        abort();
    ol_quantity_format(&again, second);
    if (strcmp(first, second) != 0 || ol_quantity_cmp(&q, &again) != 0)
        abort();
    ol_quantity_add(&q, &again);
    ol_quantity_sub(&q, &again);
    if (ol_quantity_value(&q) > ol_quantity_milli(&q) && q.nano > 0)
        abort();
    return 0;
}
