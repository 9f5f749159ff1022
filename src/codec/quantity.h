/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Kubernetes' resource.Quantity: "10Gi", "10G", "1500m", "1e3", "800E" (beyond int64, therefore
 * 128 bits). Rules: apimachinery pkg/api/resource/quantity.go, 1.3x. Values are kept in
 * units of 10^-9, which is what Kubernetes rounds up to.
 */
enum ol_quantity_format { OL_QUANTITY_DECIMAL_SI, OL_QUANTITY_BINARY_SI, OL_QUANTITY_EXPONENT };

struct ol_quantity {
    __int128 nano;
    enum ol_quantity_format format; /* how it was written, and is written again */
};

enum { OL_QUANTITY_MAX = 64 }; /* bytes of the longest canonical text with its NUL */

/* -EINVAL with Kubernetes' own sentence when the text is no quantity. What does not fit 128 bits is
 * capped, as Kubernetes caps it. */
int ol_quantity_parse(const char *text, struct ol_quantity *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Canonical form, as an API server would print it: "1024Mi" is "1Gi", "0.5Gi" is "512Mi". */
void ol_quantity_format(const struct ol_quantity *q, char out[OL_QUANTITY_MAX]);
/* <0, 0, >0 */
int ol_quantity_cmp(const struct ol_quantity *a, const struct ol_quantity *b);
void ol_quantity_add(struct ol_quantity *sum, const struct ol_quantity *more);
void ol_quantity_sub(struct ol_quantity *from, const struct ol_quantity *less);
/* Whole units rounded up, as Quantity.Value(); INT64_MAX when it does not fit. */
int64_t ol_quantity_value(const struct ol_quantity *q);
/* Thousandths rounded up, as Quantity.MilliValue(). */
int64_t ol_quantity_milli(const struct ol_quantity *q);
/* Of whole bytes, in binary form ("10Gi", "1000" when no suffix divides it). */
struct ol_quantity ol_quantity_of(int64_t value);
bool ol_quantity_is_zero(const struct ol_quantity *q);
