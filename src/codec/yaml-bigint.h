/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "core/arena.h"

/*
 * Integers of any size for YAML's scalars: "0xffffffffffffffffff" and "52:54:00:12:34:56"
 * are ints to Python whatever their size. Only reading is needed. Python refuses more
 * than 4300 decimal digits (sys.set_int_max_str_digits), and so does this, which also
 * bounds the work.
 */
enum {
    YAML_BIGINT_DIGITS = 4300,
    YAML_BIGINT_LIMBS = YAML_BIGINT_DIGITS / 9 + 1,
};

struct yaml_bigint {
    bool is_negative;
    uint32_t n;                        /* limbs in use */
    uint32_t limbs[YAML_BIGINT_LIMBS]; /* base 10^9, least first */
};

/* this = this * factor + addend. -ERANGE: too many digits. */
int yaml_bigint_muladd(struct yaml_bigint *b, uint32_t factor, uint32_t addend)
    __attribute__((warn_unused_result));
/* Adds digits of 'base' (2, 8, 10 or 16). -EINVAL: none, or something else between them. */
int yaml_bigint_read(struct yaml_bigint *b, const char *digits, size_t len, unsigned base)
    __attribute__((warn_unused_result));
struct ol_val *yaml_bigint_to_val(const struct yaml_bigint *b, struct ol_arena *a);
