/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/cli.h"

#include "core/cleanup.h"
#include "core/env.h"
#include "core/version.h"
#include "orlop/doctor.h"
#include "orlop/parts.h"
#include "orlop/programs.h"

#define AT(member) offsetof(struct orlop_options, member)

/* clang-format off */
static const struct ol_opt program_opts[] = {
    {"version", 0, OL_OPT_FLAG, NULL, "Print the version", AT(version)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Say more on standard error", AT(debug)},
    {0},
};

static const struct ol_opt up_opts[] = {
    {"data-dir", 'd', OL_OPT_STR, "DIR", "All state (/var/lib/orlop)", AT(data_dir)},
    {"listen", 'l', OL_OPT_STR, "ADDRESS:PORT", "Where the API is (127.0.0.1:6443); port 0 takes any", AT(listen)},
    {"kubeconfig", 'k', OL_OPT_STR, "FILE", "Write the administrator's kubeconfig there (DIR/kubeconfig)", AT(kubeconfig)},
    {"node-name", 'n', OL_OPT_STR, "NAME", "Name of this node (the host name)", AT(node_name)},
    {"csi-socket", 0, OL_OPT_LIST, "PATH", "A further CSI driver, controller and node service", AT(csi_sockets)},
    {"nfs-provisioner", 0, OL_OPT_LIST, "NAME=SERVER:/PATH[,local=DIR]", "Serve this provisioner name with directories of an NFS export", AT(nfs_provisioners)},
    {"containerd", 0, OL_OPT_STR, "SOCKET", "Where containers run (/run/containerd/containerd.sock)", AT(containerd)},
    {"no-driver", 0, OL_OPT_FLAG, NULL, "Start no orlop-csi-local", AT(no_driver)},
    {"no-node", 0, OL_OPT_FLAG, NULL, "This machine is no node: API and controllers alone", AT(no_node)},
    {0},
};

static const char *const outputs[] = {"table", "json", NULL};

static const struct ol_opt doctor_opts[] = {
    {"output", 'o', OL_OPT_STR, "FORMAT", "table or json", AT(output), outputs},
    {0},
};

#define BUS {"bus", 0, OL_OPT_STR, "URL", "The agent's bus (orlop:///run/orlop/bus.sock)", AT(bus)}
#define OUTPUT {"output", 'o', OL_OPT_STR, "FORMAT", "table, json or yaml", AT(output), shapes}
#define WAIT {"wait", 'w', OL_OPT_FLAG, NULL, "Come back when it is done", AT(want_wait)}

static const char *const shapes[] = {"table", "json", "yaml", NULL};

static const struct ol_opt show_opts[] = {BUS, OUTPUT, {0}};

static const struct ol_opt create_opts[] = {
    {"image", 'i', OL_OPT_STR, "FILE", "A disk image of this host, raw or qcow2", AT(image), .is_required = true},
    {"memory", 'm', OL_OPT_STR, "MIB", "Memory (512)", AT(memory)},
    {"vcpus", 'c', OL_OPT_STR, "N", "Processors (1)", AT(vcpus)},
    {"disk", 'd', OL_OPT_STR, "GIB", "Size of the disk (the image's)", AT(disk)},
    {"user-data", 'u', OL_OPT_STR, "FILE", "User data for the guest's cloud-init", AT(user_data)},
    {"key", 'k', OL_OPT_STR, "FILE", "A public SSH key to let in", AT(key)},
    {"network", 'n', OL_OPT_STR, "NAME", "none, or what the host's option says", AT(network)},
    BUS,
    OUTPUT,
    WAIT,
    {0},
};

static const struct ol_opt act_opts[] = {BUS, OUTPUT, WAIT, {0}};

static const struct ol_opt reboot_opts[] = {
    {"hard", 0, OL_OPT_FLAG, NULL, "Off and on, without asking the guest", AT(is_hard)},
    BUS,
    OUTPUT,
    WAIT,
    {0},
};

static const struct ol_opt console_opts[] = {
    {"lines", 'n', OL_OPT_STR, "N", "Only the last ones", AT(lines)},
    BUS,
    {0},
};

static const struct ol_cmd service_cmds[] = {
    {"list", "", "Services of the bus and whether they report", 0, 0, show_opts, NULL, cmd_service_list},
    {0},
};

static const struct ol_cmd hypervisor_cmds[] = {
    {"list", "", "Hosts of machines and what is used of them", 0, 0, show_opts, NULL, cmd_hypervisor_list},
    {0},
};

static const struct ol_cmd instance_cmds[] = {
    {"create", "NAME", "Make a machine of an image and start it", 1, 1, create_opts, NULL, cmd_instance_create},
    {"list", "", "All machines", 0, 0, show_opts, NULL, cmd_instance_list},
    {"show", "INSTANCE", "One machine, its fault and its actions", 1, 1, show_opts, NULL, cmd_instance_show},
    {"start", "INSTANCE", "Power on", 1, 1, act_opts, NULL, cmd_instance_act},
    {"stop", "INSTANCE", "Power off, asking the guest first", 1, 1, act_opts, NULL, cmd_instance_act},
    {"reboot", "INSTANCE", "Start anew", 1, 1, reboot_opts, NULL, cmd_instance_act},
    {"pause", "INSTANCE", "Stop its processors", 1, 1, act_opts, NULL, cmd_instance_act},
    {"unpause", "INSTANCE", "Let them go on", 1, 1, act_opts, NULL, cmd_instance_act},
    {"suspend", "INSTANCE", "Memory to disk, and off", 1, 1, act_opts, NULL, cmd_instance_act},
    {"resume", "INSTANCE", "Go on from there", 1, 1, act_opts, NULL, cmd_instance_act},
    {"console", "INSTANCE", "What it wrote to its serial console", 1, 1, console_opts, NULL, cmd_instance_console},
    {"delete", "INSTANCE", "The machine and its disks", 1, 1, act_opts, NULL, cmd_instance_act},
    {0},
};

static const struct ol_cmd commands[] = {
    {"service", "", "The agents on the bus", 0, -1, NULL, service_cmds, NULL},
    {"hypervisor", "", "Hosts of machines", 0, -1, NULL, hypervisor_cmds, NULL},
    {"instance", "", "Machines of this host", 0, -1, NULL, instance_cmds, NULL},
    {"up", "", "Make this machine a small cluster with volumes", 0, 0, up_opts, NULL, cmd_up},
    {"doctor", "", "Say what this machine lacks", 0, 0, doctor_opts, NULL, cmd_doctor},
    {0},
};
/* clang-format on */

static int prepare(struct ol_cli *cli)
{
    const struct orlop_options *o = cli->options;

    if (!o->version)
        return OL_CLI_GO_ON;
    printf("orlop %s\n", ORLOP_VERSION);
    return 0;
}

const struct ol_program orlop_program = {
    .name = "orlop",
    .summary = "Persistent volumes and machines on one host",
    .version = ORLOP_VERSION,
    .opts = program_opts,
    .cmds = commands,
    .misuse_status = 64,
    .prepare = prepare,
};

int cmd_doctor(struct ol_cli *cli, int argc, char **argv)
{
    const struct orlop_options *o = cli->options;
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    struct ol_err err = OL_ERR_INIT;
    struct doctor_report report;
    struct ol_env env;

    if (ol_env_init(&env, "/", &err) < 0) {
        fprintf(stderr, "orlop: %s\n", ol_err_text(&err));
        return 1;
    }
    doctor_examine(&env, &report);
    if (o->output && o->output[0] == 'j')
        doctor_print_json(&report, &text);
    else
        doctor_print_table(&report, &text);
    ol_env_done(&env);
    fputs(text.data, stdout);
    return doctor_is_ill(&report) ? 1 : 0;
}

int orlop_main(int argc, char **argv)
{
    struct orlop_options options = {.listen = "127.0.0.1:6443",
                                    .data_dir = "/var/lib/orlop",
                                    .bus = "orlop:///run/orlop/bus.sock"};
    struct ol_cli cli = {.program = &orlop_program, .options = &options};
    int status;

    parts_job_main(argc, argv);
    status = ol_cli_run(&cli, argc, argv);

    ol_strv_done(&options.csi_sockets);
    ol_strv_done(&options.nfs_provisioners);
    return status;
}
