/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/image-check.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

/* What stands at an offset. QEMU's block drivers probe for these. */
static const struct {
    const char *name;
    enum image_format format;
    size_t offset;
    const char *magic;
    size_t size;
} magics[] = {
    {"qcow2", IMAGE_QCOW2, 0, "QFI\xfb", 4},
    {"qed", IMAGE_OTHER, 0, "QED\0", 4},
    {"vmdk", IMAGE_OTHER, 0, "KDMV", 4},
    {"vmdk", IMAGE_OTHER, 0, "COWD", 4},
    {"vmdk", IMAGE_OTHER, 0, "# Disk DescriptorFile", 21},
    {"vhdx", IMAGE_OTHER, 0, "vhdxfile", 8},
    {"vpc", IMAGE_OTHER, 0, "conectix", 8},
    {"vdi", IMAGE_OTHER, 0x40, "\x7f\x10\xda\xbe", 4},
    {"parallels", IMAGE_OTHER, 0, "WithoutFreeSpace", 16},
    {"parallels", IMAGE_OTHER, 0, "WithouFreSpacExt", 16},
    {"bochs", IMAGE_OTHER, 0, "Bochs Virtual HD Image", 22},
    {"luks", IMAGE_OTHER, 0, "LUKS\xba\xbe", 6},
    {"cloop", IMAGE_OTHER, 0, "#!/bin/sh\n#V2.0 Format\n", 23},
    {"iso", IMAGE_ISO, 0x8001, "CD001", 5},
};

static bool has_magic(const uint8_t *data, size_t size, size_t offset, const char *magic,
                      size_t magic_size)
{
    return size >= offset + magic_size && !memcmp(data + offset, magic, magic_size);
}

enum image_format image_detect(const struct image_bytes *b, const char **ret_name)
{
    const char *unused;

    ret_name = ret_name ? ret_name : &unused;
    for (size_t i = 0; i < ol_count(magics); i++)
        if (has_magic(b->head, b->head_size, magics[i].offset, magics[i].magic, magics[i].size)) {
            *ret_name = magics[i].name;
            return magics[i].format;
        }
    /* Fixed VHDs and DMGs have theirs in the last sector. */
    *ret_name = "vpc";
    if (has_magic(b->tail, b->tail_size, 0, "conectix", 8))
        return IMAGE_OTHER;
    *ret_name = "dmg";
    if (has_magic(b->tail, b->tail_size, 0, "koly", 4))
        return IMAGE_OTHER;
    *ret_name = "raw";
    return IMAGE_RAW;
}

static uint64_t big_endian(const uint8_t *p, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* QEMU docs/interop/qcow2.txt: offsets, and incompatible features by bit. */
enum {
    QCOW2_VERSION = 4,
    QCOW2_BACKING_OFFSET = 8,
    QCOW2_BACKING_SIZE = 16,
    QCOW2_SIZE = 24,
    QCOW2_FEATURES = 72,
    QCOW2_LENGTH_2 = 72,
    QCOW2_LENGTH_3 = 104,
    FEATURE_DATA_FILE = 1 << 2,
    FEATURES_KNOWN = 0xf, /* dirty, corrupt, data file, compression type */
};

int image_check_qcow2(const struct image_bytes *b, int64_t *ret_virtual_size, struct ol_err *err)
{
    const uint8_t *p = b->head;
    uint64_t version, features, size;

    if (b->head_size < QCOW2_LENGTH_2)
        return ol_err_set(err, EINVAL, "its header is cut off");
    version = big_endian(p + QCOW2_VERSION, 4);
    if ((version != 2 && version != 3) || (version == 3 && b->head_size < QCOW2_LENGTH_3))
        return ol_err_set(err, EINVAL, "qcow2 of an unknown version");
    if (big_endian(p + QCOW2_BACKING_OFFSET, 8) || big_endian(p + QCOW2_BACKING_SIZE, 4))
        return ol_err_set(err, EINVAL, "qcow2 with a backing file");
    features = version == 3 ? big_endian(p + QCOW2_FEATURES, 8) : 0;
    if (features & FEATURE_DATA_FILE)
        return ol_err_set(err, EINVAL, "qcow2 with an external data file");
    if (features & ~(uint64_t)FEATURES_KNOWN)
        return ol_err_set(err, EINVAL, "qcow2 with features that are not known");
    size = big_endian(p + QCOW2_SIZE, 8);
    if (size > INT64_MAX)
        return ol_err_set(err, EINVAL, "qcow2 of an impossible size");
    *ret_virtual_size = (int64_t)size;
    return 0;
}

int image_check_info(const struct ol_val *info, const char *format, struct ol_err *err)
{
    const char *is = ol_val_str(ol_val_get(info, "format"));
    const struct ol_val *specific = ol_val_at(info, "format-specific/data");

    if (!is || strcmp(is, format) != 0)
        return ol_err_set(err, EINVAL, "qemu-img calls it '%.40s'", is ? is : "");
    if (ol_val_get(info, "backing-filename") || ol_val_get(info, "full-backing-filename"))
        return ol_err_set(err, EINVAL, "fmt=%s backed by: %.200s", format,
                          ol_val_str(ol_val_get(info, "backing-filename"))
                              ? ol_val_str(ol_val_get(info, "backing-filename"))
                              : "another file");
    if (ol_val_get(specific, "data-file"))
        return ol_err_set(err, EINVAL, "fmt=%s has data-file: %.200s", format,
                          ol_val_str(ol_val_get(specific, "data-file"))
                              ? ol_val_str(ol_val_get(specific, "data-file"))
                              : "another file");
    return 0;
}

int image_check_claim(enum image_format is, const char *name, const char *disk_format,
                      struct ol_err *err)
{
    static const char *const amazon[] = {"ami", "aki", "ari", NULL};
    const char *claim = disk_format ? disk_format : "raw";

    if (is == IMAGE_OTHER)
        return ol_err_set(err, EINVAL, "its format '%s' is not supported", name);
    if (ol_str_in(claim, amazon) ? is != IMAGE_QCOW2 : !strcmp(claim, name))
        return 0;
    /* A hybrid image of a live system is a raw disk that can be a CD. */
    if (is == IMAGE_ISO && !strcmp(claim, "raw"))
        return 0;
    return ol_err_set(err, EINVAL, "Image content does not match disk_format");
}
