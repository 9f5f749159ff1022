/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "volume/proto/csi-call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 6 };

static const struct csi_rpc *const rpcs[] = {
    &csi_create_volume,  &csi_validate_capabilities, &csi_list_volumes,    &csi_list_snapshots,
    &csi_node_publish,   &csi_get_capacity,          &csi_node_get_info,   &csi_get_plugin_info,
    &csi_node_get_stats, &registration_get_info,     &registration_notify,
};

static void unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size)
{
    csi_free(csi_unpack(type, data, size));
}

struct world {
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    struct sockaddr_un address;
    int n_done;
};

static void set_up(struct world *w)
{
    signal(SIGPIPE, SIG_IGN);
    if (ol_env_init(&w->env, "/", NULL) < 0 || uv_loop_init(&w->uv) < 0)
        abort();
    w->loop = (struct ol_loop){.uv = &w->uv, .env = &w->env};
    w->address.sun_family = AF_UNIX;
    snprintf(w->address.sun_path, sizeof(w->address.sun_path), "/tmp/ol-fuzz-%d", getpid());
}

static void tear_down(struct world *w)
{
    uv_run(&w->uv, UV_RUN_DEFAULT);
    if (uv_loop_close(&w->uv) < 0)
        abort(); /* something was left open */
    ol_env_done(&w->env);
    unlink(w->address.sun_path);
}

static void turn(struct world *w)
{
    for (int i = 0; i < TURNS; i++)
        uv_run(&w->uv, UV_RUN_NOWAIT);
}

static void put(int fd, const void *data, size_t size)
{
    if (write(fd, data, size) < 0 && errno != EPIPE && errno != ECONNRESET && errno != EAGAIN)
        abort();
}

static void answer(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < ol_count(rpcs); i++)
        unpack(rpcs[i]->request, data, size);
    if (size & 1)
        ol_grpc_fail(r, OL_GRPC_INTERNAL, "%.*s", (int)(size < 64 ? size : 64), (const char *)data);
    else
        ol_grpc_reply(r, data, size);
}

static const struct ol_grpc_method methods[] = {{"/a", answer}, {NULL, NULL}};

/* A client that sends these bytes behind the preface of HTTP/2. */
static void feed_server(struct world *w, const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct ol_grpc_server *server = NULL;
    ol_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (ol_grpc_server_start(&w->loop, w->address.sun_path, methods, NULL, &server, NULL) < 0
        || connect(fd, (struct sockaddr *)&w->address, sizeof(w->address)) < 0)
        abort();
    put(fd, preface, sizeof(preface) - 1);
    put(fd, data, size);
    turn(w);
    ol_grpc_server_stop(server);
}

static void done(void *ctx, const struct ol_grpc_result *r)
{
    struct world *w = ctx;

    w->n_done++;
    if (r->code >= OL_GRPC_N_CODES || (r->code == OL_GRPC_OK) != (r->data != NULL))
        abort();
    if (r->data)
        for (size_t i = 0; i < ol_count(rpcs); i++)
            unpack(rpcs[i]->reply, r->data, r->size);
}

/* A server that answers with these bytes. */
static void feed_client(struct world *w, const uint8_t *data, size_t size)
{
    ol_autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ol_autoclose int peer = -1;
    struct ol_grpc_channel *channel;

    if (bind(listener, (struct sockaddr *)&w->address, sizeof(w->address)) < 0
        || listen(listener, 1) < 0)
        abort();
    channel = ol_grpc_channel_new(&w->loop, w->address.sun_path);
    ol_grpc_call(channel, "/a", "x", 1, 0, done, w);
    turn(w);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer < 0)
        abort();
    put(peer, data, size);
    turn(w);
    ol_grpc_channel_free(channel);
    if (w->n_done != 1)
        abort();
}

/* The first byte chooses: bytes for our server, for our client, or a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.n_done = 0};

    if (!size || size > 4096)
        return 0;
    if (data[0] != 's' && data[0] != 'c') {
        for (size_t i = 0; i < ol_count(rpcs); i++) {
            unpack(rpcs[i]->request, data + 1, size - 1);
            unpack(rpcs[i]->reply, data + 1, size - 1);
        }
        return 0;
    }
    set_up(&w);
    if (data[0] == 's')
        feed_server(&w, data + 1, size - 1);
    else
        feed_client(&w, data + 1, size - 1);
    tear_down(&w);
    return 0;
}
