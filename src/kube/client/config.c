/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client/config.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/yaml.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "kube/client/remote-internal.h"

enum {
    FILE_MAX = 16 << 20,
    PEM_MAX = 1 << 20,
    SHOWN_NAMES = 10,
};
#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* A kubeconfig while it is read. */
struct reader {
    struct ol_env *env;
    const char *path; /* of the file, for messages and relative names */
    const char *dir;
    const struct ol_val *root;
    struct kube_access *access;
};

/* --- values --- */

static int read_pem(struct reader *r, const char *path, char **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(PEM_MAX);
    ol_autofree char *whole = ol_path_join(r->dir, path);
    int n = ol_file_read(r->env, whole, &b, err);

    if (n < 0)
        return n;
    *ret = ol_buf_take(&b);
    return 0;
}

/* Lines of base64 are one text, as in Go's decoder. */
static int decode_pem(const char *text, char **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(PEM_MAX);
    ol_autofree char *plain = ol_xstrdup(text);
    char *to = plain;
    int n;

    for (const char *c = text; *c; c++)
        if (*c != '\n' && *c != '\r')
            *to++ = *c;
    *to = '\0';
    n = ol_base64_decode(plain, strlen(plain), OL_BASE64_STRICT, &b, err);
    if (n < 0)
        return n;
    *ret = ol_buf_take(&b);
    return 0;
}

/* "certificate-authority-data" wins over "certificate-authority", as in client-go. 'of' names whose
 * it is: "cluster 'a'". */
static int take_pem(struct reader *r, const struct ol_val *map, const char *of, const char *key,
                    char **ret, struct ol_err *err)
{
    ol_autofree char *data_key = ol_xasprintf("%s-data", key);
    const char *data = ol_val_str(ol_val_get(map, data_key));
    const char *path = ol_val_str(ol_val_get(map, key));
    int n = 0;

    if (data && *data)
        n = decode_pem(data, ret, err);
    else if (path && *path)
        n = read_pem(r, path, ret, err);
    return n < 0 ? ol_err_prefix(err, n, "kubeconfig '%s', %s: %s", r->path, of, key) : 0;
}

static bool is_true(const struct ol_val *map, const char *key)
{
    return ol_val_is_truthy(ol_val_get(map, key));
}

/* --- clusters, users, contexts --- */

static void add_names(struct ol_buf *to, const struct ol_val *list)
{
    for (size_t i = 0; i < ol_val_count(list) && i < SHOWN_NAMES; i++) {
        const char *name = ol_val_str(ol_val_get(ol_val_item(list, i), "name"));

        ol_buf_printf(to, "%s'%s'", i ? ", " : "", name ? name : "");
    }
}

/* The row of a name in "clusters", "users" or "contexts"; 'what' is one of it, and the key of what
 * it holds. */
static int find(struct reader *r, const char *list_key, const char *what, const char *name,
                const struct ol_val **ret, struct ol_err *err)
{
    const struct ol_val *list = ol_val_get(r->root, list_key);
    ol_auto(ol_buf_done) struct ol_buf names = OL_BUF_INIT(4096);

    for (size_t i = 0; i < ol_val_count(list); i++) {
        const struct ol_val *row = ol_val_item(list, i);
        const char *its = ol_val_str(ol_val_get(row, "name"));

        if (its && strcmp(its, name) == 0) {
            *ret = ol_val_get(row, what);
            return 0;
        }
    }
    add_names(&names, list);
    return ol_err_set(err, EINVAL, "kubeconfig '%s' has no %s '%s'%s%s", r->path, what, name,
                      names.len ? "; it has " : "", names.data);
}

static int read_cluster(struct reader *r, const char *name, struct ol_err *err)
{
    const struct ol_val *cluster = NULL;
    ol_autofree char *of = ol_xasprintf("cluster '%s'", name);
    const char *server;
    int n = find(r, "clusters", "cluster", name, &cluster, err);

    if (n < 0)
        return n;
    if (ol_val_get(cluster, "proxy-url"))
        return ol_err_set(err, ENOTSUP,
                          "kubeconfig '%s', %s: 'proxy-url' is not supported; use $https_proxy",
                          r->path, of);
    server = ol_val_str(ol_val_get(cluster, "server"));
    n = kube_access_set_server(r->access, server ? server : "",
                               ol_val_str(ol_val_get(cluster, "tls-server-name")), err);
    if (n < 0)
        return ol_err_prefix(err, n, "kubeconfig '%s', %s", r->path, of);
    r->access->is_insecure = is_true(cluster, "insecure-skip-tls-verify");
    return take_pem(r, cluster, of, "certificate-authority", &r->access->ca_pem, err);
}

/* What asks other programs or servers for a token, and what would make us somebody else. */
static int refuse_plugins(const struct reader *r, const struct ol_val *user, const char *of,
                          struct ol_err *err)
{
    static const char *const keys[] = {"exec", "auth-provider", "username", "as"};

    for (size_t i = 0; i < ol_count(keys); i++)
        if (ol_val_get(user, keys[i]))
            return ol_err_set(
                err, ENOTSUP,
                "kubeconfig '%s', %s: '%s' is not supported; use a token, a tokenFile "
                "or a client certificate",
                r->path, of, keys[i]);
    return 0;
}

static int read_token(struct reader *r, const struct ol_val *user, const char *of,
                      struct ol_err *err)
{
    const char *file = ol_val_str(ol_val_get(user, "tokenFile"));
    const char *token = ol_val_str(ol_val_get(user, "token"));

    if (file && *file) {
        r->access->token_file = ol_path_join(r->dir, file);
        r->access->token = ol_file_read_line(r->env, r->access->token_file);
        if (!r->access->token)
            return ol_err_set(err, ENOENT, "kubeconfig '%s', %s: tokenFile '%s' can't be read",
                              r->path, of, r->access->token_file);
    } else if (token && *token) {
        r->access->token = ol_xstrdup(token);
    }
    if (r->access->token && strpbrk(r->access->token, "\r\n"))
        return ol_err_set(err, EINVAL, "kubeconfig '%s', %s: the token has several lines", r->path,
                          of);
    return 0;
}

static int read_user(struct reader *r, const char *name, struct ol_err *err)
{
    const struct ol_val *user = NULL;
    ol_autofree char *of = ol_xasprintf("user '%s'", name);
    int n = find(r, "users", "user", name, &user, err);

    if (n >= 0)
        n = refuse_plugins(r, user, of, err);
    if (n >= 0)
        n = read_token(r, user, of, err);
    if (n >= 0)
        n = take_pem(r, user, of, "client-certificate", &r->access->cert_pem, err);
    if (n >= 0)
        n = take_pem(r, user, of, "client-key", &r->access->key_pem, err);
    if (n < 0)
        return n;
    if (!r->access->cert_pem != !r->access->key_pem)
        return ol_err_set(err, EINVAL,
                          "kubeconfig '%s', %s: client-certificate and client-key belong together",
                          r->path, of);
    return 0;
}

static int read_context(struct reader *r, const char *name, struct ol_err *err)
{
    const struct ol_val *context = NULL;
    const char *cluster, *user;
    int n;

    if (!name)
        name = ol_val_str(ol_val_get(r->root, "current-context"));
    if (!name || !*name)
        return ol_err_set(err, EINVAL, "kubeconfig '%s' has no current-context", r->path);
    n = find(r, "contexts", "context", name, &context, err);
    if (n < 0)
        return n;
    cluster = ol_val_str(ol_val_get(context, "cluster"));
    user = ol_val_str(ol_val_get(context, "user"));
    n = read_cluster(r, cluster ? cluster : "", err);
    if (n < 0)
        return ol_err_prefix(err, n, "context '%s'", name);
    n = user && *user ? read_user(r, user, err) : 0;
    return n < 0 ? ol_err_prefix(err, n, "context '%s'", name) : 0;
}

static int load_file(struct ol_env *env, const char *path, const char *context,
                     struct kube_access *access, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    ol_auto(ol_arena_done) struct ol_arena arena = OL_ARENA_INIT(FILE_MAX * 4);
    ol_autofree char *dir = ol_path_dir(path);
    struct reader r = {.env = env, .path = path, .dir = dir, .access = access};
    struct ol_val *root = NULL;
    int n = ol_file_read(env, path, &text, err);

    if (n < 0)
        return ol_err_prefix(err, n, "kubeconfig");
    n = ol_yaml_load(text.data, text.len, &arena, &root, err);
    if (n < 0)
        return ol_err_prefix(err, n, "kubeconfig '%s', line %d", path, err ? err->line : 0);
    r.root = root;
    return read_context(&r, context, err);
}

/* --- a pod's account --- */

static bool is_in_cluster(struct ol_env *env)
{
    return getenv("KUBERNETES_SERVICE_HOST") && getenv("KUBERNETES_SERVICE_PORT")
           && ol_is_file(env, ACCOUNT "/token");
}

static int load_account(struct ol_env *env, struct kube_access *access, struct ol_err *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    ol_autofree char *server = ol_xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s",
                                            host, getenv("KUBERNETES_SERVICE_PORT"));
    struct reader r = {.env = env, .path = ACCOUNT, .dir = ACCOUNT, .access = access};
    int n = kube_access_set_server(access, server, NULL, err);

    if (n >= 0 && ol_is_file(env, ACCOUNT "/ca.crt"))
        n = read_pem(&r, "ca.crt", &access->ca_pem, err);
    access->token_file = ol_xstrdup(ACCOUNT "/token");
    access->token = ol_file_read_line(env, access->token_file);
    return n < 0 ? ol_err_prefix(err, n, "service account") : 0;
}

/* --- the whole --- */

int kube_access_set_server(struct kube_access *a, const char *server, const char *tls_name,
                           struct ol_err *err)
{
    size_t len = strlen(server);
    const char *host, *end;

    if (ol_str_starts(server, "unix://")) {
        a->unix_socket = ol_xstrdup(server + strlen("unix://"));
        a->base = ol_xstrdup("http://localhost");
        return *a->unix_socket == '/' ? 0
                                      : ol_err_set(err, EINVAL, "server '%s' has no path", server);
    }
    if (!ol_str_starts(server, "https://") && !ol_str_starts(server, "http://"))
        return ol_err_set(err, EINVAL, "server '%s' is neither https://, http:// nor unix://",
                          server);
    while (len && server[len - 1] == '/')
        len--;
    a->base = ol_xstrndup(server, len);
    if (!tls_name || !*tls_name)
        return 0;
    /* The certificate is looked at under another name than the one we connect to. */
    host = strstr(server, "//") + 2;
    end = host + strcspn(host, "/");
    a->connect_to = ol_xstrndup(host, (size_t)(end - host));
    free(a->base);
    a->base = ol_xasprintf("https://%s%.*s", tls_name, (int)(server + len - end), end);
    return 0;
}

/* The first file of $KUBECONFIG that is there, or its first. Heap; NULL = none is named. */
static char *path_of_variable(struct ol_env *env)
{
    const char *list = getenv("KUBECONFIG");
    struct ol_strv names = OL_STRV_INIT;
    char *found = NULL;

    ol_strv_split(&names, list ? list : "", ":");
    for (size_t i = 0; i < names.n && !found; i++) {
        ol_autofree char *path = ol_path_here(names.v[i]);

        if (ol_is_file(env, path) || names.n == 1)
            found = ol_take_ptr(path);
    }
    ol_strv_done(&names);
    return found;
}

int kube_access_load(struct ol_env *env, const char *path, const char *context,
                     struct kube_access *ret, struct ol_err *err)
{
    ol_autofree char *found = path ? ol_path_here(path) : path_of_variable(env);
    const char *home = getenv("HOME");

    if (!found && is_in_cluster(env))
        return load_account(env, ret, err);
    if (!found && home)
        found = ol_path_join(home, ".kube/config");
    if (!found)
        return ol_err_set(err, ENOENT, "no kubeconfig is named, and this is no pod");
    return load_file(env, found, context, ret, err);
}

int kube_client_from_config(struct ol_loop *loop, const char *path, const char *context,
                            struct kube_client **ret, struct ol_err *err)
{
    ol_auto(kube_access_done) struct kube_access access = {0};
    int n = kube_access_load(loop->env, path, context, &access, err);

    return n < 0 ? n : kube_remote_new(loop, &access, ret, err);
}
