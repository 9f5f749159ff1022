/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "volume/proto/csi-call.h"
#include "volume/proto/csi.pb-c.h"

struct fixture {
    struct ol_env env;
    uv_loop_t uv;
    struct ol_loop loop;
    char dir[32], socket[64];
    struct ol_grpc_server *server;
    struct ol_grpc_channel *channel;
    int n_done;
    enum ol_grpc_code code;
    char message[100];
    bool is_from_peer;
};

/* A volume whose id is the name and the parameters. */
static void create(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ProtobufCMessage *m = csi_unpack(csi_create_volume.request, data, size);
    const Csi__V1__CreateVolumeRequest *request = (const void *)m;
    Csi__V1__CreateVolumeResponse reply = CSI__V1__CREATE_VOLUME_RESPONSE__INIT;
    Csi__V1__Volume volume = CSI__V1__VOLUME__INIT;
    char id[100];

    assert_non_null(request);
    assert_int_equal(request->n_parameters, 1);
    snprintf(id, sizeof(id), "%s/%s=%s", request->name, request->parameters[0]->key,
             request->parameters[0]->value);
    volume.volume_id = id;
    volume.capacity_bytes = request->capacity_range->required_bytes;
    reply.volume = &volume;
    csi_answer(r, &reply.base);
    csi_free(m);
}

static void noise(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_grpc_reply(r, "\x0a\xff", 2);
}

static void busy(void *ctx, struct ol_grpc_request *r, const uint8_t *data, size_t size)
{
    ol_grpc_fail(r, OL_GRPC_ABORTED, "operation pending");
}

static const struct ol_grpc_method methods[] = {
    {"/csi.v1.Controller/CreateVolume", create},
    {"/csi.v1.Controller/ListVolumes", noise},
    {"/csi.v1.Controller/DeleteVolume", busy},
    {NULL, NULL},
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->dir, "/tmp/ol-csi-XXXXXX", sizeof("/tmp/ol-csi-XXXXXX"));
    if (!mkdtemp(f->dir) || ol_env_init(&f->env, "/", NULL) < 0 || uv_loop_init(&f->uv) < 0)
        return -1;
    snprintf(f->socket, sizeof(f->socket), "%s/s", f->dir);
    f->loop = (struct ol_loop){.uv = &f->uv, .env = &f->env};
    f->channel = ol_grpc_channel_new(&f->loop, f->socket);
    *state = f;
    return ol_grpc_server_start(&f->loop, f->socket, methods, f, &f->server, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ol_grpc_channel_free(f->channel);
    ol_grpc_server_stop(f->server);
    while (uv_run(&f->uv, UV_RUN_DEFAULT))
        continue;
    if (uv_loop_close(&f->uv) < 0 || rmdir(f->dir) < 0)
        return -1;
    ol_env_done(&f->env);
    free(f);
    return 0;
}

static void done(void *ctx, const struct csi_reply *reply)
{
    struct fixture *f = ctx;
    const Csi__V1__CreateVolumeResponse *body = (const void *)reply->message_body;

    f->n_done++;
    f->code = reply->code;
    f->is_from_peer = reply->is_from_peer;
    snprintf(f->message, sizeof(f->message), "%s", body ? body->volume->volume_id : reply->message);
    uv_stop(&f->uv);
}

static void call(struct fixture *f, const struct csi_rpc *rpc, const ProtobufCMessage *request)
{
    csi_call(f->channel, rpc, request, 5 * OL_SECOND, done, f);
    uv_run(&f->uv, UV_RUN_DEFAULT);
}

static void messages_go_there_and_back(void **state)
{
    Csi__V1__CreateVolumeRequest request = CSI__V1__CREATE_VOLUME_REQUEST__INIT;
    Csi__V1__CreateVolumeRequest__ParametersEntry parameter =
        CSI__V1__CREATE_VOLUME_REQUEST__PARAMETERS_ENTRY__INIT;
    Csi__V1__CreateVolumeRequest__ParametersEntry *parameters[] = {&parameter};
    Csi__V1__CapacityRange range = CSI__V1__CAPACITY_RANGE__INIT;
    struct fixture *f = *state;

    parameter.key = (char[]){"type"};
    parameter.value = (char[]){"image"};
    request.name = (char[]){"pvc-1"};
    request.capacity_range = &range;
    request.n_parameters = 1;
    request.parameters = parameters;
    call(f, &csi_create_volume, &request.base);
    assert_int_equal(f->code, OL_GRPC_OK);
    assert_string_equal(f->message, "pvc-1/type=image");
}

static void the_drivers_refusal_is_the_drivers(void **state)
{
    Csi__V1__DeleteVolumeRequest request = CSI__V1__DELETE_VOLUME_REQUEST__INIT;
    struct fixture *f = *state;

    call(f, &csi_delete_volume, &request.base);
    assert_int_equal(f->code, OL_GRPC_ABORTED);
    assert_string_equal(f->message, "operation pending");
    assert_true(f->is_from_peer);
}

static void noise_in_a_reply_is_internal(void **state)
{
    Csi__V1__ListVolumesRequest request = CSI__V1__LIST_VOLUMES_REQUEST__INIT;
    struct fixture *f = *state;

    call(f, &csi_list_volumes, &request.base);
    assert_int_equal(f->code, OL_GRPC_INTERNAL);
    assert_false(f->is_from_peer);
}

static void a_cancelled_call_leaves_nothing(void **state)
{
    Csi__V1__DeleteVolumeRequest request = CSI__V1__DELETE_VOLUME_REQUEST__INIT;
    struct fixture *f = *state;

    ol_grpc_cancel(csi_call(f->channel, &csi_delete_volume, &request.base, 0, done, f));
    call(f, &csi_delete_volume, &request.base);
    assert_int_equal(f->n_done, 1);
}

static void a_small_message_cannot_take_much_memory(void **state)
{
    enum { SIZE = 32 << 20 };
    ol_autofree uint8_t *bytes = calloc(1, SIZE);

    for (size_t i = 0; i < SIZE; i += 2)
        bytes[i] = 0x0a; /* an empty entry, again and again */
    assert_null(csi_unpack(csi_list_volumes.reply, bytes, SIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_drivers_refusal_is_the_drivers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_in_a_reply_is_internal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_call_leaves_nothing, set_up, tear_down),
        cmocka_unit_test(a_small_message_cannot_take_much_memory),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
