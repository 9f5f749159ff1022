/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "fixture.h"
#include "guest/base/jobs.h"
#include "guest/module/types.h"

/* A value that somebody may have written where another was meant. */
static const struct value {
    char letter; /* what a row calls it */
    const char *json;
} values[] = {
    {'n', "null"},          {'t', "true"},        {'0', "0"},  {'-', "-1"}, {'f', "1.5"},
    {'e', "\"\""},          {'x', "\"x\""},       {'l', "[]"}, {'m', "{}"}, {'N', "[null]"},
    {'M', "{\"a\": null}"}, {'d', "[[[\"x\"]]]"}, {'L', NULL}, /* a long text */
};

enum { LONG = 5000 };

static const struct row {
    const struct module *module;
    const char *before, *after; /* of the value, JSON */
    const char *fine;           /* letters of the values that make sense or mean "not set" */
    const char *word;           /* names the key in the sentence about any other */
} rows[] = {
    {&module_bootcmd, "{\"bootcmd\": ", "}", "lNd", "bootcmd"},
    {&module_bootcmd, "{\"bootcmd\": [\"a\", ", "]}", "nexlLNd", "bootcmd"},
    {&module_runcmd, "{\"runcmd\": ", "}", "lNd", "runcmd"},
    {&module_runcmd, "{\"runcmd\": [\"a\", ", "]}", "nexlLNd", "runcmd"},
    {&module_write_files, "{\"write_files\": ", "}", "n0elm", "write_files"},
    {&module_write_files, "{\"write_files\": [", "]}", "", "write_files"},
    {&module_write_files, "{\"write_files\": [{\"content\": \"c\", \"path\": ", "}]}", "x",
     "write_files"},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"content\": ", "}]}",
     "nt0-fexlmNMdL", ""},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"encoding\": ",
     ", \"content\": \"c\"}]}", "n0elm", "encoding"},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"permissions\": ", "}]}", "nt0f",
     "permissions"},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"owner\": ", "}]}", "n0elm",
     "write_files"},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"append\": ", "}]}",
     "nt0-fexlmNMdL", ""},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"source\": ", "}]}",
     "nt0-fexlmNMdL", ""},
    {&module_write_files, "{\"write_files\": [{\"path\": \"/p\", \"source\": {\"uri\": ", "}}]}",
     "n0elm", "source"},
    {&module_mounts, "{\"mounts\": ", "}", "n0elm", "ount"},
    {&module_mounts, "{\"mounts\": [", "]}", "", "ount"},
    {&module_mounts, "{\"mounts\": [[\"a:/b\", ", "]]}", "nexL", "ount"},
    {&module_mounts, "{\"mounts\": [[", ", \"/p\"]]}", "xL", "mounts"},
    {&module_mounts, "{\"mounts\": [[\"a:/b\", \"/p\", ", "]]}", "nt0-fexL", "mounts"},
    {&module_mounts, "{\"mounts\": [[\"a:/b\", \"/p\"]], \"mount_default_fields\": ", "}", "nlN",
     "mount_default_fields"},
    {&module_mounts, "{\"device_aliases\": ", "}", "nlme0", "device_aliases"},
    {&module_mounts, "{\"swap\": ", "}", "nmM", "swap"},
    {&module_mounts, "{\"swap\": {\"size\": ", "}}", "n0elm", "swap"},
    {&module_mounts, "{\"swap\": {\"size\": 1048576, \"filename\": ", "}}", "n0elmx", "swap"},
    {&module_mounts, "{\"swap\": {\"size\": \"auto\", \"maxsize\": ", "}}", "n0f", "swap"},
    {&module_locale, "{\"locale\": ", "}", "nt0x", "locale"},
    {&module_locale, "{\"locale_configfile\": ", ", \"locale\": \"x\"}", "nexL",
     "locale_configfile"},
    {&module_timezone, "{\"timezone\": ", "}", "n0elm", "timezone"},
    {&module_set_hostname, "{\"hostname\": ", "}", "n0fx", "hostname"},
    {&module_set_hostname, "{\"fqdn\": ", "}", "n0fx", "fqdn"},
    {&module_update_hostname, "{\"hostname\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_set_hostname, "{\"preserve_hostname\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_update_etc_hosts, "{\"manage_etc_hosts\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_users_groups, "{\"users\": ", "}", "nxeLlm", "users"},
    {&module_users_groups, "{\"users\": [\"joe\", ", "]}", "exlmMLd", "users"},
    {&module_users_groups, "{\"users\": {\"joe\": ", "}}", "t0-fexLmM", "joe"},
    {&module_users_groups, "{\"users\": [{\"name\": ", "}]}", "0fx", "name"},
    {&module_users_groups, "{\"user\": ", "}", "n0elmxML", "user"},
    {&module_users_groups, "{\"groups\": ", "}", "nexLlmM", "group"},
    {&module_users_groups, "{\"groups\": [\"g\", ", "]}", "xm", "group"},
    {&module_users_groups, "{\"groups\": {\"g\": ", "}}", "nexLlmNMd0-tf", "group"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"sudo\": ", "}]}", "n0elmtxL",
     "sudo"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"doas\": ", "}]}", "n0elm", "doas"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"gecos\": ", "}]}", "n0-felmxL",
     "gecos"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"uid\": ", "}]}", "n0-felmxL", "uid"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"groups\": ", "}]}", "n0exlmML",
     "groups"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"plain_text_passwd\": ", "}]}",
     "n0-ftexlmL", "passwd"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"hashed_passwd\": ", "}]}",
     "n0-ftexlmL", "passwd"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"lock_passwd\": ", "}]}",
     "nt0-fexlmNMdL", ""},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"snapuser\": ", "}]}", "xL", "snap"},
    {&module_users_groups, "{\"users\": [{\"name\": \"joe\", \"ssh_redirect_user\": ", "}]}",
     "nt0elm", "ssh_redirect_user"},
    {&module_set_passwords, "{\"chpasswd\": ", "}", "n0elmM", "chpasswd"},
    {&module_set_passwords, "{\"chpasswd\": {\"users\": ", "}}", "nelm0", "users"},
    {&module_set_passwords, "{\"chpasswd\": {\"users\": [", "]}}", "", "chpasswd"},
    {&module_set_passwords, "{\"chpasswd\": {\"users\": [{\"password\": \"p\", \"name\": ", "}]}}",
     "0fxL", "name"},
    {&module_set_passwords, "{\"chpasswd\": {\"users\": [{\"name\": \"joe\", \"password\": ",
     "}]}}", "t0-fexL", "password"},
    {&module_set_passwords,
     "{\"chpasswd\": {\"users\": [{\"name\": \"joe\", \"password\": \"p\", \"type\": ", "}]}}", "",
     "type"},
    {&module_set_passwords, "{\"chpasswd\": {\"list\": ", "}}", "n0elm", "list"},
    {&module_set_passwords, "{\"chpasswd\": {\"list\": [", "]}}", "e", "list"},
    {&module_set_passwords, "{\"users\": [\"default\"], \"password\": ", "}", "nelmt0-fxL",
     "password"},
    {&module_set_passwords, "{\"ssh_pwauth\": ", "}", "nt0", "ssh_pwauth"},
    {&module_ssh, "{\"ssh_keys\": ", "}", "m", "ssh_keys"},
    {&module_ssh, "{\"ssh_keys\": {\"rsa_private\": ", "}}", "exL", "ssh_keys"},
    {&module_ssh, "{\"ssh_genkeytypes\": ", "}", "nexlL", "ssh_genkeytypes"},
    {&module_ssh, "{\"ssh_authorized_keys\": ", "}", "n0elm", "ssh_authorized_keys"},
    {&module_ssh, "{\"ssh_authorized_keys\": [", "]}", "e", "ssh_authorized_keys"},
    {&module_ssh, "{\"disable_root_opts\": ", "}", "nxLe", "disable_root_opts"},
    {&module_ssh, "{\"ssh_deletekeys\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_ssh_authkey_fingerprints, "{\"users\": [\"root\"], \"authkey_hash\": ", "}", "n",
     "authkey_hash"},
    {&module_keys_to_console, "{\"ssh_fp_console_blacklist\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_phone_home, "{\"phone_home\": ", "}", "", "phone_home"},
    {&module_phone_home, "{\"phone_home\": {\"url\": ", "}}", "", "phone"},
    {&module_phone_home, "{\"phone_home\": {\"url\": \"http://h\", \"tries\": ", "}}", "0-",
     "tries"},
    {&module_phone_home, "{\"phone_home\": {\"url\": \"http://h\", \"post\": ", "}}", "nl", "post"},
    {&module_power_state_change, "{\"power_state\": ", "}", "n", "power_state"},
    {&module_power_state_change, "{\"power_state\": {\"mode\": ", "}}", "", "power_state"},
    {&module_power_state_change, "{\"power_state\": {\"mode\": \"halt\", \"delay\": ", "}}", "0",
     "power_state"},
    {&module_power_state_change, "{\"power_state\": {\"mode\": \"halt\", \"timeout\": ", "}}",
     "0-f", "timeout"},
    {&module_power_state_change, "{\"power_state\": {\"mode\": \"halt\", \"condition\": ", "}}",
     "texLNd", "condition"},
    {&module_final_message, "{\"final_message\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_scripts_vendor, "{\"vendor_data\": ", "}", "nt0-fexlmNMdL", ""},
    {&module_scripts_vendor, "{\"vendor_data\": {\"prefix\": ", "}}", "nexlNdL", "vendor_data"},
};

static void put_machine(struct fixture *f)
{
    f->env.is_live = false;
    fixture_put(f, "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\n");
    fixture_put(f, "/etc/group", "root:x:0:\nsudo:x:27:\n");
    fixture_put(f, "/etc/hostname", "before\n");
    fixture_put(f, "/etc/fstab", "UUID=1 / ext4 defaults 0 1\n");
    fixture_put_mode(f, "/var/lib/cloud/instance/scripts/vendor/a", "#!/bin/sh\n", 0755);
}

/* A line at WARNING or above, or the module's own failure, has the word. */
static bool is_told(struct fixture *f, const struct ol_err *err, const char *word)
{
    ol_auto(ol_strv_done) struct ol_strv lines = OL_STRV_INIT;

    if (err->code && strstr(ol_err_text(err), word))
        return true;
    ol_strv_split(&lines, f->log_text.data, "\n");
    ol_strv_each (line, &lines)
        if (strncmp(line, "DEBUG", 5) != 0 && strncmp(line, "INFO", 4) != 0 && strstr(line, word))
            return true;
    return false;
}

static char *long_text(void)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(LONG + 8);

    ol_buf_addc(&b, '"');
    ol_buf_addn(&b, 'y', LONG);
    ol_buf_addc(&b, '"');
    return ol_buf_take(&b);
}

/* As the stage runner does it. */
static int run_module(struct fixture *f, const struct module *module, const char *json,
                      struct ol_err *err)
{
    struct module_call call = {.name = module->name, .args = ol_val_new_list(&f->arena)};
    int r;

    fixture_configure(f, json);
    call.cfg = module_typed_config(&f->g, module, f->g.cfg);
    r = module->run(&f->g, &call, err);
    guest_jobs_await(&f->g);
    return r;
}

/* True when it went as the row says. */
static bool try_one(struct fixture *f, const struct row *row, const struct value *v)
{
    ol_autofree char *text = v->json ? NULL : long_text();
    const char *value = v->json ? v->json : text;
    struct ol_err err = OL_ERR_INIT;
    bool is_good;
    int r;

    ol_buf_clear(&f->log_text);
    r = run_module(f, row->module,
                   ol_arena_printf(&f->arena, "%s%s%s", row->before, value, row->after), &err);
    is_good = (r < 0) == (err.code != 0);
    is_good = is_good && (strchr(row->fine, v->letter) || is_told(f, &err, row->word));
    is_good = is_good && !strstr(f->log_text.data, "(null)") && !strstr(err.msg, "(null)");
    if (!is_good)
        print_error("%s%.20s%s: %d %s\n%s\n", row->before, value, row->after, r, err.msg,
                    strstr(f->log_text.data, "WARN") ? f->log_text.data : "");
    return is_good;
}

/* demands: 28 */
static void a_value_of_a_wrong_type_is_named_and_harms_nothing(void **state)
{
    int n_bad = 0;

    for (size_t i = 0; i < ol_count(rows); i++) {
        struct fixture *f = fixture_new();

        put_machine(f);
        for (size_t j = 0; j < ol_count(values); j++)
            n_bad += !try_one(f, &rows[i], &values[j]);
        fixture_free(f);
    }
    assert_int_equal(n_bad, 0);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_a_wrong_type_is_named_and_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
