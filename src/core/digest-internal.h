/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What MD5 (RFC 1321, 3.1) and SHA-256 (FIPS 180-4, 5.1.1) share: blocks of 64 bytes, and a padding
 * that ends in the length in bits, in the byte order of the algorithm. */
enum digest_order { DIGEST_LITTLE_ENDIAN, DIGEST_BIG_ENDIAN };

/* Gives the message and its padding to 'add', block after block. */
void digest_blocks(const void *data, size_t size, enum digest_order order, uint32_t *state,
                   void (*add)(uint32_t *state, const uint8_t *block));
