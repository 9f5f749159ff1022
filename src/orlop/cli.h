/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/cli.h"
#include "core/strv.h"

/* The command 'orlop': its tables, and what its options say. */

struct orlop_options {
    bool version, debug, no_driver, no_node;
    const char *data_dir, *listen, *kubeconfig, *node_name, *containerd, *output;
    struct ol_strv csi_sockets, nfs_provisioners;
};

/* The commands; each in its own file. */
int cmd_up(struct ol_cli *cli, int argc, char **argv);
int cmd_doctor(struct ol_cli *cli, int argc, char **argv);
