/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/plugin/plugin.h"

#define TARGET "/r/pods/u/volumes/kubernetes.io~x/v"
#define DEVICE "/r/plugins/d"

static const struct kube_object *decode(const struct kube_kind *kind, const char *json)
{
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(kind, json, strlen(json), &o, &err) < 0)
        fail_msg("%s: %s", json, ol_err_text(&err));
    return o;
}

/* The plan for a PV's spec, or the sentence of the refusal. */
static void plan_of_pv(const char *spec, bool is_device, struct ol_buf *to)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);
    const struct kube_object *o;
    struct volume_plan plan;
    struct ol_err err = OL_ERR_INIT;
    struct volume_spec s;
    struct volume_setup setup;
    const struct volume_plugin *p;
    int r;

    ol_buf_printf(&text, "{\"metadata\":{\"name\":\"pv\"},\"spec\":{%s}}", spec);
    o = decode(&kube_pv_kind, text.data);
    s = (struct volume_spec){.pv = kube_as_pv(o)};
    setup =
        (struct volume_setup){.spec = &s, .device_dir = DEVICE, .target = TARGET, .fs_group = 7};
    volume_plan_init(&plan);
    p = volume_plugin_of(&s);
    assert_non_null(p);
    r = is_device ? p->mount_device(&setup, &plan, &err) : p->set_up(&setup, &plan, &err);
    if (r < 0)
        ol_buf_adds(to, ol_err_text(&err));
    else
        volume_plan_show(&plan, to);
    volume_plan_done(&plan);
    kube_object_unref(o);
}

static void a_pv_makes_a_plan(void **state)
{
    static const struct {
        const char *spec;
        bool is_device;
        const char *want;
    } cases[] = {
        {"\"nfs\":{\"server\":\"192.168.4.1\",\"path\":\"/nfs_storage\"}", false,
         "unless-mounted " TARGET "\nmkdir " TARGET " 0750\n"
         "mount nfs 192.168.4.1:/nfs_storage " TARGET " ''\n"},
        {"\"mountOptions\":[\"vers=4.1\",\"hard\",\"hard\"],\"nfs\":{\"server\":\"::1\",\"path\":"
         "\"/e\",\"readOnly\":true}",
         false,
         "unless-mounted " TARGET "\nmkdir " TARGET " 0750\n"
         "mount nfs [::1]:/e " TARGET " hard,ro,vers=4.1\n"},
        {"\"hostPath\":{\"path\":\"/data\"}", false, ""},
        {"\"hostPath\":{\"path\":\"/data\",\"type\":\"DirectoryOrCreate\"}", false,
         "host-path DirectoryOrCreate /data\n"},
        {"\"hostPath\":{\"path\":\"/data\",\"type\":\"Heap\"}", false,
         "hostPath type check failed: unknown type Heap"},
        {"\"local\":{\"path\":\"/mnt/d\"}", true, "local-device /mnt/d " DEVICE " ext4 ''\n"},
        {"\"local\":{\"path\":\"/mnt/d\"}", false,
         "bind-local /mnt/d " DEVICE " " TARGET " rw\nown " TARGET " 7 Always rw\n"},
        {"\"local\":{\"path\":\"/mnt/../d\"}", false,
         "invalid path: /mnt/../d must not contain '..'"},
        {"\"iscsi\":{\"targetPortal\":\"10.0.0.1\",\"iqn\":\"iqn.2003-01.x:y\",\"lun\":2,"
         "\"readOnly\":true}",
         false, "bind " DEVICE " " TARGET " ro\n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(64 << 10);

        plan_of_pv(cases[i].spec, cases[i].is_device, &got);
        assert_string_equal(got.data, cases[i].want);
    }
}

static void iscsi_logs_in_and_waits_for_its_device(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(64 << 10);

    plan_of_pv("\"iscsi\":{\"targetPortal\":\"10.0.0.1\",\"iqn\":\"iqn.2003-01.x:y\",\"lun\":2,"
               "\"fsType\":\"xfs\"}",
               true, &got);
    assert_string_equal(
        got.data,
        "unless-mounted " DEVICE "\n"
        "try iscsiadm -m discoverydb -t sendtargets -p 10.0.0.1:3260 -I default -o new\n"
        "iscsi-discover 10.0.0.1:3260 default\n"
        "iscsi-login 10.0.0.1:3260 iqn.2003-01.x:y default\n"
        "try iscsiadm -m node -p 10.0.0.1:3260 -T iqn.2003-01.x:y -R\n"
        "try iscsiadm -m node -p 10.0.0.1:3260 -T iqn.2003-01.x:y -o update -n node.startup -v "
        "manual\n"
        "wait-device /dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2003-01.x:y-lun-2 10\n"
        "format-mount /dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2003-01.x:y-lun-2 " DEVICE
        " xfs ''\n");
}

static void iscsi_finds_its_target_in_the_directory(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(64 << 10);
    const char *dir =
        "/r/plugins/kubernetes.io/iscsi/iface-default/10.0.0.1:3260-iqn.2003-01.x:y-lun-1-lun-2";
    struct volume_plan plan;

    volume_plan_init(&plan);
    volume_iscsi.unmount_device(dir, &plan);
    volume_plan_show(&plan, &got);
    volume_plan_done(&plan);
    assert_non_null(strstr(got.data, "iscsi-logout 10.0.0.1:3260 iqn.2003-01.x:y-lun-1 default\n"));
}

static void a_secret_appears_in_no_text(void **state)
{
    const struct kube_object *o =
        decode(&kube_pv_kind,
               "{\"metadata\":{\"name\":\"pv\"},\"spec\":{\"iscsi\":{\"targetPortal\":\"p\","
               "\"iqn\":\"iqn.a\",\"lun\":0,\"chapAuthSession\":true}}}");
    const struct kube_object *secret = decode(
        &kube_secret_kind,
        "{\"metadata\":{\"name\":\"s\"},\"data\":{\"node.session.auth.username\":\"dXNlcg==\","
        "\"node.session.auth.password\":\"aHVzaGh1c2g=\"}}");
    struct volume_spec s = {.pv = kube_as_pv(o)};
    struct volume_setup setup = {
        .spec = &s, .device_dir = DEVICE, .target = TARGET, .fs_group = -1};
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(64 << 10);
    struct ol_err err = OL_ERR_INIT;
    struct volume_plan plan;

    volume_plan_init(&plan);
    assert_int_equal(volume_iscsi.mount_device(&setup, &plan, &err), -EINVAL);
    setup.auth = kube_as_secret(secret);
    assert_int_equal(volume_iscsi.mount_device(&setup, &plan, &err), 0);
    volume_plan_show(&plan, &got);
    assert_null(strstr(got.data, "hushhush"));
    assert_non_null(strstr(plan.wire.data, "hushhush"));
    volume_plan_done(&plan);
    kube_object_unref(o);
    kube_object_unref(secret);
}

static void files_of_a_config_map_are_chosen_by_items(void **state)
{
    static const struct {
        const char *source, *want;
        bool is_refused;
    } cases[] = {
        {"{\"name\":\"m\"}", "file a 0644 <1 bytes>\nfile b 0644 <2 bytes>\n", false},
        {"{\"name\":\"m\",\"items\":[{\"key\":\"b\",\"path\":\"x/b\",\"mode\":256}]}",
         "file x/b 0400 <2 bytes>\n", false},
        {"{\"name\":\"m\",\"items\":[{\"key\":\"c\",\"path\":\"c\"}]}",
         "references non-existent config key: c", true},
        {"{\"name\":\"m\",\"optional\":true,\"items\":[{\"key\":\"c\",\"path\":\"c\"}]}", "",
         false},
        {"{\"name\":\"m\",\"items\":[{\"key\":\"a\",\"path\":\"../etc\"}]}",
         "invalid path \"../etc\": must be relative, without \"..\"", true},
    };
    const struct kube_object *map =
        decode(&kube_config_map_kind, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\"},"
                                      "\"binaryData\":{\"b\":\"AAE=\"}}");

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096), got = OL_BUF_INIT(4096),
                                           want = OL_BUF_INIT(4096);
        const struct kube_object *pod;
        struct volume_plan plan;
        struct volume_spec s = {0};
        struct ol_err err = OL_ERR_INIT;
        struct volume_setup setup = {.spec = &s, .target = "/t", .fs_group = -1};

        ol_buf_printf(&json,
                      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"volumes\":[{\"name\":\"v\","
                      "\"configMap\":%s}]}}",
                      cases[i].source);
        pod = decode(&kube_pod_kind, json.data);
        s.volume = kube_as_pod(pod)->spec.volumes.v;
        setup.data = kube_as_config_map(map);
        volume_plan_init(&plan);
        if (cases[i].is_refused)
            ol_buf_adds(&want, cases[i].want);
        else
            ol_buf_printf(&want, "mkdir /t 0777\npayload /t\n%scommit /t\n", cases[i].want);
        if (volume_config_map.set_up(&setup, &plan, &err) < 0)
            ol_buf_adds(&got, ol_err_text(&err));
        else
            volume_plan_show(&plan, &got);
        assert_string_equal(got.data, want.data);
        volume_plan_done(&plan);
        kube_object_unref(pod);
    }
    kube_object_unref(map);
}

static void names_are_the_kubelets(void **state)
{
    static const struct {
        const char *spec, *want;
    } cases[] = {
        {"\"csi\":{\"driver\":\"d.io\",\"volumeHandle\":\"h\"}", "kubernetes.io/csi/d.io^h"},
        {"\"nfs\":{\"server\":\"s\",\"path\":\"/e\"}", "kubernetes.io/nfs/uid-pv"},
        {"\"hostPath\":{\"path\":\"/e\"}", "kubernetes.io/host-path/uid-pv"},
        {"\"local\":{\"path\":\"/e\"}", "kubernetes.io/local-volume/pv"},
        {"\"iscsi\":{\"targetPortal\":\"p\",\"iqn\":\"i\",\"lun\":3}", "kubernetes.io/iscsi/p:i:3"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf json = OL_BUF_INIT(4096), got = OL_BUF_INIT(4096);
        const struct kube_object *o;
        struct volume_spec s;

        ol_buf_printf(&json, "{\"metadata\":{\"name\":\"pv\"},\"spec\":{%s}}", cases[i].spec);
        o = decode(&kube_pv_kind, json.data);
        s = (struct volume_spec){.pv = kube_as_pv(o)};
        assert_int_equal(volume_unique_name(&s, "uid", &got), 0);
        assert_string_equal(got.data, cases[i].want);
        assert_ptr_equal(volume_plugin_by_name(volume_plugin_of(&s)->name), volume_plugin_of(&s));
        kube_object_unref(o);
    }
    assert_ptr_equal(volume_plugin_by_name("kubernetes.io~nfs"), &volume_nfs);
    assert_null(volume_plugin_by_name("kubernetes.io~rbd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pv_makes_a_plan),
        cmocka_unit_test(iscsi_logs_in_and_waits_for_its_device),
        cmocka_unit_test(iscsi_finds_its_target_in_the_directory),
        cmocka_unit_test(a_secret_appears_in_no_text),
        cmocka_unit_test(files_of_a_config_map_are_chosen_by_items),
        cmocka_unit_test(names_are_the_kubelets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
