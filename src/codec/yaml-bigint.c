/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-bigint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { LIMB_BASE = 1000000000 };

int yaml_bigint_muladd(struct yaml_bigint *b, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;

    for (uint32_t i = 0; i < b->n; i++) {
        carry += (uint64_t)b->limbs[i] * factor;
        b->limbs[i] = (uint32_t)(carry % LIMB_BASE);
        carry /= LIMB_BASE;
    }
    while (carry > 0) {
        if (b->n == YAML_BIGINT_LIMBS)
            return -ERANGE;
        b->limbs[b->n++] = (uint32_t)(carry % LIMB_BASE);
        carry /= LIMB_BASE;
    }
    return 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

int yaml_bigint_read(struct yaml_bigint *b, const char *digits, size_t len, unsigned base)
{
    if (len == 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        if (digit_value(digits[i]) >= (int)base)
            return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int r = yaml_bigint_muladd(b, base, (uint32_t)digit_value(digits[i]));

        if (r < 0)
            return r;
    }
    return 0;
}

struct ol_val *yaml_bigint_to_val(const struct yaml_bigint *b, struct ol_arena *a)
{
    char text[YAML_BIGINT_LIMBS * 9 + 2], *p = text;

    if (b->n <= 2) {
        int64_t v = b->n > 1 ? (int64_t)b->limbs[1] * LIMB_BASE : 0;

        v += b->n > 0 ? b->limbs[0] : 0;
        return ol_val_new_int(a, b->is_negative ? -v : v);
    }
    p += snprintf(p, 12, "%s%" PRIu32, b->is_negative ? "-" : "", b->limbs[b->n - 1]);
    for (uint32_t i = b->n - 1; i > 0; i--)
        p += snprintf(p, 10, "%09" PRIu32, b->limbs[i - 1]);
    return ol_val_new_int_text(a, text);
}
