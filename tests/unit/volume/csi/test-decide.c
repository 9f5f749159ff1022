/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "kube/base/kind.h"
#include "volume/csi/csi-driver.h"
#include "volume/csi/provisioner.h"

/* The provisioner's rules: every state with every event, and what each state asks for. */

/* Rows and columns as in the headers; a letter is the next state, '.' no edge. */
static const char letters[] = "IHUMVCS"; /* IDLE HELD UNSURE MADE SAVING CLEANING SETTLED */
static const char *const edges[PROVISION_N_STATES] = {
    /* HELD FOUND MADE UNSURE FAILED WRONG SAVED S_UNS S_REF UNWANTED REMOVED RM_FAIL LET_GO */
    "HU...........", /* IDLE */
    "..MUSCS..S...", /* HELD */
    "..M.SCS......", /* UNSURE */
    "......SV.C...", /* MADE */
    "......S.M....", /* SAVING */
    "......S...S..", /* CLEANING */
    "H...........I", /* SETTLED */
};

static void every_state_has_its_edges_and_no_other(void **state)
{
    for (int s = 0; s < PROVISION_N_STATES; s++) {
        assert_int_equal(strlen(edges[s]), PROVISION_N_EVENTS);
        for (int e = 0; e < PROVISION_N_EVENTS; e++) {
            enum provision_state got =
                provision_next((enum provision_state)s, (enum provision_event)e);
            char want = edges[s][e] == '.' ? letters[s] : edges[s][e];

            if (letters[got] != want)
                print_message("# %s, %s: %s\n", provision_state_name((enum provision_state)s),
                              provision_event_name((enum provision_event)e),
                              provision_state_name(got));
            assert_int_equal(letters[got], want);
        }
    }
}

/* A volume that may be there is never forgotten: only these ways lead to SETTLED. */
static void nothing_is_settled_that_may_be_there(void **state)
{
    static const enum provision_event settling[] = {PROVISION_EV_ASK_FAILED, PROVISION_EV_SAVED,
                                                    PROVISION_EV_REMOVED};

    for (int s = PROVISION_UNSURE; s <= PROVISION_CLEANING; s++) {
        for (int e = 0; e < PROVISION_N_EVENTS; e++) {
            bool may = false;

            for (size_t i = 0; i < ol_count(settling); i++)
                may |= (int)settling[i] == e;
            if (!may)
                assert_int_not_equal(
                    provision_next((enum provision_state)s, (enum provision_event)e),
                    PROVISION_SETTLED);
        }
    }
}

static const struct kube_object *decode(const struct kube_kind *kind, const char *json)
{
    ol_autofree char *copy = ol_xstrdup(json);
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (kube_decode_text(kind, copy, strlen(copy), &o, &err) < 0)
        fail_msg("%s", ol_err_text(&err));
    return o;
}

#define FLIGHT ", 'finalizers': ['" PROVISIONER_IN_FLIGHT "']"

/* Bits of a case: what is so. */
enum {
    FIN = 1 << 0,     /* the finalizer is there */
    DEL = 1 << 1,     /* deletionTimestamp */
    GONE = 1 << 2,    /* no claim any more */
    BOUND = 1 << 3,   /* it has a volumeName */
    PV = 1 << 4,      /* its PersistentVolume is there */
    DOWN = 1 << 5,    /* the driver isn't */
    NOCLASS = 1 << 6, /* the class isn't */
    WAITS = 1 << 7,   /* WaitForFirstConsumer without a node */
    OTHER = 1 << 8,   /* the class is another provisioner's */
};

static const struct {
    enum provision_state from;
    unsigned is;
    enum provision_step want;
    enum provision_state then;
} cases[] = {
    {PROVISION_IDLE, 0, PROVISION_DO_HOLD, PROVISION_IDLE},
    {PROVISION_IDLE, BOUND, PROVISION_DO_NOTHING, PROVISION_IDLE},
    {PROVISION_IDLE, DEL, PROVISION_DO_NOTHING, PROVISION_IDLE},
    {PROVISION_IDLE, PV, PROVISION_DO_NOTHING, PROVISION_IDLE},
    {PROVISION_IDLE, WAITS, PROVISION_DO_NOTHING, PROVISION_IDLE},
    {PROVISION_IDLE, OTHER, PROVISION_DO_NOTHING, PROVISION_IDLE},
    {PROVISION_IDLE, NOCLASS, PROVISION_DO_TELL_CLASS, PROVISION_IDLE},
    {PROVISION_IDLE, DOWN, PROVISION_DO_TELL_DOWN, PROVISION_IDLE},
    /* Found after a crash: nobody knows whether it was asked for. */
    {PROVISION_IDLE, FIN, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_IDLE, FIN | DEL, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_IDLE, FIN | DEL | DOWN, PROVISION_DO_TELL_DOWN, PROVISION_UNSURE},
    {PROVISION_IDLE, FIN | PV, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_HELD, FIN, PROVISION_DO_ASK, PROVISION_HELD},
    {PROVISION_HELD, FIN | DEL, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_HELD, FIN | DOWN, PROVISION_DO_TELL_DOWN, PROVISION_HELD},
    {PROVISION_HELD, 0, PROVISION_DO_HOLD, PROVISION_HELD},
    {PROVISION_UNSURE, FIN, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_UNSURE, FIN | DEL, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_UNSURE, FIN | BOUND, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_UNSURE, GONE, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_UNSURE, DEL, PROVISION_DO_ASK, PROVISION_UNSURE},
    {PROVISION_UNSURE, FIN | PV, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_MADE, FIN, PROVISION_DO_SAVE, PROVISION_MADE},
    {PROVISION_MADE, FIN | DEL, PROVISION_DO_CLEAN, PROVISION_CLEANING},
    {PROVISION_MADE, FIN | BOUND, PROVISION_DO_CLEAN, PROVISION_CLEANING},
    {PROVISION_MADE, GONE, PROVISION_DO_CLEAN, PROVISION_CLEANING},
    {PROVISION_MADE, FIN | DEL | DOWN, PROVISION_DO_TELL_DOWN, PROVISION_CLEANING},
    {PROVISION_SAVING, FIN | DEL, PROVISION_DO_SAVE, PROVISION_SAVING},
    {PROVISION_SAVING, FIN | PV, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_CLEANING, FIN | DEL, PROVISION_DO_CLEAN, PROVISION_CLEANING},
    {PROVISION_CLEANING, FIN | PV, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_SETTLED, FIN, PROVISION_DO_LET_GO, PROVISION_SETTLED},
    {PROVISION_SETTLED, 0, PROVISION_DO_FORGET, PROVISION_SETTLED},
};

static const struct kube_object *make_claim(unsigned is)
{
    ol_autofree char *json = ol_xasprintf(
        "{'metadata': {'name': 'data', 'namespace': 'default', 'uid': 'u1'%s%s, 'annotations': "
        "{'volume.kubernetes.io/storage-provisioner': 'p'}}, 'spec': {'storageClassName': 'c'%s}}",
        is & FIN ? FLIGHT : "", is & DEL ? ", 'deletionTimestamp': '2026-01-01T00:00:00Z'" : "",
        is & BOUND ? ", 'volumeName': 'x'" : "");

    return decode(&kube_pvc_kind, json);
}

/* demands: V12 V17 */
static void each_state_asks_for_its_step(void **state)
{
    for (size_t i = 0; i < ol_count(cases); i++) {
        unsigned is = cases[i].is;
        ol_auto(kube_object_unref_at) const struct kube_object *claim = make_claim(is);
        ol_auto(kube_object_unref_at) const struct kube_object *pv =
            decode(&kube_pv_kind, "{'metadata': {'name': 'pvc-u1'}}");
        ol_auto(kube_object_unref_at) const struct kube_object *class = decode(
            &kube_class_kind, is & OTHER   ? "{'metadata': {'name': 'c'}, 'provisioner': 'q'}"
                              : is & WAITS ? "{'metadata': {'name': 'c'}, 'provisioner': 'p', "
                                             "'volumeBindingMode': 'WaitForFirstConsumer'}"
                                           : "{'metadata': {'name': 'c'}, 'provisioner': 'p'}");
        struct provision_view v = {.claim = kube_as_pvc(claim),
                                   .is_gone = is & GONE,
                                   .class = is & NOCLASS ? NULL : kube_as_class(class),
                                   .pv = is & PV ? kube_as_pv(pv) : NULL,
                                   .is_ready = !(is & DOWN)};
        uint8_t now = (uint8_t)cases[i].from;

        print_message("# case %zu\n", i);
        assert_int_equal(provision_decide(&v, &now), cases[i].want);
        assert_int_equal(now, cases[i].then);
    }
}

/* --- what is asked for --- */
struct planned {
    const char *what, *claim, *source, *source_pv;
    unsigned controller;
    const char *want; /* the error, or "" */
    int result;
};

#define CLONE                                                                                      \
    "'storageClassName': 'c', 'accessModes': ['ReadWriteOnce'], 'resources': {'requests': "        \
    "{'storage': '2Gi'}}, 'dataSource': {'kind': 'PersistentVolumeClaim', 'name': 'src'}"
#define SOURCE(size, phase)                                                                        \
    "{'metadata': {'name': 'src', 'namespace': 'default', 'uid': 'u0'}, 'spec': "                  \
    "{'storageClassName': 'c', 'volumeName': 'v0', 'resources': {'requests': {'storage': '" size   \
    "'}}}, 'status': {'phase': '" phase "'}}"
#define SOURCE_PV(driver, mode)                                                                    \
    "{'metadata': {'name': 'v0'}, 'spec': {'volumeMode': '" mode                                   \
    "', 'claimRef': {'namespace': 'default', 'name': 'src', 'uid': 'u0'}, "                        \
    "'csi': {'driver': '" driver "', 'volumeHandle': 'h0'}}, 'status': {'phase': 'Bound'}}"
#define HEAD "error getting handle for DataSource Type PersistentVolumeClaim by Name src: "

static const struct planned plans[] = {
    {"plain", "'storageClassName': 'c', 'accessModes': ['ReadWriteOnce']", NULL, NULL,
     CSI_CAN_CREATE_DELETE, "", 0},
    {"selector", "'storageClassName': 'c', 'accessModes': ['ReadWriteOnce'], 'selector': {}", NULL,
     NULL, CSI_CAN_CREATE_DELETE, "claim Selector is not supported", -EINVAL},
    {"nothing can be made", "'storageClassName': 'c'", NULL, NULL, 0,
     "CSI driver does not support dynamic provisioning: controller CREATE_DELETE_VOLUME "
     "capability is not reported",
     -EOPNOTSUPP},
    {"a populator's", "'dataSource': {'kind': 'Book', 'apiGroup': 'x.y', 'name': 'b'}", NULL, NULL,
     CSI_CAN_CREATE_DELETE, "", PROVISION_NOT_OURS},
    {"a snapshot",
     "'dataSource': {'kind': 'VolumeSnapshot', 'apiGroup': 'snapshot.storage.k8s.io', 'name': 's'}",
     NULL, NULL, CSI_CAN_CREATE_DELETE,
     "volumes from snapshots are not supported: dataSource VolumeSnapshot s", -EOPNOTSUPP},
    {"a clone", CLONE, SOURCE("1Gi", "Bound"), SOURCE_PV("p", "Filesystem"),
     CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE, "", 0},
    {"clone, driver can't", CLONE, SOURCE("1Gi", "Bound"), SOURCE_PV("p", "Filesystem"),
     CSI_CAN_CREATE_DELETE,
     "CSI driver does not support clone operations: controller CLONE_VOLUME capability is not "
     "reported",
     -EOPNOTSUPP},
    {"clone of nothing", CLONE, NULL, NULL, CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE,
     HEAD "error getting PVC src (namespace \"default\") from api server: persistentvolumeclaim "
          "\"src\" not found",
     -EAGAIN},
    {"clone of a larger one", CLONE, SOURCE("3Gi", "Bound"), SOURCE_PV("p", "Filesystem"),
     CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE,
     HEAD "error, new PVC request must be greater than or equal in size to the specified PVC data "
          "source, requested 2147483648 but source is 3221225472",
     -EINVAL},
    {"clone of a pending one", CLONE, SOURCE("1Gi", "Pending"), NULL,
     CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE,
     HEAD "the PVC DataSource src must have a status of Bound", -EAGAIN},
    {"clone of another driver's", CLONE, SOURCE("1Gi", "Bound"), SOURCE_PV("q", "Filesystem"),
     CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE, HEAD "claim in dataSource not bound or invalid",
     -EAGAIN},
    {"clone of a block volume", CLONE, SOURCE("1Gi", "Bound"), SOURCE_PV("p", "Block"),
     CSI_CAN_CREATE_DELETE | CSI_CAN_CLONE,
     HEAD "the source PVC and destination PVCs must have the same volume mode for cloning.  Source "
          "is Block, but new PVC requested Filesystem",
     -EINVAL},
};

static void a_claim_is_refused_with_the_sentence_of_the_reference(void **state)
{
    for (size_t i = 0; i < ol_count(plans); i++) {
        const struct planned *c = &plans[i];
        ol_autofree char *json = ol_xasprintf(
            "{'metadata': {'name': 'data', 'namespace': 'default', 'uid': 'u1'}, 'spec': {%s}}",
            c->claim);
        ol_auto(kube_object_unref_at) const struct kube_object *claim =
            decode(&kube_pvc_kind, json);
        ol_auto(kube_object_unref_at) const struct kube_object *class =
            decode(&kube_class_kind, "{'metadata': {'name': 'c'}, 'provisioner': 'p'}");
        ol_auto(kube_object_unref_at) const struct kube_object *source =
            decode(&kube_pvc_kind, c->source ? c->source : "{'metadata': {'name': 'none'}}");
        ol_auto(kube_object_unref_at) const struct kube_object *pv =
            decode(&kube_pv_kind, c->source_pv ? c->source_pv : "{'metadata': {'name': 'none'}}");
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct provision_ask ask = {.claim = kube_as_pvc(claim),
                                    .class = kube_as_class(class),
                                    .volume_name = "pvc-u1",
                                    .plugin = CSI_PLUGIN_CONTROLLER_SERVICE,
                                    .controller = c->controller,
                                    .source = c->source ? kube_as_pvc(source) : NULL,
                                    .source_pv = c->source_pv ? kube_as_pv(pv) : NULL};
        struct provision_plan plan;
        struct ol_err err = OL_ERR_INIT;

        print_message("# %s\n", c->what);
        assert_int_equal(provision_plan(&ask, &a, &plan, &err), c->result);
        assert_string_equal(err.msg, c->want);
        if (c->result == 0 && c->source)
            assert_string_equal(plan.source_volume, "h0");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_its_edges_and_no_other),
        cmocka_unit_test(nothing_is_settled_that_may_be_there),
        cmocka_unit_test(each_state_asks_for_its_step),
        cmocka_unit_test(a_claim_is_refused_with_the_sentence_of_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
