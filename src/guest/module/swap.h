/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "codec/val.h"
#include "core/env.h"
#include "core/err.h"

/* The swap file of cloud-config's 'swap'; cloud-init 26.2 cc_mounts.py. */

/*
 * Bytes from "10M", "1.5GiB", "512" or a number (util.human2bytes(): K, M, G, T are powers of 1024
 * whatever follows them). -EINVAL with domain "ValueError" and Python's sentence.
 */
int swap_parse_size(const struct ol_val *v, int64_t *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/*
 * How large a swap file of "auto" size gets, in bytes: as much as memory below 4 GiB, then 4 GiB,
 * from 16 GiB on the square root of the GiB; never more than the limit. That is 'max' but at most
 * 90 % of what is free on the disk, or without 'max' (-1) a quarter of that and at most twice the
 * memory.
 */
int64_t swap_suggest(int64_t memory, int64_t disk_free, int64_t max);

/*
 * Makes the file as 'swap' asks for unless it is in use already. *ret_path is the file to be put
 * into fstab, NULL when there is none: not asked for. In the arena 'a'.
 */
int swap_set_up(struct ol_env *env, struct ol_arena *a, const struct ol_val *swap,
                const char **ret_path, struct ol_err *err) __attribute__((warn_unused_result));
