/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/config/config.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

struct host {
    char root[64];
    struct ol_env env;
    struct ol_log log;
    struct ol_buf said;
    struct compute_config_args args;
    struct compute_config *config;
    struct ol_err err;
};

static void note(void *ctx, const struct ol_log_record *record)
{
    struct host *h = ctx;

    ol_buf_printf(&h->said, "%s %s\n", ol_log_level_name(record->level), record->msg);
}

static int set_up(void **state)
{
    struct host *h = ol_xcalloc(1, sizeof(*h));
    const struct ol_log_sink sink = {.least = OL_LOG_DEBUG, .write = note, .ctx = h};

    snprintf(h->root, sizeof(h->root), "/tmp/compute-config-XXXXXX");
    assert_non_null(mkdtemp(h->root));
    assert_int_equal(ol_env_init(&h->env, h->root, NULL), 0);
    ol_buf_init(&h->said, 1 << 16);
    assert_int_equal(ol_log_add_sink(&h->log, &sink), 0);
    h->env.log = &h->log;
    h->args.program = "nova-compute";
    *state = h;
    return 0;
}

static int tear_down(void **state)
{
    struct host *h = *state;
    struct ol_env tmp;

    compute_config_free(h->config);
    ol_strv_done(&h->args.files);
    ol_strv_done(&h->args.set);
    ol_buf_done(&h->said);
    ol_env_done(&h->env);
    assert_int_equal(ol_env_init(&tmp, "/tmp", NULL), 0);
    assert_int_equal(ol_remove_tree(&tmp, h->root + strlen("/tmp"), NULL), 0);
    ol_env_done(&tmp);
    free(h);
    return 0;
}

static void put(struct host *h, const char *path, const char *text)
{
    assert_int_equal(ol_file_puts(&h->env, path, text, 0640, OL_WRITE_PARENTS, NULL), 0);
}

static int load(struct host *h)
{
    compute_config_free(h->config);
    h->config = NULL;
    h->err = OL_ERR_INIT;
    return compute_config_load(&h->env, &h->args, &h->config, &h->err);
}

static void load_text(struct host *h, const char *text)
{
    put(h, "/etc/nova/nova.conf", text);
    if (load(h) < 0)
        fail_msg("%s", h->err.msg);
}

static FILE *table(const char *name)
{
    ol_autofree char *path =
        ol_xasprintf("%s/tests/unit/compute/config/%s", getenv("OL_TEST_SOURCE_DIR"), name);
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    return f;
}

/* The next line of a table without its newline; false at the end. */
static bool next_line(FILE *f, char **line, size_t *size)
{
    ssize_t n;

    do
        n = getline(line, size, f);
    while (n > 0 && (*line)[0] == '#');
    if (n > 0 && (*line)[n - 1] == '\n')
        (*line)[n - 1] = '\0';
    return n > 0;
}

struct wanted {
    const char *group, *name;
    char value[1024];
};

static void take(void *ctx, const char *group, const char *name, const char *value)
{
    struct wanted *w = ctx;

    if (!strcmp(w->group, group) && !strcmp(w->name, name))
        snprintf(w->value, sizeof(w->value), "%s", value);
}

static char *shown(struct host *h, const char *group, const char *name)
{
    struct wanted w = {.group = group, .name = name, .value = "(no such option)"};

    compute_config_each(h->config, take, &w);
    return ol_xstrdup(w.value);
}

/* demands: C24 */
static void defaults_are_those_of_nova(void **state)
{
    struct host *h = *state;
    ol_autofclose FILE *f = table("defaults.txt");
    ol_autofree char *line = NULL;
    size_t size = 0;
    int n = 0;

    assert_int_equal(load(h), 0);
    while (next_line(f, &line, &size)) {
        char *rest = line, *group = strsep(&rest, " "), *name = strsep(&rest, " ");
        /* Zed's spelling. */
        ol_autofree char *current = !strncmp(name, "rabbit_quroum", 13)
                                        ? ol_xasprintf("rabbit_quorum%s", name + 13)
                                        : ol_xstrdup(name);
        ol_autofree char *value = shown(h, group, current);

        if (strncmp(value, rest, 1023))
            fail_msg("[%s] %s: %s, nova has %s", group, name, value, rest);
        n++;
    }
    assert_true(n > 150);
    assert_string_equal(h->config->instances_path, "/var/lib/nova/instances");
    assert_int_equal(h->config->report_interval, 10 * OL_SECOND);
    assert_true(h->config->host[0] && h->config->my_ip[0]);
}

/* Which option stands for a kind of the table. */
static const struct {
    const char *kind, *group, *name;
} subjects[] = {
    {"bool", "DEFAULT", "use_syslog"},
    {"int", "glance", "connect_retries"},
    {"float", "DEFAULT", "cpu_allocation_ratio"},
    {"port", "remote_debug", "port"},
    {"list", "DEFAULT", "compute_monitors"},
    {"host", "DEFAULT", "host"},
};

static void check_type(struct host *h, const char *kind, const char *text, const char *want)
{
    size_t s = 0;
    ol_autofree char *value = NULL;
    int r;

    while (strcmp(subjects[s].kind, kind))
        s++;
    /* None and 0 are the same to us where there is no default. */
    if (!strcmp(want, "0"))
        want = "None";
    ol_strv_done(&h->args.set);
    ol_strv_addf(&h->args.set, "%s.%s=%s", subjects[s].group, subjects[s].name, text);
    r = load(h);
    if (!strcmp(want, "!") || *text == '-') {
        /* An allocation ratio and a number of tries are never negative. */
        if (r != -EINVAL && *want == '!')
            fail_msg("%s '%s' was taken", kind, text);
        return;
    }
    if (r < 0)
        fail_msg("%s '%s': %s", kind, text, h->err.msg);
    value = shown(h, subjects[s].group, subjects[s].name);
    if (strcmp(kind, "float") ? strcmp(value, want) : strtod(value, NULL) != strtod(want, NULL))
        fail_msg("%s '%s': %s, want %s", kind, text, value, want);
}

/* demands: C24 */
static void values_are_typed_as_oslo_config_types_them(void **state)
{
    ol_autofclose FILE *f = table("type-cases.txt");
    ol_autofree char *line = NULL;
    size_t size = 0;
    int n = 0;

    while (next_line(f, &line, &size)) {
        char *rest = line, *kind = strsep(&rest, "|"), *text = strsep(&rest, "|");

        check_type(*state, kind, text, rest);
        n++;
    }
    assert_true(n > 70);
}

/* demands: C24 */
static void names_are_put_in_as_oslo_config_does(void **state)
{
    struct host *h = *state;
    ol_autofclose FILE *f = table("name-cases.txt");
    ol_autofree char *line = NULL;
    size_t size = 0;

    while (next_line(f, &line, &size)) {
        char *want = line, *text = strsep(&want, "|");
        /* [g] one, own, none, subject and [DEFAULT] one, two, loop under names that we have. */
        ol_autofree char *conf = ol_xasprintf("[DEFAULT]\none = 1\ntwo = ${one}2\nloop = $loop\n"
                                              "[g]\none = g1\n"
                                              "[libvirt]\none = g1\nown = o\nnone =\n"
                                              "connection_uri = %s\n",
                                              text);
        int r;

        put(h, "/etc/nova/nova.conf", conf);
        r = load(h);
        if (!strcmp(want, "!")) {
            if (r != -EINVAL)
                fail_msg("'%s' was taken: %s", text, h->config->connection_uri);
            continue;
        }
        if (r < 0)
            fail_msg("'%s': %s", text, h->err.msg);
        if (strcmp(h->config->connection_uri, want))
            fail_msg("'%s': '%s', want '%s'", text, h->config->connection_uri, want);
    }
}

/* demands: C6 C24 */
static void later_files_win_option_by_option(void **state)
{
    struct host *h = *state;

    put(h, "/a.conf", "[DEFAULT]\nhost = a\nmy_ip = 10.0.0.1\nreport_interval = 1\n");
    put(h, "/b.conf", "[DEFAULT]\nhost = b\n[placement]\npassword = x\n");
    put(h, "/d/20.conf", "[DEFAULT]\nreport_interval = 20\n");
    put(h, "/d/10.conf", "[DEFAULT]\nreport_interval = 10\nstate_path = /s\n");
    put(h, "/d/.hidden.conf", "broken");
    put(h, "/d/note.txt", "broken");
    ol_strv_add(&h->args.files, "/a.conf");
    ol_strv_add(&h->args.files, "/b.conf");
    ol_strv_add(&h->args.files, "/d/");
    assert_int_equal(load(h), 0);
    assert_string_equal(h->config->host, "b");
    assert_string_equal(h->config->my_ip, "10.0.0.1");
    assert_int_equal(h->config->report_interval, 20 * OL_SECOND);
    assert_string_equal(h->config->instances_path, "/s/instances");
    ol_strv_add(&h->args.set, "DEFAULT.host=c");
    assert_int_equal(load(h), 0);
    assert_string_equal(h->config->host, "c");
    assert_string_equal(compute_config_where(h->config, "DEFAULT", "my_ip"), "/a.conf:3");
    assert_null(compute_config_where(h->config, "database", "connection"));
    assert_int_equal(compute_config_files(h->config)->n, 4);
}

/* demands: C24 */
static void default_files_are_searched_in_order(void **state)
{
    struct host *h = *state;

    put(h, "/etc/nova.conf", "[DEFAULT]\nhost = never\n");
    put(h, "/etc/nova/nova.conf", "[DEFAULT]\nhost = etc\nmy_ip = 1.1.1.1\n");
    put(h, "/etc/nova-compute.conf", "[DEFAULT]\ncompute_driver = fake.FakeDriver\n");
    put(h, "/etc/nova/nova.conf.d/x.conf", "[DEFAULT]\nmy_ip = 2.2.2.2\n");
    assert_int_equal(load(h), 0);
    assert_string_equal(h->config->host, "etc");
    assert_string_equal(h->config->compute_driver, "fake.FakeDriver");
    assert_string_equal(h->config->my_ip, "2.2.2.2");
    put(h, "/home/n/.nova/nova.conf", "[DEFAULT]\nhost = home\n");
    h->args.home = "/home/n";
    assert_int_equal(load(h), 0);
    assert_string_equal(h->config->host, "home");
}

static void old_names_are_understood_and_told(void **state)
{
    struct host *h = *state;

    load_text(h, "[DEFAULT]\ndhcp_domain = old\nlogfile = l\n[libvirt]\ncpu_model = EPYC\n");
    assert_string_equal(h->config->dhcp_domain, "old");
    assert_string_equal(h->config->log_file, "l");
    assert_string_equal(h->config->cpu_model, "EPYC");
    assert_non_null(strstr(h->said.data, "DEPRECATED Deprecated: Option \"dhcp_domain\" from group "
                                         "\"DEFAULT\" is deprecated. Use option \"dhcp_domain\" "
                                         "from group \"api\"."));
    load_text(h, "[DEFAULT]\ndhcp_domain = old\n[api]\ndhcp_domain = new\n");
    assert_string_equal(h->config->dhcp_domain, "new");
}

static void credentials_can_stand_in_another_section(void **state)
{
    struct host *h = *state;

    load_text(h, "[placement]\nauth_section = creds\nregion_name = r\n[creds]\nusername = u\n"
                 "password = p\nregion_name = other\n[neutron]\nusername = n\n");
    assert_string_equal(h->config->placement.username, "u");
    assert_string_equal(h->config->placement.password, "p");
    assert_string_equal(h->config->placement.region_name, "r");
    assert_string_equal(h->config->neutron.username, "n");
    assert_null(h->config->neutron.password);
}

static void errors_name_the_place_and_never_a_secret(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"[DEFAULT]\n\nreport_interval = soon\n",
         "/etc/nova/nova.conf:3: [DEFAULT] report_interval: 'soon' is not a whole number"},
        {"[DEFAULT]\nperiodic_fuzzy_delay = -1\n",
         "/etc/nova/nova.conf:2: [DEFAULT] periodic_fuzzy_delay: -1 is too little: it should be "
         "greater than or equal to 0"},
        {"[libvirt]\nvirt_type = xen\n",
         "/etc/nova/nova.conf:2: [libvirt] virt_type: Valid values are [kvm, lxc, qemu, "
         "parallels], but found 'xen'"},
        {"[placement]\npassword = $hunter2\n",
         "/etc/nova/nova.conf:2: [placement] password: the value is not valid"},
        {"oops\n", "/etc/nova/nova.conf:1: an option is written \"name = value\": no '=' or ':' "
                   "found"},
    };
    struct host *h = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        put(h, "/etc/nova/nova.conf", cases[i].text);
        assert_int_equal(load(h), -EINVAL);
        assert_string_equal(h->err.msg, cases[i].want);
    }
    ol_strv_add(&h->args.files, "/missing.conf");
    assert_int_equal(load(h), -ENOENT);
    assert_non_null(strstr(h->err.msg, "/missing.conf"));
}

/* demands: C39 */
static void hup_changes_only_what_may_change(void **state)
{
    struct host *h = *state;
    const char *host;

    load_text(h, "[DEFAULT]\nhost = a\n[placement]\npassword = p1\n");
    host = h->config->host;
    put(h, "/etc/nova/nova.conf",
        "[DEFAULT]\nhost = b\ndebug = true\n[compute]\n"
        "resource_provider_association_refresh = 7\n[placement]\n"
        "password = p2\n");
    assert_int_equal(compute_config_reload(h->config, &h->env, &h->err), 0);
    assert_true(h->config->debug);
    assert_ptr_equal(h->config->host, host);
    assert_int_equal(h->config->resource_provider_association_refresh, 7 * OL_SECOND);
    assert_string_equal(h->said.data,
                        "WARNING Ignoring change to immutable option DEFAULT.host\n"
                        "INFO Option DEFAULT.debug changed from [False] to [True]\n"
                        "INFO Option compute.resource_provider_association_refresh changed from "
                        "[300] to [7]\n"
                        "WARNING Ignoring change to immutable option placement.password\n");
    put(h, "/etc/nova/nova.conf", "oops");
    assert_int_equal(compute_config_reload(h->config, &h->env, &h->err), -EINVAL);
    assert_true(h->config->debug);
}

static void secrets_are_shown_as_stars(void **state)
{
    struct host *h = *state;
    ol_autofree char *url = NULL, *password = NULL;

    load_text(h, "[DEFAULT]\ntransport_url = rabbit://u:hunter2@h/\n[placement]\npassword = p\n");
    url = shown(h, "DEFAULT", "transport_url");
    password = shown(h, "placement", "password");
    assert_string_equal(url, "***");
    assert_string_equal(password, "***");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_nova),
        TEST(values_are_typed_as_oslo_config_types_them),
        TEST(names_are_put_in_as_oslo_config_does),
        TEST(later_files_win_option_by_option),
        TEST(default_files_are_searched_in_order),
        TEST(old_names_are_understood_and_told),
        TEST(credentials_can_stand_in_another_section),
        TEST(errors_name_the_place_and_never_a_secret),
        TEST(hup_changes_only_what_may_change),
        TEST(secrets_are_shown_as_stars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
