/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "volume/driver/record.h"

/*
 * All records in memory, sorted by id. The files are the truth: after whatever a job did to a
 * volume, driver_table_refresh() reads its record anew.
 */
struct driver_table {
    struct driver_record *v;
    size_t n, cap;
};

/* Reads STATE/records; what is no record there is told in the log and left alone. */
int driver_table_load(struct ol_env *env, const char *state_dir, struct driver_table *ret,
                      struct ol_err *err) __attribute__((warn_unused_result));
void driver_table_done(struct driver_table *t);
/* NULL = none. Borrowed until the next change of the table. 'id' may be any text. */
const struct driver_record *driver_table_find(const struct driver_table *t, const char *id);
/* Place of the first record with this id or a later one; t->n at the end. */
size_t driver_table_seek(const struct driver_table *t, const char *id);
void driver_table_put(struct driver_table *t, const struct driver_record *r);
void driver_table_drop(struct driver_table *t, const char *id);
/* What the file says, or nothing when there is none. */
void driver_table_refresh(struct driver_table *t, struct ol_env *env, const char *state_dir,
                          const char *id);
