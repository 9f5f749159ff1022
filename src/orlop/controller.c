/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/programs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/cli.h"
#include "core/version.h"
#include "kube/client/config.h"
#include "net/daemon.h"
#include "orlop/health.h"
#include "orlop/parts.h"

struct controller_options {
    bool version, debug, leader_elect, extra_create_metadata, strict_topology;
    const char *kubeconfig, *context, *controllers, *lease_namespace, *lease_name, *metrics;
    struct ol_strv csi_sockets, csi_socket_dirs, nfs_provisioners;
};

#define AT(member) offsetof(struct controller_options, member)

/* clang-format off */
static const struct ol_opt opts[] = {
    {"kubeconfig", 'k', OL_OPT_STR, "FILE", "Where the API is ($KUBECONFIG, the pod's account, ~/.kube/config)", AT(kubeconfig)},
    {"context", 0, OL_OPT_STR, "NAME", "Context of the kubeconfig", AT(context)},
    {"controllers", 'c', OL_OPT_STR, "LIST", "Which to run: names with commas, * for all, -NAME for not (*,-scheduler)", AT(controllers)},
    {"csi-socket", 0, OL_OPT_LIST, "PATH", "A CSI driver's controller service; may be given several times", AT(csi_sockets)},
    {"csi-socket-dir", 0, OL_OPT_LIST, "DIR", "Serve each driver whose socket appears below DIR", AT(csi_socket_dirs)},
    {"nfs-provisioner", 0, OL_OPT_LIST, "NAME=SERVER:/PATH[,local=DIR]", "Serve this provisioner name with directories of an NFS export", AT(nfs_provisioners)},
    {"extra-create-metadata", 0, OL_OPT_FLAG, NULL, "Tell drivers the names of claim and volume", AT(extra_create_metadata)},
    {"strict-topology", 0, OL_OPT_FLAG, NULL, "Ask for a volume on the selected node alone", AT(strict_topology)},
    {"leader-elect", 0, OL_OPT_FLAG, NULL, "Work only while this process holds the Lease", AT(leader_elect)},
    {"leader-elect-namespace", 0, OL_OPT_STR, "NAME", "Namespace of the Lease (kube-system)", AT(lease_namespace)},
    {"leader-elect-name", 0, OL_OPT_STR, "NAME", "Name of the Lease (orlop-volume-controller)", AT(lease_name)},
    {"metrics", 0, OL_OPT_STR, "ADDRESS:PORT", "Answer /metrics, /healthz and /readyz there, by plain HTTP (not at all)", AT(metrics)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Say more on standard error", AT(debug)},
    {"version", 0, OL_OPT_FLAG, NULL, "Print the version", AT(version)},
    {0},
};
/* clang-format on */

struct controller {
    struct ol_daemon daemon;
    struct parts *parts;
    struct kube_stack *stack;
    struct health *health;
    struct kube_stack_row rows[PARTS_MAX];
    bool has_lost;
};

static void on_stopped(void *ctx)
{
    struct controller *c = ctx;

    c->stack = NULL;
    parts_free(c->parts);
    c->parts = NULL;
}

static void stop(void *ctx)
{
    struct controller *c = ctx;

    health_stop(c->health);
    c->health = NULL;
    kube_stack_stop(c->stack, on_stopped, c);
}

static void on_lost(void *ctx)
{
    struct controller *c = ctx;

    c->has_lost = true;
    ol_daemon_stop(&c->daemon);
}

static char *identity(void)
{
    char host[256] = "";

    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    return ol_xasprintf("%s_%d", host, (int)getpid());
}

static int start(struct controller *c, const struct controller_options *o, const char *who,
                 struct ol_err *err)
{
    const struct parts_options parts = {.csi_sockets = &o->csi_sockets,
                                        .csi_socket_dirs = &o->csi_socket_dirs,
                                        .nfs_provisioners = &o->nfs_provisioners,
                                        .want_create_metadata = o->extra_create_metadata,
                                        .is_strict_topology = o->strict_topology};
    struct kube_stack_options stack = {.rows = c->rows,
                                       .lease_ns = o->lease_namespace,
                                       .lease_name = o->leader_elect ? o->lease_name : NULL,
                                       .identity = who,
                                       .lost = on_lost,
                                       .ctx = c};
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;
    int r;

    if (o->metrics) {
        r = health_start(&c->daemon.loop, o->metrics, &c->stack, &c->health, err);
        if (r < 0)
            return r;
    }
    ol_strv_split(&names, o->controllers, ", ");
    c->parts = parts_new(&c->daemon.loop, &parts);
    r = parts_select(c->parts, &names, c->rows, &stack.n_rows, err);
    if (r < 0)
        return r;
    r = kube_client_from_config(&c->daemon.loop, o->kubeconfig, o->context, &stack.client, err);
    if (r < 0)
        return r;
    return kube_stack_start(&c->daemon.loop, &stack, &c->stack, err);
}

static int run(struct ol_cli *cli, int argc, char **argv)
{
    const struct controller_options *o = cli->options;
    ol_autofree char *who = identity();
    struct controller c = {0};
    struct ol_err err = OL_ERR_INIT;
    int r;

    if (o->version) {
        printf("orlop-volume-controller %s\n", ORLOP_VERSION);
        return 0;
    }
    r = ol_daemon_init(&c.daemon, o->debug ? OL_LOG_DEBUG : OL_LOG_INFO, stop, &c, &err);
    if (r == 0)
        r = start(&c, o, who, &err);
    if (r < 0) {
        fprintf(stderr, "orlop-volume-controller: %s\n", ol_err_text(&err));
        ol_daemon_stop(&c.daemon);
    } else {
        ol_daemon_ready(&c.daemon);
    }
    ol_daemon_run(&c.daemon);
    ol_daemon_done(&c.daemon);
    return r < 0 || c.has_lost ? 1 : 0;
}

const struct ol_program controller_program = {
    .name = "orlop-volume-controller",
    .summary = "Controllers of persistent volumes, and CSI's sidecars, in one process",
    .version = ORLOP_VERSION,
    .opts = opts,
    .run = run,
    .misuse_status = 64,
};

int controller_main(int argc, char **argv)
{
    struct controller_options o = {.controllers = "*,-scheduler",
                                   .lease_namespace = "kube-system",
                                   .lease_name = "orlop-volume-controller"};
    struct ol_cli cli = {.program = &controller_program, .options = &o};
    int status;

    parts_job_main(argc, argv);
    status = ol_cli_run(&cli, argc, argv);
    ol_strv_done(&o.csi_sockets);
    ol_strv_done(&o.csi_socket_dirs);
    ol_strv_done(&o.nfs_provisioners);
    return status;
}
