/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "volume/binder/pod-claims.h"
#include "workload/scheduler/scheduler-internal.h"

enum { MANY = 64 };

/* A world of decoded objects. */
struct fixture {
    const struct kube_object *all[MANY];
    size_t n;
    struct sched_nodes nodes;
    struct binder_index *index;
    struct sched_world w;
};

static const struct kube_object *find(const struct fixture *f, const struct kube_kind *kind,
                                      const char *ns, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->all[i]->kind == kind && strcmp(f->all[i]->meta.name, name) == 0
            && strcmp(f->all[i]->meta.ns, ns) == 0)
            return f->all[i];
    return NULL;
}

static const struct kube_object *each(const struct fixture *f, const struct kube_kind *kind,
                                      size_t *at)
{
    while (*at < f->n)
        if (f->all[(*at)++]->kind == kind)
            return f->all[*at - 1];
    return NULL;
}

static const struct sched_node *view_node(void *self, size_t *at)
{
    return sched_nodes_each(&((struct fixture *)self)->nodes, at);
}

static const struct kube_pvc *view_claim(void *self, const char *ns, const char *name)
{
    return kube_as_pvc(find(self, &kube_pvc_kind, ns, name));
}

static const struct kube_class *view_class(void *self, const char *name)
{
    return kube_as_class(find(self, &kube_class_kind, "", name));
}

static const struct kube_csinode *view_csinode(void *self, const char *name)
{
    return kube_as_csinode(find(self, &kube_csinode_kind, "", name));
}

static const struct kube_csidriver *view_csidriver(void *self, const char *name)
{
    return kube_as_csidriver(find(self, &kube_csidriver_kind, "", name));
}

static const struct kube_capacity *view_capacity(void *self, size_t *at)
{
    return kube_as_capacity(each(self, &kube_capacity_kind, at));
}

static const struct kube_va *view_attachment(void *self, const char *node, size_t *at)
{
    const struct kube_va *va;

    while ((va = kube_as_va(each(self, &kube_va_kind, at))))
        if (strcmp(va->node, node) == 0)
            return va;
    return NULL;
}

static const struct kube_pod *view_user(void *self, const char *ns, const char *claim, size_t *at)
{
    const struct kube_pod *pod;
    char text[POD_CLAIM_MAX];

    while ((pod = kube_as_pod(each(self, &kube_pod_kind, at)))) {
        const struct kube_volume *v = pod->spec.volumes.v;

        for (uint32_t i = 0; i < pod->spec.volumes.n; i++) {
            const char *name = pod_claim_name(pod, &v[i], text);

            if (name && *pod->spec.node && strcmp(name, claim) == 0
                && strcmp(pod->o.meta.ns, ns) == 0)
                return pod;
        }
    }
    return NULL;
}

static const struct sched_view view = {
    .each_node = view_node,
    .claim = view_claim,
    .class_of = view_class,
    .csinode = view_csinode,
    .csidriver = view_csidriver,
    .each_capacity = view_capacity,
    .each_attachment = view_attachment,
    .each_user = view_user,
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    sched_nodes_init(&f->nodes);
    f->index = binder_index_new();
    f->w = (struct sched_world){.view = &view, .self = f, .volumes = f->index};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    sched_nodes_done(&f->nodes);
    binder_index_free(f->index);
    for (size_t i = 0; i < f->n; i++)
        kube_object_unref(f->all[i]);
    free(f);
    return 0;
}

static const struct kube_object *add(struct fixture *f, const char *json)
{
    ol_autofree char *text = ol_str_tr(strdup(json), '\'', '"');
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(NULL, text, strlen(text), &o, &err) < 0)
        fail_msg("%s: %s", ol_err_text(&err), text);
    f->all[f->n++] = o;
    if (kube_as_node(o))
        sched_nodes_set(&f->nodes, kube_as_node(o));
    if (kube_as_pod(o) && *kube_as_pod(o)->spec.node)
        sched_nodes_add_pod(&f->nodes, kube_as_pod(o)->spec.node, kube_as_pod(o));
    if (kube_as_pv(o))
        binder_index_put(f->index, kube_as_pv(o));
    return o;
}

static void addf(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void addf(struct fixture *f, const char *fmt, ...)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 16);
    va_list ap;

    va_start(ap, fmt);
    ol_buf_vprintf(&b, fmt, ap);
    va_end(ap);
    add(f, b.data);
}

#define NODE(name, more)                                                                           \
    "{'kind': 'Node', 'apiVersion': 'v1', 'metadata': {'name': '" name                             \
    "', 'labels': {'zone': '" name "', 'kubernetes.io/hostname': '" name "'}}, 'spec': {" more     \
    "}, 'status': {'allocatable': {'cpu': '2', 'memory': '4Gi', "                                  \
    "'pods': '3'}}}"
#define POD(spec)                                                                                  \
    "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'new', 'namespace': 'ns', "          \
    "'uid': 'u-new'}, 'spec': {" spec "}}"
#define CLAIM_POD                                                                                  \
    POD("'containers': [{'name': 'c'}], 'volumes': [{'name': 'v', 'persistentVolumeClaim': "       \
        "{'claimName': 'data'}}]")
#define CLASS(name, more)                                                                          \
    "{'kind': 'StorageClass', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': '" name      \
    "'}, 'provisioner': 'csi.test', 'volumeBindingMode': 'WaitForFirstConsumer'" more "}"
#define CLAIM(more, spec)                                                                          \
    "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': {'name': 'data', "          \
    "'namespace': 'ns', 'uid': 'u-data'" more                                                      \
    "}, 'spec': {'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': "         \
    "'1Gi'}}, 'storageClassName': 'late'" spec "}}"
#define PV(name, node)                                                                             \
    "{'kind': 'PersistentVolume', 'apiVersion': 'v1', 'metadata': {'name': '" name                 \
    "'}, 'spec': {'capacity': {'storage': '2Gi'}, 'accessModes': ['ReadWriteOnce'], "              \
    "'storageClassName': 'late', 'csi': {'driver': 'csi.test', 'volumeHandle': 'h-" name           \
    "'}, 'nodeAffinity': {'required': {'nodeSelectorTerms': [{'matchExpressions': [{'key': "       \
    "'zone', 'operator': 'In', 'values': ['" node "']}]}]}}}, 'status': {'phase': 'Available'}}"

/* Decides about the pod that was added last. */
static void expect(struct fixture *f, const char *node, const char *message)
{
    ol_auto(sched_decision_done) struct sched_decision d = {0};

    sched_decide(&f->w, kube_as_pod(f->all[f->n - 1]), &d);
    assert_string_equal(d.message ? d.message : "", message);
    assert_string_equal(d.node ? d.node->name : "", node);
}

static void pod_goes_where_it_fits(void **state)
{
    static const struct {
        const char *a, *b, *pod, *node, *message;
    } cases[] = {
        {NULL, NULL, POD("'containers': [{'name': 'c'}]"), "",
         "no nodes available to schedule pods"},
        {NODE("a", ""), NULL, POD("'containers': [{'name': 'c'}]"), "a", ""},
        {NODE("a", "'unschedulable': true"), NODE("b", ""), POD(""), "b", ""},
        {NODE("a", "'unschedulable': true"), NULL, POD(""), "",
         "0/1 nodes are available: 1 node(s) were unschedulable."},
        {NODE("a", "'unschedulable': true"), NULL,
         POD("'tolerations': [{'key': 'node.kubernetes.io/unschedulable', 'operator': 'Exists'}]"),
         "a", ""},
        {NODE("a", "'taints': [{'key': 'k', 'value': 'v', 'effect': 'NoSchedule'}]"), NULL, POD(""),
         "", "0/1 nodes are available: 1 node(s) had untolerated taint(s)."},
        {NODE("a", "'taints': [{'key': 'k', 'value': 'v', 'effect': 'NoExecute'}]"), NULL,
         POD("'tolerations': [{'key': 'k', 'operator': 'Equal', 'value': 'v'}]"), "a", ""},
        {NODE("a", "'taints': [{'key': 'k', 'effect': 'PreferNoSchedule'}]"), NODE("b", ""),
         POD(""), "b", ""},
        {NODE("a", "'taints': [{'key': 'k', 'effect': 'PreferNoSchedule'}]"), NULL, POD(""), "a",
         ""},
        {NODE("a", ""), NODE("b", ""), POD("'nodeSelector': {'zone': 'b'}"), "b", ""},
        {NODE("a", ""), NODE("b", ""), POD("'nodeSelector': {'zone': 'c'}"), "",
         "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."},
        {NODE("a", ""), NODE("b", ""),
         POD("'affinity': {'nodeAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': "
             "{'nodeSelectorTerms': [{'matchExpressions': [{'key': 'zone', 'operator': 'NotIn', "
             "'values': ['a']}]}]}}}"),
         "b", ""},
        {NODE("a", ""), NODE("b", ""),
         POD("'affinity': {'nodeAffinity': {'preferredDuringSchedulingIgnoredDuringExecution': "
             "[{'weight': 10, 'preference': {'matchExpressions': [{'key': 'zone', "
             "'operator': 'In', 'values': ['b']}]}}]}}"),
         "b", ""},
        {NODE("a", ""), NULL,
         POD("'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '3', 'memory': '5Gi', "
             "'example.com/gpu': '1'}}}]"),
         "",
         "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 "
         "Insufficient memory."},
        {NODE("a", "'unschedulable': true"), NODE("b", ""),
         POD("'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '3'}}}]"), "",
         "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f;

        setup(state);
        f = *state;
        if (cases[i].a)
            add(f, cases[i].a);
        if (cases[i].b)
            add(f, cases[i].b);
        add(f, cases[i].pod);
        expect(f, cases[i].node, cases[i].message);
        teardown(state);
    }
}

static void pods_that_are_there_take_room(void **state)
{
    struct fixture *f = *state;

    add(f, NODE("a", ""));
    for (int i = 0; i < 2; i++)
        addf(f,
             "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'p%d', 'namespace': 'ns', "
             "'uid': 'u%d'}, 'spec': {'nodeName': 'a', 'containers': [{'name': 'c', 'ports': "
             "[{'containerPort': 80, 'hostPort': %d}], 'resources': {'requests': {'cpu': "
             "'900m'}}}]}}",
             i, i, 80 + i);
    add(f, POD("'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '200m'}}}]"));
    expect(f, "a", "");
    add(f, POD("'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '201m'}}}]"));
    expect(f, "", "0/1 nodes are available: 1 Insufficient cpu.");
    add(f, POD("'containers': [{'name': 'c', 'ports': [{'containerPort': 1, 'hostPort': 81}]}]"));
    expect(f, "",
           "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
           "ports.");
    add(f, POD("'containers': [{'name': 'c', 'ports': [{'containerPort': 1, 'hostPort': 81, "
               "'protocol': 'UDP'}]}]"));
    expect(f, "a", "");
    addf(f, "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'p3', 'namespace': 'ns', "
            "'uid': 'u3'}, 'spec': {'nodeName': 'a'}}");
    add(f, POD(""));
    expect(f, "", "0/1 nodes are available: 1 Too many pods.");
}

static void emptier_node_is_preferred(void **state)
{
    struct fixture *f = *state;

    add(f, NODE("a", ""));
    add(f, NODE("b", ""));
    add(f, "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'p', 'namespace': 'ns', "
           "'uid': 'u'}, 'spec': {'nodeName': 'a', 'containers': [{'name': 'c', 'resources': "
           "{'requests': {'cpu': '1'}}}]}}");
    add(f, POD("'containers': [{'name': 'c', 'resources': {'requests': {'cpu': '100m'}}}]"));
    expect(f, "b", "");
}

#define BOUND(pv)                                                                                  \
    CLAIM(", 'annotations': {'pv.kubernetes.io/bind-completed': 'yes'}", ", 'volumeName': '" pv "'")

struct volume_case {
    const char *objects[6];
    const char *node, *message;
};

static void run_volume_cases(const struct volume_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *state = NULL;
        struct fixture *f;

        setup(&state);
        f = state;
        add(f, NODE("a", ""));
        add(f, NODE("b", ""));
        for (size_t j = 0; j < 6 && cases[i].objects[j]; j++)
            add(f, cases[i].objects[j]);
        add(f, CLAIM_POD);
        expect(f, cases[i].node, cases[i].message);
        teardown(&state);
    }
}

static void bound_claims_and_wrong_ones_decide_where_the_pod_can_be(void **state)
{
    static const struct volume_case cases[] = {
        {{NULL}, "", "0/2 nodes are available: persistentvolumeclaim \"data\" not found."},
        {{CLAIM("", "")},
         "",
         "0/2 nodes are available: storageclass.storage.k8s.io \"late\" not found."},
        {{CLASS("late", ""), CLAIM(", 'deletionTimestamp': '2026-01-01T00:00:00Z'", "")},
         "",
         "0/2 nodes are available: persistentvolumeclaim \"data\" is being deleted."},
        /* Immediate, or the user's choice of a volume: the binder's business. */
        {{"{'kind': 'StorageClass', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'late'}, 'provisioner': 'csi.test', 'volumeBindingMode': 'Immediate'}",
          CLAIM("", "")},
         "",
         "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."},
        {{CLASS("late", ""), CLAIM("", ", 'volumeName': 'x'")},
         "",
         "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."},
        /* Bound: the volume's nodes. */
        {{CLASS("late", ""), BOUND("pv"), PV("pv", "b")}, "b", ""},
        {{CLASS("late", ""), BOUND("pv"), PV("pv", "c")},
         "",
         "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."},
        {{CLASS("late", ""), BOUND("pv")},
         "",
         "0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to "
         "non-existent pv(s)."},
    };

    run_volume_cases(cases, ol_count(cases));
    (void)state;
}

/* demands: V12 */
static void claims_that_wait_look_for_a_volume_on_the_node(void **state)
{
    static const struct volume_case cases[] = {
        /* A free volume. */
        {{"{'kind': 'StorageClass', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'late'}, 'provisioner': 'kubernetes.io/no-provisioner', 'volumeBindingMode': "
          "'WaitForFirstConsumer'}",
          CLAIM("", ""), PV("pv", "b")},
         "b",
         ""},
        {{"{'kind': 'StorageClass', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'late'}, 'provisioner': 'kubernetes.io/no-provisioner', 'volumeBindingMode': "
          "'WaitForFirstConsumer'}",
          CLAIM("", ""), PV("pv", "c")},
         "",
         "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."},
        /* Provisioning. */
        {{CLASS("late", ""), CLAIM("", "")}, "a", ""},
        {{CLASS("late", ", 'allowedTopologies': [{'matchLabelExpressions': [{'key': 'zone', "
                        "'values': ['b', 'c']}]}]"),
          CLAIM("", "")},
         "b",
         ""},
        {{CLASS("late", ", 'allowedTopologies': [{'matchLabelExpressions': [{'key': 'zone', "
                        "'values': ['c']}]}]"),
          CLAIM("", "")},
         "",
         "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."},
        {{CLASS("late", ""), CLAIM(", 'annotations': {'" SCHED_SELECTED_NODE "': 'b'}", "")},
         "b",
         ""},
        {{CLASS("late", ""), CLAIM(", 'annotations': {'" SCHED_SELECTED_NODE "': 'c'}", "")},
         "",
         "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."},
        /* Capacity. */
        {{CLASS("late", ""), CLAIM("", ""),
          "{'kind': 'CSIDriver', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'csi.test'}, 'spec': {'storageCapacity': true}}"},
         "",
         "0/2 nodes are available: 2 node(s) did not have enough free storage."},
        {{CLASS("late", ""), CLAIM("", ""),
          "{'kind': 'CSIDriver', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'csi.test'}, 'spec': {'storageCapacity': true}}",
          "{'kind': 'CSIStorageCapacity', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'a', 'namespace': 'ns'}, 'storageClassName': 'late', 'capacity': '10Gi', "
          "'maximumVolumeSize': '512Mi', 'nodeTopology': {'matchLabels': {'zone': 'a'}}}",
          "{'kind': 'CSIStorageCapacity', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
          "'b', 'namespace': 'ns'}, 'storageClassName': 'late', 'capacity': '1Gi', "
          "'nodeTopology': {'matchLabels': {'zone': 'b'}}}"},
         "b",
         ""},
    };

    run_volume_cases(cases, ol_count(cases));
    (void)state;
}

static void plan_is_that_of_the_chosen_node(void **state)
{
    struct fixture *f = *state;
    ol_auto(sched_decision_done) struct sched_decision d = {0};

    add(f, CLASS("late", ""));
    add(f, CLAIM("", ""));
    add(f, NODE("a", "'taints': [{'key': 'k', 'effect': 'PreferNoSchedule'}]"));
    add(f, NODE("b", ""));
    add(f, PV("pv-a", "a"));
    add(f, PV("pv-b", "b"));
    add(f, CLAIM_POD);
    sched_decide(&f->w, kube_as_pod(f->all[f->n - 1]), &d);
    assert_string_equal(d.node->name, "b");
    assert_int_equal(d.n_volumes, 1);
    assert_string_equal(d.volumes[0].pv->o.meta.name, "pv-b");
    binder_index_hold(f->index, "pv-b");
    sched_decision_done(&d);
    sched_decide(&f->w, kube_as_pod(f->all[f->n - 1]), &d);
    assert_string_equal(d.node->name, "b");
    assert_null(d.volumes[0].pv);
}

static void two_claims_do_not_get_one_volume(void **state)
{
    struct fixture *f = *state;
    ol_auto(sched_decision_done) struct sched_decision d = {0};

    add(f, CLASS("late", ""));
    add(f, NODE("a", ""));
    add(f, PV("pv-1", "a"));
    add(f, PV("pv-2", "a"));
    for (int i = 0; i < 2; i++)
        addf(f,
             "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': {'name': 'c%d', "
             "'namespace': 'ns', 'uid': 'u%d'}, 'spec': {'accessModes': ['ReadWriteOnce'], "
             "'resources': {'requests': {'storage': '1Gi'}}, 'storageClassName': 'late'}}",
             i, i);
    add(f, POD("'volumes': [{'name': 'v', 'persistentVolumeClaim': {'claimName': 'c0'}}, {'name': "
               "'w', 'persistentVolumeClaim': {'claimName': 'c1'}}, {'name': 'x', "
               "'persistentVolumeClaim': {'claimName': 'c1'}}]"));
    sched_decide(&f->w, kube_as_pod(f->all[f->n - 1]), &d);
    assert_int_equal(d.n_volumes, 2);
    assert_non_null(d.volumes[0].pv);
    assert_non_null(d.volumes[1].pv);
    assert_ptr_not_equal(d.volumes[0].pv, d.volumes[1].pv);
}

static void read_write_once_pod_claim_has_one_user(void **state)
{
    struct fixture *f = *state;

    add(f, NODE("a", ""));
    add(f, "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': {'name': 'data', "
           "'namespace': 'ns', 'uid': 'u-data', 'annotations': {'pv.kubernetes.io/bind-completed': "
           "'yes'}}, 'spec': {'accessModes': ['ReadWriteOncePod'], 'volumeName': 'pv'}}");
    add(f, PV("pv", "a"));
    add(f, CLAIM_POD);
    expect(f, "a", "");
    add(f, "{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'other', 'namespace': 'ns', "
           "'uid': 'u-other'}, 'spec': {'nodeName': 'b', 'volumes': [{'name': 'v', "
           "'persistentVolumeClaim': {'claimName': 'data'}}]}}");
    add(f, CLAIM_POD);
    expect(f, "",
           "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with "
           "ReadWriteOncePod access mode already in-use by another pod.");
}

static void node_takes_as_many_volumes_as_its_driver_says(void **state)
{
    struct fixture *f = *state;

    add(f, NODE("a", ""));
    add(f, CLASS("late", ""));
    add(f, "{'kind': 'CSINode', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': 'a'}, "
           "'spec': {'drivers': [{'name': 'csi.test', 'nodeID': 'n', 'topologyKeys': [], "
           "'allocatable': {'count': 2}}]}}");
    add(f, PV("pv", "a"));
    add(f, PV("attached", "a"));
    add(f, BOUND("pv"));
    add(f, "{'kind': 'VolumeAttachment', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
           "'va'}, 'spec': {'attacher': 'csi.test', 'nodeName': 'a', 'source': "
           "{'persistentVolumeName': 'attached'}}}");
    add(f, CLAIM_POD);
    expect(f, "a", "");
    add(f, PV("more", "a"));
    add(f, "{'kind': 'VolumeAttachment', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
           "'vb'}, 'spec': {'attacher': 'csi.test', 'nodeName': 'a', 'source': "
           "{'persistentVolumeName': 'more'}}}");
    add(f, CLAIM_POD);
    expect(f, "", "0/1 nodes are available: 1 node(s) exceed max volume count.");
    /* What is there already is nothing new. */
    add(f, "{'kind': 'VolumeAttachment', 'apiVersion': 'storage.k8s.io/v1', 'metadata': {'name': "
           "'vc'}, 'spec': {'attacher': 'csi.test', 'nodeName': 'a', 'source': "
           "{'persistentVolumeName': 'pv'}}}");
    add(f, CLAIM_POD);
    expect(f, "a", "");
}

static void ephemeral_claim_belongs_to_its_pod(void **state)
{
    struct fixture *f = *state;
    const char *pod = POD("'volumes': [{'name': 'v', 'ephemeral': {'volumeClaimTemplate': {'spec': "
                          "{}}}}]");

    add(f, NODE("a", ""));
    add(f, pod);
    expect(f, "",
           "0/1 nodes are available: waiting for ephemeral volume controller to create the "
           "persistentvolumeclaim \"new-v\".");
    add(f, "{'kind': 'PersistentVolumeClaim', 'apiVersion': 'v1', 'metadata': {'name': 'new-v', "
           "'namespace': 'ns', 'uid': 'x', 'annotations': {'pv.kubernetes.io/bind-completed': "
           "'yes'}}, 'spec': {'volumeName': 'pv'}}");
    add(f, PV("pv", "a"));
    add(f, pod);
    expect(f, "",
           "0/1 nodes are available: PVC ns/new-v was not created for pod ns/new (pod is not "
           "owner).");
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pod_goes_where_it_fits),
        with_world(pods_that_are_there_take_room),
        with_world(emptier_node_is_preferred),
        cmocka_unit_test(bound_claims_and_wrong_ones_decide_where_the_pod_can_be),
        cmocka_unit_test(claims_that_wait_look_for_a_volume_on_the_node),
        with_world(plan_is_that_of_the_chosen_node),
        with_world(two_claims_do_not_get_one_volume),
        with_world(read_write_once_pod_claim_has_one_user),
        with_world(node_takes_as_many_volumes_as_its_driver_says),
        with_world(ephemeral_claim_belongs_to_its_pod),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
