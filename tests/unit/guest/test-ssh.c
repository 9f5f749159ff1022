/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "fixture.h"
#include "guest/base/jobs.h"
#include "guest/module/ssh-keys.h"
#include "guest/module/sshd-config.h"

static struct fixture *machine(void)
{
    struct fixture *f = fixture_new();
    const char *passwd = ol_arena_printf(
        &f->arena, "root:x:%u:%u:root:/root:/bin/bash\njoe:x:%u:%u::/home/joe:/bin/sh\n", geteuid(),
        getegid(), geteuid(), getegid());

    fixture_put(f, "/etc/passwd", passwd);
    fixture_put(f, "/etc/group", "root:x:0:\n");
    assert_int_equal(ol_mkdir_p(&f->env, "/home/joe", 0755, NULL), 0);
    assert_int_equal(ol_mkdir_p(&f->env, "/root", 0700, NULL), 0);
    return f;
}

static void key_lines_are_read_with_their_options(void **state)
{
    static const struct {
        const char *line, *given, *options, *type, *blob, *comment;
    } cases[] = {
        {"ssh-rsa AAAA", NULL, NULL, "ssh-rsa", "AAAA", NULL},
        {"ssh-ed25519 AAAA joe at home", NULL, NULL, "ssh-ed25519", "AAAA", "joe at home"},
        {"  ecdsa-sha2-nistp256\tAAAA  x ", NULL, NULL, "ecdsa-sha2-nistp256", "AAAA", "x"},
        {"no-pty,command=\"echo \\\"a b\\\"\" ssh-rsa AAAA c", NULL,
         "no-pty,command=\"echo \\\"a b\\\"\"", "ssh-rsa", "AAAA", "c"},
        {"no-pty ssh-rsa AAAA", "restrict", "restrict", "ssh-rsa", "AAAA", NULL},
        {"no-pty ssh-rsa AAAA", "", "no-pty", "ssh-rsa", "AAAA", NULL},
        {"ssh-rsa AAAA", "restrict", "restrict", "ssh-rsa", "AAAA", NULL},
        {"# ssh-rsa AAAA", "restrict", NULL, NULL, NULL, NULL},
        {"ssh-dss AAAA", NULL, NULL, NULL, NULL, NULL},
        {"nonsense", "restrict", NULL, NULL, NULL, NULL},
        {"", NULL, NULL, NULL, NULL, NULL},
    };
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ssh_key key = ssh_key_parse(&a, cases[i].line, cases[i].given);
        const char *got[] = {key.options, key.type, key.blob, key.comment};
        const char *want[] = {cases[i].options, cases[i].type, cases[i].blob, cases[i].comment};

        for (size_t p = 0; p < ol_count(got); p++) {
            if (want[p])
                assert_non_null(got[p]);
            if (want[p])
                assert_string_equal(got[p], want[p]);
            else
                assert_null(got[p]);
        }
    }
}

/* demands: 23 */
static void keys_are_merged_without_duplicates(void **state)
{
    static const char old_text[] = "# mine\n\nssh-rsa AAAA  old\nno-pty ssh-rsa BBBB\nbroken\n";
    static const char new_text[] = "ssh-rsa AAAA new\nssh-rsa CCCC\nbroken too\n";
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(1 << 20);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(1 << 20);
    struct ssh_key_list has = {0}, wants = {0};

    ssh_keys_parse(&a, old_text, &has);
    ssh_keys_parse(&a, new_text, &wants);
    ssh_keys_merge(&has, &wants, &text);
    assert_string_equal(text.data, "# mine\n\nssh-rsa AAAA new\nno-pty ssh-rsa BBBB\nbroken\n"
                                   "ssh-rsa CCCC\n");
}

static void key_paths_follow_sshd_config(void **state)
{
    static const struct {
        const char *value, *paths;
    } cases[] = {
        {NULL, "/home/joe/.ssh/authorized_keys"},
        {"%h/.keys .ssh/a /etc/keys/%u /x/%%",
         "/home/joe/.keys|/home/joe/.ssh/a|/etc/keys/joe|/x/%"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_strv_done) struct ol_strv paths = OL_STRV_INIT;
        ol_autofree char *joined = NULL;

        ssh_key_paths(cases[i].value, "/home/joe", "joe", &paths);
        joined = ol_strv_join(&paths, "|");
        assert_string_equal(joined, cases[i].paths);
    }
}

static void key_file_is_the_first_that_sshd_would_accept(void **state)
{
    static const struct {
        const char *config, *path;
    } cases[] = {
        {"", "/home/joe/.ssh/authorized_keys"},
        {"AuthorizedKeysFile .keys\n", "/home/joe/.keys"},
        {"authorizedkeysfile /etc/ssh/all %h/.k/mine\n", "/home/joe/.k/mine"},
        {"AuthorizedKeysFile %h/link/keys %h/two\n", "/home/joe/two"},
        {"AuthorizedKeysFile %h/open/keys\n", "/home/joe/.ssh/authorized_keys"},
        {"AuthorizedKeysFile %h/open/keys\nStrictModes no\n", "/home/joe/open/keys"},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct fixture *f = machine();
        struct ol_err err = OL_ERR_INIT;
        const char *path = NULL;

        fixture_put(f, "/etc/ssh/sshd_config", cases[i].config);
        assert_int_equal(ol_mkdir_p(&f->env, "/home/joe/open", 0777, NULL), 0);
        assert_int_equal(ol_symlink(&f->env, "/tmp", "/home/joe/link", NULL), 0);
        assert_int_equal(ssh_user_key_file(&f->g, "joe", &path, &err), 0);
        assert_string_equal(path, cases[i].path);
        assert_true(ssh_user_key_file(&f->g, "nobody", &path, &err) < 0);
        fixture_free(f);
    }
}

/* demands: 23 */
static void keys_are_not_written_through_a_link_of_the_user(void **state)
{
    static const char *const links[][2] = {{"/home/joe/.ssh", "/root/.ssh"},
                                           {"/home/joe/.ssh/authorized_keys", "/root/.ssh/k"},
                                           {"/home/joe/.ssh/authorized_keys", "../../../etc/new"}};

    for (size_t i = 0; i < ol_count(links); i++) {
        struct fixture *f = machine();
        ol_auto(ol_strv_done) struct ol_strv keys = OL_STRV_INIT;
        ol_autofree char *dir = ol_path_dir(links[i][0]);
        struct ol_err err = OL_ERR_INIT;

        ol_strv_add(&keys, "ssh-ed25519 AAAAjoe");
        fixture_put(f, "/root/.ssh/authorized_keys", "ssh-rsa AAAAroot\n");
        fixture_put(f, "/root/.ssh/k", "ssh-rsa AAAAroot\n");
        assert_int_equal(ol_mkdir_p(&f->env, dir, 0700, NULL), 0);
        assert_int_equal(ol_symlink(&f->env, links[i][1], links[i][0], NULL), 0);
        if (geteuid() == 0)
            assert_int_equal(
                fchownat(f->env.root_fd, links[i][0] + 1, 1000, 1000, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(ssh_setup_user_keys(&f->g, &keys, "joe", NULL, &err), -ELOOP);
        assert_non_null(strstr(ol_err_text(&err), "user 'joe'"));
        fixture_assert_file(f, "/root/.ssh/authorized_keys", "ssh-rsa AAAAroot\n");
        fixture_assert_file(f, "/root/.ssh/k", "ssh-rsa AAAAroot\n");
        assert_false(ol_exists(&f->env, "/etc/new"));
        fixture_free(f);
    }
    (void)state;
}

static void sshd_config_is_edited_line_by_line(void **state)
{
    static const struct {
        const char *before, *after;
        bool is_changed;
    } cases[] = {
        {"", "PasswordAuthentication no\n", true},
        {"# c\n\n  Port  22\nPasswordAuthentication yes\n",
         "# c\n\nPort 22\nPasswordAuthentication no\n", true},
        {"passwordauthentication no\n", "passwordauthentication no\n", false},
        {"PasswordAuthentication=yes\nlonely\n", "PasswordAuthentication no\n", true},
        {"#PasswordAuthentication no\n", "#PasswordAuthentication no\nPasswordAuthentication no\n",
         true},
    };

    for (size_t i = 0; i < ol_count(cases); i++) {
        ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(4096);

        assert_int_equal(sshd_config_edit(cases[i].before, "PasswordAuthentication", "no", &text),
                         cases[i].is_changed);
        assert_string_equal(text.data, cases[i].after);
    }
}

static void sshd_config_goes_into_the_directory_that_is_included(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n");
    assert_int_equal(sshd_config_update(&f->g, "PasswordAuthentication", "no", &err), 1);
    assert_int_equal(sshd_config_update(&f->g, "PasswordAuthentication", "no", &err), 0);
    fixture_assert_file(f, "/etc/ssh/sshd_config.d/50-cloud-init.conf",
                        "PasswordAuthentication no\n");
    assert_int_equal(fixture_mode(f, "/etc/ssh/sshd_config.d/50-cloud-init.conf"), 0600);
    fixture_put(f, "/etc/ssh/sshd_config", "Port 22\n");
    for (int i = 0; i < 2; i++)
        assert_int_equal(sshd_config_append(&f->g, "HostCertificate /c\n", &err), 0);
    fixture_assert_file(f, "/etc/ssh/sshd_config", "Port 22\nHostCertificate /c\n");
    fixture_put(f, "/etc/ssh/sshd_config", "Port 22");
    for (int i = 0; i < 2; i++)
        assert_int_equal(sshd_config_append(&f->g, "HostCertificate /c\n", &err), 0);
    fixture_assert_file(f, "/etc/ssh/sshd_config", "Port 22\nHostCertificate /c\n");
    fixture_free(f);
}

static void host_keys_are_made_anew_beside_the_modules(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    fixture_put(f, "/etc/ssh/ssh_host_rsa_key", "image's");
    fixture_put(f, "/etc/ssh/ssh_host_rsa_key.pub", "image's");
    fixture_put(f, "/etc/ssh/moduli", "stays");
    assert_int_equal(fixture_run(f, &module_ssh, "{\"ssh_quiet_keygen\": true}", &err), 0);
    guest_jobs_await(&f->g);
    assert_null(fixture_text(f, "/etc/ssh/ssh_host_rsa_key"));
    assert_null(fixture_text(f, "/etc/ssh/ssh_host_rsa_key.pub"));
    fixture_assert_file(f, "/etc/ssh/moduli", "stays");
    assert_int_equal(f->exec.commands.n, 3);
    assert_string_equal(f->exec.commands.v[0],
                        "ssh-keygen -t rsa -N  -f /etc/ssh/ssh_host_rsa_key");
    assert_string_equal(f->exec.commands.v[1],
                        "ssh-keygen -t ecdsa -N  -f /etc/ssh/ssh_host_ecdsa_key");
    assert_string_equal(f->exec.commands.v[2],
                        "ssh-keygen -t ed25519 -N  -f /etc/ssh/ssh_host_ed25519_key");
    fixture_free(f);
}

static void given_host_keys_are_written(void **state)
{
    static const struct fake_answer answers[] = {
        {"ssh-keygen -yf", .out = "ecdsa-sha2-nistp256 PUB\n"}, {0}};
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    fake_exec_done(&f->exec);
    fake_exec_init(&f->exec, &f->env, answers);
    assert_int_equal(
        fixture_run(f, &module_ssh,
                    "{\"ssh_keys\": {\"rsa_private\": \"P\\n\", \"rsa_public\": \"Q\\n\","
                    " \"rsa_certificate\": \"C\\n\", \"ecdsa_private\": \"E\\n\","
                    " \"ed25519-sk_private\": \"x\", \"what\": \"y\"}}",
                    &err),
        0);
    fixture_assert_file(f, "/etc/ssh/ssh_host_rsa_key", "P\n");
    assert_int_equal(fixture_mode(f, "/etc/ssh/ssh_host_rsa_key"), 0600);
    fixture_assert_file(f, "/etc/ssh/ssh_host_rsa_key.pub", "Q\n");
    assert_int_equal(fixture_mode(f, "/etc/ssh/ssh_host_rsa_key.pub"), 0644);
    fixture_assert_file(f, "/etc/ssh/ssh_host_ecdsa_key.pub",
                        "ecdsa-sha2-nistp256 PUB root@localhost\n");
    fixture_assert_file(f, "/etc/ssh/sshd_config",
                        "HostCertificate /etc/ssh/ssh_host_rsa_key-cert.pub\n");
    assert_int_equal(f->exec.commands.n, 1);
    fixture_assert_logged(f, "Skipping unsupported ssh_keys entry: \"ed25519-sk_private\"");
    fixture_assert_logged(f, "Skipping unrecognized ssh_keys entry: \"what\"");
    fixture_free(f);
}

/* demands: 23 */
static void keys_open_the_default_user_and_redirect_root(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(
        fixture_run(f, &module_ssh,
                    "{\"ssh_genkeytypes\": [], \"user\": {\"name\": \"joe\"},"
                    " \"ssh_authorized_keys\": [\"ssh-rsa AAAA k\\nsecret\", \"ssh-rsa AAAA k\"]}",
                    &err),
        0);
    fixture_assert_file(f, "/home/joe/.ssh/authorized_keys", "ssh-rsa AAAA k\n");
    fixture_assert_file(
        f, "/root/.ssh/authorized_keys",
        "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as"
        " the user \\\"joe\\\" rather than the user \\\"root\\\".';echo;sleep 10;exit 142\""
        " ssh-rsa AAAA k\n");
    assert_int_equal(fixture_mode(f, "/root/.ssh/authorized_keys"), 0600);
    assert_int_equal(fixture_mode(f, "/root/.ssh"), 0700);
    fixture_free(f);
}

static void root_is_open_when_disable_root_is_off(void **state)
{
    struct fixture *f = machine();
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(fixture_run(f, &module_ssh,
                                 "{\"ssh_genkeytypes\": [], \"disable_root\": false,"
                                 " \"ssh_authorized_keys\": [\"ssh-rsa AAAA k\"]}",
                                 &err),
                     0);
    fixture_assert_file(f, "/root/.ssh/authorized_keys", "ssh-rsa AAAA k\n");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_lines_are_read_with_their_options),
        cmocka_unit_test(keys_are_merged_without_duplicates),
        cmocka_unit_test(key_paths_follow_sshd_config),
        cmocka_unit_test(key_file_is_the_first_that_sshd_would_accept),
        cmocka_unit_test(keys_are_not_written_through_a_link_of_the_user),
        cmocka_unit_test(sshd_config_is_edited_line_by_line),
        cmocka_unit_test(sshd_config_goes_into_the_directory_that_is_included),
        cmocka_unit_test(host_keys_are_made_anew_beside_the_modules),
        cmocka_unit_test(given_host_keys_are_written),
        cmocka_unit_test(keys_open_the_default_user_and_redirect_root),
        cmocka_unit_test(root_is_open_when_disable_root_is_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
