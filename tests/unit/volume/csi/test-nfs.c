/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "volume/csi/nfs.h"

#define MINUTE (60 * OL_SECOND)

/* Volumes that are directories: names, ends, and the way of a claim. The export is a directory
 * of this test; libnfs is tested with a server in tests/e2e. */
static char root[64];

static int setup(void **state)
{
    struct csi_fixture *f;

    (void)snprintf(root, sizeof(root), "/tmp/orlop-nfs-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    csi_fixture_setup(state);
    f = *state;
    f->driver.job_root = root;
    f->driver.is_gone = true; /* no CSI here */
    ol_strv_add(&f->options.nfs, "example.com/nfs=192.168.4.1:/nfs_storage,local=/srv/export");
    return 0;
}

static int teardown(void **state)
{
    struct ol_env env;
    struct ol_err err = OL_ERR_INIT;
    int r;

    csi_fixture_teardown(state);
    r = ol_env_init(&env, "/tmp", &err);
    if (r == 0)
        r = ol_remove_tree(&env, root + strlen("/tmp"), &err);
    ol_env_done(&env);
    return r;
}

static bool is_there(const char *name)
{
    ol_autofree char *path = ol_xasprintf("%s/%s", root, name);
    struct stat st;

    return stat(path, &st) == 0;
}

static void put(struct csi_fixture *f, const char *parameters)
{
    fake_api_putf(f->api,
                  "{'apiVersion': 'storage.k8s.io/v1', 'kind': 'StorageClass', 'metadata': "
                  "{'name': 'nfs-sc'}, 'provisioner': 'example.com/nfs', 'reclaimPolicy': "
                  "'Delete', 'mountOptions': ['vers=4.1'], 'parameters': {%s}}",
                  parameters);
    fake_api_put(f->api, "{'apiVersion': 'v1', 'kind': 'PersistentVolumeClaim', 'metadata': "
                         "{'name': 'nfs', 'namespace': 'default', 'uid': 'u1', 'annotations': "
                         "{'volume.beta.kubernetes.io/storage-provisioner': 'example.com/nfs'}}, "
                         "'spec': {'accessModes': ['ReadWriteMany'], 'storageClassName': "
                         "'nfs-sc', 'resources': {'requests': {'storage': '10Mi'}}}}");
    csi_fixture_start(f);
    fake_api_pass(f->api, OL_SECOND);
}

static const char *pv(struct csi_fixture *f, const char *path)
{
    return fake_api_str(f->api, &kube_pv_kind, "pvc-u1", path);
}

/* demands: V6 V17 */
static void a_claim_gets_a_directory_and_its_volume(void **state)
{
    struct csi_fixture *f = *state;

    put(f, "");
    assert_true(is_there("default-nfs-pvc-u1"));
    assert_string_equal(pv(f, "spec/nfs/server"), "192.168.4.1");
    assert_string_equal(pv(f, "spec/nfs/path"), "/nfs_storage/default-nfs-pvc-u1");
    assert_string_equal(pv(f, "spec/capacity/storage"), "10Mi");
    assert_string_equal(pv(f, "spec/accessModes"), "[\"ReadWriteMany\"]");
    assert_string_equal(pv(f, "spec/mountOptions"), "[\"vers=4.1\"]");
    assert_string_equal(pv(f, "spec/persistentVolumeReclaimPolicy"), "Delete");
    assert_string_equal(pv(f, "spec/csi"), "");
    assert_string_equal(fake_api_map(f->api, &kube_pv_kind, "pvc-u1", "metadata/annotations",
                                     "pv.kubernetes.io/provisioned-by"),
                        "example.com/nfs");
}

/* demands: V18 */
static void a_volume_s_end_is_what_the_class_says(void **state)
{
    static const struct {
        const char *parameters;
        bool is_kept, is_archived;
    } cases[] = {
        {"", false, true},
        {"'archiveOnDelete': 'true'", false, true},
        {"'archiveOnDelete': 'false'", false, false},
        {"'onDelete': 'delete'", false, false},
        {"'onDelete': 'retain', 'archiveOnDelete': 'false'", true, false},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        void *one = NULL;
        struct csi_fixture *f;

        assert_int_equal(setup(&one), 0);
        f = one;
        put(f, cases[i].parameters);
        fake_api_patch(f->api, &kube_pv_kind, "pvc-u1", "{'status': {'phase': 'Released'}}");
        fake_api_pass(f->api, OL_SECOND);
        assert_null(fake_api_text(f->api, &kube_pv_kind, "pvc-u1"));
        assert_int_equal(is_there("default-nfs-pvc-u1"), cases[i].is_kept);
        assert_int_equal(is_there("archived-default-nfs-pvc-u1"), cases[i].is_archived);
        assert_int_equal(teardown(&one), 0);
    }
}

static void a_job_that_hangs_is_asked_again(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "job", ETIMEDOUT, false, 2);
    put(f, "");
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 0);
    assert_non_null(strstr(csi_fixture_finalizers(f, &kube_pvc_kind, "default/nfs"), "in-flight"));
    fake_api_pass(f->api, MINUTE);
    assert_int_equal(fake_api_count(f->api, &kube_pv_kind), 1);
}

static void a_claim_deleted_meanwhile_leaves_no_directory(void **state)
{
    struct csi_fixture *f = *state;

    fake_driver_err(&f->driver, "job", ETIMEDOUT, false, 1);
    put(f, "");
    fake_api_delete(f->api, &kube_pvc_kind, "default/nfs");
    fake_api_pass(f->api, MINUTE);
    assert_null(fake_api_text(f->api, &kube_pvc_kind, "default/nfs"));
    assert_false(is_there("default-nfs-pvc-u1"));
    assert_false(is_there("archived-default-nfs-pvc-u1"));
}

/* Data of an earlier claim that a pathPattern leads to is not thrown away with a claim that never
 * was. */
static void a_directory_that_was_there_before_is_kept(void **state)
{
    struct csi_fixture *f = *state;
    ol_autofree char *path = ol_xasprintf("%s/default", root);
    ol_autofree char *file = ol_xasprintf("%s/nfs/old", path);
    ol_autofree char *below = ol_xasprintf("%s/nfs", path);

    assert_int_equal(mkdir(path, 0700) | mkdir(below, 0700) | mkdir(file, 0700), 0);
    fake_driver_err(&f->driver, "job", ETIMEDOUT, false, 1);
    put(f, "'pathPattern': '${.PVC.namespace}/${.PVC.name}'");
    fake_api_delete(f->api, &kube_pvc_kind, "default/nfs");
    fake_api_pass(f->api, MINUTE);
    assert_null(fake_api_text(f->api, &kube_pvc_kind, "default/nfs"));
    assert_true(is_there("default/nfs/old"));
}

/* --- names --- */
static void rows_are_name_server_and_path(void **state)
{
    static const struct {
        const char *text, *name, *server, *path, *local;
    } cases[] = {
        {"example.com/nfs=10.0.0.1:/srv", "example.com/nfs", "10.0.0.1", "/srv", NULL},
        {"n=[fd00::1]:/srv", "n", "fd00::1", "/srv", NULL},
        {"n=h:/srv,local=/x", "n", "h", "/srv", "/x"},
        {"n=h", NULL, NULL, NULL, NULL},
        {"n=h:srv", NULL, NULL, NULL, NULL},
        {"=h:/srv", NULL, NULL, NULL, NULL},
        {"n=h:/srv,local=x", NULL, NULL, NULL, NULL},
        {"n", NULL, NULL, NULL, NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nfs_row row;
        struct ol_err err = OL_ERR_INIT;

        if (!cases[i].name) {
            assert_int_equal(nfs_row_parse(cases[i].text, &a, &row, &err), -EINVAL);
            continue;
        }
        assert_int_equal(nfs_row_parse(cases[i].text, &a, &row, &err), 0);
        assert_string_equal(row.name, cases[i].name);
        assert_string_equal(row.server, cases[i].server);
        assert_string_equal(row.path, cases[i].path);
        assert_int_equal(row.local != NULL, cases[i].local != NULL);
    }
}

static void patterns_are_filled_in_and_stay_within_the_export(void **state)
{
    static const struct kube_pair labels[] = {{"team", "blue"}};
    static const struct kube_pair annotations[] = {{"evil", "../.."}};
    static const struct {
        const char *pattern, *want; /* want NULL = an error */
    } cases[] = {
        {NULL, "ns-data-pv"},
        {"", "ns-data-pv"},
        {"${.PVC.namespace}/${.PVC.name}", "ns/data"},
        {"${.PVC.labels.team}-x", "blue-x"},
        {"${.PVC.labels.none}", "ns-data-pv"},
        {"/a//b/", "a/b"},
        {"${.PVC.name", "${.PVC.name"},
        {"../x", NULL},
        {"${.PVC.annotations.evil}/etc", NULL},
        {"/", NULL},
    };
    const struct kube_pvc claim = {.o.meta = {.name = "data",
                                              .ns = "ns",
                                              .labels = {(struct kube_pair *)labels, 1},
                                              .annotations = {(struct kube_pair *)annotations, 1}}};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct kube_pair pair = {"pathPattern", cases[i].pattern};
        struct kube_class class = {.parameters = {&pair, cases[i].pattern ? 1 : 0}};
        const char *got = NULL;
        struct ol_err err = OL_ERR_INIT;
        int r = nfs_directory_of(&class, &claim, "pv", &a, &got, &err);

        assert_int_equal(r, cases[i].want ? 0 : -EINVAL);
        if (r == 0)
            assert_string_equal(got, cases[i].want);
    }
}

static void only_volumes_below_the_export_are_touched(void **state)
{
    const struct nfs_row row = {.path = "/srv/"};

    assert_string_equal(nfs_relative(&row, "/srv/a/b"), "a/b");
    assert_null(nfs_relative(&row, "/srv"));
    assert_null(nfs_relative(&row, "/srvx/a"));
    assert_null(nfs_relative(&row, "/srv/../etc"));
}

static void recycling_empties_a_directory_and_follows_no_link(void **state)
{
    ol_autofree char *inside = ol_xasprintf("%s/export/a", root);
    ol_autofree char *outside = ol_xasprintf("%s/kept", root);
    ol_autofree char *link = ol_xasprintf("%s/export/link", root);
    ol_autofree char *export = ol_xasprintf("%s/export", root);
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(mkdir(export, 0755), 0);
    assert_int_equal(mkdir(inside, 0755), 0);
    assert_int_equal(mkdir(outside, 0755), 0);
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(nfs_local_run("empty", export, "", &err), 0);
    assert_int_equal(rmdir(export), 0); /* nothing is left in it, and it was left itself */
    assert_true(is_there("kept"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_claim_gets_a_directory_and_its_volume),
        cmocka_unit_test(a_volume_s_end_is_what_the_class_says),
        T(a_job_that_hangs_is_asked_again),
        T(a_claim_deleted_meanwhile_leaves_no_directory),
        T(a_directory_that_was_there_before_is_kept),
        T(recycling_empties_a_directory_and_follows_no_link),
        cmocka_unit_test(rows_are_name_server_and_path),
        cmocka_unit_test(patterns_are_filled_in_and_stay_within_the_export),
        cmocka_unit_test(only_volumes_below_the_export_are_touched),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
