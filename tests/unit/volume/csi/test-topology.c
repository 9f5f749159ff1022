/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "volume/csi/csi-topology.h"

/* Nodes n1 (zone a, rack 1), n2 (zone b, rack 1), n3 (zone b, rack 2), n4 without labels. */
#define DRIVER "csi.example.com"

static const char *keys[] = {"zone", "rack"};
static struct kube_csinode_driver driver = {.name = DRIVER, .topology_keys = {keys, 2}};
static const struct kube_pair labels[][2] = {
    {{"rack", "1"}, {"zone", "a"}}, {{"rack", "1"}, {"zone", "b"}}, {{"rack", "2"}, {"zone", "b"}}};
static struct kube_node nodes[4];
static struct kube_csinode csinodes[4];
static const struct kube_node *node_list[4];
static const struct kube_csinode *csinode_list[4];

static int make_world(void **state)
{
    static const char *const names[] = {"n1", "n2", "n3", "n4"};

    for (int i = 0; i < 4; i++) {
        nodes[i].o.meta.name = csinodes[i].o.meta.name = names[i];
        if (i < 3)
            nodes[i].o.meta.labels = (struct kube_map){(struct kube_pair *)labels[i], 2};
        csinodes[i].drivers = (struct kube_list){&driver, 1};
        node_list[i] = &nodes[i];
        csinode_list[i] = &csinodes[i];
    }
    return 0;
}

static void show_terms(const struct csi_terms *t, struct ol_buf *to)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (i > 0)
            ol_buf_addc(to, ' ');
        for (uint32_t k = 0; k < t->v[i].n; k++)
            ol_buf_printf(to, "%s%s=%s", k ? "," : "", t->v[i].v[k].key, t->v[i].v[k].value);
    }
}

static const char *zone_b[] = {"b"}, *zone_ab[] = {"a", "b"}, *zone_z[] = {"z"};
static struct kube_requirement in_b = {"zone", KUBE_OP_IN, {zone_b, 1}},
                               in_ab = {"zone", KUBE_OP_IN, {zone_ab, 2}},
                               in_z = {"zone", KUBE_OP_IN, {zone_z, 1}};
static struct kube_topology_term only_b = {{&in_b, 1}}, both = {{&in_ab, 1}},
                                 nowhere = {{&in_z, 1}};

enum { STRICT = CSI_TOPOLOGY_STRICT, IMM = CSI_TOPOLOGY_IMMEDIATE };

static const struct {
    const char *what, *node, *claim;
    struct kube_topology_term *allowed;
    unsigned flags;
    const char *requisite, *preferred; /* or the error */
    int error;
} cases[] = {
    {"strict and delayed: the node alone", "n2", "data", NULL, STRICT | IMM, "rack=1,zone=b",
     "rack=1,zone=b", 0},
    {"strict, and the class allows it", "n2", "data", &only_b, STRICT | IMM, "rack=1,zone=b",
     "rack=1,zone=b", 0},
    {"strict, and the class doesn't", "n1", "data", &only_b, STRICT | IMM,
     "selected node 'n1' is not in allowed topologies", NULL, EINVAL},
    {"delayed: the whole cluster, the node first", "n2", "data", NULL, IMM,
     "rack=1,zone=a rack=1,zone=b rack=2,zone=b", "rack=1,zone=b rack=2,zone=b rack=1,zone=a", 0},
    {"delayed and allowed: what the class says, the node's first", "n2", "data", &both, IMM,
     "zone=a zone=b", "zone=b zone=a", 0},
    {"delayed, node outside", "n1", "data", &nowhere, IMM,
     "topology from selected node 'n1' is not in requisite", NULL, EINVAL},
    {"immediate: everything, begins by the claim's name", NULL, "data", &both, IMM, "zone=a zone=b",
     NULL, 0},
    {"immediate without --immediate-topology: nothing", NULL, "data", NULL, 0, "", "", 0},
    {"immediate without it, but allowed", NULL, "data", &only_b, 0, "zone=b", "zone=b", 0},
    {"the node is gone", "n9", "data", NULL, IMM,
     "failed to get selected CSINode n9: csinode.storage.k8s.io \"n9\" not found", NULL, ENOENT},
    {"the node has no labels", "n4", "data", NULL, IMM,
     "topology labels from selected node n4 does not match topology keys from CSINode", NULL,
     EAGAIN},
};

static void requirements_are_those_of_the_reference(void **state)
{
    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        ol_auto(ol_buf_done) struct ol_buf requisite = OL_BUF_INIT(4096);
        ol_auto(ol_buf_done) struct ol_buf preferred = OL_BUF_INIT(4096);
        struct kube_list allowed = {cases[i].allowed, cases[i].allowed ? 1 : 0};
        struct csi_topology_ask ask = {
            DRIVER, cases[i].claim, cases[i].node, &allowed, csinode_list, 4, node_list,
            4,      cases[i].flags};
        struct csi_requirement r = {0};
        struct ol_err err = OL_ERR_INIT;

        print_message("# %s\n", cases[i].what);
        assert_int_equal(csi_topology_require(&ask, &a, &r, &err), -cases[i].error);
        if (cases[i].error) {
            assert_string_equal(err.msg, cases[i].requisite);
            continue;
        }
        show_terms(&r.requisite, &requisite);
        show_terms(&r.preferred, &preferred);
        assert_string_equal(requisite.data, cases[i].requisite);
        if (cases[i].preferred)
            assert_string_equal(preferred.data, cases[i].preferred);
    }
}

/* So a claim that was there first is no trouble to tell the administrator of. */
static void a_driver_without_nodes_is_waited_for(void **state)
{
    static const struct {
        const char *node, *why;
    } asks[] = {
        {NULL, "error generating accessibility requirements: no available topology found"},
        {"n2", "no topology key found for node n2"},
    };

    for (size_t i = 0; i < ol_count(asks); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct kube_list none = {NULL, 0};
        struct csi_topology_ask ask = {"other.example.com",   "data", asks[i].node, &none,
                                       csinode_list,          4,      node_list,    4,
                                       CSI_TOPOLOGY_IMMEDIATE};
        struct csi_requirement r = {0};
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(csi_topology_require(&ask, &a, &r, &err), -EAGAIN);
        assert_string_equal(err.msg, asks[i].why);
    }
}

/* Neighbours of a StatefulSet begin at neighbouring terms. */
static void ordinals_spread_over_the_terms(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct kube_list allowed = {&both, 1};
    struct csi_topology_ask ask = {
        DRIVER, "data-web-0",          NULL, &allowed, csinode_list, 4, node_list,
        4,      CSI_TOPOLOGY_IMMEDIATE};
    struct csi_requirement first, second, third;

    assert_int_equal(csi_topology_require(&ask, &a, &first, NULL), 0);
    ask.claim = "data-web-1";
    assert_int_equal(csi_topology_require(&ask, &a, &second, NULL), 0);
    ask.claim = "data-web-2";
    assert_int_equal(csi_topology_require(&ask, &a, &third, NULL), 0);
    assert_int_not_equal(csi_term_cmp(&first.preferred.v[0], &second.preferred.v[0]), 0);
    assert_int_equal(csi_term_cmp(&first.preferred.v[0], &third.preferred.v[0]), 0);
}

static void segments_are_the_different_terms(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf got = OL_BUF_INIT(4096);
    struct csi_topology_ask ask = {DRIVER, NULL, NULL, NULL, csinode_list, 4, node_list, 4, 0};
    struct csi_terms t;

    csi_topology_segments(&ask, &a, &t);
    show_terms(&t, &got);
    assert_string_equal(got.data, "rack=1,zone=a rack=1,zone=b rack=2,zone=b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requirements_are_those_of_the_reference),
        cmocka_unit_test(a_driver_without_nodes_is_waited_for),
        cmocka_unit_test(ordinals_spread_over_the_terms),
        cmocka_unit_test(segments_are_the_different_terms),
    };

    return cmocka_run_group_tests(tests, make_world, NULL);
}
