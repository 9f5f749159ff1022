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

#include "core/cleanup.h"
#include "core/file.h"
#include "kube/client/remote-internal.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct fixture {
    char root[32];
    struct ol_env env;
    struct kube_access a;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    memcpy(f->root, "/tmp/ol-cfg-XXXXXX", sizeof("/tmp/ol-cfg-XXXXXX"));
    if (!mkdtemp(f->root) || ol_env_init(&f->env, f->root, NULL) < 0)
        return -1;
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    setenv("HOME", "/root", 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r = ol_remove_tree(&f->env, "/k", NULL) | ol_remove_tree(&f->env, "/root", NULL)
            | ol_remove_tree(&f->env, "/var", NULL);

    kube_access_done(&f->a);
    ol_env_done(&f->env);
    rmdir(f->root);
    free(f);
    return r;
}

static void put(struct fixture *f, const char *path, const char *text)
{
    assert_int_equal(ol_file_puts(&f->env, path, text, 0600, OL_WRITE_PARENTS, NULL), 0);
}

#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://h:1/x/'}}]\n"
#define CONTEXT "contexts: [{name: k, context: {cluster: c, user: u}}]\ncurrent-context: k\n"

static void files_and_data_are_read(void **state)
{
    struct fixture *f = *state;

    put(f, "/k/config",
        "clusters:\n"
        "- name: c\n"
        "  cluster: {server: 'https://10.0.0.1:6443', certificate-authority: pki/ca.crt}\n"
        "- name: d\n"
        "  cluster: {server: 'https://10.0.0.1:6443/', tls-server-name: api, "
        "certificate-authority-data: Q0EyCg==}\n"
        "users:\n"
        "- {name: u, user: {token: secret}}\n"
        "- {name: v, user: {tokenFile: token, client-certificate-data: Q0VSVAo=, "
        "client-key: /k/key}}\n"
        "contexts:\n"
        "- {name: one, context: {cluster: c, user: u}}\n"
        "- {name: two, context: {cluster: d, user: v}}\n"
        "current-context: one\n");
    put(f, "/k/pki/ca.crt", "CA\n");
    put(f, "/k/token", "from-file\n");
    put(f, "/k/key", "KEY\n");
    assert_int_equal(kube_access_load(&f->env, "/k/config", NULL, &f->a, NULL), 0);
    assert_string_equal(f->a.base, "https://10.0.0.1:6443");
    assert_string_equal(f->a.ca_pem, "CA\n");
    assert_string_equal(f->a.token, "secret");
    assert_null(f->a.connect_to);
    kube_access_done(&f->a);
    assert_int_equal(kube_access_load(&f->env, "/k/config", "two", &f->a, NULL), 0);
    assert_string_equal(f->a.base, "https://api");
    assert_string_equal(f->a.connect_to, "10.0.0.1:6443");
    assert_string_equal(f->a.ca_pem, "CA2\n");
    assert_string_equal(f->a.token, "from-file");
    assert_string_equal(f->a.token_file, "/k/token");
    assert_string_equal(f->a.cert_pem, "CERT\n");
    assert_string_equal(f->a.key_pem, "KEY\n");
}

static void mistakes_are_named_with_their_place(void **state)
{
    static const struct {
        const char *text, *context;
        int code;
        const char *message;
    } cases[] = {
        {"clusters: [", NULL, EINVAL, "kubeconfig '/k/config', line 1: "},
        {"{}", NULL, EINVAL, "kubeconfig '/k/config' has no current-context"},
        {CLUSTER CONTEXT, "z", EINVAL, "kubeconfig '/k/config' has no context 'z'; it has 'k'"},
        {CONTEXT, NULL, EINVAL, "context 'k': kubeconfig '/k/config' has no cluster 'c'"},
        {CLUSTER CONTEXT, NULL, EINVAL, "context 'k': kubeconfig '/k/config' has no user 'u'"},
        {CLUSTER CONTEXT "users: [{name: u, user: {exec: {command: aws}}}]", NULL, ENOTSUP,
         "context 'k': kubeconfig '/k/config', user 'u': 'exec' is not supported; use a token, a "
         "tokenFile or a client certificate"},
        {CLUSTER CONTEXT "users: [{name: u, user: {tokenFile: nope}}]", NULL, ENOENT,
         "context 'k': kubeconfig '/k/config', user 'u': tokenFile '/k/nope' can't be read"},
        {CLUSTER CONTEXT "users: [{name: u, user: {client-key: nope}}]", NULL, ENOENT,
         "context 'k': kubeconfig '/k/config', user 'u': client-key: "},
        {CLUSTER CONTEXT "users: [{name: u, user: {client-key-data: QQ==}}]", NULL, EINVAL,
         "context 'k': kubeconfig '/k/config', user 'u': client-certificate and client-key belong "
         "together"},
        {"clusters: [{name: c, cluster: {server: 'ftp://x'}}]\n" CONTEXT, NULL, EINVAL,
         "context 'k': kubeconfig '/k/config', cluster 'c': server 'ftp://x' is neither https://, "
         "http:// nor unix://"},
        {"clusters: [{name: c, cluster: {server: 'https://x', certificate-authority-data: "
         "'!'}}]\n" CONTEXT "users: []",
         NULL, EINVAL, "context 'k': kubeconfig '/k/config', "},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ol_count(cases); i++) {
        struct ol_err err = OL_ERR_INIT;

        put(f, "/k/config", cases[i].text);
        assert_int_equal(kube_access_load(&f->env, "/k/config", cases[i].context, &f->a, &err),
                         -cases[i].code);
        if (strncmp(err.msg, cases[i].message, strlen(cases[i].message)) != 0)
            assert_string_equal(err.msg, cases[i].message);
        kube_access_done(&f->a);
    }
}

static void servers_come_in_three_kinds(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(kube_access_set_server(&f->a, "unix:///run/api", NULL, NULL), 0);
    assert_string_equal(f->a.base, "http://localhost");
    assert_string_equal(f->a.unix_socket, "/run/api");
    kube_access_done(&f->a);
    assert_int_equal(kube_access_set_server(&f->a, "http://h:1/a/b/", "name", NULL), 0);
    assert_string_equal(f->a.base, "https://name/a/b");
    assert_string_equal(f->a.connect_to, "h:1");
}

static void pod_uses_its_account(void **state)
{
    struct fixture *f = *state;

    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    put(f, ACCOUNT "/token", "t\n");
    put(f, ACCOUNT "/ca.crt", "CA\n");
    assert_int_equal(kube_access_load(&f->env, NULL, NULL, &f->a, NULL), 0);
    assert_string_equal(f->a.base, "https://[fd00::1]:443");
    assert_string_equal(f->a.token, "t");
    assert_string_equal(f->a.ca_pem, "CA\n");
}

static void home_and_variable_name_files(void **state)
{
    struct fixture *f = *state;
    struct ol_err err = OL_ERR_INIT;

    assert_int_equal(kube_access_load(&f->env, NULL, NULL, &f->a, &err), -ENOENT);
    put(f, "/root/.kube/config", CLUSTER CONTEXT "users: [{name: u, user: {}}]");
    assert_int_equal(kube_access_load(&f->env, NULL, NULL, &f->a, NULL), 0);
    assert_string_equal(f->a.base, "https://h:1/x");
    kube_access_done(&f->a);
    setenv("KUBECONFIG", "/k/none:/k/config", 1);
    put(f, "/k/config",
        "clusters: [{name: c, cluster: {server: 'http://o'}}]\n" CONTEXT
        "users: [{name: u, user: {}}]");
    assert_int_equal(kube_access_load(&f->env, NULL, NULL, &f->a, NULL), 0);
    assert_string_equal(f->a.base, "http://o");
}

#define with_root(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_root(files_and_data_are_read),      with_root(mistakes_are_named_with_their_place),
        with_root(servers_come_in_three_kinds),  with_root(pod_uses_its_account),
        with_root(home_and_variable_name_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
