/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "volume/csi/csi-access.h"
#include "volume/csi/csi-error.h"
#include "volume/csi/csi-parameters.h"

/* The tables: parameters of classes, access modes, codes. */
#define P "csi.storage.k8s.io/"

enum { MAX_PAIRS = 4 };

static const struct kube_pair annotations[] = {{"example.com/key", "from-annotation"}};
static const struct kube_meta claim = {
    .name = "data", .ns = "default", .annotations = {(struct kube_pair *)annotations, 1}};

static int pair_cmp(const void *a, const void *b)
{
    return strcmp(((const struct kube_pair *)a)->key, ((const struct kube_pair *)b)->key);
}

static int read_parameters(const struct kube_pair *pairs, struct ol_arena *a,
                           struct csi_parameters *p, struct ol_err *err)
{
    struct kube_map m = {ol_arena_alloc(a, MAX_PAIRS * sizeof(*pairs)), 0};

    for (; m.n < MAX_PAIRS && pairs[m.n].key; m.n++)
        m.v[m.n] = pairs[m.n];
    qsort(m.v, m.n, sizeof(*m.v), pair_cmp);
    return csi_parameters_read(&m, "pvc-1", &claim, a, p, err);
}

static void a_secret_is_a_name_and_a_namespace_with_templates(void **state)
{
    static const struct {
        struct kube_pair pairs[MAX_PAIRS];
        enum csi_secret which;
        const char *name, *ns; /* name NULL = none */
    } cases[] = {
        {{{"pool", "x"}}, CSI_SECRET_PROVISIONER, NULL, NULL},
        {{{P "provisioner-secret-name", "a"}, {P "provisioner-secret-namespace", "b"}},
         CSI_SECRET_PROVISIONER,
         "a",
         "b"},
        {{{P "provisioner-secret-name", "a"}, {P "provisioner-secret-namespace", "b"}},
         CSI_SECRET_NODE_STAGE,
         NULL,
         NULL},
        {{{P "secret-name", "all"}, {P "secret-namespace", "ns"}},
         CSI_SECRET_NODE_EXPAND,
         "all",
         "ns"},
        {{{"csiNodePublishSecretName", "old"}, {"csiNodePublishSecretNamespace", "ns"}},
         CSI_SECRET_NODE_PUBLISH,
         "old",
         "ns"},
        {{{P "secret-name", "${pv.name}"}, {P "secret-namespace", "${pvc.namespace}"}},
         CSI_SECRET_CONTROLLER_EXPAND,
         "pvc-1",
         "default"},
        {{{P "secret-name", "x-${pvc.name}-${pvc.namespace}"}, {P "secret-namespace", "ns"}},
         CSI_SECRET_NODE_STAGE,
         "x-data-default",
         "ns"},
        {{{P "secret-name", "${pvc.annotations['example.com/key']}"}, {P "secret-namespace", "n"}},
         CSI_SECRET_CONTROLLER_MODIFY,
         "from-annotation",
         "n"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct csi_parameters p;
        const struct csi_secret_ref *got = &p.secrets[cases[i].which];

        assert_int_equal(read_parameters(cases[i].pairs, &a, &p, &err), 0);
        if (!cases[i].name) {
            assert_null(got->name);
            continue;
        }
        assert_string_equal(got->name, cases[i].name);
        assert_string_equal(got->ns, cases[i].ns);
    }
}

static void wrong_parameters_say_why(void **state)
{
    static const struct {
        struct kube_pair pairs[MAX_PAIRS];
        const char *want;
    } cases[] = {
        {{{P "fstyp", "ext4"}},
         "failed to strip CSI Parameters of prefixed keys: found unknown parameter key "
         "\"" P "fstyp\" with reserved namespace " P},
        {{{P "fstype", "xfs"}, {"fsType", "ext4"}},
         "fstype specified in parameters with both \"fstype\" and \"" P "fstype\" keys"},
        {{{P "node-stage-secret-name", "a"}},
         "failed to get name and namespace template from params: either name and namespace for "
         "NodeStage secrets specified, Both must be specified"},
        {{{P "secret-namespace", "a"}},
         "failed to get default name and namespace template from params: either name and "
         "namespace for Default secrets specified, Both must be specified"},
        {{{P "secret-name", ""}, {P "secret-namespace", "a"}},
         "failed to get default name and namespace template from params: Default secrets "
         "specified in parameters but value of either namespace or name is empty"},
        {{{"csiNodeStageSecretName", "a"},
          {P "node-stage-secret-name", "a"},
          {P "node-stage-secret-namespace", "b"}},
         "failed to get name and namespace template from params: NodeStage secrets specified in "
         "parameters with both \"csi\" and \"" P "\" keys"},
        {{{P "secret-name", "a"}, {P "secret-namespace", "${pvc.name}"}},
         "error resolving value \"${pvc.name}\": invalid tokens: [\"pvc.name\"]"},
        {{{P "secret-name", "${pvc.annotations['none']}"}, {P "secret-namespace", "a"}},
         "error resolving value \"${pvc.annotations['none']}\": invalid tokens: "
         "[\"pvc.annotations['none']\"]"},
        {{{P "secret-name", "Big"}, {P "secret-namespace", "a"}},
         "\"Big\" is not a valid secret name"},
        {{{P "secret-name", "a"}, {P "secret-namespace", "${pv.name}."}},
         "\"${pv.name}.\" resolved to \"pvc-1.\" which is not a valid namespace name"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct ol_err err = OL_ERR_INIT;
        struct csi_parameters p;

        assert_int_equal(read_parameters(cases[i].pairs, &a, &p, &err), -EINVAL);
        assert_string_equal(err.msg, cases[i].want);
    }
}

static void only_what_is_the_driver_s_is_passed_on(void **state)
{
    static const struct kube_pair pairs[MAX_PAIRS] = {
        {P "fstype", "xfs"},
        {"csiProvisionerSecretName", "a"},
        {"csiProvisionerSecretNamespace", "b"},
        {"pool", "fast"},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct ol_err err = OL_ERR_INIT;
    struct csi_parameters p;

    assert_int_equal(read_parameters(pairs, &a, &p, &err), 0);
    assert_string_equal(p.fs_type, "xfs");
    assert_int_equal(p.passed.n, 3);
    assert_null(kube_map_get(&p.passed, P "fstype"));
    assert_string_equal(kube_map_get(&p.passed, "pool"), "fast");
}

static void access_modes_are_those_of_the_reference(void **state)
{
    static const struct {
        unsigned modes;
        bool knows;
        int want; /* of enum csi_access_mode; -1 = an error */
    } cases[] = {
        {KUBE_RWO, false, CSI_ACCESS_SINGLE_NODE_WRITER},
        {KUBE_RWO, true, CSI_ACCESS_SINGLE_NODE_MULTI_WRITER},
        {KUBE_RWOP, false, CSI_ACCESS_SINGLE_NODE_WRITER},
        {KUBE_RWOP, true, CSI_ACCESS_SINGLE_NODE_SINGLE_WRITER},
        {KUBE_ROX, false, CSI_ACCESS_MULTI_NODE_READER_ONLY},
        {KUBE_ROX, true, CSI_ACCESS_MULTI_NODE_READER_ONLY},
        {KUBE_RWX, false, CSI_ACCESS_MULTI_NODE_MULTI_WRITER},
        {KUBE_RWX | KUBE_RWO | KUBE_ROX, true, CSI_ACCESS_MULTI_NODE_MULTI_WRITER},
        {KUBE_RWO | KUBE_ROX, false, -1},
        {KUBE_RWOP | KUBE_RWX, true, -1},
        {0, false, -1},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        enum csi_access_mode got = CSI_ACCESS_UNKNOWN;
        int r = csi_access_of(cases[i].modes, cases[i].knows, &got, NULL);

        assert_int_equal(r, cases[i].want < 0 ? -EINVAL : 0);
        if (r == 0)
            assert_int_equal(got, cases[i].want);
    }
}

static void finality_differs_between_the_calls(void **state)
{
    static const struct {
        enum ol_grpc_code code;
        char want[5]; /* create, remove, publish, expand: Ok Unsure Final Infeasible */
    } cases[] = {
        {OL_GRPC_OK, "OOOO"},
        {OL_GRPC_CANCELLED, "UUUU"},
        {OL_GRPC_DEADLINE_EXCEEDED, "UUUU"},
        {OL_GRPC_UNAVAILABLE, "UUUU"},
        {OL_GRPC_ABORTED, "UUUU"},
        {OL_GRPC_RESOURCE_EXHAUSTED, "FUUU"},
        {OL_GRPC_INVALID_ARGUMENT, "FFFI"},
        {OL_GRPC_OUT_OF_RANGE, "FFFI"},
        {OL_GRPC_NOT_FOUND, "FOFI"},
        {OL_GRPC_INTERNAL, "FFFF"},
        {OL_GRPC_UNKNOWN, "FFFF"},
        {(enum ol_grpc_code)99, "FFFF"},
    };
    static const char letters[CSI_N_OUTCOMES + 1] = "OUFRI";

    for (size_t i = 0; i < ol_count(cases); i++) {
        const char got[5] = {letters[csi_create_outcome(cases[i].code, false)],
                             letters[csi_remove_outcome(cases[i].code)],
                             letters[csi_publish_outcome(cases[i].code)],
                             letters[csi_expand_outcome(cases[i].code)]};

        assert_string_equal(got, cases[i].want);
    }
    assert_int_equal(csi_create_outcome(OL_GRPC_RESOURCE_EXHAUSTED, true), CSI_OUTCOME_RESCHEDULE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_name_and_a_namespace_with_templates),
        cmocka_unit_test(wrong_parameters_say_why),
        cmocka_unit_test(only_what_is_the_driver_s_is_passed_on),
        cmocka_unit_test(access_modes_are_those_of_the_reference),
        cmocka_unit_test(finality_differs_between_the_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
