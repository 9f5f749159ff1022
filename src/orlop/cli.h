/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cli.h"
#include "core/strv.h"

/* The command 'orlop': its tables, and what its options say. */
#define ORLOP_VERSION "0.1.0"

struct orlop_options {
    bool version, debug, no_driver, no_node;
    const char *data_dir, *listen, *kubeconfig, *node_name, *containerd, *output;
    struct ol_strv csi_sockets, nfs_provisioners;
};

extern const struct ol_program orlop_program;

/* The whole program; the exit status. */
int orlop_main(int argc, char **argv);

/* The commands; each in its own file. */
int cmd_up(struct ol_cli *cli, int argc, char **argv);
int cmd_doctor(struct ol_cli *cli, int argc, char **argv);
