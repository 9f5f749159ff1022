/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "kube/base/kind.h"
#include "volume/binder/match.h"

enum { VOLUMES = 400, ROUNDS = 4000 };

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % n;
}

static const struct kube_object *decoded(const char *json)
{
    ol_autofree char *text = ol_str_tr(strdup(json), '\'', '"');
    const struct kube_object *o = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (kube_decode_text(NULL, text, strlen(text), &o, &err) < 0)
        fail_msg("%s: %s", json, ol_err_text(&err));
    return o;
}

static const char *const mode_lists[] = {
    "'ReadWriteOnce'",
    "'ReadWriteOnce','ReadOnlyMany'",
    "'ReadWriteOnce','ReadOnlyMany','ReadWriteMany'",
    "'ReadWriteOncePod'",
};

static const struct kube_object *some_volume(uint32_t *seed, unsigned name)
{
    static const char *const phases[] = {"Available", "Available", "Available", "Released",
                                         "Bound"};
    static const char *const refs[] = {
        "", "", "", "'claimRef':{'namespace':'default','name':'c-3'},",
        "'claimRef':{'namespace':'default','name':'c-5','uid':'u-5'},"};
    char text[1024];

    snprintf(text, sizeof(text),
             "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'pv-%u','labels':{"
             "'zone':'%u'}%s},'spec':{%s'capacity':{'storage':'%uGi'},'accessModes':[%s],"
             "'volumeMode':'%s','storageClassName':'%s'},'status':{'phase':'%s'}}",
             name, random_below(seed, 3),
             random_below(seed, 20) ? "" : ",'deletionTimestamp':'2026-01-01T00:00:00Z'",
             refs[random_below(seed, 5)], 1 + random_below(seed, 12),
             mode_lists[random_below(seed, 4)], random_below(seed, 4) ? "Filesystem" : "Block",
             random_below(seed, 2) ? "" : "fast", phases[random_below(seed, 5)]);
    return decoded(text);
}

static const struct kube_object *some_claim(uint32_t *seed)
{
    unsigned name = random_below(seed, 8);
    char text[1024];

    snprintf(text, sizeof(text),
             "{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'namespace':'default',"
             "'name':'c-%u','uid':'u-%u'},'spec':{%s'accessModes':[%s],'volumeMode':'%s',"
             "'storageClassName':'%s','resources':{'requests':{'storage':'%uGi'}}}}",
             name, name, random_below(seed, 3) ? "" : "'selector':{'matchLabels':{'zone':'1'}},",
             mode_lists[random_below(seed, 4)], random_below(seed, 4) ? "Filesystem" : "Block",
             random_below(seed, 2) ? "" : "fast", 1 + random_below(seed, 12));
    return decoded(text);
}

/* --- the rule without an index: every volume is looked at --- */
static bool is_candidate(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    struct ol_quantity has = binder_pv_size(pv), want = binder_claim_size(claim);

    return ol_quantity_cmp(&has, &want) >= 0 && binder_has_mode(pv, claim) && !pv->o.meta.deleted
           && binder_has_access(pv, claim);
}

static bool is_free(const struct kube_pv *pv, const struct kube_pvc *claim)
{
    bool is_set = false;

    return !pv->spec.claim && pv->status.phase == KUBE_PV_AVAILABLE
           && strcmp(kube_pv_class(pv), kube_claim_class(claim, &is_set)) == 0
           && (!claim->spec.selector
               || kube_labels_match(claim->spec.selector, &pv->o.meta.labels));
}

/* Smaller is better; a reserved one is better than any of its set. */
struct rank {
    int n_modes, set, is_not_reserved, has_no_uid;
    struct ol_quantity size;
    const char *name;
};

static struct rank rank_of(const struct kube_pv *pv, bool is_reserved)
{
    return (struct rank){
        .n_modes = __builtin_popcount(pv->spec.access_modes),
        .set = (int)pv->spec.access_modes,
        .is_not_reserved = !is_reserved,
        .has_no_uid = !is_reserved || !pv->spec.claim->uid[0],
        .size = binder_pv_size(pv),
        .name = pv->o.meta.name,
    };
}

static int compare(const struct rank *a, const struct rank *b)
{
    int size = ol_quantity_cmp(&a->size, &b->size);

    if (a->n_modes != b->n_modes)
        return a->n_modes - b->n_modes;
    if (a->set != b->set)
        return a->set - b->set;
    if (a->is_not_reserved != b->is_not_reserved)
        return a->is_not_reserved - b->is_not_reserved;
    if (a->has_no_uid != b->has_no_uid)
        return a->has_no_uid - b->has_no_uid;
    return size ? size : strcmp(a->name, b->name);
}

static const struct kube_pv *find_slowly(const struct kube_object **all,
                                         const struct kube_pvc *claim, bool is_delayed)
{
    const struct kube_pv *best = NULL;
    struct rank best_rank = {0};

    for (unsigned i = 0; i < VOLUMES; i++) {
        const struct kube_pv *pv = kube_as_pv(all[i]);
        bool is_reserved = pv && binder_is_bound_to(pv, claim);
        struct rank rank;

        if (!pv || !is_candidate(pv, claim))
            continue;
        if (!is_reserved && (is_delayed || !is_free(pv, claim)))
            continue;
        rank = rank_of(pv, is_reserved);
        if (!best || compare(&rank, &best_rank) < 0) {
            best = pv;
            best_rank = rank;
        }
    }
    return best;
}

/* demands: V13 */
static void the_index_finds_what_looking_at_all_finds(void **state)
{
    struct binder_index *x = binder_index_new();
    const struct kube_object *all[VOLUMES] = {NULL};
    uint32_t seed = 42;
    size_t n_found = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned at = random_below(&seed, VOLUMES);
        ol_auto(kube_object_unref_at) const struct kube_object *claim = some_claim(&seed);
        bool is_delayed = random_below(&seed, 4) == 0;
        const struct kube_pv *want = NULL;
        char name[32];

        kube_object_unref(all[at]);
        all[at] = random_below(&seed, 5) ? some_volume(&seed, at) : NULL;
        snprintf(name, sizeof(name), "pv-%u", at);
        if (all[at])
            binder_index_put(x, kube_as_pv(all[at]));
        else
            binder_index_remove(x, name);
        want = find_slowly(all, kube_as_pvc(claim), is_delayed);
        assert_ptr_equal(binder_find_best(x, kube_as_pvc(claim), is_delayed), want);
        n_found += want != NULL;
    }
    assert_in_range(n_found, ROUNDS / 4, ROUNDS);
    for (unsigned i = 0; i < VOLUMES; i++)
        kube_object_unref(all[i]);
    binder_index_free(x);
}

static const struct kube_object *volume_on(const char *name, const char *size, const char *node)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "{'kind':'PersistentVolume','apiVersion':'v1','metadata':{'name':'%s'},'spec':{"
             "'capacity':{'storage':'%s'},'accessModes':['ReadWriteOnce'],'nodeAffinity':{"
             "'required':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'host','operator':'In',"
             "'values':['%s']}]}]}}},'status':{'phase':'Available'}}",
             name, size, node);
    return decoded(text);
}

static bool is_small(void *ctx, const struct kube_pv *pv)
{
    return strcmp(pv->o.meta.name, "small") == 0;
}

static void the_scheduler_finds_what_the_node_reaches(void **state)
{
    struct binder_index *x = binder_index_new();
    ol_auto(kube_object_unref_at) const struct kube_object *small = volume_on("small", "2Gi", "a"),
                                                           *large = volume_on("large", "9Gi", "a"),
                                                           *far = volume_on("far", "1Gi", "b");
    ol_auto(kube_object_unref_at) const struct kube_object *claim =
        decoded("{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'namespace':'d',"
                "'name':'c'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{"
                "'storage':'1Gi'}}}}");
    ol_auto(kube_object_unref_at) const struct kube_object *node =
        decoded("{'kind':'Node','apiVersion':'v1','metadata':{'name':'a','labels':{'host':'a'}}}");
    struct binder_node_match m = {.claim = kube_as_pvc(claim), .node = kube_as_node(node)};

    binder_index_put(x, kube_as_pv(small));
    binder_index_put(x, kube_as_pv(large));
    binder_index_put(x, kube_as_pv(far));
    assert_string_equal(binder_find_for_node(x, &m)->o.meta.name, "small");
    m.is_excluded = is_small;
    assert_string_equal(binder_find_for_node(x, &m)->o.meta.name, "large");
    binder_index_hold(x, "large");
    assert_null(binder_find_for_node(x, &m));
    binder_index_release(x, "large");
    assert_string_equal(binder_find_for_node(x, &m)->o.meta.name, "large");
    binder_index_free(x);
}

static void what_is_held_is_offered_to_nobody(void **state)
{
    struct binder_index *x = binder_index_new();
    ol_auto(kube_object_unref_at) const struct kube_object *pv = volume_on("v", "2Gi", "a");
    ol_auto(kube_object_unref_at) const struct kube_object *claim =
        decoded("{'kind':'PersistentVolumeClaim','apiVersion':'v1','metadata':{'namespace':'d',"
                "'name':'c'},'spec':{'accessModes':['ReadWriteOnce']}}");

    binder_index_put(x, kube_as_pv(pv));
    binder_index_hold(x, "v");
    assert_null(binder_find_best(x, kube_as_pvc(claim), false));
    binder_index_put(x, kube_as_pv(pv)); /* a change of something else meanwhile */
    assert_null(binder_find_best(x, kube_as_pvc(claim), false));
    binder_index_release(x, "v");
    assert_non_null(binder_find_best(x, kube_as_pvc(claim), false));
    binder_index_remove(x, "v");
    assert_null(binder_find_best(x, kube_as_pvc(claim), false));
    binder_index_hold(x, "v");
    assert_int_equal(binder_index_count(x), 0);
    binder_index_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_finds_what_looking_at_all_finds),
        cmocka_unit_test(the_scheduler_finds_what_the_node_reaches),
        cmocka_unit_test(what_is_held_is_offered_to_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
