/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "core/cleanup.h"

static struct ol_val *load(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (json && ol_json_load(json, strlen(json), a, &v, &err) < 0)
        fail_msg("%s: %s", json, err.msg);
    return v;
}

/* A volume, a claim … with 'spec' as its further members, all in one map. */
static struct ol_val *object(struct ol_arena *a, const struct kube_kind *kind, const char *members)
{
    const char *ns = kind->flags & KUBE_NAMESPACED ? ",\"namespace\":\"default\"" : "";

    return members ? load(a, ol_arena_printf(a, "{\"metadata\":{\"name\":\"x\"%s}%s%s}", ns,
                                             *members ? "," : "", members))
                   : NULL;
}

static void add(struct ol_buf *to, const struct kube_findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        ol_buf_printf(to, "%s%s: %s", i ? "\n" : "", f->v[i].path, f->v[i].message);
}

struct rule {
    const struct kube_kind *kind;
    const char *old, *now; /* members beside metadata; old NULL: create */
    const char *want;      /* "path: message", a line each; a trailing … cuts the comparison */
};

static void check_rules(const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1 << 20);
        struct ol_val *now = object(&a, rules[i].kind, rules[i].now);
        struct ol_val *old = object(&a, rules[i].kind, rules[i].old);
        struct kube_findings f = {.arena = &a};
        size_t len = strlen(rules[i].want);

        if (old)
            kube_default(rules[i].kind, old, NULL, &a);
        kube_default(rules[i].kind, now, old, &a);
        kube_validate(rules[i].kind, now, old, false, &f);
        add(&got, &f);
        print_message("# %s: %s\n", rules[i].kind->kind, rules[i].now);
        if (len > 3 && !strcmp(rules[i].want + len - 3, "…"))
            assert_int_equal(strncmp(got.data, rules[i].want, len - 3), 0);
        else
            assert_string_equal(got.data, rules[i].want);
    }
}

#define PV_OK   "\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOnce\"],"
#define NFS     "\"nfs\":{\"server\":\"s\",\"path\":\"/p\"}"
#define PVC_OK  "\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"
#define SIZE(n) "\"resources\":{\"requests\":{\"storage\":\"" n "\"}}"

static void volumes_have_kubernetes_rules(void **state)
{
    static const struct rule rules[] = {
        {&kube_pv_kind, NULL, PV_OK NFS "}", ""},
        {&kube_pv_kind, NULL, PV_OK "\"mountOptions\":[]}",
         "spec: Required value: must specify a volume type"},
        {&kube_pv_kind, NULL, "\"spec\":{" NFS "}",
         "spec.accessModes: Required value\nspec.capacity: Required value\n"
         "spec.capacity: Unsupported value: null: supported values: \"storage\""},
        {&kube_pv_kind, NULL,
         "\"spec\":{\"capacity\":{\"storage\":\"0\"},\"accessModes\":[\"ReadWriteOnce\"]," NFS "}",
         "spec.capacity[storage]: Invalid value: \"0\": must be greater than zero"},
        {&kube_pv_kind, NULL, PV_OK NFS ",\"hostPath\":{\"path\":\"/x\"}}",
         "spec.nfs: Forbidden: may not specify more than 1 volume type"},
        {&kube_pv_kind, NULL, PV_OK "\"nfs\":{\"server\":\"s\",\"path\":\"p\"}}",
         "spec.nfs.path: Invalid value: \"p\": must be an absolute path"},
        {&kube_pv_kind, NULL, PV_OK "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"\"}}",
         "spec.csi.volumeHandle: Required value"},
        {&kube_pv_kind, NULL, PV_OK "\"hostPath\":{\"path\":\"/a/../b\"}}",
         "spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"},
        {&kube_pv_kind, NULL, PV_OK "\"local\":{\"path\":\"/a\"}}",
         "spec.nodeAffinity: Required value: Local volume requires node affinity"},
        {&kube_pv_kind, NULL, PV_OK NFS ",\"persistentVolumeReclaimPolicy\":\"Keep\"}",
         "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Keep\": supported values: "
         "\"Delete\", \"Recycle\", \"Retain\""},
        {&kube_pv_kind, NULL,
         "\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"RWO\"]," NFS "}",
         "spec.accessModes: Unsupported value: \"RWO\": supported values: \"ReadOnlyMany\", "
         "\"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\""},
        {&kube_pv_kind, NULL,
         PV_OK NFS ",\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[]}}}",
         "spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one"
         " node "
         "selector term"},
        {&kube_pv_kind, PV_OK NFS "}", PV_OK NFS ",\"claimRef\":{\"name\":\"c\"}}", ""},
        {&kube_pv_kind, PV_OK NFS "}", PV_OK "\"nfs\":{\"server\":\"t\",\"path\":\"/p\"}}",
         "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after "
         "creation\n@@ -1,6 +1,6 @@\n {\n  \"nfs\": {\n   \"path\": \"/p\",\n-  \"server\": \"s\"\n"
         "+  \"server\": \"t\"\n  }\n }\n"},
        {&kube_pv_kind, PV_OK NFS "}", PV_OK NFS ",\"volumeMode\":\"Block\"}",
         "volumeMode: Invalid value: \"Block\": field is immutable"},
    };

    check_rules(rules, ol_count(rules));
}

static void claims_have_kubernetes_rules(void **state)
{
    static const struct rule rules[] = {
        {&kube_pvc_kind, NULL, PVC_OK SIZE("1Gi") "}", ""},
        {&kube_pvc_kind, NULL, "\"spec\":{}",
         "spec.accessModes: Required value: at least 1 access mode is required\n"
         "spec.resources[storage]: Required value"},
        {&kube_pvc_kind, NULL, PVC_OK SIZE("-1") "}",
         "spec.resources[storage]: Invalid value: \"-1\": must be greater than zero"},
        {&kube_pvc_kind, NULL,
         "\"spec\":{\"accessModes\":[\"ReadWriteOncePod\",\"ReadWriteMany\"]," SIZE("1Gi") "}",
         "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"},
        {&kube_pvc_kind, NULL,
         PVC_OK SIZE("1Gi") ",\"selector\":{\"matchExpressions\":[{\"key\":\"a\",\"operator\":"
                            "\"Gt\"}]}}",
         "spec.selector.matchExpressions[0].operator: Invalid value: \"Gt\": not a valid selector "
         "operator"},
        /* once: a volume's name, and a class */
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") "}", PVC_OK SIZE("1Gi") ",\"volumeName\":\"v\"}", ""},
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") "}", PVC_OK SIZE("1Gi") ",\"storageClassName\":\"c\"}",
         ""},
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") ",\"storageClassName\":\"\"}",
         PVC_OK SIZE("1Gi") ",\"storageClassName\":\"c\"}",
         "spec: Forbidden: spec is immutable after creation except resources.requests and "
         "volumeAttributesClassName for bound claims\n@@ -10,7 +10,7 @@\n   }\n  },\n"
         "  \"VolumeName\": \"\",\n- \"StorageClassName\": \"\",\n+ \"StorageClassName\": \"c\",\n"
         "  \"VolumeMode\": \"Filesystem\",\n  \"DataSource\": null,\n  \"DataSourceRef\": nul"
         "l,\n"},
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") ",\"volumeName\":\"v\"}",
         PVC_OK SIZE("1Gi") ",\"volumeName\":\"w\"}", "spec: Forbidden: spec is immutable…"},
        /* sizes */
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") "}", PVC_OK SIZE("2Gi") "}",
         "spec: Forbidden: spec is immutable…"},
        {&kube_pvc_kind, PVC_OK SIZE("1Gi") "},\"status\":{\"phase\":\"Bound\"}",
         PVC_OK SIZE("2Gi") "},\"status\":{\"phase\":\"Bound\"}", ""},
        {&kube_pvc_kind,
         PVC_OK SIZE("2Gi") "},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"2Gi\"}}",
         PVC_OK SIZE("1Gi") "},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"2Gi\"}}",
         "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"},
        {&kube_pvc_kind,
         PVC_OK SIZE("3Gi") "},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}",
         PVC_OK SIZE("2Gi") "},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}",
         ""},
    };

    check_rules(rules, ol_count(rules));
}

static void storage_kinds_have_kubernetes_rules(void **state)
{
    static const struct rule rules[] = {
        {&kube_class_kind, NULL, "\"provisioner\":\"a.b/c\"", ""},
        {&kube_class_kind, NULL, "", "provisioner: Required value"},
        {&kube_class_kind, NULL, "\"provisioner\":\"p\",\"reclaimPolicy\":\"Recycle\"",
         "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\""},
        {&kube_class_kind, "\"provisioner\":\"p\",\"parameters\":{\"a\":\"1\"}",
         "\"provisioner\":\"q\",\"volumeBindingMode\":\"WaitForFirstConsumer\",\"reclaimPolicy\":"
         "\"Retain\"",
         "volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable\n"
         "parameters: Forbidden: updates to parameters are forbidden.\n"
         "provisioner: Forbidden: updates to provisioner are forbidden.\n"
         "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."},
        {&kube_class_kind, "\"provisioner\":\"p\"",
         "\"provisioner\":\"p\",\"allowVolumeExpansion\":true,\"mountOptions\":[\"ro\"]", ""},
        {&kube_va_kind, NULL,
         "\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"source\":{\"persistentVolumeName\":"
         "\"v\"}}",
         ""},
        {&kube_va_kind, NULL, "\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"source\":{}}",
         "spec.source: Required value: must specify exactly one of inlineVolumeSpec and "
         "persistentVolumeName"},
        {&kube_va_kind,
         "\"spec\":{\"attacher\":\"d\",\"nodeName\":\"n\",\"source\":{\"persistentVolumeName\":"
         "\"v\"}}",
         "\"spec\":{\"attacher\":\"d\",\"nodeName\":\"m\",\"source\":{\"persistentVolumeName\":"
         "\"v\"}}",
         "spec: Invalid value: …"},
        {&kube_csinode_kind, NULL,
         "\"spec\":{\"drivers\":[{\"name\":\"d\",\"nodeID\":\"\"},{\"name\":\"d\",\"nodeID\":"
         "\"n\"}]}",
         "spec.drivers[0].nodeID: Required value\nspec.drivers[1].name: Duplicate value: \"d\""},
        {&kube_csidriver_kind, NULL, "\"spec\":{}", ""},
        {&kube_csidriver_kind, NULL, "\"spec\":{\"fsGroupPolicy\":\"x\"}",
         "spec.fsGroupPolicy: Unsupported value: \"x\": supported values: \"File\", \"None\", "
         "\"ReadWriteOnceWithFSType\""},
        {&kube_csidriver_kind, "\"spec\":{\"attachRequired\":false}", "\"spec\":{}",
         "spec.attachedRequired: Invalid value: true: field is immutable"},
        {&kube_capacity_kind, NULL, "\"storageClassName\":\"c\",\"capacity\":\"-1\"",
         "capacity: Invalid value: \"-1\": must be greater than or equal to 0"},
        {&kube_attributes_class_kind, NULL, "\"driverName\":\"d\"",
         "parameters: Required value: must contain at least one key/value pair"},
    };

    check_rules(rules, ol_count(rules));
}

static void other_kinds_have_kubernetes_rules(void **state)
{
    static const char pod[] = "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}";
    static const struct rule rules[] = {
        {&kube_pod_kind, NULL, pod, ""},
        {&kube_pod_kind, NULL, "\"spec\":{}", "spec.containers: Required value"},
        {&kube_pod_kind, NULL,
         "\"spec\":{\"containers\":[{\"name\":\"C\",\"volumeMounts\":[{\"name\":\"v\",\"mountP"
         "ath\":"
         "\"/m\"}]}]}",
         "spec.containers[0].name: Invalid value: \"C\": a lowercase RFC 1123 label must consi"
         "st of "
         "lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
         "character (e.g. 'my-name',  or '123-abc', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')\nspec.containers[0].image: Required value\n"
         "spec.containers[0].volumeMounts[0].name: Not found: \"v\""},
        {&kube_pod_kind, pod,
         "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\",\"imagePullPolicy\":\"Alwa"
         "ys\"}]}",
         ""},
        {&kube_pod_kind, pod,
         "\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}",
         "spec: Forbidden: pod updates may not change fields other than "
         "`spec.containers[*].image`,…"},
        {&kube_secret_kind, NULL, "\"type\":\"kubernetes.io/tls\"",
         "data[tls.crt]: Required value\ndata[tls.key]: Required value"},
        {&kube_secret_kind, "\"type\":\"Opaque\"", "\"type\":\"x\"",
         "type: Invalid value: \"x\": field is immutable"},
        {&kube_config_map_kind, "\"immutable\":true,\"data\":{\"a\":\"1\"}",
         "\"immutable\":true,\"data\":{\"a\":\"2\"}",
         "data: Forbidden: field is immutable when `immutable` is set"},
        {&kube_lease_kind, NULL, "\"spec\":{\"leaseDurationSeconds\":0}",
         "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
        {&kube_node_kind, NULL, "\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"x\"}]}",
         "spec.taints[0].effect: Unsupported value: \"x\": supported values: \"NoExecute\", "
         "\"NoSchedule\", \"PreferNoSchedule\""},
    };

    check_rules(rules, ol_count(rules));
}

static void metadata_has_kubernetes_rules(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *old, *now, *want; /* metadata */
    } rules[] = {
        {&kube_config_map_kind, NULL, "{\"namespace\":\"default\"}",
         "metadata.name: Required value: name or generateName is required"},
        {&kube_config_map_kind, NULL, "{\"name\":\"x\"}", "metadata.namespace: Required value"},
        {&kube_class_kind, NULL, "{\"name\":\"x\",\"namespace\":\"y\"}",
         "metadata.namespace: Forbidden: not allowed on this type"},
        {&kube_class_kind, NULL, "{\"name\":\"A_b\"}",
         "metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist o"
         "f lower "
         "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric "
         "character (e.g. 'example.com', regex used for validation is "
         "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
        {&kube_class_kind, NULL, "{\"name\":\"x\",\"labels\":{\"/a\":\"b c\"}}",
         "metadata.labels: Invalid value: \"/a\": prefix part must be non-empty\n"
         "metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or co"
         "nsist "
         "of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
         "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
        {&kube_class_kind, NULL, "{\"name\":\"x\",\"annotations\":{\"A/b\":\"any thing\"}}", ""},
        {&kube_class_kind, "{\"name\":\"x\",\"uid\":\"1\"}", "{\"name\":\"x\",\"uid\":\"2\"}",
         "metadata.uid: Invalid value: \"2\": field is immutable"},
        {&kube_class_kind,
         "{\"name\":\"x\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"a/b\"]}",
         "{\"name\":\"x\",\"finalizers\":[\"a/b\",\"c/d\"]}",
         "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
         "deleted, found new finalizers []string{\"c/d\"}"},
    };

    for (size_t i = 0; i < ol_count(rules); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1 << 20);
        static const char form[] = "{\"provisioner\":\"p\",\"metadata\":%s}";
        struct ol_val *now = load(&a, ol_arena_printf(&a, form, rules[i].now));
        struct ol_val *old =
            rules[i].old ? load(&a, ol_arena_printf(&a, form, rules[i].old)) : NULL;
        struct kube_findings f = {.arena = &a};

        kube_validate(rules[i].kind, now, old, false, &f);
        add(&got, &f);
        assert_string_equal(got.data, rules[i].want);
    }
}

static void unknown_members_are_named_with_their_place(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct kube_findings f = {.arena = &a};

    kube_check_unknown(&kube_pod_kind,
                       load(&a, "{\"foo\":1,\"metadata\":{\"labels\":{\"any\":\"x\"},\"nam\":\"\"},"
                                "\"spec\":{\"containers\":[{\"name\":\"a\"},{\"imag\":\"b\"}]}}"),
                       &f);
    assert_int_equal(f.n, 3);
    assert_string_equal(f.v[0].message, "unknown field \"foo\"");
    assert_string_equal(f.v[1].message, "unknown field \"metadata.nam\"");
    assert_string_equal(f.v[2].message, "unknown field \"spec.containers[1].imag\"");
}

static void normal_form_is_what_go_writes(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *in, *out; /* out without '{': the error */
    } cases[] = {
        {&kube_pvc_kind,
         "{\"foo\":1,\"metadata\":{\"name\":\"c\",\"creationTimestamp\":null,\"labels\":{}},"
         "\"spec\":{\"storageClassName\":\"\",\"volumeName\":\"\",\"resources\":{\"requests\":"
         "{\"storage\":\"1024Mi\"}},\"selector\":{}}}",
         "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"storageClassName\":\"\",\"resources\":"
         "{\"requests\":{\"storage\":\"1Gi\"}},\"selector\":{}}}"},
        {&kube_lease_kind, "{\"spec\":{\"renewTime\":\"2026-01-01T01:00:00.5+01:00\"}}",
         "{\"spec\":{\"renewTime\":\"2026-01-01T00:00:00.500000Z\"}}"},
        {&kube_node_kind, "{\"status\":{\"capacity\":{\"cpu\":4,\"memory\":\"0.5Gi\"}}}",
         "{\"status\":{\"capacity\":{\"cpu\":\"4\",\"memory\":\"512Mi\"}}}"},
        {&kube_pv_kind, "{\"spec\":{\"capacity\":{\"storage\":\"10 Gi\"}}}",
         "quantities must match the regular expression "
         "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
        {&kube_pv_kind, "{\"spec\":{\"storageClassName\":5}}",
         "json: cannot unmarshal number into Go struct field "
         "PersistentVolumeSpec.spec.storageClassName of type string"},
        {&kube_class_kind, "{\"mountOptions\":\"ro\"}",
         "json: cannot unmarshal string into Go struct field StorageClass.mountOptions of type "
         "[]string"},
        {&kube_secret_kind, "{\"data\":{\"a\":\"?\"}}", "illegal base64 data"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(1 << 20);
        struct ol_val *v = load(&a, cases[i].in);
        struct ol_err err = OL_ERR_INIT;
        int r = kube_normalize(cases[i].kind, v, &a, &err);

        if (r < 0)
            ol_buf_adds(&got, err.msg);
        else
            assert_int_equal(ol_json_dump(v, &ol_json_compact, &got), 0);
        assert_string_equal(got.data, cases[i].out);
    }
}

static void defaults_are_kubernetes(void **state)
{
    static const struct {
        const struct kube_kind *kind;
        const char *in, *path, *want;
    } cases[] = {
        {&kube_pv_kind, "{}", "spec/persistentVolumeReclaimPolicy", "Retain"},
        {&kube_pv_kind, "{}", "spec/volumeMode", "Filesystem"},
        {&kube_pv_kind, "{}", "status/phase", "Pending"},
        {&kube_pvc_kind, "{\"spec\":{}}", "spec/volumeMode", "Filesystem"},
        {&kube_pvc_kind, "{\"spec\":{}}", "status/phase", "Pending"},
        {&kube_pvc_kind, "{\"spec\":{\"dataSource\":{\"kind\":\"PersistentVolumeClaim\"}}}",
         "spec/dataSourceRef/kind", "PersistentVolumeClaim"},
        {&kube_class_kind, "{}", "reclaimPolicy", "Delete"},
        {&kube_class_kind, "{}", "volumeBindingMode", "Immediate"},
        {&kube_csidriver_kind, "{\"spec\":{}}", "spec/fsGroupPolicy", "ReadWriteOnceWithFSType"},
        {&kube_secret_kind, "{\"stringData\":{\"a\":\"b\"}}", "data/a", "Yg=="},
        {&kube_secret_kind, "{}", "type", "Opaque"},
        {&kube_namespace_kind, "{\"metadata\":{\"name\":\"n\"}}", "status/phase", "Active"},
        {&kube_pod_kind, "{\"spec\":{}}", "spec/restartPolicy", "Always"},
        {&kube_pod_kind, "{\"spec\":{}}", "spec/schedulerName", "default-scheduler"},
        {&kube_pod_kind, "{\"spec\":{}}", "status/qosClass", "BestEffort"},
        {&kube_pod_kind,
         "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1\",\"memory\":\"1G"
         "i\"}}}]}}",
         "status/qosClass", "Guaranteed"},
    };
    static const struct {
        const char *image, *policy;
    } images[] = {
        {"nginx", "Always"},           {"nginx:alpine", "IfNotPresent"},
        {"host:5000/nginx", "Always"}, {"nginx@sha256:0", "IfNotPresent"},
        {"nginx:latest", "Always"},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_val *v = load(&a, cases[i].in);

        kube_default(cases[i].kind, v, NULL, &a);
        assert_string_equal(ol_val_str(ol_val_at(v, cases[i].path)), cases[i].want);
    }
    for (size_t i = 0; i < ol_count(images); i++) {
        struct ol_val *v =
            load(&a, ol_arena_printf(&a, "{\"spec\":{\"containers\":[{\"image\":\"%s\"}]}}",
                                     images[i].image));
        const struct ol_val *c;

        kube_default(&kube_pod_kind, v, NULL, &a);
        c = ol_val_item(ol_val_at(v, "spec/containers"), 0);
        assert_string_equal(ol_val_str(ol_val_get(c, "imagePullPolicy")), images[i].policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volumes_have_kubernetes_rules),
        cmocka_unit_test(claims_have_kubernetes_rules),
        cmocka_unit_test(storage_kinds_have_kubernetes_rules),
        cmocka_unit_test(other_kinds_have_kubernetes_rules),
        cmocka_unit_test(metadata_has_kubernetes_rules),
        cmocka_unit_test(unknown_members_are_named_with_their_place),
        cmocka_unit_test(normal_form_is_what_go_writes),
        cmocka_unit_test(defaults_are_kubernetes),
    };

    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
