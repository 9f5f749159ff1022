/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec/val.h"
#include "core/err.h"

/*
 * What a disk image is by its bytes, and whether it is safe to hand to QEMU: pure. An image comes
 * from a user; one that names another file of this host (a backing file, an external data file)
 * would let its owner read that (CVE-2024-32498, CVE-2023-2088's kind). Nothing probes an image but
 * this; QEMU is always told the format.
 */
enum image_format {
    IMAGE_RAW, /* nothing that is known otherwise: also kernels and file systems */
    IMAGE_QCOW2,
    IMAGE_ISO,
    IMAGE_OTHER, /* known and not supported */
};

enum {
    IMAGE_HEAD = 64 << 10, /* bytes of the beginning that are looked at */
    IMAGE_TAIL = 512,      /* and of the end */
};

/* A file's beginning and its last bytes. */
struct image_bytes {
    const uint8_t *head, *tail;
    size_t head_size, tail_size;
};

/* *ret_name is QEMU's name of the format: "raw", "qcow2", "vmdk" …; may be NULL. */
enum image_format image_detect(const struct image_bytes *b, const char **ret_name);

/* -EINVAL unless a qcow2's header is sound, names no other file and needs no feature that is not
 * known (nova 26.3 image/format_inspector.py). */
int image_check_qcow2(const struct image_bytes *b, int64_t *ret_virtual_size, struct ol_err *err)
    __attribute__((warn_unused_result));
/* What "qemu-img info --output=json" says about it has to agree: the format, no backing file, no
 * data file. */
int image_check_info(const struct ol_val *info, const char *format, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Whether what the bytes are agrees with what glance calls it (disk_format); NULL is "raw". The
 * three of Amazon may be anything that is raw to QEMU. */
int image_check_claim(enum image_format is, const char *name, const char *disk_format,
                      struct ol_err *err) __attribute__((warn_unused_result));
