/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/env.h"

/*
 * What the driver knows of a volume or snapshot: a JSON file each, STATE/records/ID.json. It is
 * written before what it announces is done: a volume that is "creating" may or may not have data,
 * one that is "deleting" may or may not have any left. Data are in STATE/data/ID, a file or a
 * directory.
 *
 * An id is made of the name that the CO chose, so that a CreateVolume that is made again after a
 * crash finds the same volume. No other bytes from outside ever get into a path.
 */
enum {
    DRIVER_ID_MAX = 40,    /* with NUL */
    DRIVER_NAME_MAX = 129, /* with NUL; CSI spec, Size Limits: 128 bytes */
    DRIVER_NODE_MAX = 257, /* the same, node_id */
};

enum driver_kind { DRIVER_VOLUME, DRIVER_SNAPSHOT };
enum driver_type { DRIVER_IMAGE, DRIVER_DIRECTORY };
enum driver_state { DRIVER_CREATING, DRIVER_READY, DRIVER_DELETING };

struct driver_record {
    enum driver_kind kind;
    char id[DRIVER_ID_MAX];
    char name[DRIVER_NAME_MAX];
    enum driver_type type;
    enum driver_state state;
    int64_t size; /* bytes */
    bool is_thick;
    bool is_attached_read_only;
    /* File system that we have begun to make; when !is_formatted nobody has used it yet, and a half
     * of it is made anew. "" = none by us. */
    char fs[8];
    bool is_formatted;
    char source[DRIVER_ID_MAX];     /* volume or snapshot it is a copy of; "" = none */
    char attached[DRIVER_NODE_MAX]; /* node; "" = none */
    int64_t created;                /* wall, seconds */
};

/* "vol-" or "snap-" and 32 hexadecimal digits of the name's SHA-256. */
void driver_id(enum driver_kind kind, const char *name, char ret_id[DRIVER_ID_MAX]);
/* It looks like one of ours. */
bool driver_id_is_valid(const char *id);

void driver_record_write(const struct driver_record *r, struct ol_buf *to);
/* -EINVAL: no record, or not one of ours. */
int driver_record_read(const char *text, size_t len, struct driver_record *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* STATE/records/ID.json and STATE/data/ID; heap. */
char *driver_record_path(const char *state_dir, const char *id) __attribute__((warn_unused_result));
char *driver_data_path(const char *state_dir, const char *id) __attribute__((warn_unused_result));
/* -ENOENT there is none. */
int driver_record_load(struct ol_env *env, const char *state_dir, const char *id,
                       struct driver_record *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Written, made durable, then renamed, and that made durable. Blocks on the disk. */
int driver_record_save(struct ol_env *env, const char *state_dir, const struct driver_record *r,
                       struct ol_err *err) __attribute__((warn_unused_result));
int driver_record_remove(struct ol_env *env, const char *state_dir, const char *id,
                         struct ol_err *err) __attribute__((warn_unused_result));
