/* SPDX-License-Identifier: Apache-2.0 */
#include "volume/driver/cli.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "codec/quantity.h"
#include "core/arena.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/path.h"
#include "net/daemon.h"
#include "volume/driver/driver-internal.h"

struct options {
    const char *endpoint, *node_id, *state_dir, *driver_name, *capacity, *max_volumes,
        *topology_key;
    bool has_attach, want_end, is_debug, want_version;
};

#define AT(member) offsetof(struct options, member)
/* clang-format off */
static const struct ol_opt opts[] = {
    {"endpoint", 'e', OL_OPT_STR, "ADDRESS", "Socket of the driver: unix:///path ($CSI_ENDPOINT)", AT(endpoint)},
    {"node-id", 'n', OL_OPT_STR, "NAME", "Name of this node ($KUBE_NODE_NAME, or the host name)", AT(node_id)},
    {"state-dir", 's', OL_OPT_STR, "DIR", "Volumes and what is known of them (/var/lib/orlop-csi-local)", AT(state_dir)},
    {"driver-name", 0, OL_OPT_STR, "NAME", "Name of the driver (local.orlop.dev)", AT(driver_name)},
    {"capacity", 'c', OL_OPT_STR, "QUANTITY", "Bytes for all volumes, such as 100Gi (what the file system has free)", AT(capacity)},
    {"max-volumes", 0, OL_OPT_STR, "N", "Volumes that a node can have at a time (no limit is told)", AT(max_volumes)},
    {"topology-key", 0, OL_OPT_STR, "KEY", "Topology key of a node (topology.local.orlop.dev/node)", AT(topology_key)},
    {"enable-attach", 0, OL_OPT_FLAG, NULL, "Volumes have to be attached to the node (ControllerPublishVolume)", AT(has_attach)},
    {"end-with-stdin", 0, OL_OPT_FLAG, NULL, "End when standard input, a pipe, ends", AT(want_end)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Log more", AT(is_debug)},
    {"version", 'v', OL_OPT_FLAG, NULL, "Show the version and exit", AT(want_version)},
    {0},
};
/* clang-format on */

struct program {
    struct ol_daemon daemon;
    struct driver_config config;
    struct driver *driver;
    uv_poll_t input;
    bool has_input;
};

static void stop(void *ctx)
{
    struct program *p = ctx;

    if (p->has_input)
        uv_close((uv_handle_t *)&p->input, NULL);
    if (p->driver)
        driver_stop(p->driver, NULL, NULL);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    char bytes[256];

    if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
        ol_daemon_stop(&p->daemon);
}

static int watch_input(struct program *p, struct ol_err *err)
{
    int r = uv_poll_init(p->daemon.loop.uv, &p->input, STDIN_FILENO);

    if (r < 0)
        return ol_err_set(err, -r, "--end-with-stdin: standard input is no pipe");
    p->input.data = p;
    p->has_input = true;
    uv_poll_start(&p->input, UV_READABLE, on_input);
    return 0;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a ? a : b && *b ? b : c;
}

static int read_numbers(const struct options *o, struct driver_config *c, struct ol_err *err)
{
    struct ol_quantity capacity = {.nano = 0};
    int r = 0;

    if (o->capacity)
        r = ol_quantity_parse(o->capacity, &capacity, err);
    if (r < 0 || capacity.nano < 0)
        return ol_err_set(err, EINVAL, "--capacity '%s' is no size like 100Gi", o->capacity);
    c->capacity = ol_quantity_value(&capacity);
    if (o->max_volumes
        && (ol_parse_i64(o->max_volumes, 10, &c->max_volumes) < 0 || c->max_volumes < 0))
        return ol_err_set(err, EINVAL, "--max-volumes '%s' is no number", o->max_volumes);
    return 0;
}

/* What is relative is so to the working directory; the parts live in 'a'. */
static int read_options(const struct options *o, struct ol_arena *a, struct driver_config *c,
                        struct ol_err *err)
{
    ol_autofree char *state_dir =
        ol_path_here(first_of(o->state_dir, NULL, "/var/lib/orlop-csi-local"));
    struct utsname host;

    if (uname(&host) < 0)
        host.nodename[0] = '\0';
    *c = (struct driver_config){
        .name = first_of(o->driver_name, NULL, "local.orlop.dev"),
        .endpoint = first_of(o->endpoint, getenv("CSI_ENDPOINT"), NULL),
        .node_id = first_of(o->node_id, getenv("KUBE_NODE_NAME"), NULL),
        .topology_key = first_of(o->topology_key, NULL, "topology.local.orlop.dev/node"),
        .has_attach = o->has_attach,
    };
    if (!c->endpoint)
        return ol_err_set(err, EINVAL, "--endpoint is missing, such as unix:///run/csi.sock");
    if (!c->node_id)
        c->node_id = ol_arena_strdup(a, host.nodename);
    if (!*c->node_id || strlen(c->node_id) >= DRIVER_NODE_MAX)
        return ol_err_set(err, EINVAL, "--node-id: a node's name has 1 to 256 bytes");
    c->state_dir = ol_arena_strdup(a, state_dir);
    return read_numbers(o, c, err);
}

static int start(struct program *p, const struct options *o, struct ol_err *err)
{
    int r = o->want_end ? watch_input(p, err) : 0;

    return r < 0 ? r : driver_start(&p->daemon.loop, &p->config, &p->driver, err);
}

static int run(struct ol_cli *cli, int argc, char **argv)
{
    const struct options *o = cli->options;
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(1 << 16);
    struct program p = {.driver = NULL};
    struct ol_err err = OL_ERR_INIT;
    int status = 0;

    if (o->want_version) {
        printf("orlop-csi-local %s\n", DRIVER_VERSION);
        return 0;
    }
    if (read_options(o, &arena, &p.config, &err) < 0) {
        fprintf(stderr, "orlop-csi-local: %s\n", ol_err_text(&err));
        return 64;
    }
    if (ol_daemon_init(&p.daemon, o->is_debug ? OL_LOG_DEBUG : OL_LOG_INFO, stop, &p, &err) < 0) {
        fprintf(stderr, "orlop-csi-local: %s\n", ol_err_text(&err));
        return 1;
    }
    if (start(&p, o, &err) < 0) {
        ol_error(&p.daemon.env, "%s", ol_err_text(&err));
        status = 1;
        ol_daemon_stop(&p.daemon);
    } else {
        ol_daemon_ready(&p.daemon);
    }
    ol_daemon_run(&p.daemon);
    ol_daemon_done(&p.daemon);
    return status;
}

const struct ol_program driver_program = {
    .name = "orlop-csi-local",
    .summary = "A CSI driver for the disks of this node",
    .version = DRIVER_VERSION,
    .opts = opts,
    .run = run,
    .misuse_status = 64,
};

int driver_main(int argc, char **argv)
{
    struct options options = {.endpoint = NULL};
    struct ol_cli cli = {.program = &driver_program, .options = &options};

    return ol_cli_run(&cli, argc, argv);
}
