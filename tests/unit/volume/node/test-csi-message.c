/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "volume/node/csi-message.h"

#define CLAIM                                                                                      \
    "{\"name\":\"v-1\",\"persistentVolumeClaim\":{\"claimName\":\"c-1\",\"readOnly\":true}}"

static struct node_csi_ask ask_for(struct fixture *f, const struct node_driver *d)
{
    struct node_csi_ask a = {.driver = d, .root = "/k"};

    fixture_populate(f);
    a.volume = f->world.volumes[0];
    a.mount = a.volume->mounts[0];
    return a;
}

/* demands: V28 */
static void a_request_says_all_of_the_volume(void **state)
{
    struct fixture *f = *state;
    const struct node_driver d = {.can = NODE_CAN_STAGE};
    const struct kube_pair pair = {"devicePath", "/dev/x"};
    const struct kube_map context = {(struct kube_pair *)&pair, 1};
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(1 << 20);
    const Csi__V1__NodePublishVolumeRequest *q;
    struct node_csi_ask a;

    fixture_claim(f, 1, ",\"mountOptions\":[\"noatime\"]");
    fixture_pod(f, "p", CLAIM);
    a = ask_for(f, &d);
    a.publish_context = &context;
    a.secret = kube_as_secret(fixture_add(
        f, &kube_secret_kind, "{\"metadata\":{\"name\":\"s\"},\"data\":{\"k\":\"dg==\"}}"));
    a.object = kube_as_csidriver(
        fixture_add(f, &kube_csidriver_kind,
                    "{\"metadata\":{\"name\":\"d.io\"},\"spec\":{\"podInfoOnMount\":true}}"));
    q = node_csi_publish(&a, &arena);
    assert_string_equal(q->volume_id, "h-1");
    assert_string_equal(q->target_path, "/k/pods/p/volumes/kubernetes.io~csi/pv-1/mount");
    assert_non_null(strstr(q->staging_target_path, "/globalmount"));
    assert_true(q->readonly);
    assert_string_equal(q->publish_context[0]->value, "/dev/x");
    assert_string_equal(q->secrets[0]->value, "v");
    assert_string_equal(q->volume_capability->mount->mount_flags[0], "noatime");
    assert_int_equal(q->volume_capability->access_mode->mode,
                     CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER);
    assert_int_equal(q->n_volume_context, 4);
    assert_string_equal(q->volume_context[2]->key, "csi.storage.k8s.io/pod.uid");
}

static void the_group_is_given_by_policy(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *pv, *policy;
        unsigned can;
        enum node_group_way want;
    } cases[] = {
        {"", "", 0, NODE_GROUP_NOBODY}, /* the default policy wants a file system's type */
        {",\"fsType\":\"ext4\"", "", 0, NODE_GROUP_WE},
        {",\"fsType\":\"ext4\"", "None", 0, NODE_GROUP_NOBODY},
        {"", "File", 0, NODE_GROUP_WE},
        {",\"fsType\":\"ext4\"", "ReadWriteOnceWithFSType", NODE_CAN_MOUNT_GROUP,
         NODE_GROUP_DRIVER},
        {",\"fsType\":\"ext4\",\"readOnly\":true", "File", 0, NODE_GROUP_NOBODY},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        const struct node_driver d = {.can = cases[i].can};
        ol_auto(ol_buf_done) struct ol_buf pv = OL_BUF_INIT(4096), object = OL_BUF_INIT(4096);
        struct node_csi_ask a;

        fixture_claim(f, 1, "");
        ol_buf_printf(&pv,
                      "{\"metadata\":{\"name\":\"pv-1\"},\"spec\":{\"accessModes\":["
                      "\"ReadWriteOnce\"],\"claimRef\":{\"uid\":\"claim-1\"},\"csi\":{\"driver\":"
                      "\"d.io\",\"volumeHandle\":\"h-1\"%s}}}",
                      cases[i].pv);
        fixture_add(f, &kube_pv_kind, pv.data);
        fixture_add(
            f, &kube_pod_kind,
            "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\",\"uid\":\"p\"},\"spec\":{"
            "\"securityContext\":{\"fsGroup\":7},\"volumes\":[{\"name\":\"v-1\","
            "\"persistentVolumeClaim\":{\"claimName\":\"c-1\"}}],\"containers\":[{"
            "\"name\":\"c\",\"volumeMounts\":[{\"name\":\"v-1\",\"mountPath\":\"/v\"}]}]}}");
        ol_buf_printf(&object,
                      "{\"metadata\":{\"name\":\"d.io\"},\"spec\":{\"fsGroupPolicy\":\"%s\"}}",
                      cases[i].policy);
        a = ask_for(f, &d);
        a.object = kube_as_csidriver(fixture_add(f, &kube_csidriver_kind, object.data));
        assert_int_equal(node_csi_group_way(&a), cases[i].want);
    }
}

static void five_codes_leave_it_open(void **state)
{
    static const bool open[OL_GRPC_N_CODES] = {
        [OL_GRPC_CANCELLED] = true,   [OL_GRPC_DEADLINE_EXCEEDED] = true,
        [OL_GRPC_UNAVAILABLE] = true, [OL_GRPC_RESOURCE_EXHAUSTED] = true,
        [OL_GRPC_ABORTED] = true,
    };

    for (int i = 1; i < OL_GRPC_N_CODES; i++)
        assert_int_equal(node_csi_is_final((enum ol_grpc_code)i), !open[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_says_all_of_the_volume),
        CASE(the_group_is_given_by_policy),
        CASE(five_codes_leave_it_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
