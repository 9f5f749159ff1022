/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/arena.h"
#include "core/env.h"
#include "core/strv.h"

/*
 * The stages of a boot. Each is one process when systemd runs them, or all of them one after
 * the other with 'cloud-init --all-stages'; between them everything is on disk.
 */
enum stage {
    STAGE_LOCAL,        /* init --local: before the network */
    STAGE_NETWORK,      /* init: user-data and the init modules */
    STAGE_CONFIG,       /* modules --mode=config */
    STAGE_FINAL,        /* modules --mode=final */
    STAGE_INIT_MODULES, /* modules --mode=init: the init modules again, no boot stage */
};

struct stage_options {
    const struct ol_strv *files; /* --file; may be NULL */
    bool is_forced;              /* --force: go on without a datasource */
    bool is_debug;               /* --debug: the log also to stderr */
};

/* Runs one stage; the exit status (the number of errors, at most 255). */
int stage_run(struct ol_env *env, enum stage stage, const struct stage_options *options);

struct stage_single {
    const char *name;
    const char *frequency; /* "instance", "always", "once" or NULL */
    int argc;
    char **argv; /* the module's arguments */
};

/* 'cloud-init single': one module now. Exit status 0 or 1. */
int stage_run_single(struct ol_env *env, const struct stage_single *single,
                     const struct stage_options *options);

struct guest;
/* Whether the local stage believes a cache without asking the datasource: manual_cache_clean, or
 * the mark that it left in the instance. */
bool stage_trusts_cache(struct guest *g);
/* A guest with the machine's configuration, without touching anything: for commands. */
void stage_open_guest(struct guest *g, struct ol_env *env, struct ol_arena *arena);
/* The same, but of the configuration only system_info/paths counts; reads nothing more than it
 * must, since 'status' and 'query' are asked often. */
void stage_open_guest_paths(struct guest *g, struct ol_env *env, struct ol_arena *arena);
