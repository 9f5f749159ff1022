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

static const struct ol_cmd commands[] = {
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
    .summary = "Persistent volumes of Kubernetes on one machine",
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
    struct orlop_options options = {.listen = "127.0.0.1:6443", .data_dir = "/var/lib/orlop"};
    struct ol_cli cli = {.program = &orlop_program, .options = &options};
    int status;

    parts_job_main(argc, argv);
    status = ol_cli_run(&cli, argc, argv);

    ol_strv_done(&options.csi_sockets);
    ol_strv_done(&options.nfs_provisioners);
    return status;
}
