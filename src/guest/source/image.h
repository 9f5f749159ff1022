/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/files.h"

/* An iso9660 device read without mounting it. Needs no privilege beyond reading the device. */
struct source_image {
    struct source_files files; /* its state points to this struct: do not move it */
    int fd;
    struct ol_iso9660 *iso;
};

/* Opens the device 'path' below the root. -EINVAL: there is no sound iso9660 on it. */
int source_image_open(struct guest *g, const char *path, struct source_image *ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
void source_image_done(struct source_image *image);
