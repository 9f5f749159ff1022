/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/module/users-cfg.h"

#define DEFAULT_USER                                                                               \
    "\"system_info\": {\"default_user\": {\"name\": \"debian\", \"gecos\": \"Debian\","            \
    " \"groups\": [\"sudo\", \"adm\"], \"lock_passwd\": true, \"shell\": \"/bin/bash\","           \
    " \"sudo\": [\"ALL=(ALL) NOPASSWD:ALL\"]}}"

/* What useradd does to the tree, as far as the module looks at it. */
static void make_user(struct ol_env *env, const struct ol_spawn *spawn)
{
    const char *name = spawn->argv[1];
    char line[256];
    int n = snprintf(line, sizeof(line), "%s:x:%u:%u::/home/%s:/bin/sh\n", name, geteuid(),
                     getegid(), name);

    assert_int_equal(
        ol_file_write(env, "/etc/passwd", line, (size_t)n, 0644, OL_WRITE_APPEND, NULL), 0);
    snprintf(line, sizeof(line), "/home/%s", name);
    assert_int_equal(ol_mkdir_p(env, line, 0755, NULL), 0);
}

static const struct fake_answer answers[] = {
    {"useradd bad", .status = 1, .err = "useradd: no"},
    {"useradd ", .effect = make_user},
    {"passwd -u blank", .status = 3, .err = "passwd: unlocking the password would…"},
    {0},
};

static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();

    fake_exec_done(&f->exec);
    fake_exec_init(&f->exec, &f->env, answers);
    fixture_put(f, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    fixture_put(f, "/etc/group", "root:x:0:\nadm:x:4:\nsudo:x:27:\n");
    fixture_put(f, "/etc/shadow", "root:*:19000:0:99999:7:::\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/etc/sudoers.d", 0755, NULL), 0);
    fixture_put(f, "/etc/sudoers", "@includedir /etc/sudoers.d\n");
    fixture_put(f, "/usr/bin/passwd", "");
    assert_int_equal(ol_chmod(&f->env, "/usr/bin/passwd", 0755, NULL), 0);
    return f;
}

static void users_and_groups_come_in_many_forms(void **state)
{
    static const struct {
        const char *cfg, *users, *groups;
    } cases[] = {
        {"{\"users\": [\"default\"]}", "['debian']", "{}"},
        {"{\"users\": \"b, a,default\"}", "['a', 'b', 'debian']", "{}"},
        {"{\"users\": {\"a\": true, \"b\": {\"uid\": 3}, \"c\": false}}", "['a', 'b']", "{}"},
        {"{\"users\": [\"default\", {\"name\": \"x\"}, \"y, z\", [\"q\"]]}",
         "['x', 'y', 'z', 'q', 'debian']", "{}"},
        {"{\"user\": \"joe\"}", "['joe']", "{}"},
        {"{\"user\": {\"name\": \"joe\"}, \"users\": [\"k\"]}", "['k', 'joe']", "{}"},
        {"{\"users\": []}", "[]", "{}"},
        {"{\"groups\": \"a,b\"}", "[]", "{'a': [], 'b': []}"},
        {"{\"groups\": [\"a\", {\"b\": [\"y\", \"x\", \"y\"]}, {\"b\": \"z\"}]}", "[]",
         "{'a': [], 'b': ['x', 'y', 'z']}"},
        {"{\"groups\": {\"g\": \"u2,u1\"}}", "[]", "{'g': ['u1', 'u2']}"},
    };
    struct fixture *f = fixture_new();

    fixture_configure(f, "{" DEFAULT_USER "}");
    for (size_t i = 0; i < ol_count(cases); i++) {
        struct users_cfg parsed;
        struct ol_err err = OL_ERR_INIT;
        struct ol_val *names = ol_val_new_list(&f->arena);

        assert_int_equal(users_cfg_parse(&f->g, fixture_value(f, cases[i].cfg), 0, &parsed, &err),
                         0);
        for (size_t u = 0; u < ol_val_count(parsed.users); u++)
            ol_val_append(&f->arena, names,
                          ol_val_copy(&f->arena, ol_val_pair(parsed.users, u)->key));
        assert_string_equal(ol_val_to_repr(&f->arena, names), cases[i].users);
        assert_string_equal(ol_val_to_repr(&f->arena, parsed.groups), cases[i].groups);
    }
    fixture_free(f);
}

static void default_user_is_what_cfg_and_distro_say_together(void **state)
{
    struct fixture *f = fixture_new();
    struct users_cfg parsed;
    struct ol_err err = OL_ERR_INIT;
    const struct ol_val *user;

    fixture_configure(f, "{" DEFAULT_USER "}");
    assert_int_equal(users_cfg_parse(&f->g,
                                     fixture_value(f, "{\"users\": [\"default\", {\"name\":"
                                                      " \"debian\", \"groups\": \"zoo\","
                                                      " \"lock-passwd\": false}]}"),
                                     0, &parsed, &err),
                     0);
    user = ol_val_get(parsed.users, "debian");
    assert_string_equal(parsed.default_user, "debian");
    assert_string_equal(ol_val_str(ol_val_get(user, "groups")), "adm,sudo,zoo");
    assert_false(ol_val_get(user, "lock_passwd")->boolean);
    assert_string_equal(ol_val_str(ol_val_get(user, "gecos")), "Debian");
    fixture_free(f);
}

static void forms_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *cfg, *sentence;
    } cases[] = {
        {"{\"users\": [3]}",
         "User config must be dictionary/list or string  types only and not int"},
        {"{\"users\": {\"a\": null}}", "Unmappable user value type NoneType for key a"},
        {"{\"groups\": 3}", "Group config must be list, dict or string type only but found int"},
        {"{\"groups\": [{\"a\": null}]}", "Bad group member type NoneType"},
        {"{\"groups\": [3]}", "Unknown group name type int"},
    };
    struct fixture *f = fixture_new();

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct users_cfg parsed;
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(users_cfg_parse(&f->g, fixture_value(f, cases[i].cfg), 0, &parsed, &err),
                         -EINVAL);
        assert_string_equal(err.msg, cases[i].sentence);
        assert_string_equal(err.domain, "TypeError");
    }
    fixture_free(f);
}

/* demands: 23 */
static void default_user_is_made_with_its_rules_and_keys(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_users_groups,
                                 "{" DEFAULT_USER ", \"users\": [{\"name\": \"default\","
                                 " \"ssh_authorized_keys\": [\"ssh-rsa AAAA me\"]}]}",
                                 &err),
                     0);
    assert_int_equal(f->exec.commands.n, 1);
    assert_string_equal(f->exec.commands.v[0],
                        "useradd debian --comment Debian --groups adm,sudo --shell /bin/bash -m");
    fixture_assert_file(f, "/etc/sudoers.d/90-cloud-init-users",
                        ol_arena_printf(&f->arena,
                                        "%.*s\n\n# User rules for debian\n"
                                        "debian ALL=(ALL) NOPASSWD:ALL\n",
                                        (int)strcspn(fixture_text(f, "/etc/sudoers.d/"
                                                                     "90-cloud-init-users"),
                                                     "\n"),
                                        fixture_text(f, "/etc/sudoers.d/90-cloud-init-users")));
    assert_int_equal(fixture_mode(f, "/etc/sudoers.d/90-cloud-init-users"), 0440);
    assert_int_equal(fixture_mode(f, "/etc/sudoers.d"), 0750);
    fixture_assert_file(f, "/home/debian/.ssh/authorized_keys", "ssh-rsa AAAA me\n");
    assert_int_equal(fixture_mode(f, "/home/debian/.ssh/authorized_keys"), 0600);
    assert_int_equal(fixture_mode(f, "/home/debian/.ssh"), 0700);
    fixture_free(f);
}

static void settings_become_options_of_useradd(void **state)
{
    static const struct {
        const char *user, *command;
    } cases[] = {
        {"{\"name\": \"a\", \"uid\": 1500, \"homedir\": \"/srv/a\", \"no_user_group\": true,"
         " \"primary_group\": \"adm\", \"expiredate\": \"2032-09-01\", \"inactive\": \"5\"}",
         "useradd a --expiredate 2032-09-01 --home /srv/a --inactive 5 --no-user-group --gid adm"
         " --uid 1500 -m"},
        {"{\"name\": \"b\", \"system\": true}", "useradd b --system -M"},
        {"{\"name\": \"c\", \"no_create_home\": true, \"no_log_init\": true}",
         "useradd c --no-log-init -M"},
        {"{\"name\": \"d\", \"selinux_user\": \"staff_u\", \"gecos\": \"\"}",
         "useradd d --selinux-user staff_u -m"},
        {"{\"name\": \"e\", \"groups\": [\"adm\", \" new \"], \"create_groups\": false}",
         "useradd e --groups adm,new -m"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();
        struct ol_err err = OL_ERR_INIT;

        assert_int_equal(fixture_run(f, &module_users_groups,
                                     ol_arena_printf(&f->arena, "{\"users\": [%s]}", cases[i].user),
                                     &err),
                         0);
        assert_int_equal(f->exec.commands.n, 1);
        assert_string_equal(f->exec.commands.v[0], cases[i].command);
        fixture_free(f);
    }
}

static void missing_groups_are_made_first(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_users_groups,
                                 "{\"groups\": [\"adm\", {\"crew\": [\"root\", \"nobody\"]}],"
                                 " \"users\": [{\"name\": \"a\", \"groups\": \"adm, web\"}]}",
                                 &err),
                     0);
    assert_int_equal(f->exec.commands.n, 4);
    assert_string_equal(f->exec.commands.v[0], "groupadd crew");
    assert_string_equal(f->exec.commands.v[1], "usermod -a -G crew root");
    assert_string_equal(f->exec.commands.v[2], "groupadd web");
    assert_string_equal(f->exec.commands.v[3], "useradd a --groups adm,web -m");
    fixture_assert_logged(f, "Skipping creation of existing group 'adm'");
    fixture_assert_logged(f, "Unable to add group member 'nobody' to group 'crew'");
    fixture_free(f);
}

static void passwords_of_all_users_go_through_one_call(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_users_groups,
                    "{\"users\": [{\"name\": \"a\", \"hashed_passwd\": \"$6$s$h\"},"
                    "{\"name\": \"b\", \"passwd\": \"$6$s$i\", \"lock_passwd\": false},"
                    "{\"name\": \"c\", \"plain_text_passwd\": \"secret\"},"
                    "{\"name\": \"d\", \"plain_text_passwd\": \"word\", \"lock_passwd\": false}]}",
                    &err),
        0);
    assert_int_equal(f->exec.commands.n, 7);
    assert_string_equal(f->exec.commands.v[4], "chpasswd");
    assert_string_equal(f->exec.inputs.v[4], "c:secret\nd:word\n");
    assert_string_equal(f->exec.commands.v[5], "chpasswd -e");
    assert_string_equal(f->exec.inputs.v[5], "a:!$6$s$h\nb:$6$s$i\n");
    assert_string_equal(f->exec.commands.v[6], "passwd -l c");
    assert_null(strstr(f->log_text.data, "secret"));
    assert_null(strstr(f->log_text.data, "$6$"));
    fixture_free(f);
}

static void locks_follow_what_is_there(void **state)
{
    static const struct {
        const char *field, *settings, *command, *log;
    } cases[] = {
        {"!", "", NULL, ""},
        {"$6$s$h", "", "passwd -l old", ""},
        {"!$6$s$h", "", NULL, ""},
        {"!$6$s$h", ", \"lock_passwd\": false", "passwd -u old", ""},
        {"$6$s$h", ", \"lock_passwd\": false", NULL, ""},
        {"!", ", \"lock_passwd\": false", NULL, "Not unlocking blank password for existing user"},
        {"", ", \"lock_passwd\": false, \"hashed_passwd\": \"\"", "passwd -d old", ""},
        {"!", ", \"passwd\": \"$6$s$h\"", NULL, "'passwd' in user-data is ignored for existing"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();
        struct ol_err err = OL_ERR_INIT;
        const char *cfg =
            ol_arena_printf(&f->arena, "{\"users\": [{\"name\": \"old\"%s}]}", cases[i].settings);

        fixture_put(f, "/etc/passwd", "old:x:7:7::/home/old:/bin/sh\n");
        fixture_put(f, "/etc/shadow",
                    ol_arena_printf(&f->arena, "old:%s:1:0:9:7:::\n", cases[i].field));
        assert_int_equal(fixture_run(f, &module_users_groups, cfg, &err), 0);
        assert_int_equal(f->exec.commands.n, cases[i].command ? 1 : 0);
        if (cases[i].command)
            assert_string_equal(f->exec.commands.v[0], cases[i].command);
        fixture_assert_logged(f, cases[i].log);
        fixture_free(f);
    }
}

static void new_user_is_unlocked_only_with_a_password(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_users_groups,
                    "{\"users\": [{\"name\": \"a\", \"lock_passwd\": false},"
                    "{\"name\": \"b\", \"lock_passwd\": false, \"plain_text_passwd\": \"\"}]}",
                    &err),
        0);
    assert_int_equal(f->exec.commands.n, 3);
    assert_string_equal(f->exec.commands.v[2], "passwd -d b");
    fixture_assert_logged(f, "Not unlocking password for user a.");
    fixture_free(f);
}

static void rules_are_added_once_and_the_directory_is_included(void **state)
{
    static const char cfg[] = "{\"users\": [{\"name\": \"root\", \"sudo\": \"ALL=(ALL) ALL\","
                              " \"doas\": [\"permit nopass root as root\"]}]}";
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;
    const char *rules, *sudoers;

    fixture_put(f, "/etc/sudoers", "Defaults x\n");
    assert_int_equal(fixture_run(f, &module_users_groups, cfg, &err), 0);
    rules = fixture_text(f, "/etc/sudoers.d/90-cloud-init-users");
    sudoers = fixture_text(f, "/etc/sudoers");
    assert_non_null(strstr(rules, "\n\n# User rules for root\nroot ALL=(ALL) ALL\n"));
    assert_non_null(strstr(sudoers, "Defaults x\n\n# Added by cloud-init v. "));
    assert_non_null(strstr(sudoers, "\n#includedir /etc/sudoers.d\n"));
    assert_non_null(strstr(fixture_text(f, "/etc/doas.conf"),
                           "\n# cloud-init User rules for root\npermit nopass root as root\n"));
    assert_int_equal(fixture_run(f, &module_users_groups, cfg, &err), 0);
    fixture_assert_file(f, "/etc/sudoers.d/90-cloud-init-users", rules);
    fixture_assert_file(f, "/etc/sudoers", sudoers);
    fixture_free(f);
}

static void a_user_that_cannot_be_made_keeps_nobody_out(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_true(fixture_run(f, &module_users_groups,
                            "{\"users\": [\"bad\", {\"name\": \"x\", \"system\": true,"
                            " \"ssh_authorized_keys\": [\"k\"]}, \"good\"]}",
                            &err)
                < 0);
    assert_string_equal(f->exec.commands.v[1], "useradd good -m");
    fixture_assert_logged(f, "Failed to create user bad");
    fixture_assert_logged(f, "Not creating user x. Key(s) ssh_authorized_keys cannot be provided"
                             " with system");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_groups_come_in_many_forms),
        cmocka_unit_test(default_user_is_what_cfg_and_distro_say_together),
        cmocka_unit_test(forms_that_make_no_sense_are_refused),
        cmocka_unit_test(default_user_is_made_with_its_rules_and_keys),
        cmocka_unit_test(settings_become_options_of_useradd),
        cmocka_unit_test(missing_groups_are_made_first),
        cmocka_unit_test(passwords_of_all_users_go_through_one_call),
        cmocka_unit_test(locks_follow_what_is_there),
        cmocka_unit_test(new_user_is_unlocked_only_with_a_password),
        cmocka_unit_test(rules_are_added_once_and_the_directory_is_included),
        cmocka_unit_test(a_user_that_cannot_be_made_keeps_nobody_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
