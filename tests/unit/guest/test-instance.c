/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/stage/instance.h"

#define CLOUD "/var/lib/cloud"

/* demands: 40 */
static void the_cache_is_used_when_it_holds(void **state)
{
    static const struct {
        struct instance_facts facts;
        bool want;
        const char *why;
    } cases[] = {
        {{false, INSTANCE_TRUST, false, false}, false, "no cache found"},
        {{false, INSTANCE_CHECK, true, true}, false, "no cache found"},
        {{true, INSTANCE_TRUST, false, false}, true, "restored from cache"},
        {{true, INSTANCE_TRUST, true, false}, true, "restored from cache with run check"},
        {{true, INSTANCE_CHECK, true, false}, true, "restored from cache with run check"},
        {{true, INSTANCE_CHECK, false, true}, true, "restored from checked cache"},
        {{true, INSTANCE_CHECK, false, false}, false, "cache invalid in datasource"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct instance_verdict got = instance_decide(&cases[i].facts);

        assert_int_equal(got.use_cache, cases[i].want);
        assert_string_equal(got.why, cases[i].why);
    }
    (void)state;
}

static void use(struct fixture *f, const char *id)
{
    struct ol_val *doc = fixture_value(f, "{\"source\": \"None\", \"description\": \"d\"}");

    ol_val_set_str(&f->arena, doc, "instance_id", id);
    f->g.ds = (struct guest_ds){.source = source_find("None"), .doc = doc};
    assert_int_equal(ol_mkdir_p(&f->env, CLOUD "/data", 0755, NULL), 0);
    assert_int_equal(ol_mkdir_p(&f->env, "/run/cloud-init", 0755, NULL), 0);
}

/* demands: 15 */
static void what_is_cached_comes_back_as_it_was(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_val *got = NULL;
    struct ol_arena *a = &f->arena;

    use(f, "iid-1");
    ol_val_set(a, f->g.ds.doc, "bytes", ol_val_new_bytes(a, "\xff\0\x80", 3));
    ol_val_set(a, f->g.ds.doc, "marked", ol_val_new_str(a, "ci-b64:aGVsbG8="));
    ol_val_set(a, f->g.ds.doc, "mark", ol_val_new_str(a, "ci-b64:"));
    ol_val_set(a, f->g.ds.doc, "nul", ol_val_new_strn(a, "a\0b", 3));
    ol_val_set(a, f->g.ds.doc, "list",
               fixture_value(f, "[null, true, -1, 1.5, \"\\u00fc\", {\"x\": [\"ci-b64:eA==\"]}]"));
    assert_int_equal(ol_mkdir_p(&f->env, CLOUD "/instance", 0755, NULL), 0);
    fixture_put(f, CLOUD "/instance/obj.pkl", "pickled");
    assert_int_equal(instance_store_cache(&f->g, NULL), 0);
    assert_int_equal(fixture_mode(f, CLOUD "/instance/obj.json"), 0400);
    assert_null(fixture_text(f, CLOUD "/instance/obj.pkl"));
    assert_int_equal(instance_load_cache(&f->g, &got, NULL), 0);
    assert_true(ol_val_equal(got, f->g.ds.doc));
    assert_true(ol_val_is(ol_val_get(got, "bytes"), OL_VAL_BYTES));
    fixture_free(f);
    (void)state;
}

static void a_cache_that_is_broken_is_read_again(void **state)
{
    static const char *const cases[] = {
        "",
        "{",
        "[]",
        "{\"version\": 2, \"datasource\": {}}",
        "{\"version\": 1}",
        "{\"version\": 1, \"datasource\": []}",
    };
    struct fixture *f = fixture_new();

    assert_false(instance_restore(&f->g, INSTANCE_TRUST).use_cache);
    assert_null(strstr(f->log_text.data, "WARNING"));
    for (size_t i = 0; i < ol_count(cases); i++) {
        fixture_put(f, CLOUD "/instance/obj.json", cases[i]);
        ol_buf_clear(&f->log_text);
        assert_false(instance_restore(&f->g, INSTANCE_TRUST).use_cache);
        fixture_assert_logged(f, "WARNING: cache '" CLOUD "/instance/obj.json'");
    }
    fixture_free(f);
    (void)state;
}

/* demands: 45 49 */
static void an_instance_is_new_once(void **state)
{
    struct fixture *f = fixture_new();
    ol_autofree char *link = NULL;

    use(f, "iid-1");
    assert_int_equal(instance_reflect(&f->g, NULL), 0);
    assert_true(f->g.is_new_instance);
    assert_string_equal(f->g.previous_instance_id, "NO_PREVIOUS_INSTANCE_ID");
    /* Killed before it was committed, it is new again. */
    assert_int_equal(instance_reflect(&f->g, NULL), 0);
    assert_true(f->g.is_new_instance);
    assert_int_equal(instance_commit(&f->g, NULL), 0);
    fixture_assert_file(f, CLOUD "/data/instance-id", "iid-1\n");
    fixture_assert_file(f, "/run/cloud-init/.instance-id", "iid-1\n");
    assert_int_equal(instance_reflect(&f->g, NULL), 0);
    assert_false(f->g.is_new_instance);
    link = ol_readlink(&f->env, CLOUD "/instance");
    assert_string_equal(link, CLOUD "/instances/iid-1");
    fixture_assert_file(f, CLOUD "/instance/datasource", "DataSourceNone: d\n");
    use(f, "iid-2");
    assert_int_equal(instance_reflect(&f->g, NULL), 0);
    assert_true(f->g.is_new_instance);
    assert_string_equal(f->g.previous_instance_id, "iid-1");
    fixture_assert_file(f, CLOUD "/data/previous-instance-id", "iid-1\n");
    fixture_free(f);
    (void)state;
}

static void an_id_never_leads_out_of_the_instances(void **state)
{
    static const struct {
        const char *id, *dir;
    } cases[] = {
        {"..", "/instances/_.."},
        {".", "/instances/_."},
        {"../../etc", "/instances/.._.._etc"},
        {"/a/b", "/instances/_a_b"},
        {" x ", "/instances/ x "},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();
        ol_autofree char *link = NULL;

        use(f, cases[i].id);
        assert_int_equal(instance_reflect(&f->g, NULL), 0);
        link = ol_readlink(&f->env, CLOUD "/instance");
        assert_string_equal(link + strlen(CLOUD), cases[i].dir);
        assert_int_equal(instance_commit(&f->g, NULL), 0);
        instance_compare(&f->g);
        assert_false(f->g.is_new_instance);
        fixture_free(f);
    }
    (void)state;
}

static void an_id_that_is_no_name_is_an_error(void **state)
{
    struct fixture *f = fixture_new();
    struct ol_err err = OL_ERR_INIT;
    char id[301];

    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    use(f, id);
    assert_int_equal(instance_reflect(&f->g, &err), -ENAMETOOLONG);
    assert_non_null(strstr(ol_err_text(&err), "make directory"));
    fixture_free(f);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_is_used_when_it_holds),
        cmocka_unit_test(what_is_cached_comes_back_as_it_was),
        cmocka_unit_test(a_cache_that_is_broken_is_read_again),
        cmocka_unit_test(an_instance_is_new_once),
        cmocka_unit_test(an_id_never_leads_out_of_the_instances),
        cmocka_unit_test(an_id_that_is_no_name_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
