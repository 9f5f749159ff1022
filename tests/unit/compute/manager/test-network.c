/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "life.h"
#include "scripted-virt.h"

/* Ports of an instance: taken, made, given back; events about them. */

#define U      "78ac27d4-6df7-45a8-b896-be690101b8ee"
#define OTHER  "78ac27d4-6df7-45a8-b896-be690101b8e0"
#define MADE   "0f5ab8e2-0000-4000-8000-00000000000a"
#define THEIRS "0f5ab8e2-0000-4000-8000-00000000000b"
#define NET    "0f5ab8e2-0000-4000-8000-00000000000c"
#define PORT(id, status, type)                                                                     \
    "{'id': '" id "', 'network_id': '" NET "', 'mac_address': 'fa:16:3e:00:00:01', "               \
    "'tenant_id': 'p', 'device_id': '', 'status': '" status "', 'binding:vif_type': '" type "'}"

static const struct fake_cloud_row neutron[] = {
    {"GET /v2.0/ports?device_id=",
     "{'ports': [" PORT(THEIRS, "ACTIVE", "bridge") ", " PORT(MADE, "ACTIVE", "bridge") "]}"},
    {"GET /v2.0/ports/" THEIRS, "{'port': " PORT(THEIRS, "DOWN", "unbound") "}"},
    {"GET /v2.0/networks", "{'networks': [{'id': '" NET "', 'name': 'net', 'mtu': 1450}]}"},
    {"GET /v2.0/security-groups", "{'security_groups': [{'id': 'g-1', 'name': 'web'}]}"},
    {"POST /v2.0/ports", "{'port': " PORT(MADE, "ACTIVE", "bridge") "}"},
    {"PUT /v2.0/ports/" THEIRS, "{'port': " PORT(THEIRS, "ACTIVE", "bridge") "}"},
    {"DELETE /v2.0/ports/", "{}"},
    {NULL, NULL},
};

static struct life *start(void **state)
{
    struct life *f = *state;

    life_add_cloud(f);
    f->services.rows = neutron;
    f->config.vif_plugging_timeout = 20 * OL_SECOND;
    f->config.vif_plugging_is_fatal = true;
    life_start(f);
    return f;
}

static void add_request(struct life *f, struct ol_val *objects, const char *port,
                        const char *network)
{
    struct nova_object *one =
        nova_object_new(&f->arena, nova_release_find("zed"), "NetworkRequest");

    nova_set_str(one, "port_id", port);
    nova_set_str(one, "network_id", network);
    ol_val_append(&f->arena, objects, nova_object_dump(one));
}

/* One port of the user's and one on a network. */
static void build_as(struct life *f, const char *uuid)
{
    struct nova_object *list =
        nova_object_new(&f->arena, nova_release_find("zed"), "NetworkRequestList");
    struct ol_val *objects = ol_val_new_list(&f->arena), *args = ol_val_new_map(&f->arena);
    struct ol_val *groups = ol_val_new_list(&f->arena), *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    add_request(f, objects, THEIRS, NULL);
    add_request(f, objects, NULL, NET);
    nova_set_val(list, "objects", objects);
    ol_val_append(&f->arena, groups, ol_val_new_str(&f->arena, "web"));
    ol_val_set(&f->arena, args, "security_groups", groups);
    ol_val_set(&f->arena, args, "requested_networks", nova_object_dump(list));
    life_must(life_call(f, "build_and_run_instance", life_new_instance(f, uuid), args, &none, &err),
              &err);
}

static void build(struct life *f)
{
    build_as(f, U);
}

static const char *kept(struct life *f)
{
    return nova_str(nova_child(life_stored(f, U), "info_cache"), "network_info");
}

static size_t rows(struct life *f)
{
    struct ol_val *args = ol_val_new_list(&f->arena);
    struct nova_object *list = NULL;
    struct ol_err err = OL_ERR_INIT;

    ol_val_append(&f->arena, args, ol_val_new_str(&f->arena, U));
    life_must(conductor_get(f->conductor, &f->context, "VirtualInterfaceList",
                            "get_by_instance_uuid", args, NULL, &f->arena, &list, &err),
              &err);
    return nova_list_count(list);
}

static void ports_are_taken_and_made_and_given_back(void **state)
{
    struct life *f = start(state);
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *info;
    struct work w;

    build(f);
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
    assert_non_null(strstr(fake_cloud_last(&f->services, "PUT"), "\"binding:host_id\":\"cmp1\""));
    assert_non_null(strstr(fake_cloud_last(&f->services, "POST"), "\"security_groups\":[\"g-1\"]"));
    assert_int_equal(rows(f), 2);
    w = instance_work(f->manager, &f->arena, life_stored(f, U));
    info = network_cached(&w);
    assert_int_equal(ol_val_count(info), 2);
    assert_string_equal(ol_val_str(ol_val_get(ol_val_item(info, 0), "id")), THEIRS);
    assert_true(ol_val_is_truthy(ol_val_get(ol_val_item(info, 0), "preserve_on_delete")));
    assert_false(ol_val_is_truthy(ol_val_get(ol_val_item(info, 1), "preserve_on_delete")));

    life_must(network_heal(&w, &err), &err); /* which neutron cannot tell */
    assert_true(ol_val_is_truthy(ol_val_get(network_vif(&w, THEIRS), "preserve_on_delete")));

    life_must(life_run(f, "terminate_instance", U, TASK_DELETING, &err), &err);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /v2.0/ports/" MADE), 1);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /v2.0/ports/" THEIRS), 0);
    assert_non_null(strstr(fake_cloud_last(&f->services, "PUT"), "\"device_id\":\"\""));
    assert_int_equal(rows(f), 0);
}

static void a_build_that_gets_no_port_gives_back_the_others(void **state)
{
    static const struct {
        const char *uuid, *failing;
    } cases[] = {
        {U, "GET /v2.0/ports/"},
        {OTHER, "PUT /v2.0/ports/"},
        {"78ac27d4-6df7-45a8-b896-be690101b8e1", "POST /v2.0/ports"},
    };
    struct life *f = start(state);

    for (size_t i = 0; i < ol_count(cases); i++) {
        f->services.failing = cases[i].failing;
        build_as(f, cases[i].uuid);
        f->services.failing = NULL;
        life_is_in(f, cases[i].uuid, VM_ERROR, NULL, VIRT_NOSTATE);
        assert_string_equal(scripted_state()->words, "");
        assert_int_equal(fake_cloud_asked(&f->services, "DELETE /v2.0/ports/" THEIRS), 0);
        assert_int_equal(rows(f), 0);
    }
}

static void the_users_ports_are_known_before_they_are_bound(void **state)
{
    struct life *f = start(state);

    f->services.failing = "PUT /v2.0/ports/"; /* as if it were cut off there */
    build(f);
    assert_non_null(strstr(kept(f), "\"preserve_on_delete\": true"));
}

static void a_port_of_others_is_refused(void **state)
{
    static const struct {
        struct fake_cloud_row row;
        const char *says;
    } cases[] = {
        {{"GET /v2.0/ports/", "{'port': {'id': '" THEIRS "', 'device_id': 'x', 'tenant_id': 'p'}}"},
         "Port " THEIRS " is still in use."},
        {{"GET /v2.0/ports/", "{'port': {'id': '" THEIRS "', 'tenant_id': 'q'}}"},
         "Port " THEIRS " not usable for instance " U "."},
        {{"PUT /v2.0/ports/", "{'port': " PORT(THEIRS, "DOWN", "binding_failed") "}"},
         "Binding failed for port " THEIRS ", please check neutron logs for more information."},
    };
    struct life *f = start(state);

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fake_cloud_row table[ol_count(neutron) + 1] = {{0}};
        struct ol_val *args = ol_val_new_map(&f->arena), *none = NULL;
        struct ol_err err = OL_ERR_INIT;

        f->services.rows = NULL;
        if (i == 0)
            life_build(f, U);
        memcpy(table, neutron, sizeof(neutron));
        table[ol_count(neutron) - 1] = cases[i].row;
        f->services.rows = table;
        ol_val_set_str(&f->arena, args, "port_id", THEIRS);
        assert_true(life_call(f, "attach_interface", life_stored(f, U), args, &none, &err) < 0);
        assert_string_equal(ol_err_text(&err), cases[i].says);
    }
    assert_string_equal(scripted_state()->words, "spawn");
}

/* What the API casts when neutron has told it. */
static void tell(struct life *f, const char *uuid, const char *name, const char *status)
{
    struct nova_object *e =
        nova_object_new(&f->arena, nova_release_find("zed"), "InstanceExternalEvent");
    struct ol_val *args = ol_val_new_map(&f->arena), *events = ol_val_new_list(&f->arena);
    struct work w = {.m = f->manager, .arena = &f->arena, .args = args};
    struct ol_val *none = NULL;
    struct ol_err err = OL_ERR_INIT;

    nova_set_str(e, "instance_uuid", uuid);
    nova_set_str(e, "name", name);
    nova_set_str(e, "status", status);
    nova_set_str(e, "tag", MADE);
    ol_val_append(&f->arena, events, nova_object_dump(e));
    ol_val_set(&f->arena, args, "events", events);
    life_must(method_external_event(&w, &none, &err), &err);
}

static struct life *current;

static void tell_plugged(const char *uuid)
{
    tell(current, uuid, "network-vif-plugged", "completed");
}

static void tell_failed(const char *uuid)
{
    tell(current, uuid, "network-vif-plugged", "failed");
}

static const struct fake_cloud_row down[] = {
    {"GET /v2.0/networks", "{'networks': [{'id': '" NET "'}]}"},
    {"GET /v2.0/networks?shared=True", "{'networks': []}"},
    {"POST /v2.0/ports", "{'port': " PORT(MADE, "DOWN", "bridge") "}"},
    {"GET /v2.0/ports?device_id=", "{'ports': [" PORT(MADE, "DOWN", "bridge") "]}"},
    {"DELETE /v2.0/ports/", "{}"},
    {NULL, NULL},
};

static void a_machine_waits_for_its_wires(void **state)
{
    struct life *f = current = start(state);

    f->services.rows = down;
    scripted_state()->held = tell_plugged;
    life_build(f, U);
    assert_string_equal(scripted_state()->words, "spawn unpause");
    life_is_in(f, U, VM_ACTIVE, NULL, VIRT_RUNNING);
}

static void wires_that_fail_end_the_build_when_that_is_fatal(void **state)
{
    struct life *f = current = start(state);

    f->services.rows = down;
    scripted_state()->held = tell_failed;
    life_build(f, U);
    assert_string_equal(scripted_state()->words, "spawn destroy");
    life_is_in(f, U, VM_ERROR, NULL, VIRT_NOSTATE);
    f->config.vif_plugging_is_fatal = false;
    scripted_state()->words[0] = '\0';
    life_build(f, OTHER);
    assert_string_equal(scripted_state()->words, "spawn unpause");
}

static void an_interface_comes_and_goes(void **state)
{
    struct life *f = start(state);
    struct ol_val *args = ol_val_new_map(&f->arena), *vif = NULL;
    struct ol_err err = OL_ERR_INIT;

    f->services.rows = NULL;
    life_build(f, U);
    f->services.rows = neutron;
    ol_val_set_str(&f->arena, args, "port_id", THEIRS);
    life_must(life_call(f, "attach_interface", life_stored(f, U), args, &vif, &err), &err);
    assert_string_equal(ol_val_str(ol_val_get(vif, "id")), THEIRS);
    assert_string_equal(scripted_state()->words, "spawn plug");
    assert_int_equal(rows(f), 1);
    life_must(life_call(f, "detach_interface", life_stored(f, U), args, &vif, &err), &err);
    assert_string_equal(scripted_state()->words, "spawn plug unplug");
    assert_string_equal(kept(f), "[]");
    assert_int_equal(rows(f), 0);
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE"), 0);
    assert_true(life_call(f, "detach_interface", life_stored(f, U), args, &vif, &err) < 0);
    assert_true(nova_is(&err, NOVA_PORT_NOT_FOUND));

    scripted_state()->failing = "plug";
    ol_val_remove(args, "port_id");
    ol_val_set_str(&f->arena, args, "network_id", NET);
    assert_true(life_call(f, "attach_interface", life_stored(f, U), args, &vif, &err) < 0);
    assert_true(nova_is(&err, NOVA_INTERFACE_ATTACH_FAILED));
    assert_int_equal(fake_cloud_asked(&f->services, "DELETE /v2.0/ports/" MADE), 1);
    assert_int_equal(rows(f), 0);
}

static void a_port_that_neutron_deleted_leaves_the_machine(void **state)
{
    struct life *f = start(state);

    build(f);
    tell(f, U, "network-vif-deleted", "completed");
    for (int i = 0; i < 5000 && !strstr(scripted_state()->words, "unplug"); i++)
        usleep(1000);
    assert_true(task_pool_stop(f->pool, 10 * OL_SECOND));
    assert_string_equal(scripted_state()->words, "spawn unplug");
    assert_null(strstr(kept(f), MADE));
    assert_non_null(strstr(kept(f), THEIRS));
}

#define LIFE(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIFE(ports_are_taken_and_made_and_given_back),
        LIFE(a_build_that_gets_no_port_gives_back_the_others),
        LIFE(the_users_ports_are_known_before_they_are_bound),
        LIFE(a_port_of_others_is_refused),
        LIFE(a_machine_waits_for_its_wires),
        LIFE(wires_that_fail_end_the_build_when_that_is_fatal),
        LIFE(an_interface_comes_and_goes),
        LIFE(a_port_that_neutron_deleted_leaves_the_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
