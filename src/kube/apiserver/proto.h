/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "codec/val.h"
#include "core/arena.h"
#include "core/err.h"

/*
 * Bodies of application/vnd.kubernetes.protobuf, as client-go's typed clients send them: "k8s\0",
 * an envelope that names the kind, and the object (apimachinery pkg/runtime/serializer/protobuf).
 * The result is the tree that the same object's JSON would have given.
 *
 * -EINVAL: not well-formed; -ENOENT: a kind that we don't know; -EFBIG: the arena is full.
 */
int proto_load(const void *data, size_t size, struct ol_arena *a, struct ol_val **ret,
               struct ol_err *err) __attribute__((warn_unused_result));
