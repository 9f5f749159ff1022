/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/config/config.h"
#include "compute/config/oslo-ini.h"

/*
 * The files of one reading in their order, and the options of the command line. Everything lives
 * in one arena.
 */
struct config_sources {
    struct ol_arena *arena;
    struct oslo_ini *files;
    size_t n, cap;
    struct ol_strv names;        /* of the files */
    const struct ol_strv *lines; /* "group.name=value" of the command line; borrowed */
};

/* Finds and reads what 'args' name, or the default files: nova.conf and PROGRAM.conf in ~/.nova, ~,
 * /etc/nova, /etc, the first of each (oslo_config 9.0 find_config_files), then the directories
 * nova.conf.d and PROGRAM.conf.d found the same way. -ENOENT, -EACCES, -EINVAL. */
int config_sources_read(struct ol_env *env, const struct compute_config_args *args,
                        struct config_sources *s, struct ol_err *err)
    __attribute__((warn_unused_result));
void config_sources_done(struct config_sources *s);

/* What an option is set to, newest file first; in *ret_where "FILE:LINE" or "command line", in the
 * arena. NULL when it is not set. */
const char *config_sources_find(const struct config_sources *s, const char *group, const char *name,
                                const char **ret_where);
