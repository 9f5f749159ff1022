/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"
#include "core/buf.h"

/* The table of options and what is done with one row: private to this directory. */
enum option_kind {
    OPTION_STR,
    OPTION_BOOL,    /* bool */
    OPTION_INT,     /* int64_t */
    OPTION_PORT,    /* int64_t, 0..65535 */
    OPTION_FLOAT,   /* double */
    OPTION_SECONDS, /* whole seconds in the file, ol_time in the struct */
    OPTION_SPAN,    /* seconds with a fraction */
    OPTION_LIST,    /* struct ol_strv */
    OPTION_HOST,    /* an address or the name of a host */
};

/* Bits of option_row.flags */
enum option_flag {
    OPTION_SECRET = 1 << 0,
    OPTION_MUTABLE = 1 << 1, /* HUP changes it; numbers and flags only */
    OPTION_AUTH = 1 << 2,    /* read from the section that auth_section names */
    OPTION_MIN = 1 << 3,
    OPTION_MAX = 1 << 4,
};

enum { OPTION_OLD_NAMES = 3 };

struct option_row {
    const char *group, *name;
    enum option_kind kind;
    unsigned flags;       /* enum option_flag */
    size_t offset;        /* in struct compute_config */
    const char *fallback; /* the default as it would stand in a file; NULL = none */
    /* A default that only this host knows; heap. Instead of 'fallback'. */
    char *(*make)(const struct compute_config_args *args);
    double min, max;
    const char *const *choices; /* NULL-terminated; or NULL */
    /* Names that it had: "group.name". */
    const char *old[OPTION_OLD_NAMES];
};

extern const struct option_row option_rows[];
extern const size_t option_n_rows;
/* NULL when we have none. */
const struct option_row *option_find(const char *group, const char *name);

/* Puts the text into the row's field ('text' NULL = nothing set). -EINVAL: what was expected. */
int option_put(const struct option_row *row, const char *text, struct ol_arena *a,
               struct compute_config *c, struct ol_err *err) __attribute__((warn_unused_result));
/* The field as Python's repr() would show it in a report. */
void option_show(const struct option_row *row, const struct compute_config *c, struct ol_buf *to);
/* Copies a number or flag that other threads may be reading. */
void option_copy(const struct option_row *row, const struct compute_config *from,
                 struct compute_config *to);
/* Releases what the row's field owns beside the arena. */
void option_release(const struct option_row *row, struct compute_config *c);

/* "$name", "${name}", "${group.name}", "$$" and "\$" put in. 'lookup' gives an option's text ("" =
 * none) in the arena, or -errno. */
struct option_names {
    int (*lookup)(void *ctx, const char *group, const char *name, const char **ret,
                  struct ol_err *err);
    void *ctx;
    const char *group; /* in which "$name" is looked for first */
};
int option_substitute(const struct option_names *names, const char *text, struct ol_arena *a,
                      const char **ret, struct ol_err *err) __attribute__((warn_unused_result));
