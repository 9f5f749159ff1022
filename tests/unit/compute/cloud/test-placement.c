/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/placement.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "golden.h"

static struct ol_val *value(struct ol_arena *a, const char *json)
{
    char *text = ol_str_tr(ol_arena_strdup(a, json), '\'', '"');
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(text, strlen(text), a, &v, NULL), 0);
    return v;
}

static const struct placement_inventory vcpu = {
    .resource_class = "VCPU",
    .total = 4,
    .min_unit = 1,
    .max_unit = 4,
    .step_size = 1,
    .allocation_ratio = 16.0,
};

static void inventories_have_nova_s_members_and_keep_what_is_in_use(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    const struct placement_provider p = {.inventories = &vcpu, .n_inventories = 1};
    const struct ol_val *seen = value(&a, "{'VCPU': {'total': 2}, 'X': {'total': 1, 'links': []}}");

    assert_string_equal(
        golden_text(&a, placement_inventories(&a, &p, NULL)),
        "{\"VCPU\": {\"total\": 4, \"min_unit\": 1, \"max_unit\": 4, \"step_size\": "
        "1, \"allocation_ratio\": 16.0, \"reserved\": 0}}");
    assert_string_equal(
        golden_text(&a, placement_inventories(&a, &p, seen)),
        "{\"VCPU\": {\"total\": 4, \"min_unit\": 1, \"max_unit\": 4, \"step_size\": "
        "1, \"allocation_ratio\": 16.0, \"reserved\": 0}, \"X\": {\"total\": 1}}");
}

static void inventories_are_compared_by_their_numbers(void **state)
{
    static const struct {
        const char *seen;
        bool is_same;
    } cases[] = {
        {"{'VCPU': {'reserved': 0, 'allocation_ratio': 16, 'total': 4, 'min_unit': 1, 'max_unit': "
         "4, 'step_size': 1}}",
         true},
        {"{'VCPU': {'reserved': 0, 'allocation_ratio': 1.5, 'total': 4, 'min_unit': 1, 'max_unit': "
         "4, 'step_size': 1}}",
         false},
        {"{'VCPU': {}}", false},
        {"{'PCPU': {}}", false},
        {"{}", false},
        {"7", false},
    };
    const struct placement_provider p = {.inventories = &vcpu, .n_inventories = 1};

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

        assert_int_equal(placement_same_inventories(placement_inventories(&a, &p, NULL),
                                                    value(&a, cases[i].seen)),
                         cases[i].is_same);
    }
}

static void traits_of_others_are_kept(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_strv_done) struct ol_strv ours = OL_STRV_INIT, all = OL_STRV_INIT;
    const struct placement_provider p = {.traits = &ours};
    const struct ol_val *seen =
        value(&a, "['HW_CPU_X86_VMX', 'CUSTOM_A', 7, 'COMPUTE_NODE', 'COMPUTE_OLD', 'OWNER_X']");

    ol_strv_add(&ours, "COMPUTE_NODE");
    ol_strv_add(&ours, "COMPUTE_NEW");
    placement_traits(&p, seen, &all);
    {
        ol_autofree char *joined = ol_strv_join(&all, " ");

        assert_string_equal(joined, "COMPUTE_NODE COMPUTE_NEW CUSTOM_A OWNER_X");
    }
    assert_false(placement_same_traits(&all, seen));
    assert_true(placement_same_traits(
        &all, value(&a, "['CUSTOM_A', 'OWNER_X', 'COMPUTE_NEW', 'COMPUTE_NODE']")));
}

static void conflicts_are_told_apart(void **state)
{
    static const struct {
        const char *body;
        enum placement_conflict want;
    } cases[] = {
        {"{'errors': [{'code': 'placement.concurrent_update'}]}", CONFLICT_GENERATION},
        {"{'errors': [{'code': 'placement.inventory.inuse', 'detail': 'x'}]}", CONFLICT_IN_USE},
        {"{'errors': [{'detail': 'Conflicting resource provider name: n already exists.'}]}",
         CONFLICT_NAME},
        {"{'errors': []}", CONFLICT_GENERATION},
        {"[]", CONFLICT_GENERATION},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

        assert_int_equal(placement_conflict(value(&a, cases[i].body)), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inventories_have_nova_s_members_and_keep_what_is_in_use),
        cmocka_unit_test(inventories_are_compared_by_their_numbers),
        cmocka_unit_test(traits_of_others_are_kept),
        cmocka_unit_test(conflicts_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
