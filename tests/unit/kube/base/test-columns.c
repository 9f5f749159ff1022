/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "kube/base/kind.h"

static const ol_time now = 1767323045 * OL_SECOND; /* 2026-01-02T03:04:05Z */

/* All cells of a row, with a blank between. */
static void row(const struct kube_object *o, struct ol_buf *to)
{
    for (const struct kube_column *c = o->kind->columns; c->name; c++) {
        if (to->len)
            ol_buf_addc(to, ' ');
        c->cell(o, now, to);
    }
}

static const struct {
    const struct kube_kind *kind;
    const char *json, *want;
} rows[] = {
    {&kube_pv_kind,
     "{\"metadata\":{\"name\":\"v\",\"creationTimestamp\":\"2026-01-02T03:00:05Z\"},\"spec\":"
     "{\"capacity\":{\"storage\":\"10Gi\"},\"accessModes\":[\"ReadWriteMany\",\"ReadWriteO"
     "nce\"],"
     "\"persistentVolumeReclaimPolicy\":\"Delete\",\"claimRef\":{\"namespace\":\"n\",\"name\":"
     "\"c\"},\"storageClassName\":\"s\",\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":"
     "\"Bound\"}}",
     "\"v\" \"10Gi\" \"RWO,RWX\" \"Delete\" \"Bound\" \"n/c\" \"s\" \"<unset>\" \"\" \"4m\" "
     "\"Filesystem\""},
    {&kube_pv_kind,
     "{\"metadata\":{\"name\":\"v\",\"deletionTimestamp\":\"2026-01-02T03:00:05Z\"}}",
     "\"v\" \"0\" \"\" \"\" \"Terminating\" \"\" \"\" \"<unset>\" \"\" \"<unknown>\" \"<un"
     "set>\""},
    {&kube_pvc_kind, "{\"metadata\":{\"name\":\"c\"},\"status\":{\"phase\":\"Pending\"}}",
     "\"c\" \"Pending\" \"\" \"\" \"\" \"\" \"<unset>\" \"<unknown>\" \"<unset>\""},
    {&kube_pvc_kind,
     "{\"metadata\":{\"name\":\"c\",\"annotations\":{\"volume.beta.kubernetes.io/storage-c"
     "lass\":"
     "\"b\"}},\"spec\":{\"volumeName\":\"v\",\"storageClassName\":\"s\"},\"status\":{\"phase\":"
     "\"Bound\",\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOncePod\"]}}",
     "\"c\" \"Bound\" \"v\" \"1Gi\" \"RWOP\" \"b\" \"<unset>\" \"<unknown>\" \"<unset>\""},
    {&kube_class_kind,
     "{\"metadata\":{\"name\":\"s\",\"annotations\":{\"storageclass.kubernetes.io/"
     "is-default-class\":\"true\"}},\"provisioner\":\"p\",\"volumeBindingMode\":"
     "\"WaitForFirstConsumer\",\"allowVolumeExpansion\":true}",
     "\"s (default)\" \"p\" \"Delete\" \"WaitForFirstConsumer\" true \"<unknown>\""},
    {&kube_va_kind,
     "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"sou"
     "rce\":"
     "{\"persistentVolumeName\":\"v\"}},\"status\":{\"attached\":true}}",
     "\"a\" \"d\" \"v\" \"n\" true \"<unknown>\""},
    {&kube_csinode_kind,
     "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"drivers\":[{\"name\":\"d\"}]}}",
     "\"n\" 1 \"<unknown>\""},
    {&kube_csidriver_kind,
     "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"attachRequired\":false,\"podInfoOnMount\""
     ":true,"
     "\"volumeLifecycleModes\":[\"Persistent\",\"Ephemeral\"]}}",
     "\"d\" false true false \"<unset>\" false \"Persistent,Ephemeral\" \"<unknown>\""},
    {&kube_capacity_kind,
     "{\"metadata\":{\"name\":\"c\"},\"storageClassName\":\"s\",\"capacity\":\"1024Gi\"}",
     "\"c\" \"s\" \"1Ti\""},
    {&kube_node_kind,
     "{\"metadata\":{\"name\":\"n\",\"labels\":{\"node-role.kubernetes.io/control-plane\":"
     "\"\"}},"
     "\"spec\":{\"unschedulable\":true},\"status\":{\"conditions\":[{\"type\":\"Ready\","
     "\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"}],"
     "\"nodeInfo\":{\"kubeletVersion\":\"v1.35.0\",\"osImage\":\"Debian\"}}}",
     "\"n\" \"Ready,SchedulingDisabled\" \"control-plane\" \"<unknown>\" \"v1.35.0\" "
     "\"10.0.0.1\" \"<none>\" \"Debian\" \"<unknown>\" \"<unknown>\""},
    {&kube_event_kind,
     "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\"},"
     "\"type\":\"Warning\",\"reason\":\"R\",\"message\":\" m\\n\",\"source\":{\"component"
     "\":\"c\","
     "\"host\":\"h\"},\"firstTimestamp\":\"2026-01-02T02:04:05Z\",\"lastTimestamp\":"
     "\"2026-01-02T03:04:00Z\",\"count\":3}",
     "\"5s\" \"Warning\" \"R\" \"pod/p\" \"\" \"c, h\" \"m\" \"60m\" 3 \"e\""},
    {&kube_secret_kind,
     "{\"metadata\":{\"name\":\"s\"},\"type\":\"Opaque\",\"data\":{\"a\":\"Yg==\"}}",
     "\"s\" \"Opaque\" 1 \"<unknown>\""},
    {&kube_config_map_kind,
     "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"b\"},\"binaryData\":{\"c\":\"Yg==\"}}",
     "\"m\" 2 \"<unknown>\""},
    {&kube_lease_kind, "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"holderIdentity\":\"me\"}}",
     "\"l\" \"me\" \"<unknown>\""},
    {&kube_namespace_kind, "{\"metadata\":{\"name\":\"n\"},\"status\":{\"phase\":\"Active\"}}",
     "\"n\" \"Active\" \"<unknown>\""},
};

static void rows_are_those_of_kubectl_get(void **state)
{
    for (size_t i = 0; i < ol_count(rows); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(10000);

        assert_int_equal(
            kube_decode_text(rows[i].kind, rows[i].json, strlen(rows[i].json), &o, NULL), 0);
        row(o, &got);
        assert_string_equal(got.data, rows[i].want);
    }
}

static void a_pods_status_tells_what_its_containers_do(void **state)
{
    static const char form[] =
        "{\"metadata\":{\"name\":\"p\"%s},\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\""
        ":\"b\"}],"
        "\"initContainers\":[{\"name\":\"i\"},{\"name\":\"s\",\"restartPolicy\":\"Always\"}]},"
        "\"status\":{%s}}";
    static const struct {
        const char *meta, *status, *ready, *want, *restarts;
    } cases[] = {
        {"", "\"phase\":\"Pending\"", "\"0/3\"", "\"Pending\"", "\"0\""},
        {"", "\"phase\":\"Failed\",\"reason\":\"Evicted\"", "\"0/3\"", "\"Evicted\"", "\"0\""},
        {"",
         "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"a\",\"ready\":true,\"state\":"
         "{\"running\":{}}},{\"name\":\"b\",\"restartCount\":2,\"state\":{\"waiting\":{\"reason\":"
         "\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"exitCode\":1,\"finishedAt\":"
         "\"2026-01-02T03:03:05Z\"}}}]",
         "\"1/3\"", "\"CrashLoopBackOff\"", "\"2 (60s ago)\""},
        {"",
         "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"termin"
         "ated\":"
         "{\"exitCode\":3}}}]",
         "\"0/3\"", "\"Init:ExitCode:3\"", "\"0\""},
        {"",
         "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"termin"
         "ated\":"
         "{\"exitCode\":0}}},{\"name\":\"s\",\"state\":{\"running\":{}}}]",
         "\"0/3\"", "\"Init:1/2\"", "\"0\""},
        {"",
         "\"phase\":\"Running\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"termin"
         "ated\":"
         "{\"exitCode\":0}}},{\"name\":\"s\",\"ready\":true,\"started\":true,\"restartCount\":1}],"
         "\"containerStatuses\":[{\"name\":\"a\",\"ready\":true,\"state\":{\"running\":{}}},"
         "{\"name\":\"b\",\"ready\":true,\"state\":{\"running\":{}}}]",
         "\"3/3\"", "\"Running\"", "\"1\""},
        {"",
         "\"phase\":\"Running\",\"containerStatuses\":[{\"name\":\"a\",\"state\":{\"terminated\":"
         "{\"exitCode\":0,\"reason\":\"Completed\"}}},{\"name\":\"b\",\"ready\":true,\"state\":"
         "{\"running\":{}}}]",
         "\"1/3\"", "\"NotReady\"", "\"0\""},
        {",\"deletionTimestamp\":\"2026-01-02T03:00:05Z\"", "\"phase\":\"Running\"", "\"0/3\"",
         "\"Terminating\"", "\"0\""},
        {",\"deletionTimestamp\":\"2026-01-02T03:00:05Z\"",
         "\"phase\":\"Running\",\"reason\":\"NodeLost\"", "\"0/3\"", "\"Unknown\"", "\"0\""},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(kube_object_unref_at) const struct kube_object *o = NULL;
        ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(10000);
        const char *want[] = {cases[i].ready, cases[i].want, cases[i].restarts};

        ol_buf_printf(&json, form, cases[i].meta, cases[i].status);
        assert_int_equal(kube_decode_text(&kube_pod_kind, json.data, json.len, &o, NULL), 0);
        for (size_t k = 0; k < ol_count(want); k++) {
            ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1000);

            kube_pod_kind.columns[1 + k].cell(o, now, &got);
            assert_string_equal(got.data, want[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_kubectl_get),
        cmocka_unit_test(a_pods_status_tells_what_its_containers_do),
    };

    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
