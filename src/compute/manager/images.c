/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "compute/base/exception.h"
#include "compute/manager/build-internal.h"
#include "core/file.h"
#include "core/num.h"

/* Images of a build: whether they fit the flavor, the root disk's, and those of a direct boot. */

enum { PIECE = 1 << 20 };
#define GIB ((int64_t)1 << 30)

/* The image that the root disk is made of; none when it is a volume. */
static const char *root_image(struct build *b)
{
    for (size_t i = 0; i < nova_list_count(b->mappings); i++) {
        struct nova_object *bdm = nova_list_item(b->mappings, i);
        const char *source = nova_str(bdm, "source_type"),
                   *where = nova_str(bdm, "destination_type");

        if (nova_int(bdm, "boot_index", -1) == 0 && source && strcmp(source, "image") == 0 && where
            && strcmp(where, "local") == 0)
            return nova_str(bdm, "image_id");
    }
    return nova_list_count(b->mappings) ? NULL : nova_str(b->w->instance, "image_ref");
}

/* A number that may have come as text. */
static int64_t number(const struct ol_val *v)
{
    const char *text = ol_val_str(v);
    int64_t n = 0;

    if (text)
        return ol_parse_i64(text, 10, &n) < 0 ? 0 : n;
    return ol_val_int(v, 0);
}

/* What the API has checked, by what the message says of the image (nova 26 compute/api.py). */
static int check_image(const struct build *b, bool is_local, struct ol_err *err)
{
    const struct ol_val *image = work_arg(b->w, "image");
    const char *status = ol_val_str(ol_val_get(image, "status"));
    const char *id = ol_val_str(ol_val_get(image, "id"));
    int64_t root = nova_int(b->w->instance, "root_gb", 0) * GIB;
    int64_t min_disk = number(ol_val_get(image, "min_disk")) * GIB;

    if (status && strcmp(status, "active") != 0)
        return nova_fail(err, NOVA_IMAGE_NOT_ACTIVE, "Image %s is not active.", id ? id : "None");
    if (number(ol_val_get(image, "min_ram")) > nova_int(b->w->instance, "memory_mb", 0))
        return nova_fail(err, NOVA_FLAVOR_MEMORY_TOO_SMALL,
                         "Flavor's memory is too small for requested image.");
    if (is_local && root > 0 && min_disk > root)
        return nova_fail(err, NOVA_FLAVOR_DISK_TOO_SMALL,
                         "Flavor's disk is smaller than the minimum size specified in image "
                         "metadata. Flavor disk is %lld bytes, minimum size is %lld bytes.",
                         (long long)root, (long long)min_disk);
    return 0;
}

/* virt/libvirt/imagebackend.py verify_base_size() */
static int check_base(const struct build *b, struct ol_err *err)
{
    int64_t root = nova_int(b->w->instance, "root_gb", 0) * GIB;

    if (root == 0 || b->base.virtual_size <= root)
        return 0;
    return nova_fail(err, NOVA_FLAVOR_DISK_SMALLER,
                     "Flavor's disk is too small for requested image. Flavor disk is %lld bytes, "
                     "image is %lld bytes.",
                     (long long)root, (long long)b->base.virtual_size);
}

static int copy_pieces(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, PIECE, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
    }
}

/* Below the instance's directory, readable to QEMU's user; whole or not there. */
static int copy_image(struct build *b, const char *image, const char *name, struct ol_err *err)
{
    const char *path = ol_arena_printf(b->w->arena, "%s/%s", instance_directory(b->w), name);
    const char *part = ol_arena_printf(b->w->arena, "%s.part", path);
    struct ol_env *env = b->w->m->env;
    ol_autoclose int from = -1, to = -1;
    struct image_base base;
    int r;

    if (!image || !*image)
        return 0;
    r = image_cache_get(b->w->m->images, &b->w->context, image, &base, err);
    if (r < 0)
        return r;
    from = ol_open(env, base.path, O_RDONLY, 0);
    to = from < 0 ? from : ol_open(env, part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    r = to < 0 ? to : copy_pieces(from, to);
    if (r < 0)
        return ol_err_set(err, -r, "copy image '%s' to '%s': %s", image, part, strerror(-r));
    return ol_rename(env, part, path, err);
}

int build_fetch_images(struct build *b, struct ol_err *err)
{
    const char *image = root_image(b);
    int r = check_image(b, image && *image, err);

    if (r < 0 || !machine_has_disks(b->w))
        return r;
    if (image && *image) {
        r = image_cache_get(b->w->m->images, &b->w->context, image, &b->base, err);
        b->has_base = r >= 0;
        if (r >= 0)
            r = check_base(b, err);
    }
    if (r >= 0)
        r = ol_mkdir_p(b->w->m->env, instance_directory(b->w), 0755, err);
    b->is_spawned = true; /* a directory to be removed */
    if (r >= 0)
        r = copy_image(b, nova_str(b->w->instance, "kernel_id"), "kernel", err);
    if (r >= 0)
        r = copy_image(b, nova_str(b->w->instance, "ramdisk_id"), "ramdisk", err);
    return r;
}
