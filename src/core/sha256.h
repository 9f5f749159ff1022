/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) of bytes that are in memory: fingerprints of keys. */
enum { OL_SHA256_SIZE = 32 };

void ol_sha256(const void *data, size_t size, uint8_t ret_digest[OL_SHA256_SIZE]);
