/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"

#define MIB ((int64_t)1 << 20)

static const char domain[] = "grpc";
static const int64_t default_size = 1024 * MIB;
static const int64_t alignment = 4096;
static const int64_t largest = (int64_t)1 << 60;

int driver_fail(struct ol_err *err, enum ol_grpc_code code, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return ol_err_set_domain(err, EPROTO, domain, (int)code, "%s", text);
}

enum ol_grpc_code driver_code(const struct ol_err *err)
{
    if (err->domain && !strcmp(err->domain, domain))
        return (enum ol_grpc_code)err->status;
    return err->code == ENOSPC || err->code == EDQUOT ? OL_GRPC_RESOURCE_EXHAUSTED
                                                      : OL_GRPC_INTERNAL;
}

int driver_need(const char *value, const char *field, struct ol_err *err)
{
    return *value ? 0 : driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "%s is missing", field);
}

int driver_need_name(const char *value, const char *field, size_t size, struct ol_err *err)
{
    int r = driver_need(value, field, err);

    if (r < 0)
        return r;
    if (strlen(value) >= size)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "%s has more than %zu bytes", field,
                           size - 1);
    if (!ol_utf8_is_valid(value, strlen(value)))
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "%s is no UTF-8", field);
    return 0;
}

/* The file systems that an image may have; mkfs.xfs refuses less than 300 MiB. */
static const struct {
    const char *name;
    int64_t least;
} file_systems[] = {
    {"ext4", 4 * MIB},
    {"xfs", 300 * MIB},
};

static int check_fs(const char *fs, int64_t *ret_least, struct ol_err *err)
{
    if (!*fs)
        fs = file_systems[0].name;
    for (size_t i = 0; i < ol_count(file_systems); i++) {
        if (strcmp(file_systems[i].name, fs) != 0)
            continue;
        *ret_least = file_systems[i].least;
        return 0;
    }
    return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                       "file system '%s': only ext4 and xfs are made", fs);
}

static int check_mode(const Csi__V1__VolumeCapability__AccessMode *m, struct driver_use *use,
                      struct ol_err *err)
{
    if (!m || !m->mode)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "access_mode is missing");
    switch (m->mode) {
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER:
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_MULTI_WRITER: return 0;
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_READER_ONLY:
        use->is_read_only = true;
        return 0;
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_SINGLE_WRITER:
        use->is_single = true;
        return 0;
    default:
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "a local volume is on one node: its access mode is not supported");
    }
}

int driver_check_capability(const Csi__V1__VolumeCapability *c, enum driver_type type,
                            struct driver_use *ret, struct ol_err *err)
{
    struct driver_use use = {.fs = ""};
    int64_t least;
    int r;

    if (!c)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_capability is missing");
    r = check_mode(c->access_mode, &use, err);
    if (r < 0)
        return r;
    switch (c->access_type_case) {
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK:
        if (type == DRIVER_DIRECTORY)
            return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                               "a volume of type 'directory' is no block device");
        use.is_block = true;
        break;
    case CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT:
        use.fs = c->mount->fs_type;
        use.flags = c->mount->mount_flags;
        use.n_flags = c->mount->n_mount_flags;
        if (type == DRIVER_IMAGE)
            r = check_fs(use.fs, &least, err);
        break;
    default: r = driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "access_type is missing");
    }
    if (r == 0)
        *ret = use;
    return r;
}

static int64_t align(int64_t size)
{
    return (size + alignment - 1) / alignment * alignment;
}

static int check_range_itself(int64_t required, int64_t limit, struct ol_err *err)
{
    if (required < 0 || limit < 0)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "capacity_range is negative");
    if (limit && limit < required)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "capacity_range: limit_bytes is less than required_bytes");
    if (required > largest)
        return driver_fail(err, OL_GRPC_OUT_OF_RANGE, "%lld bytes are more than any volume has",
                           (long long)required);
    return 0;
}

int driver_check_range(const Csi__V1__CapacityRange *range, int64_t least, int64_t *ret_size,
                       struct ol_err *err)
{
    int64_t required = range ? range->required_bytes : 0, limit = range ? range->limit_bytes : 0;
    int64_t size = required;
    int r = check_range_itself(required, limit, err);

    if (r < 0)
        return r;
    if (!size)
        size = limit && limit < default_size ? limit / alignment * alignment : default_size;
    if (size < least)
        size = least;
    size = align(size);
    if (limit && size > limit)
        return driver_fail(err, OL_GRPC_OUT_OF_RANGE,
                           "limit_bytes %lld: such a volume has at least %lld bytes",
                           (long long)limit, (long long)size);
    *ret_size = size;
    return 0;
}

static int parse_bool(const char *key, const char *value, bool *ret, struct ol_err *err)
{
    *ret = !strcmp(value, "true");
    if (*ret || !strcmp(value, "false"))
        return 0;
    return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                       "parameter %s: '%s' is neither true nor false", key, value);
}

static int check_parameter(const char *key, const char *value, struct driver_record *r,
                           struct ol_err *err)
{
    if (!strcmp(key, "thick"))
        return parse_bool(key, value, &r->is_thick, err);
    if (!strcmp(key, "type")) {
        r->type = !strcmp(value, "directory") ? DRIVER_DIRECTORY : DRIVER_IMAGE;
        if (r->type == DRIVER_IMAGE && strcmp(value, "image") != 0)
            return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                               "parameter type: '%s' is neither image nor directory", value);
        return 0;
    }
    /* The provisioner's --extra-create-metadata. */
    if (ol_str_starts(key, "csi.storage.k8s.io/"))
        return 0;
    return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "unknown parameter '%s'", key);
}

int driver_check_mutable(const char *key, const char *value, struct driver_record *r,
                         struct ol_err *err)
{
    bool is_thick = false;
    int result;

    if (ol_str_starts(key, "csi.storage.k8s.io/")) /* --extra-modify-metadata */
        return 0;
    if (strcmp(key, "thick") != 0)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "parameter '%s' can't be changed; 'thick' can", key);
    result = parse_bool(key, value, &is_thick, err);
    if (result < 0)
        return result;
    if (is_thick && r->type == DRIVER_DIRECTORY)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT,
                           "parameter thick: a volume of type 'directory' has no size to take");
    r->is_thick = is_thick;
    return 0;
}

static int check_source(const Csi__V1__VolumeContentSource *s, struct driver_record *r,
                        struct ol_err *err)
{
    const char *id = "";

    if (!s)
        return 0;
    if (s->type_case == CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_SNAPSHOT)
        id = s->snapshot->snapshot_id;
    else if (s->type_case == CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_VOLUME)
        id = s->volume->volume_id;
    if (!*id)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_content_source has no id");
    if (!driver_id_is_valid(id))
        return driver_fail(err, OL_GRPC_NOT_FOUND, "there is no '%s' to copy", id);
    snprintf(r->source, sizeof(r->source), "%s", id);
    return 0;
}

/* The least size for all capabilities. */
static int check_capabilities(const Csi__V1__CreateVolumeRequest *q, enum driver_type type,
                              int64_t *ret_least, struct ol_err *err)
{
    int64_t least = type == DRIVER_DIRECTORY ? 0 : alignment, one = 0;
    struct driver_use use;
    int r = 0;

    if (!q->n_volume_capabilities)
        return driver_fail(err, OL_GRPC_INVALID_ARGUMENT, "volume_capabilities are missing");
    for (size_t i = 0; i < q->n_volume_capabilities && r == 0; i++) {
        r = driver_check_capability(q->volume_capabilities[i], type, &use, err);
        if (r == 0 && !use.is_block && type == DRIVER_IMAGE)
            r = check_fs(use.fs, &one, err);
        if (one > least)
            least = one;
    }
    *ret_least = least;
    return r;
}

int driver_check_create(const Csi__V1__CreateVolumeRequest *q, struct driver_record *ret,
                        struct ol_err *err)
{
    struct driver_record record = {.kind = DRIVER_VOLUME, .type = DRIVER_IMAGE};
    int64_t least = 0;
    int r = driver_need_name(q->name, "name", DRIVER_NAME_MAX, err);

    for (size_t i = 0; r == 0 && i < q->n_parameters; i++)
        r = check_parameter(q->parameters[i]->key, q->parameters[i]->value, &record, err);
    for (size_t i = 0; r == 0 && i < q->n_mutable_parameters; i++)
        r = driver_check_mutable(q->mutable_parameters[i]->key, q->mutable_parameters[i]->value,
                                 &record, err);
    if (r == 0)
        r = check_capabilities(q, record.type, &least, err);
    if (r == 0)
        r = driver_check_range(q->capacity_range, least, &record.size, err);
    if (r == 0)
        r = check_source(q->volume_content_source, &record, err);
    if (r < 0)
        return r;
    snprintf(record.name, sizeof(record.name), "%s", q->name);
    driver_id(DRIVER_VOLUME, q->name, record.id);
    *ret = record;
    return 0;
}

int driver_check_same(const struct driver_record *old, const struct driver_record *wanted,
                      const Csi__V1__CapacityRange *range, struct ol_err *err)
{
    int64_t required = range ? range->required_bytes : 0, limit = range ? range->limit_bytes : 0;

    if (old->size < required || (limit && old->size > limit))
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "volume '%s' exists with %lld bytes",
                           old->name, (long long)old->size);
    if (old->type != wanted->type || old->is_thick != wanted->is_thick)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "volume '%s' exists with other parameters",
                           old->name);
    if (strcmp(old->source, wanted->source) != 0)
        return driver_fail(err, OL_GRPC_ALREADY_EXISTS, "volume '%s' exists with other content",
                           old->name);
    return 0;
}

bool driver_is_here(const Csi__V1__Topology *t, const char *key, const char *node)
{
    for (size_t i = 0; i < t->n_segments; i++)
        if (!strcmp(t->segments[i]->key, key))
            return !strcmp(t->segments[i]->value, node);
    return true; /* it says nothing about us */
}

bool driver_is_reachable(const Csi__V1__TopologyRequirement *q, const char *key, const char *node)
{
    if (!q || !q->n_requisite)
        return true;
    for (size_t i = 0; i < q->n_requisite; i++)
        if (driver_is_here(q->requisite[i], key, node))
            return true;
    return false;
}
