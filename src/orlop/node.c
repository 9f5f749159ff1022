/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/programs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/cli.h"
#include "core/path.h"
#include "core/str.h"
#include "core/version.h"
#include "kube/client/config.h"
#include "kube/client/stack.h"
#include "net/daemon.h"
#include "volume/node/node.h"
#include "workload/pod/runner.h"

struct options {
    const char *kubeconfig, *context, *name, *root, *address, *controller_attaches, *runtime,
        *log_dir;
    struct ol_strv csi_sockets;
    bool is_debug, want_version, wants_no_pods;
};

struct program {
    struct ol_daemon daemon;
    struct kube_stack *stack;
    struct node_link link;
    struct node_options node;
    struct pods_options pods;
    bool has_failed;
};

#define AT(member) offsetof(struct options, member)
static const char *const truths[] = {"true", "false", NULL};
/* clang-format off */
static const struct ol_opt opts[] = {
    {"kubeconfig", 0, OL_OPT_STR, "FILE", "Where the API is and who we are there", AT(kubeconfig)},
    {"context", 0, OL_OPT_STR, "NAME", "The context in it, instead of the current one", AT(context)},
    {"node-name", 0, OL_OPT_STR, "NAME", "Our name in the API (the host's name)", AT(name)},
    {"hostname-override", 0, OL_OPT_STR, "NAME", "The same, as the kubelet calls it", AT(name)},
    {"node-ip", 0, OL_OPT_STR, "ADDRESS", "Our address in the API (the first that is not a loopback's)", AT(address)},
    {"root-dir", 0, OL_OPT_STR, "DIR", "Where volumes are mounted and plug-ins register (/var/lib/kubelet)", AT(root)},
    {"csi-socket", 0, OL_OPT_LIST, "PATH", "A CSI driver that does not register itself; may be repeated", AT(csi_sockets)},
    {"enable-controller-attach-detach", 0, OL_OPT_STR, "BOOL", "The controller attaches volumes (true), or this node does (false)", AT(controller_attaches), truths},
    {"container-runtime-endpoint", 0, OL_OPT_STR, "SOCKET", "Who runs containers, by CRI (/run/containerd/containerd.sock)", AT(runtime)},
    {"pod-logs-dir", 0, OL_OPT_STR, "DIR", "Where the containers' output goes (/var/log/pods)", AT(log_dir)},
    {"volumes-only", 0, OL_OPT_FLAG, NULL, "Somebody else runs and removes the pods", AT(wants_no_pods)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Log more", AT(is_debug)},
    {"version", 'v', OL_OPT_FLAG, NULL, "Show the version and exit", AT(want_version)},
    {0},
};
/* clang-format on */

static void stopped(void *ctx) {}

static void stop(void *ctx)
{
    struct program *p = ctx;
    struct kube_stack *stack = ol_take_ptr(p->stack);

    if (stack)
        kube_stack_stop(stack, stopped, p);
}

/* The kubelet takes "unix:///run/…". */
static const char *socket_path(const char *endpoint)
{
    const char *scheme = "unix://";

    return endpoint && ol_str_starts(endpoint, scheme) ? endpoint + strlen(scheme) : endpoint;
}

static int start(struct program *p, const struct options *o, struct ol_err *err)
{
    const struct kube_stack_row rows[] = {{&node_component, &p->node}, {&pods_component, &p->pods}};
    struct kube_stack_options stack = {.rows = rows, .n_rows = o->wants_no_pods ? 1 : 2};
    int r = kube_client_from_config(&p->daemon.loop, o->kubeconfig, o->context, &stack.client, err);

    return r < 0 ? r : kube_stack_start(&p->daemon.loop, &stack, &p->stack, err);
}

static void take_options(struct program *p, const struct options *o, const char *root)
{
    p->node = (struct node_options){
        .name = o->name,
        .root = root,
        .address = o->address,
        .csi_sockets = &o->csi_sockets,
        .attaches_itself = o->controller_attaches && !strcmp(o->controller_attaches, "false"),
        .link = &p->link,
    };
    p->pods = (struct pods_options){
        .link = &p->link,
        .runtime = socket_path(o->runtime),
        .log_dir = o->log_dir,
    };
}

static int run(struct ol_cli *cli, int argc, char **argv)
{
    const struct options *o = cli->options;
    struct program p = {0};
    ol_autofree char *root = ol_path_here(o->root);
    struct ol_err err = OL_ERR_INIT;

    if (o->want_version) {
        printf("orlop-node %s\n", ORLOP_VERSION);
        return EXIT_SUCCESS;
    }
    if (ol_daemon_init(&p.daemon, o->is_debug ? OL_LOG_DEBUG : OL_LOG_INFO, stop, &p, &err) < 0) {
        fprintf(stderr, "orlop-node: %s\n", ol_err_text(&err));
        return EXIT_FAILURE;
    }
    take_options(&p, o, root);
    if (start(&p, o, &err) < 0) {
        ol_error(&p.daemon.env, "%s", ol_err_text(&err));
        p.has_failed = true;
        ol_daemon_stop(&p.daemon);
    } else {
        ol_daemon_ready(&p.daemon);
    }
    ol_daemon_run(&p.daemon);
    ol_daemon_done(&p.daemon);
    return p.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct ol_program node_program = {
    .name = "orlop-node",
    .summary = "Volumes and pods of one machine for a Kubernetes API",
    .version = ORLOP_VERSION,
    .opts = opts,
    .run = run,
    .misuse_status = 64,
};

int node_main(int argc, char **argv)
{
    struct options options = {0};
    struct ol_cli cli = {.program = &node_program, .options = &options};
    int status;

    ol_job_main(node_job_functions, argc, argv);
    status = ol_cli_run(&cli, argc, argv);
    ol_strv_done(&options.csi_sockets);
    return status;
}
