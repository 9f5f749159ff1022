/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/programs.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/cleanup.h"
#include "core/cli.h"
#include "core/path.h"
#include "core/version.h"
#include "kube/apiserver/apiserver.h"
#include "net/daemon.h"

struct options {
    const char *data_dir, *listen, *unix_socket, *cert_file, *key_file, *client_ca_file,
        *token_file, *kubeconfig;
    bool is_plain, is_debug, want_version;
};

struct program {
    struct ol_daemon daemon;
    struct apiserver *server;
};

#define AT(member) offsetof(struct options, member)
/* clang-format off */
static const struct ol_opt opts[] = {
    {"data-dir", 0, OL_OPT_STR, "DIR", "Where the objects and our own certificates are kept (/var/lib/orlop/apiserver)", AT(data_dir)},
    {"listen", 0, OL_OPT_STR, "ADDRESS", "Address and port for clients (127.0.0.1:6443); port 0 is any", AT(listen)},
    {"unix-socket", 0, OL_OPT_STR, "PATH", "A socket too, for the administrator alone", AT(unix_socket)},
    {"tls-cert-file", 0, OL_OPT_STR, "FILE", "Certificate instead of one of our own", AT(cert_file)},
    {"tls-private-key-file", 0, OL_OPT_STR, "FILE", "Its key", AT(key_file)},
    {"client-ca-file", 0, OL_OPT_STR, "FILE", "Who signs client certificates, instead of our own authority", AT(client_ca_file)},
    {"token-auth-file", 0, OL_OPT_STR, "FILE", "Tokens: token,user,uid,\"group,group\" per line", AT(token_file)},
    {"kubeconfig-out", 0, OL_OPT_STR, "FILE", "Write a kubeconfig for the administrator", AT(kubeconfig)},
    {"plain", 0, OL_OPT_FLAG, NULL, "HTTP without TLS and without asking who it is; loopback only", AT(is_plain)},
    {"debug", 0, OL_OPT_FLAG, NULL, "Log more", AT(is_debug)},
    {"version", 'v', OL_OPT_FLAG, NULL, "Show the version and exit", AT(want_version)},
    {0},
};
/* clang-format on */

static void stop(void *ctx)
{
    struct program *p = ctx;
    struct apiserver *server = ol_take_ptr(p->server);

    if (server)
        apiserver_stop(server, NULL, NULL);
}

static const char *absolute(const char *path, struct ol_arena *a)
{
    ol_autofree char *whole = ol_path_here(path);

    return whole ? ol_arena_strdup(a, whole) : NULL;
}

static int start(struct program *p, const struct options *o, struct ol_err *err)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct apiserver_options server = {
        .data_dir = absolute(o->data_dir ? o->data_dir : "/var/lib/orlop/apiserver", &a),
        .listen = o->listen ? o->listen : "127.0.0.1:6443",
        .unix_socket = absolute(o->unix_socket, &a),
        .cert_file = absolute(o->cert_file, &a),
        .key_file = absolute(o->key_file, &a),
        .client_ca_file = absolute(o->client_ca_file, &a),
        .token_file = absolute(o->token_file, &a),
        .is_self_signed = !o->is_plain && (!o->cert_file || !o->client_ca_file),
        .is_plain = o->is_plain,
    };
    int r = apiserver_start(&p->daemon.loop, &server, &p->server, err);

    if (r == 0 && o->kubeconfig)
        r = apiserver_write_kubeconfig(p->server, absolute(o->kubeconfig, &a), err);
    return r;
}

/* A watch is a descriptor: as many as the administrator allows. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct ol_cli *cli, int argc, char **argv)
{
    const struct options *o = cli->options;
    struct program p = {0};
    struct ol_err err = OL_ERR_INIT;
    int status = 0;

    if (o->want_version) {
        printf("orlop-apiserver %s\n", ORLOP_VERSION);
        return 0;
    }
    raise_limit();
    if (ol_daemon_init(&p.daemon, o->is_debug ? OL_LOG_DEBUG : OL_LOG_INFO, stop, &p, &err) < 0) {
        fprintf(stderr, "orlop-apiserver: %s\n", ol_err_text(&err));
        return 1;
    }
    if (start(&p, o, &err) < 0) {
        ol_error(&p.daemon.env, "%s", ol_err_text(&err));
        status = 1;
        ol_daemon_stop(&p.daemon);
    } else {
        printf("ready %s\n", apiserver_url(p.server));
        fflush(stdout);
        ol_daemon_ready(&p.daemon);
    }
    ol_daemon_run(&p.daemon);
    ol_daemon_done(&p.daemon);
    return status;
}

const struct ol_program apiserver_program = {
    .name = "orlop-apiserver",
    .summary = "A small Kubernetes API server",
    .version = ORLOP_VERSION,
    .opts = opts,
    .run = run,
    .misuse_status = 64,
};

int apiserver_main(int argc, char **argv)
{
    struct options options = {0};
    struct ol_cli cli = {.program = &apiserver_program, .options = &options};

    return ol_cli_run(&cli, argc, argv);
}
