/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "kube/apiserver/apiserver.h"
#include "kube/client/stack.h"
#include "net/daemon.h"
#include "orlop/child.h"
#include "orlop/cli.h"
#include "orlop/parts.h"

/*
 * 'orlop up': the API server, all controllers and the node in one process on one loop, the driver
 * for local disks beside it.
 */
struct up {
    const struct orlop_options *options;
    struct ol_daemon daemon;
    struct apiserver *api;
    struct kube_stack *stack;
    struct child *driver;
    struct parts *parts;
    char *data_dir, *kubeconfig, *driver_socket, *node_root, *pod_log_dir; /* absolute */
};

static void on_api_stopped(void *ctx)
{
    struct up *up = ctx;

    up->api = NULL;
}

static void on_driver_stopped(void *ctx)
{
    struct up *up = ctx;

    up->driver = NULL;
    if (up->api)
        apiserver_stop(up->api, on_api_stopped, up);
}

static void on_stack_stopped(void *ctx)
{
    struct up *up = ctx;

    up->stack = NULL;
    parts_free(up->parts);
    up->parts = NULL;
    child_stop(up->driver, on_driver_stopped, up);
}

/* Backwards: who writes, then who does, then who keeps. */
static void stop(void *ctx)
{
    struct up *up = ctx;

    kube_stack_stop(up->stack, on_stack_stopped, up);
}

static int start_api(struct up *up, struct ol_err *err)
{
    const struct apiserver_options options = {
        .data_dir = up->data_dir, .listen = up->options->listen, .is_self_signed = true};
    int r = ol_mkdir_p(&up->daemon.env, up->data_dir, 0700, err);

    if (r < 0)
        return r;
    r = apiserver_start(&up->daemon.loop, &options, &up->api, err);
    if (r < 0)
        return r;
    return apiserver_write_kubeconfig(up->api, up->kubeconfig, err);
}

static int start_driver(struct up *up, struct ol_err *err)
{
    ol_autofree char *dir = ol_path_join(up->data_dir, "csi-local");
    ol_autofree char *state = ol_path_join(dir, "volumes");
    ol_autofree char *endpoint = NULL;
    int r;

    if (up->options->no_driver)
        return 0;
    r = ol_mkdir_p(&up->daemon.env, state, 0700, err);
    if (r < 0)
        return r;
    up->driver_socket = ol_path_join(dir, "csi.sock");
    endpoint = ol_xasprintf("unix://%s", up->driver_socket);
    return child_start(&up->daemon.loop,
                       (const char *const[]){"orlop-csi-local", "--endpoint", endpoint, "--node-id",
                                             up->options->node_name, "--state-dir", state,
                                             "--end-with-stdin", NULL},
                       &up->driver, err);
}

static int start_stack(struct up *up, struct ol_err *err)
{
    const struct orlop_options *o = up->options;
    const struct parts_options parts = {.csi_sockets = &o->csi_sockets,
                                        .nfs_provisioners = &o->nfs_provisioners,
                                        .own_socket = up->driver_socket,
                                        .node_name = o->node_name,
                                        .node_root = up->node_root,
                                        .containerd = o->containerd,
                                        .pod_log_dir = up->pod_log_dir,
                                        .has_node = !o->no_node,
                                        .want_defaults = !o->no_driver};
    struct kube_stack_options options = {.client = apiserver_client(up->api)};

    up->parts = parts_new(&up->daemon.loop, &parts);
    options.rows = parts_rows(up->parts, &options.n_rows);
    return kube_stack_start(&up->daemon.loop, &options, &up->stack, err);
}

static int start(struct up *up, struct ol_err *err)
{
    int r = start_api(up, err);

    if (r == 0)
        r = start_driver(up, err);
    if (r == 0)
        r = start_stack(up, err);
    return r;
}

static void tell(const struct up *up)
{
    printf("API         %s\nkubeconfig  %s\n", apiserver_url(up->api), up->kubeconfig);
    fflush(stdout);
}

/* Said once at the start: later each pod alone would say it, in words of mount(2). */
static void warn_of_rights(struct up *up)
{
    if (geteuid() != 0 && !up->options->no_node)
        ol_warn(&up->daemon.env,
                "not run by root: claims get volumes, but these can't be mounted for pods");
}

static int run(struct up *up, const struct orlop_options *o)
{
    struct ol_err err = OL_ERR_INIT;
    int r = ol_daemon_init(&up->daemon, o->debug ? OL_LOG_DEBUG : OL_LOG_INFO, stop, up, &err);

    if (r == 0) {
        warn_of_rights(up);
        r = start(up, &err);
        if (r < 0)
            ol_daemon_stop(&up->daemon);
    }
    if (r < 0) {
        fprintf(stderr, "orlop up: %s\n", ol_err_text(&err));
    } else {
        tell(up);
        ol_daemon_ready(&up->daemon);
    }
    ol_daemon_run(&up->daemon);
    ol_daemon_done(&up->daemon);
    return r < 0 ? 1 : 0;
}

int cmd_up(struct ol_cli *cli, int argc, char **argv)
{
    struct orlop_options *o = cli->options;
    char host[256] = "";
    struct up up = {.options = o};
    int status;

    if (!o->node_name && gethostname(host, sizeof(host) - 1) == 0)
        o->node_name = ol_str_lower(host);
    up.data_dir = ol_path_here(o->data_dir);
    up.kubeconfig =
        o->kubeconfig ? ol_path_here(o->kubeconfig) : ol_path_join(up.data_dir, "kubeconfig");
    up.node_root = ol_path_join(up.data_dir, "node");
    up.pod_log_dir = ol_path_join(up.data_dir, "logs");
    status = run(&up, o);
    free(up.data_dir);
    free(up.kubeconfig);
    free(up.driver_socket);
    free(up.node_root);
    free(up.pod_log_dir);
    return status;
}
