/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "guest/source/source.h"
#include "guest/stage/config.h"

static const char *setting(struct fixture *f, const char *key)
{
    const struct ol_val *v = ol_val_get(f->g.cfg, key);

    return v ? ol_val_to_text(&f->arena, v) : "none";
}

static void forget_environment(void)
{
    unsetenv("CLOUD_CFG");
    setenv("DEBUG_PROC_CMDLINE", "ro quiet", 1);
}

/* Each level sets its own key and "who". */
static void the_higher_level_wins(void **state)
{
    static const struct {
        const char *path, *text, *name;
    } levels[] = {
        {"/etc/cloud/cloud.cfg", "who: main\nmain: 1\n", "main"},
        {"/etc/cloud/cloud.cfg.d/05_a.cfg", "who: d5\nd5: 1\n", "d5"},
        {"/etc/cloud/cloud.cfg.d/90_b.cfg", "who: d90\nd90: 1\n", "d90"},
        {"/run/cloud-init/cloud.cfg", "who: run\nrun: 1\n", "run"},
        {NULL, "cc: who: cmdline%0Acmdline: 1 end_cc", "cmdline"},
        {"/var/lib/cloud/instance/vendor-cloud-config.txt", "who: v1\nv1: 1\n", "v1"},
        {"/var/lib/cloud/instance/vendor2-cloud-config.txt", "who: v2\nv2: 1\n", "v2"},
        {"/var/lib/cloud/instance/cloud-config.txt", "who: user\nuser: 1\n", "user"},
        {"/env.cfg", "who: env\nenv: 1\n", "env"},
        {"/file.cfg", "who: file\nfile: 1\n", "file"},
    };
    struct fixture *f = fixture_new();
    ol_auto(ol_strv_done) struct ol_strv files = OL_STRV_INIT;

    forget_environment();
    f->g.ds.source = source_find("None");
    for (size_t i = 0; i < ol_count(levels); i++) {
        if (levels[i].path)
            fixture_put(f, levels[i].path, levels[i].text);
        else
            setenv("DEBUG_PROC_CMDLINE", levels[i].text, 1);
        f->g.cmdline = NULL;
        f->g.base_cfg = NULL;
        if (!strcmp(levels[i].name, "env"))
            setenv("CLOUD_CFG", levels[i].path, 1);
        if (!strcmp(levels[i].name, "file"))
            ol_strv_add(&files, levels[i].path);
        config_read(&f->g, &files);
        if (strcmp(setting(f, "who"), levels[i].name))
            fail_msg("%s: %s wins", levels[i].name, setting(f, "who"));
        for (size_t k = 0; k <= i; k++)
            assert_string_equal(setting(f, levels[k].name), "1");
    }
    assert_null(strstr(f->log_text.data, "WARNING"));
    forget_environment();
    fixture_free(f);
    (void)state;
}

static void without_a_configuration_there_is_the_built_in_one(void **state)
{
    struct fixture *f = fixture_new();

    forget_environment();
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "def_log_file"), "/var/log/cloud-init.log");
    assert_string_equal(f->g.paths.cloud_dir, "/var/lib/cloud");
    assert_non_null(f->g.distro);
    assert_null(strstr(f->log_text.data, "WARNING"));
    fixture_free(f);
    (void)state;
}

static void a_broken_file_is_named_and_the_rest_is_used(void **state)
{
    static const struct {
        const char *text, *warning;
    } cases[] = {
        {"a: [1\n",
         "Failed loading yaml from /etc/cloud/cloud.cfg.d/b.cfg. Invalid format at line"},
        {"- 1\n", "/etc/cloud/cloud.cfg.d/b.cfg: Yaml load allows (dict) root types, but got list"},
        {"a: &a [*a]\n", "b.cfg: it is nested too deep, or in itself"},
        {"", NULL},
        {"# nothing\n", NULL},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        forget_environment();
        fixture_put(f, "/etc/cloud/cloud.cfg", "m: 1\n");
        fixture_put(f, "/etc/cloud/cloud.cfg.d/a.cfg", "x: 1\n");
        fixture_put(f, "/etc/cloud/cloud.cfg.d/b.cfg", cases[i].text);
        fixture_put(f, "/etc/cloud/cloud.cfg.d/c.cfg", "y: 1\n");
        fixture_put(f, "/etc/cloud/cloud.cfg.d/d.txt", "z: 1\n");
        config_read(&f->g, NULL);
        assert_string_equal(setting(f, "m"), "1");
        assert_string_equal(setting(f, "x"), "1");
        assert_string_equal(setting(f, "y"), "1");
        assert_string_equal(setting(f, "z"), "none");
        if (cases[i].warning)
            fixture_assert_logged(f, cases[i].warning);
        else
            assert_null(strstr(f->log_text.data, "WARNING"));
        fixture_free(f);
    }
    (void)state;
}

static void conf_d_names_another_directory(void **state)
{
    struct fixture *f = fixture_new();

    forget_environment();
    fixture_put(f, "/etc/cloud/cloud.cfg", "conf_d: /etc/other.d\n");
    fixture_put(f, "/etc/cloud/cloud.cfg.d/a.cfg", "x: 1\n");
    fixture_put(f, "/etc/other.d/a.cfg", "y: 1\n");
    assert_true(config_mentions_paths(&f->g));
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "x"), "none");
    assert_string_equal(setting(f, "y"), "1");
    fixture_free(f);
    (void)state;
}

static void two_hundred_files_are_all_read(void **state)
{
    struct fixture *f = fixture_new();

    forget_environment();
    fixture_put(f, "/etc/cloud/cloud.cfg", "main: 1\n");
    for (int i = 0; i < 200; i++)
        fixture_put(f, ol_arena_printf(&f->arena, "/etc/cloud/cloud.cfg.d/%03d.cfg", i),
                    ol_arena_printf(&f->arena, "k%d: 1\nlast: %d\n", i, i));
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "main"), "1");
    assert_string_equal(setting(f, "k0"), "1");
    assert_string_equal(setting(f, "last"), "199");
    fixture_free(f);
    (void)state;
}

static void templates_below_etc_see_the_instance_data(void **state)
{
    struct fixture *f = fixture_new();

    forget_environment();
    fixture_put(f, "/etc/cloud/cloud.cfg.d/5.cfg",
                "## template: jinja\nwho: 'it is {{ v1.instance_id }}'\n");
    fixture_put(f, "/etc/cloud/cloud.cfg.d/6.cfg", "other: '{{ v1.instance_id }}'\n");
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "who"), "it is {{ v1.instance_id }}");
    fixture_put(f, "/run/cloud-init/instance-data-sensitive.json",
                "{\"v1\": {\"instance_id\": \"i-7\"}}");
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "who"), "it is i-7");
    assert_string_equal(setting(f, "other"), "{{ v1.instance_id }}");
    assert_null(strstr(f->log_text.data, "WARNING"));
    fixture_put(f, "/etc/cloud/cloud.cfg.d/5.cfg", "## template: jinja\nwho: '{{ v1.'\n");
    config_read(&f->g, NULL);
    assert_string_equal(setting(f, "who"), "{{ v1.");
    fixture_assert_logged(f, "WARNING: Failed to render templated yaml config file "
                             "'/etc/cloud/cloud.cfg.d/5.cfg'. Unable to parse Jinja template");
    fixture_free(f);
    (void)state;
}

static void paths_are_noticed_when_they_are_moved(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"a: 1\n", false},
        {"system_info: {paths: {cloud_dir: /var/lib/cloud/}}\n", false},
        {"system_info:\n  paths:\n    cloud_dir: '/var/lib/cloud'\n", false},
        {"system_info: {paths: {cloud_dir: /srv}}\n", true},
        {"cloud_dir: /var/lib/cloud2\n", true},
        {"run_dir: /run/x\n", true},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = fixture_new();

        fixture_put(f, "/etc/cloud/cloud.cfg", "a: 1\n");
        fixture_put(f, "/etc/cloud/cloud.cfg.d/a.cfg", cases[i].text);
        assert_int_equal(config_mentions_paths(&f->g), cases[i].want);
        fixture_free(f);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_level_wins),
        cmocka_unit_test(without_a_configuration_there_is_the_built_in_one),
        cmocka_unit_test(a_broken_file_is_named_and_the_rest_is_used),
        cmocka_unit_test(conf_d_names_another_directory),
        cmocka_unit_test(two_hundred_files_are_all_read),
        cmocka_unit_test(templates_below_etc_see_the_instance_data),
        cmocka_unit_test(paths_are_noticed_when_they_are_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
