/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our gRPC for a test in another language to talk to.
 *
 *     grpc-tool serve ADDRESS      until standard input ends; prints "ready"
 *         /test.Test/Echo          the same bytes
 *         /test.Test/Fail          the first byte is the code, the rest the sentence
 *         /test.Test/Never         no answer
 *         /test.Test/Large         as many bytes as the decimal number in the request says
 *     grpc-tool call ADDRESS       a call per line "METHOD TIMEOUT_MS TEXT" of standard input, all
 *                                  at once; each prints "METHOD CODE FROM_PEER SIZE TEXT"
 *     grpc-tool csi ADDRESS        GetPluginInfo; prints "NAME VERSION KEY=VALUE…" or the code
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"

enum { LINE = 1 << 16, SHOWN = 200, MAX_HELD = 64 };

static void echo(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_grpc_reply(r, data, size);
}

static void refuse(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_grpc_fail(r, size ? (enum ol_grpc_code)data[0] : OL_GRPC_UNKNOWN, "%s",
                 size ? (const char *)data + 1 : "");
}

struct held {
    struct ol_grpc_request *requests[MAX_HELD];
    size_t n;
};

static void never(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    struct held *held = ctx;

    if (held->n < MAX_HELD)
        held->requests[held->n++] = r;
    else
        ol_grpc_fail(r, OL_GRPC_RESOURCE_EXHAUSTED, "too many");
}

static void large(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_autofree char *bytes = NULL;
    uint64_t n = 0;

    if (ol_parse_u64((const char *)data, 10, &n) < 0) {
        ol_grpc_fail(r, OL_GRPC_INVALID_ARGUMENT, "no number");
        return;
    }
    bytes = ol_xcalloc(1, n + 1);
    ol_grpc_reply(r, bytes, n);
}

static const struct ol_grpc_method methods[] = {
    {"/test.Test/Echo", echo},
    {"/test.Test/Fail", refuse},
    {"/test.Test/Never", never},
    {"/test.Test/Large", large},
    {NULL, NULL},
};

static void on_input(uv_poll_t *poll, int status, int events)
{
    char byte;

    if (read(STDIN_FILENO, &byte, 1) <= 0)
        uv_stop(poll->loop);
}

static int serve(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_server *server = NULL;
    struct ol_err err = OL_ERR_INIT;
    struct held held = {.n = 0};
    uv_poll_t input;

    if (ol_grpc_server_start(loop, address, methods, &held, &server, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    uv_poll_init(loop->uv, &input, STDIN_FILENO);
    uv_poll_start(&input, UV_READABLE, on_input);
    puts("ready");
    fflush(stdout);
    uv_run(loop->uv, UV_RUN_DEFAULT);
    for (size_t i = 0; i < held.n; i++)
        ol_grpc_fail(held.requests[i], OL_GRPC_CANCELLED, "the end");
    ol_grpc_server_stop(server);
    uv_close((uv_handle_t *)&input, NULL);
    uv_run(loop->uv, UV_RUN_DEFAULT);
    return 0;
}

struct pending {
    int *n_left;
    char method[100];
};

static void on_result(void *ctx, const struct ol_grpc_result *r)
{
    size_t shown = r->size < SHOWN ? r->size : SHOWN;
    struct pending *p = ctx;

    printf("%s %s %s %zu %.*s\n", p->method, ol_grpc_code_name(r->code),
           r->is_from_peer ? "peer" : "here", r->size, r->data ? (int)shown : SHOWN,
           r->data ? (const char *)r->data : r->message);
    fflush(stdout);
    --*p->n_left;
}

static int call(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_channel *channel = ol_grpc_channel_new(loop, address);
    ol_autofree char *line = ol_xcalloc(1, LINE);
    int n_left = 0;

    while (fgets(line, LINE, stdin)) {
        struct pending *p = ol_xcalloc(1, sizeof(*p));
        char text[LINE];
        int ms = 0, n = sscanf(line, "%99s %d %65535[^\n]", p->method, &ms, text);

        p->n_left = &n_left;
        n_left++;
        ol_grpc_call_own(ol_grpc_call(channel, p->method, text, n == 3 ? strlen(text) : 0,
                                      ms * OL_MS, on_result, p),
                         p);
    }
    while (n_left)
        uv_run(loop->uv, UV_RUN_ONCE);
    ol_grpc_channel_free(channel);
    uv_run(loop->uv, UV_RUN_DEFAULT);
    return 0;
}

static void on_info(void *ctx, const struct csi_reply *reply)
{
    const Csi__V1__GetPluginInfoResponse *info = (const void *)reply->message_body;

    uv_stop(ctx);
    if (reply->code != OL_GRPC_OK) {
        printf("%s %s\n", ol_grpc_code_name(reply->code), reply->message);
        return;
    }
    printf("%s %s", info->name, info->vendor_version);
    for (size_t i = 0; i < info->n_manifest; i++)
        printf(" %s=%s", info->manifest[i]->key, info->manifest[i]->value);
    puts("");
}

static int csi(struct ol_loop *loop, const char *address)
{
    struct ol_grpc_channel *channel = ol_grpc_channel_new(loop, address);
    Csi__V1__GetPluginInfoRequest request = CSI__V1__GET_PLUGIN_INFO_REQUEST__INIT;

    csi_call(channel, &csi_get_plugin_info, &request.base, 5 * OL_SECOND, on_info, loop->uv);
    uv_run(loop->uv, UV_RUN_DEFAULT);
    ol_grpc_channel_free(channel);
    uv_run(loop->uv, UV_RUN_DEFAULT);
    return 0;
}

int main(int argc, char **argv)
{
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop = {.uv = &uv, .env = &env};
    int status = 64;

    signal(SIGPIPE, SIG_IGN);
    if (argc != 3 || ol_env_init(&env, "/", NULL) < 0 || uv_loop_init(&uv) < 0)
        return 64;
    if (!strcmp(argv[1], "serve"))
        status = serve(&loop, argv[2]);
    else if (!strcmp(argv[1], "call"))
        status = call(&loop, argv[2]);
    else if (!strcmp(argv[1], "csi"))
        status = csi(&loop, argv[2]);
    uv_loop_close(&uv);
    ol_env_done(&env);
    return status;
}
