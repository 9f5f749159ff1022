/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cli.h"
#include "core/env.h"
#include "core/strv.h"

/*
 * The commands of cloud-init. One table (cli.c) names them all; what a command does is in a
 * file of its own.
 */

/* Every option of every command; rows of the tables point into it. */
struct cli_options {
    /* of the program */
    bool debug, force, all_stages, version, dry_run;
    const char *root;
    /* init, modules, single */
    bool local;
    struct ol_strv files;
    const char *mode;
    const char *name, *frequency;
    bool report;
    /* query, cloud-id */
    const char *instance_data, *user_data, *vendor_data, *format;
    bool list_keys, all, json;
    /* status, clean */
    bool is_long, wait;
    const char *status_format;
    bool logs, machine_id, reboot, seed;
    struct ol_strv configs;
    /* devel */
    const char *dump;
    bool list_types;
    struct ol_strv attach, mac;
    const char *network_data, *kind, *directory, *distro, *output_kind;
};

/* What a command's run() finds in cli->ctx. */
struct cli_context {
    struct ol_env env;
    struct cli_options options;
    const char *called_as; /* argv[0] */
};

/* One row per name that the program may be called by, the default first; ends with a NULL name. */
extern const struct ol_program cloud_init_programs[];

/* Runs 'cloud-init', 'cloud-id' or 'cloud-init-per' by the name it was called by; the exit
 * status. */
int cloud_init_main(int argc, char **argv);

/* Commands, one file each; exit statuses as upstream's. */
int cmd_init(struct ol_cli *cli, int argc, char **argv);
int cmd_modules(struct ol_cli *cli, int argc, char **argv);
int cmd_single(struct ol_cli *cli, int argc, char **argv);
int cmd_all_stages(struct cli_context *ctx);
int cmd_query(struct ol_cli *cli, int argc, char **argv);
int cmd_status(struct ol_cli *cli, int argc, char **argv);
int cmd_clean(struct ol_cli *cli, int argc, char **argv);
int cmd_features(struct ol_cli *cli, int argc, char **argv);
int cmd_explain(struct ol_cli *cli, int argc, char **argv);
int cmd_cache_get(struct ol_cli *cli, int argc, char **argv);
int cmd_cache_set(struct ol_cli *cli, int argc, char **argv);
int cmd_devel_yaml(struct ol_cli *cli, int argc, char **argv);
int cmd_devel_net_convert(struct ol_cli *cli, int argc, char **argv);
int cmd_devel_render(struct ol_cli *cli, int argc, char **argv);
int cmd_devel_make_mime(struct ol_cli *cli, int argc, char **argv);
int cmd_cloud_id(struct ol_cli *cli, int argc, char **argv);
int cmd_per(struct ol_cli *cli, int argc, char **argv);
