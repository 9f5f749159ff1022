/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/cloud/cloud.h"

/*
 * Images on this host, as nova keeps them: INSTANCES/_base/SHA1-of-the-id, made under a temporary
 * name and renamed when whole. One download at a time for one image; others wait for it.
 */
struct image_cache;

struct image_cache *image_cache_new(struct ol_env *env, const struct compute_config *c,
                                    struct cloud *cloud) __attribute__((warn_unused_result));
void image_cache_free(struct image_cache *c);

struct image_base {
    char path[512];       /* of the base file */
    bool is_raw;          /* raw, else qcow2 */
    int64_t virtual_size; /* bytes */
};
/* The base file of an image: from the cache, or from glance; checked (no backing file, no data
 * file, no format other than the image says; raw, qcow2 and iso are supported) and made raw when
 * force_raw_images. A base file is raw or qcow2 by its first bytes: none that is raw looks
 * otherwise. A path in standalone use: an id that starts with '/' or "file://" is a file of
 * this host. NOVA_IMAGE_NOT_FOUND, NOVA_IMAGE_UNACCEPTABLE, NOVA_IMAGE_CORRUPT; -ENOSPC */
int image_cache_get(struct image_cache *c, const struct nova_context *user, const char *image_id,
                    struct image_base *ret, struct ol_err *err) __attribute__((warn_unused_result));
/* Removes base files, and leftovers of downloads, that none of 'used' (image ids) names and that
 * are older than 'age'. Time counts from the last image_cache_get(). */
int image_cache_clean(struct image_cache *c, const struct ol_strv *used, ol_time age,
                      struct ol_err *err) __attribute__((warn_unused_result));
