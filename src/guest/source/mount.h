/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/device.h"
#include "guest/source/files.h"

/*
 * Calls 'with' for the files of a device: where it is mounted already, else mounted read-only below
 * /run/cloud-init/tmp for the time of the call, else (no such file system in the kernel, not
 * permitted, or another root than "/") by reading an iso9660 image without mounting it. Whatever
 * happens, it is unmounted and the directory removed.
 *
 * Returns what 'with' returns; -EOPNOTSUPP: there is no way to read it.
 */
typedef int (*source_files_fn)(struct guest *g, const struct source_files *f, void *ctx,
                               struct ol_err *err);
int source_with_device(struct guest *g, const struct source_device *device, source_files_fn with,
                       void *ctx, struct ol_err *err) __attribute__((warn_unused_result));
