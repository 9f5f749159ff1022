/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "workload/pod/config.h"

/* clang-format off */
static const char json[] =
    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"u\"},\"spec\":{"
    "\"securityContext\":{\"fsGroup\":7,\"runAsUser\":1000,\"supplementalGroups\":[5]},"
    "\"containers\":[{\"name\":\"c\",\"image\":\"i:1\","
    "\"command\":[\"run\",\"$(WHO)\",\"$$(WHO)\",\"$(NOBODY)\"],"
    "\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"WHO\",\"value\":\"me-$(A)\"}],"
    "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"readOnly\":true,"
    "\"mountPropagation\":\"HostToContainer\"}],"
    "\"volumeDevices\":[{\"name\":\"d\",\"devicePath\":\"/dev/d\"}],"
    "\"resources\":{\"requests\":{\"cpu\":\"500m\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"64Mi\"}}}]}}";
/* clang-format on */

/* demands: V28 */
static void a_container_gets_what_its_spec_says(void **state)
{
    const struct pod_place mount = {.path = "/k/v"}, device = {"/k/d", true};
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct kube_object *o = NULL;
    const Runtime__V1__ContainerConfig *c;
    struct pod_config p = {.log_dir = "/logs", .memory_bytes = 1 << 30};

    assert_int_equal(kube_decode_text(&kube_pod_kind, json, strlen(json), &o, NULL), 0);
    p.pod = kube_as_pod(o);
    c = pod_container_config(&p, p.pod->spec.containers.v, 2, &mount, &device, &a);
    assert_string_equal(c->command[1], "me-1");
    assert_string_equal(c->command[2], "$(WHO)");
    assert_string_equal(c->command[3], "$(NOBODY)");
    assert_string_equal(c->mounts[0]->host_path, "/k/v");
    assert_true(c->mounts[0]->readonly);
    assert_int_equal(c->mounts[0]->propagation,
                     RUNTIME__V1__MOUNT_PROPAGATION__PROPAGATION_HOST_TO_CONTAINER);
    assert_string_equal(c->devices[0]->host_path, "/k/d");
    assert_string_equal(c->log_path, "c/2.log");
    assert_int_equal(c->on_linux->resources->cpu_shares, 512);
    assert_int_equal(c->on_linux->resources->cpu_quota, 100000);
    assert_int_equal(c->on_linux->resources->memory_limit_in_bytes, 64 << 20);
    assert_int_equal(c->on_linux->security_context->run_as_user->value, 1000);
    assert_int_equal(c->on_linux->security_context->n_supplemental_groups, 2);
    assert_int_equal(c->on_linux->security_context->supplemental_groups[1], 7);
    kube_object_unref(o);
}

static void a_sandbox_shares_the_machines_network(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct kube_object *o = NULL;
    const Runtime__V1__PodSandboxConfig *s;
    struct pod_config p = {.log_dir = "/logs", .attempt = 1};

    assert_int_equal(kube_decode_text(&kube_pod_kind, json, strlen(json), &o, NULL), 0);
    p.pod = kube_as_pod(o);
    s = pod_sandbox_config(&p, &a);
    assert_int_equal(s->on_linux->security_context->namespace_options->network,
                     RUNTIME__V1__NAMESPACE_MODE__NODE);
    assert_string_equal(s->log_directory, "/logs/ns_p_u");
    assert_string_equal(s->labels[2]->key, "io.kubernetes.pod.uid");
    assert_string_equal(s->labels[2]->value, "u");
    kube_object_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_gets_what_its_spec_says),
        cmocka_unit_test(a_sandbox_shares_the_machines_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
