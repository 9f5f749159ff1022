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
#include <unistd.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/http.h"
#include "guest/source/source.h"

enum { LOCAL = SOURCE_NEEDS_DISK, NET = SOURCE_NEEDS_DISK | SOURCE_NEEDS_NET };

static const char *doc_json(struct fixture *f, const char *key)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    assert_int_equal(ol_json_dump(ol_val_get(f->g.ds.doc, key), &ol_json_compact, &b), 0);
    return ol_arena_strdup(&f->arena, b.data);
}

static int find(struct fixture *f, unsigned have)
{
    struct ol_err err = OL_ERR_INIT;

    return source_find_first(&f->g, have, NULL, &err);
}

/* demands: 12 13 */
static void seed_directory_gives_a_whole_document(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data",
                "instance-id: i-17\nlocal-hostname: box\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "#!/bin/sh\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/network-config", "version: 2\nethernets: {}\n");
    fixture_put(f, "/sys/class/dmi/id/product_uuid", "ABCD\n");
    assert_int_equal(find(f, LOCAL), 0);
    assert_string_equal(f->g.ds.source->name, "NoCloud");
    assert_string_equal(doc_json(f, "description"),
                        "\"DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud][dsmode=net]\"");
    assert_string_equal(doc_json(f, "instance_id"), "\"i-17\"");
    assert_string_equal(doc_json(f, "metadata"),
                        "{\"instance-id\":\"i-17\",\"local-hostname\":\"box\",\"dsmode\":\"net\"}");
    assert_string_equal(doc_json(f, "userdata_raw"), "\"#!/bin/sh\\n\"");
    assert_string_equal(doc_json(f, "vendordata_raw"), "\"\"");
    assert_string_equal(doc_json(f, "network_config"), "{\"version\":2,\"ethernets\":{}}");
    assert_string_equal(doc_json(f, "subplatform"), "\"seed-dir (/var/lib/cloud/seed/nocloud)\"");
    assert_string_equal(doc_json(f, "platform"), "\"nocloud\"");
    assert_string_equal(doc_json(f, "cloud_name"), "\"unknown\"");
    assert_string_equal(doc_json(f, "system_uuid"), "\"ABCD\"");
    fixture_assert_logged(f, "Searching for local data source in: ['DataSourceNoCloud', "
                             "'DataSourceConfigDrive']");
    fixture_assert_logged(f, "finish: init-local/search-NoCloud: SUCCESS: found local data from "
                             "DataSourceNoCloud");
    fixture_free(f);
}

static void seed_directory_needs_both_files(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i-17\n");
    assert_int_equal(find(f, LOCAL), -ENODATA);
    fixture_put(f, "/var/lib/cloud/seed/nocloud-net/meta-data", "instance-id: 12\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud-net/user-data", "");
    assert_int_equal(find(f, LOCAL), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"12\"");
    fixture_free(f);
}

static void command_line_wins_over_what_it_points_to(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/proc/cmdline", "ro ds=nocloud;i=from-line;s=/seed\n");
    fixture_put(f, "/seed/meta-data", "instance-id: from-file\nlocal-hostname: box\n");
    fixture_put(f, "/seed/user-data", "#cloud-config\n");
    assert_int_equal(find(f, LOCAL), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"from-line\"");
    assert_string_equal(doc_json(f, "description"),
                        "\"DataSourceNoCloud [seed=cmdline,/seed][dsmode=local]\"");
    assert_true(f->g.ds.source->is_same_instance(&f->g, f->g.ds.doc));
    fixture_free(f);
}

static void old_word_for_the_datasource_is_told(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/proc/cmdline", "ro ci.ds=NoCloud\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i-1\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
    assert_int_equal(find(f, LOCAL), 0);
    fixture_assert_logged(f, "DEPRECATED: Defining the datasource on the command line using "
                             "ci.ds=NoCloud or ci.datasource=NoCloud is deprecated in 23.2 and "
                             "scheduled to be removed in 28.2. Use ds=NoCloud instead");
    fixture_free(f);
    (void)state;
}

struct served {
    const char *url, *body;
};

static int serve(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *response, struct ol_err *err)
{
    for (const struct served *s = env->test; s->url; s++) {
        if (strcmp(s->url, request->url) != 0)
            continue;
        response->status = 200;
        ol_buf_adds(&response->body, s->body);
        return 0;
    }
    response->status = 404;
    return 0;
}

/* demands: 1 12 */
static void url_is_followed_only_when_there_is_a_network(void **state)
{
    static const struct ol_http http = {.fetch = serve};
    static const struct served pages[] = {
        {"http://h/C9/meta-data", "instance-id: i-url\n"},
        {"http://h/C9/user-data", "#cloud-config\n"},
        {NULL, NULL},
    };
    struct fixture *f = fixture_new();

    f->env.http = &http;
    f->env.test = (void *)pages;
    fixture_put(f, "/sys/class/dmi/id/product_serial",
                "ds=nocloud;s=http://h/__dmi.chassis-serial-number__\n");
    fixture_put(f, "/sys/class/dmi/id/chassis_serial", "C9\n");
    assert_int_equal(find(f, LOCAL), -ENODATA);
    fixture_assert_logged(f, "will try to use http://h/__dmi.chassis-serial-number__ in the "
                             "network stage.");
    assert_int_equal(find(f, NET), 0);
    assert_string_equal(doc_json(f, "description"),
                        "\"DataSourceNoCloudNet [seed=dmi,http://h/C9][dsmode=net]\"");
    assert_string_equal(doc_json(f, "instance_id"), "\"i-url\"");
    fixture_free(f);
}

static void failed_url_is_named(void **state)
{
    static const struct ol_http http = {.fetch = serve};
    static const struct served none[] = {{NULL, NULL}};
    struct fixture *f = fixture_new();

    f->env.http = &http;
    f->env.test = (void *)none;
    fixture_configure(f, "{\"datasource_list\": [\"NoCloud\"], "
                         "\"datasource\": {\"NoCloud\": {\"seedfrom\": \"http://h/\"}}}");
    assert_int_equal(find(f, NET), -ENODATA);
    fixture_assert_logged(f, "NoCloud.DataSourceNoCloudNet'> failed: NoCloud: seedfrom: "
                             "http://h/meta-data: status 404");
    fixture_free(f);
}

static void configuration_can_be_the_seed(void **state)
{
    struct fixture *f = fixture_new();

    fixture_configure(f, "{\"datasource_list\": [\"NoCloud\", \"None\"], \"datasource\": "
                         "{\"NoCloud\": {\"meta-data\": {\"instance-id\": \"i-c\"}, "
                         "\"user-data\": \"#cloud-config\"}}}");
    assert_int_equal(find(f, LOCAL), 0);
    assert_string_equal(doc_json(f, "description"),
                        "\"DataSourceNoCloud [seed=ds_config][dsmode=net]\"");
    assert_string_equal(doc_json(f, "instance_id"), "\"i-c\"");
    fixture_free(f);
}

static void wrong_input_is_told_and_the_next_source_tried(void **state)
{
    static const struct {
        const char *metadata, *logged;
    } cases[] = {
        {"seedfrom: 17\n", "NoCloud: seedfrom is a int, not text"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        fixture_configure(f, "{\"datasource_list\": [\"NoCloud\", \"None\"]}");
        fixture_put(f, "/proc/cmdline", "ds=nocloud");
        fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", cases[i].metadata);
        fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
        assert_int_equal(find(f, NET), 0);
        assert_string_equal(f->g.ds.source->name, "None");
        assert_string_equal(doc_json(f, "instance_id"), "\"iid-datasource-none\"");
        fixture_assert_logged(f, cases[i].logged);
        fixture_free(f);
    }
}

static void unusable_instance_id_is_told_and_the_rest_is_used(void **state)
{
    static const char *const cases[] = {"instance-id: [1]\n", "instance-id: ..\n",
                                        "instance-id: ''\n"};

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", cases[i]);
        fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
        assert_int_equal(find(f, LOCAL), 0);
        assert_string_equal(f->g.ds.source->name, "NoCloud");
        assert_string_equal(doc_json(f, "instance_id"), "\"iid-datasource\"");
        fixture_assert_logged(f, "NoCloud: instance-id is a ");
        fixture_free(f);
    }
}

static void list_of_metadata_is_warned_about(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "- a\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "");
    assert_int_equal(find(f, LOCAL), 0);
    assert_string_equal(doc_json(f, "instance_id"), "\"nocloud\"");
    fixture_assert_logged(f, "WARNING: Failed loading yaml blob. ");
    fixture_free(f);
}

static void file_above_16_mib_is_refused(void **state)
{
    struct fixture *f = fixture_new();
    const char *path = "/var/lib/cloud/seed/nocloud/user-data";
    ol_autofree char *real = NULL;

    fixture_configure(f, "{\"datasource_list\": [\"NoCloud\"]}");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i\n");
    fixture_put(f, path, "");
    real = ol_xasprintf("%s%s", f->root, path);
    assert_int_equal(truncate(real, (16 << 20) + 1), 0);
    assert_int_equal(find(f, LOCAL), -ENODATA);
    fixture_assert_logged(f, "DataSourceNoCloud'> failed: ");
    fixture_assert_logged(f, path);
    fixture_free(f);
}

static void bytes_that_are_no_text_stay_bytes(void **state)
{
    struct fixture *f = fixture_new();

    fixture_put(f, "/var/lib/cloud/seed/nocloud/meta-data", "instance-id: i\n");
    fixture_put(f, "/var/lib/cloud/seed/nocloud/user-data", "\x1f\x8b\xff");
    assert_int_equal(find(f, LOCAL), 0);
    assert_true(ol_val_is(guest_ds_get(&f->g, "userdata_raw"), OL_VAL_BYTES));
    fixture_free(f);
}

static void unknown_names_are_told_from_those_we_lack(void **state)
{
    struct fixture *f = fixture_new();
    struct source_trials trials = {0};
    struct ol_err err = OL_ERR_INIT;

    fixture_configure(f, "{\"datasource_list\": [\"Azure\", \"NoSuch\", \"ConfigDrive\"]}");
    assert_int_equal(source_find_first(&f->g, LOCAL, &trials, &err), -ENODATA);
    assert_string_equal(err.msg, "Did not find any data source, searched classes: "
                                 "(DataSourceConfigDrive)");
    assert_int_equal(trials.n, 3);
    assert_string_equal(trials.items[0].outcome, "not implemented");
    assert_string_equal(trials.items[2].name, "ConfigDrive");
    fixture_assert_logged(f, "ERROR: Could not import DataSourceNoSuch.");
    fixture_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_directory_gives_a_whole_document),
        cmocka_unit_test(seed_directory_needs_both_files),
        cmocka_unit_test(command_line_wins_over_what_it_points_to),
        cmocka_unit_test(old_word_for_the_datasource_is_told),
        cmocka_unit_test(url_is_followed_only_when_there_is_a_network),
        cmocka_unit_test(failed_url_is_named),
        cmocka_unit_test(configuration_can_be_the_seed),
        cmocka_unit_test(wrong_input_is_told_and_the_next_source_tried),
        cmocka_unit_test(unusable_instance_id_is_told_and_the_rest_is_used),
        cmocka_unit_test(list_of_metadata_is_warned_about),
        cmocka_unit_test(file_above_16_mib_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_stay_bytes),
        cmocka_unit_test(unknown_names_are_told_from_those_we_lack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
