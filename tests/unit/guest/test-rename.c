/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "guest/network/rename.h"

enum { MAX_NICS = 4 };

/* The kernel as far as names go: fails at the call 'fail_at', refuses a name that is taken and a
 * new name for an interface that is up. */
struct kernel {
    char names[MAX_NICS][16];
    bool is_up[MAX_NICS];
    int n, calls, fail_at;
};

static int set_name(struct kernel *k, int index, const char *to)
{
    for (int i = 0; i < k->n; i++)
        if (!strcmp(k->names[i], to))
            return -EEXIST;
    if (k->is_up[index - 1])
        return -EINVAL;
    snprintf(k->names[index - 1], sizeof(k->names[0]), "%s", to);
    return 0;
}

static int kernel_run(void *ctx, const struct rename_step *step)
{
    struct kernel *k = ctx;

    assert_in_range(step->index, 1, k->n);
    if (++k->calls == k->fail_at)
        return -EIO;
    assert_string_equal(k->names[step->index - 1], step->name);
    if (step->op == RENAME_NAME)
        return set_name(k, step->index, step->to);
    k->is_up[step->index - 1] = step->op == RENAME_UP;
    return 0;
}

static const struct rename_ops kernel_ops = {.run = kernel_run};

/* Interfaces eth0 … with MACs 02:…:00 …; bit i of 'up' says that i is up. */
static struct nics make_nics(struct ol_arena *a, int n, unsigned up)
{
    struct nics nics = {.items = ol_arena_alloc(a, sizeof(struct nic) * MAX_NICS), .n = (size_t)n};

    for (int i = 0; i < n; i++)
        nics.items[i] = (struct nic){
            .name = ol_arena_printf(a, "eth%d", i),
            .index = i + 1,
            .mac = ol_arena_printf(a, "02:00:00:00:00:%02x", i),
            .operstate = up & 1u << i ? "up" : "down",
            .kind = NIC_PHYSICAL,
        };
    return nics;
}

static struct kernel make_kernel(const struct nics *nics, int fail_at)
{
    struct kernel k = {.n = (int)nics->n, .fail_at = fail_at};

    for (int i = 0; i < k.n; i++) {
        snprintf(k.names[i], sizeof(k.names[0]), "%s", nics->items[i].name);
        k.is_up[i] = nic_is_up(&nics->items[i]);
    }
    return k;
}

static void assert_same(const struct kernel *a, const struct kernel *b)
{
    for (int i = 0; i < a->n; i++) {
        assert_string_equal(a->names[i], b->names[i]);
        assert_int_equal(a->is_up[i], b->is_up[i]);
    }
}

/* Runs the plan with a failure at every call in turn. */
static void check_every_failure(struct fixture *f, const struct nics *nics,
                                const struct rename_wants *wants, const char *const *want_names)
{
    const struct kernel before = make_kernel(nics, 0);
    struct rename_plan plan = {0};
    struct kernel after = before;

    assert_int_equal(net_rename_plan(nics, wants, &f->arena, &plan, NULL), 0);
    for (int i = 0; i < after.n; i++)
        snprintf(after.names[i], sizeof(after.names[0]), "%s", want_names[i]);
    for (int fail_at = 0; fail_at <= (int)plan.n; fail_at++) {
        struct kernel k = make_kernel(nics, fail_at);
        struct ol_err err = OL_ERR_INIT;
        int r = net_rename_run(&f->env, &plan, &kernel_ops, &k, &err);

        assert_int_equal(r, fail_at ? -EIO : 0);
        assert_same(&k, fail_at ? &before : &after);
    }
}

/* Each of n interfaces stays, or gets the name of one of them or a new one. */
static void check_assignment(struct fixture *f, int n, const int *to, unsigned up)
{
    struct nics nics = make_nics(&f->arena, n, up);
    struct rename_want items[MAX_NICS];
    struct rename_wants wants = {.items = items, .n = (size_t)n};
    const char *names[MAX_NICS];

    for (int i = 0; i < n; i++) {
        names[i] = ol_arena_printf(&f->arena, to[i] < n ? "eth%d" : "lan%d", to[i]);
        items[i] = (struct rename_want){.mac = nics.items[i].mac, .name = names[i]};
    }
    check_every_failure(f, &nics, &wants, names);
}

static bool is_one_to_one(int n, const int *to)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (to[i] == to[k])
                return false;
    return true;
}

/* demands: 26 43 */
static void all_names_change_or_none(void **state)
{
    struct fixture *f = fixture_new();

    for (int n = 1; n <= MAX_NICS; n++) {
        int to[MAX_NICS] = {0}, total = 1;

        for (int i = 0; i < n; i++)
            total *= n + 1;
        for (int code = 0; code < total; code++) {
            for (int i = 0, rest = code; i < n; i++, rest /= n + 1)
                to[i] = rest % (n + 1);
            if (!is_one_to_one(n, to))
                continue;
            for (unsigned up = 0; up < 1u << n; up++)
                check_assignment(f, n, to, up);
            ol_arena_done(&f->arena);
        }
    }
    fixture_free(f);
}

static void temporary_names_are_only_for_cycles(void **state)
{
    struct fixture *f = fixture_new();
    struct nics nics = make_nics(&f->arena, 3, 0);
    struct rename_want chain[] = {{.mac = nics.items[0].mac, .name = "eth1"},
                                  {.mac = nics.items[1].mac, .name = "lan0"}};
    struct rename_want swap[] = {{.mac = nics.items[0].mac, .name = "eth1"},
                                 {.mac = nics.items[1].mac, .name = "eth0"}};
    struct rename_plan plan = {0};

    assert_int_equal(net_rename_plan(&nics, &(struct rename_wants){.items = chain, .n = 2},
                                     &f->arena, &plan, NULL),
                     0);
    assert_int_equal(plan.n, 2);
    assert_string_equal(plan.steps[0].to, "lan0");
    assert_int_equal(net_rename_plan(&nics, &(struct rename_wants){.items = swap, .n = 2},
                                     &f->arena, &plan, NULL),
                     0);
    assert_int_equal(plan.n, 3);
    assert_string_equal(plan.steps[0].to, "cirename0");
    fixture_free(f);
}

/* demands: 26 */
static void what_cannot_be_done_is_refused_before_it_begins(void **state)
{
    static const char m0[] = "02:00:00:00:00:00", m1[] = "02:00:00:00:00:01";
    static const struct {
        const char *fact;
        struct rename_want wants[2];
        size_t n;
        int r;
        const char *msg;
    } cases[] = {
        {"", {{m0, "eth1", NULL, NULL}}, 1, -EBUSY, "another interface has that name"},
        {"address", {{m0, "lan0", NULL, NULL}}, 1, -EBUSY, "[busy] Error renaming mac=02:"},
        {"", {{m0, "lan0", NULL, NULL}, {m1, "lan0", NULL, NULL}}, 2, -EINVAL, "are to be 'lan0'"},
        {"", {{m0, "lan0", NULL, NULL}, {m0, "lan1", NULL, NULL}}, 2, -EINVAL, "is to be both"},
        {"", {{m0, "a/b", NULL, NULL}}, 1, -EINVAL, "cannot be the name of an interface"},
        {"", {{m0, "sixteen-letters-", NULL, NULL}}, 1, -EINVAL, "cannot be the name"},
        {"twin", {{m0, "lan0", NULL, NULL}}, 1, -EINVAL, "both 'eth0' and 'eth1' have mac"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct nics nics = make_nics(&f->arena, 2, 3);
        struct rename_wants wants = {.items = (struct rename_want *)cases[i].wants,
                                     .n = cases[i].n};
        struct rename_plan plan = {0};
        struct ol_err err = OL_ERR_INIT;

        nics.items[0].has_address = !strcmp(cases[i].fact, "address");
        if (!strcmp(cases[i].fact, "twin"))
            nics.items[1].mac = nics.items[0].mac;
        assert_int_equal(net_rename_plan(&nics, &wants, &f->arena, &plan, &err), cases[i].r);
        if (!strstr(err.msg, cases[i].msg))
            fail_msg("case %zu: %s", i, err.msg);
        assert_null(plan.steps);
    }
    fixture_free(f);
}

static void absent_macs_and_other_kinds_are_left_alone(void **state)
{
    static const unsigned kinds[] = {NIC_BOND,          NIC_VLAN,       NIC_BRIDGE,
                                     NIC_FAILOVER_PART, NIC_HAS_MASTER, NIC_STOLEN_MAC};
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(kinds); i++) {
        struct nics nics = make_nics(&f->arena, 1, 0);
        struct rename_want want = {.mac = nics.items[0].mac, .name = "lan0"};
        struct rename_plan plan = {0};

        nics.items[0].kind = kinds[i];
        assert_int_equal(net_rename_plan(&nics, &(struct rename_wants){.items = &want, .n = 1},
                                         &f->arena, &plan, NULL),
                         0);
        assert_int_equal(plan.n, 0);
        assert_string_equal(ol_val_str(ol_val_item(plan.absent, 0)),
                            "[nic not present] Cannot rename mac=02:00:00:00:00:00 to lan0, not "
                            "available.");
    }
    fixture_free(f);
}

static void burnt_in_mac_wins_over_the_present_one(void **state)
{
    struct fixture *f = fixture_new();
    struct nics nics = make_nics(&f->arena, 2, 0);
    struct rename_want want = {.mac = "02:00:00:00:00:00", .name = "lan0"};
    struct rename_plan plan = {0};

    nics.items[1].perm_mac = "02:00:00:00:00:00";
    assert_int_equal(net_rename_plan(&nics, &(struct rename_wants){.items = &want, .n = 1},
                                     &f->arena, &plan, NULL),
                     0);
    assert_int_equal(plan.n, 1);
    assert_string_equal(plan.steps[0].name, "eth1");
    fixture_free(f);
}

static void wishes_come_from_both_versions(void **state)
{
    static const struct {
        const char *config;
        size_t n;
    } cases[] = {
        {"{\"version\": 1, \"config\": [{\"type\": \"physical\", \"name\": \"lan0\", "
         "\"mac_address\": \"02:00:00:00:00:AA\"}, {\"type\": \"physical\", \"name\": \"x\"}, "
         "{\"type\": \"bond\", \"name\": \"b\", \"mac_address\": \"02:00:00:00:00:BB\"}]}",
         1},
        {"{\"version\": 2, \"ethernets\": {\"a\": {\"set-name\": \"lan0\", \"match\": "
         "{\"macaddress\": \"02:00:00:00:00:AA\"}}, \"b\": {\"match\": {\"macaddress\": \"x\"}}, "
         "\"c\": {\"set-name\": \"lan1\"}}}",
         1},
        {"{\"version\": 2, \"ethernets\": [1]}", 0},
        {"{\"version\": 1, \"config\": \"disabled\"}", 0},
        {"{}", 0},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct rename_wants wants = {0};

        net_rename_wants(fixture_value(f, cases[i].config), &f->arena, &wants);
        assert_int_equal(wants.n, cases[i].n);
        if (!wants.n)
            continue;
        assert_string_equal(wants.items[0].mac, "02:00:00:00:00:aa");
        assert_string_equal(wants.items[0].name, "lan0");
    }
    fixture_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_names_change_or_none),
        cmocka_unit_test(temporary_names_are_only_for_cycles),
        cmocka_unit_test(what_cannot_be_done_is_refused_before_it_begins),
        cmocka_unit_test(absent_macs_and_other_kinds_are_left_alone),
        cmocka_unit_test(burnt_in_mac_wins_over_the_present_one),
        cmocka_unit_test(wishes_come_from_both_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
