/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "compute/base/exception.h"
#include "compute/object/object.h"
#include "core/cleanup.h"

#define OBJ(name, version, data)                                                                   \
    "{\"nova_object.name\":\"" name                                                                \
    "\",\"nova_object.namespace\":\"nova\",\"nova_object.version\":\"" version                     \
    "\",\"nova_object.data\":" data "}"

static struct ol_val *parse(struct ol_arena *a, const char *json)
{
    struct ol_val *v = NULL;

    assert_int_equal(ol_json_load(json, strlen(json), a, &v, NULL), 0);
    return v;
}

static void assert_json(const struct ol_val *v, const char *want)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);

    assert_int_equal(ol_json_dump(v, &ol_json_compact, &text), 0);
    assert_string_equal(text.data, want);
}

static void what_is_not_known_comes_back_as_it_was(void **state)
{
    static const char *const cases[] = {
        OBJ("Instance", "2.9", "{\"uuid\":\"u\",\"next_year\":[1,{\"a\":null}],\"vcpus\":1.5}"),
        OBJ("RequestSpec", "1.14",
            "{\"instance_group\":" OBJ("InstanceGroup", "1.11", "{\"policy\":\"x\"}") "}"),
        OBJ("InstanceDeviceMetadata", "1.0",
            "{\"devices\":[" OBJ("NetworkInterfaceMetadata", "1.2", "{\"mac\":\"m\"}") "]}"),
        OBJ("Flavor", "1.2", "{\"id\":99999999999999999999}"),
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_object *o;

        assert_int_equal(nova_object_load(&a, parse(&a, cases[i]), &o, NULL), 0);
        assert_json(nova_object_dump(o), cases[i]);
        assert_json(nova_object_dump(nova_object_copy(&a, o)), cases[i]);
    }
}

static void a_primitive_that_is_none_is_refused_with_its_path(void **state)
{
    static const struct {
        const char *json;
        int want;
        const char *msg;
    } cases[] = {
        {"null", -EINVAL, "$: not an object"},
        {"[]", -EINVAL, "$: not an object"},
        {"{\"nova_object.name\":7}", -EINVAL, "$: not an object"},
        {"{\"nova_object.name\":\"Instance\"}", -EINVAL, "Instance: the object has no version"},
        {OBJ("Instance", "x", "{}"), -EINVAL, "Instance: the object has no version"},
        {OBJ("Instance", "2.7", "[]"), -EINVAL, "Instance: the object's data is not a map"},
        {"{\"nova_object.name\":\"Tag\",\"nova_object.version\":\"1.1\",\"nova_object.data\":{},"
         "\"nova_object.changes\":[1]}",
         -EINVAL, "Tag: the object's changes are not names"},
        {OBJ("Instance", "2.7", "{\"flavor\":1}"), -EINVAL, "Instance/flavor: not an object"},
        {OBJ("InstanceList", "2.6", "{\"objects\":{}}"), -EINVAL,
         "InstanceList/objects: not a list"},
        {OBJ("InstanceList", "2.6",
             "{\"objects\":[null," OBJ("Instance", "2.7", "{\"flavor\":{}}") "]}"),
         -EINVAL, "InstanceList/objects[0]: not an object"},
        {OBJ("InstanceList", "2.6",
             "{\"objects\":[" OBJ("Instance", "2.7", "{\"flavor\":{}}") "]}"),
         -EINVAL, "InstanceList/objects[0]/flavor: not an object"},
        {"{\"nova_object.name\":\"Tag\",\"nova_object.namespace\":\"cinder\","
         "\"nova_object.version\":\"1.1\",\"nova_object.data\":{}}",
         -EPROTO, "Unsupported object type cinder.Tag"},
        {OBJ("Volume", "1.0", "{}"), -EPROTO, "Unsupported object type Volume"},
        {OBJ("Instance", "3.0", "{}"), -EPROTO,
         "Version 3.0 of Instance is not supported, supported version is 2.7"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
        struct nova_object *o = NULL;
        struct ol_err err = OL_ERR_INIT;
        int r = nova_object_load(&a, parse(&a, cases[i].json), &o, &err);

        assert_string_equal(err.msg, cases[i].msg);
        assert_true(cases[i].want == -EPROTO ? r < 0 : r == cases[i].want);
        assert_null(o);
    }
}

static void a_failure_to_load_has_its_exception(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *o;
    struct ol_err err = OL_ERR_INIT;

    assert_true(nova_object_load(&a, parse(&a, OBJ("Volume", "1.0", "{}")), &o, &err) < 0);
    assert_true(nova_is(&err, NOVA_UNSUPPORTED_OBJECT));
    assert_true(nova_object_load(&a, parse(&a, OBJ("Instance", "3.0", "{}")), &o, &err) < 0);
    assert_true(nova_is(&err, NOVA_INCOMPATIBLE_OBJECT));
}

static void an_object_that_is_nested_too_deep_is_refused(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 22);
    struct ol_val *v = ol_val_new_list(&a), *top = parse(&a, OBJ("Instance", "2.7", "{}"));
    struct nova_object *o;

    for (int i = 0; i < 1000; i++) {
        struct ol_val *outer = ol_val_new_list(&a);

        ol_val_append(&a, outer, v);
        v = outer;
    }
    ol_val_set(&a, top, "nova_object.data", ol_val_new_map(&a));
    ol_val_set(&a, ol_val_get_mut(top, "nova_object.data"), "deep", v);
    assert_int_equal(nova_object_load(&a, top, &o, NULL), -EFBIG);
}

static void the_objects_of_a_list_and_children_share_its_data(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *list, *instance, *flavor;

    assert_int_equal(
        nova_object_load(
            &a,
            parse(&a, OBJ("InstanceList", "2.6",
                          "{\"objects\":[" OBJ(
                              "Instance", "2.7",
                              "{\"flavor\":" OBJ("Flavor", "1.2", "{\"id\":1}") "}") "]}")),
            &list, NULL),
        0);
    assert_int_equal(nova_list_count(list), 1);
    assert_null(nova_list_item(list, 1));
    instance = nova_list_item(list, 0);
    flavor = nova_child(instance, "flavor");
    assert_int_equal(nova_int(flavor, "id", 0), 1);
    nova_set_int(flavor, "vcpus", 4);
    assert_int_equal(nova_int(nova_child(instance, "flavor"), "vcpus", 0), 4);
    assert_true(nova_is_changed(instance, "flavor"));
    assert_false(nova_is_changed(instance, "info_cache"));
    assert_null(nova_child(instance, "info_cache"));
    assert_null(nova_child(NULL, "flavor"));
    assert_int_equal(nova_list_count(NULL), 0);
}

static void a_new_object_has_the_release_s_version(void **state)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    struct nova_object *o = nova_object_new(&a, nova_release_find("zed"), "Service");

    nova_set_str(o, "host", "cmp2");
    nova_set_int(o, "report_count", 0);
    assert_json(nova_object_dump(o),
                "{\"nova_object.name\":\"Service\",\"nova_object.namespace\":\"nova\","
                "\"nova_object.version\":\"1.22\",\"nova_object.data\":{\"host\":\"cmp2\","
                "\"report_count\":0},\"nova_object.changes\":[\"host\",\"report_count\"]}");
    assert_string_equal(nova_object_new(&a, nova_release_find("master"), "Instance")->version,
                        "2.8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_comes_back_as_it_was),
        cmocka_unit_test(a_primitive_that_is_none_is_refused_with_its_path),
        cmocka_unit_test(a_failure_to_load_has_its_exception),
        cmocka_unit_test(an_object_that_is_nested_too_deep_is_refused),
        cmocka_unit_test(the_objects_of_a_list_and_children_share_its_data),
        cmocka_unit_test(a_new_object_has_the_release_s_version),
    };

    return cmocka_run_group_tests_name("compute/object/object", tests, NULL, NULL);
}
