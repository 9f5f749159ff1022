/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "net/grpc.h"
#include "volume/driver/record.h"
#include "volume/proto/csi.pb-c.h"

/*
 * What requests may say. Pure: a request in, a decision or the gRPC code with its sentence out
 * (err->domain "grpc", err->status the code).
 */
int driver_fail(struct ol_err *err, enum ol_grpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
/* The code for an error of any kind: that of driver_fail(), RESOURCE_EXHAUSTED for a full disk,
 * else INTERNAL. */
enum ol_grpc_code driver_code(const struct ol_err *err);

/* INVALID_ARGUMENT "FIELD is missing". */
int driver_need(const char *value, const char *field, struct ol_err *err)
    __attribute__((warn_unused_result));

/* The same, and for what is neither UTF-8 nor shorter than 'size' bytes: it goes into a record. */
int driver_need_name(const char *value, const char *field, size_t size, struct ol_err *err)
    __attribute__((warn_unused_result));

/* One way of using a volume. */
struct driver_use {
    bool is_block;
    bool is_read_only;  /* SINGLE_NODE_READER_ONLY */
    bool is_single;     /* SINGLE_NODE_SINGLE_WRITER: one target at a time */
    const char *fs;     /* "" for block, or when the request names none. Borrowed */
    char *const *flags; /* mount flags; borrowed */
    size_t n_flags;
};
/* -INVALID_ARGUMENT: incomplete, or nothing that a volume of this type can be. */
int driver_check_capability(const Csi__V1__VolumeCapability *c, enum driver_type type,
                            struct driver_use *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* What CreateVolume shall make, of its request alone: id, name, type, thick, size. */
int driver_check_create(const Csi__V1__CreateVolumeRequest *q, struct driver_record *ret,
                        struct ol_err *err) __attribute__((warn_unused_result));
/* What may be changed of a volume later, and is a parameter of a VolumeAttributesClass: thick.
 * Written to the record. INVALID_ARGUMENT for what may not. */
int driver_check_mutable(const char *key, const char *value, struct driver_record *r,
                         struct ol_err *err) __attribute__((warn_unused_result));
/* ALREADY_EXISTS unless 'old' is what q asks for. */
int driver_check_same(const struct driver_record *old, const struct driver_record *wanted,
                      const Csi__V1__CapacityRange *range, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The size for a range, at least 'least' (both bytes). OUT_OF_RANGE when there is none. */
int driver_check_range(const Csi__V1__CapacityRange *range, int64_t least, int64_t *ret_size,
                       struct ol_err *err) __attribute__((warn_unused_result));
/* One of the topologies is this node; no requirement at all is fine too. */
bool driver_is_reachable(const Csi__V1__TopologyRequirement *q, const char *key, const char *node);
bool driver_is_here(const Csi__V1__Topology *t, const char *key, const char *node);
