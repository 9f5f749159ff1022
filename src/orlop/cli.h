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
    /* of machines: */
    bool want_wait, is_hard;
    const char *bus, *image, *memory, *vcpus, *disk, *user_data, *key, *network, *lines;
};

/* The commands; each in its own file. */
int cmd_up(struct ol_cli *cli, int argc, char **argv);
int cmd_doctor(struct ol_cli *cli, int argc, char **argv);
int cmd_service_list(struct ol_cli *cli, int argc, char **argv);
int cmd_hypervisor_list(struct ol_cli *cli, int argc, char **argv);
int cmd_instance_list(struct ol_cli *cli, int argc, char **argv);
int cmd_instance_show(struct ol_cli *cli, int argc, char **argv);
int cmd_instance_create(struct ol_cli *cli, int argc, char **argv);
int cmd_instance_act(struct ol_cli *cli, int argc, char **argv);
int cmd_instance_console(struct ol_cli *cli, int argc, char **argv);
