/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "kube/apiserver/door-internal.h"

static void name_resources(struct apiserver *s)
{
    for (unsigned i = 0; kube_kinds[i] && i < API_MAX_RESOURCES; i++) {
        const struct kube_kind *k = kube_kinds[i];

        s->resource_names[i] =
            *k->group ? ol_xasprintf("%s.%s", k->plural, k->group) : ol_xstrdup(k->plural);
    }
}

static void server_free(struct apiserver *s)
{
    for (size_t i = 0; s->resource_names[i]; i++)
        free((char *)(uintptr_t)s->resource_names[i]);
    api_namespaces_free(s->namespaces);
    api_metrics_free(s->metrics);
    api_auth_free(s->auth);
    api_files_done(&s->files);
    ol_timer_done(&s->watch_timer);
    free(s->default_class);
    free(s->data_dir);
    free(s->url);
    free(s->client_ca);
    free(s);
}

/* --- stopping: doors, then the store --- */

static void on_store_closed(void *ctx)
{
    struct apiserver *s = ctx;
    void (*stopped)(void *ctx) = s->stopped;
    void *stopped_ctx = s->stopped_ctx;

    server_free(s);
    if (stopped)
        stopped(stopped_ctx);
}

static void part_stopped(void *ctx)
{
    struct apiserver *s = ctx;

    if (--s->n_parts > 0)
        return;
    api_local_end_all(s);
    if (s->store)
        store_close(s->store, on_store_closed, s);
    else
        on_store_closed(s);
}

/* What was written so far is answered before the doors close. */
static void on_written(void *ctx, int r)
{
    struct apiserver *s = ctx;

    if (s->http) {
        s->n_parts++;
        ol_http_server_stop(s->http, part_stopped, s);
    }
    if (s->local_http) {
        s->n_parts++;
        ol_http_server_stop(s->local_http, part_stopped, s);
    }
    part_stopped(s);
}

void apiserver_stop(struct apiserver *s, void (*stopped)(void *ctx), void *ctx)
{
    s->stopped = stopped;
    s->stopped_ctx = ctx;
    s->is_stopping = true;
    s->n_parts = 1;
    api_watch_end_all(s);
    if (s->store)
        store_wait(s->store, on_written, s);
    else
        on_written(s, 0);
}

/* --- starting --- */

static int check_options(const struct apiserver_options *o, struct ol_err *err)
{
    static const char *const loopback[] = {"127.", "localhost:", "[::1]:"};

    if (!o->data_dir || !*o->data_dir)
        return ol_err_set(err, EINVAL, "a data directory is needed");
    if (o->is_plain && o->listen) {
        for (size_t i = 0; i < ol_count(loopback); i++)
            if (ol_str_starts(o->listen, loopback[i]))
                return 0;
        return ol_err_set(err, EINVAL, "without TLS only loopback is listened on, not %s",
                          o->listen);
    }
    if (o->listen && !o->is_self_signed && (!o->cert_file || !o->key_file))
        return ol_err_set(err, EINVAL, "a certificate and its key are needed to listen on %s",
                          o->listen);
    return 0;
}

static char *given_or(const char *given, char *made)
{
    if (!given)
        return made;
    free(made);
    return ol_xstrdup(given);
}

static int prepare_files(struct apiserver *s, const struct apiserver_options *o, struct ol_err *err)
{
    struct api_files *f = &s->files;
    int r = 0;

    if (o->is_plain || !o->listen)
        return 0;
    if (o->is_self_signed)
        r = api_pki_make(s->env, s->data_dir, o->listen, f, err);
    if (r < 0)
        return r;
    f->cert = given_or(o->cert_file, f->cert);
    f->key = given_or(o->key_file, f->key);
    s->client_ca = given_or(o->client_ca_file, f->ca ? ol_xstrdup(f->ca) : NULL);
    return 0;
}

static int open_doors(struct apiserver *s, const struct apiserver_options *o, struct ol_err *err)
{
    struct ol_http_server_options http = {.listen = o->listen,
                                          .cert_file = s->files.cert,
                                          .key_file = s->files.key,
                                          .client_ca_file = s->client_ca,
                                          .max_body = API_MAX_BODY,
                                          .handle = api_http_handle,
                                          .ctx = s};
    ol_autofree char *local = o->unix_socket ? ol_xasprintf("unix:%s", o->unix_socket) : NULL;
    const struct ol_http_server_options own = {
        .listen = local, .max_body = API_MAX_BODY, .handle = api_http_handle_admin, .ctx = s};
    int r = 0;

    if (o->listen)
        r = ol_http_server_start(s->loop, &http, &s->http, err);
    if (r == 0 && local)
        r = ol_http_server_start(s->loop, &own, &s->local_http, err);
    if (r < 0)
        return r;
    if (s->http)
        s->url = ol_xasprintf("%s://%s", s->files.cert ? "https" : "http",
                              ol_http_server_address(s->http));
    else
        s->url = ol_xstrdup(local ? local : "in-process://");
    return 0;
}

static int open_store(struct apiserver *s, struct ol_err *err)
{
    ol_autofree char *path = ol_path_join(s->data_dir, "orlop.db");
    const struct store_options o = {
        .path = path, .resources = s->resource_names, .changed = api_watch_changed, .ctx = s};

    return store_open(s->loop, &o, &s->store, err);
}

int apiserver_start(struct ol_loop *loop, const struct apiserver_options *options,
                    struct apiserver **ret, struct ol_err *err)
{
    struct apiserver *s;
    int r = check_options(options, err);

    if (r < 0)
        return r;
    s = ol_xcalloc(1, sizeof(*s));
    s->loop = loop;
    s->env = loop->env;
    s->is_plain = options->is_plain;
    s->data_dir =
        ol_env_is_host(s->env) ? ol_path_here(options->data_dir) : ol_xstrdup(options->data_dir);
    LIST_INIT(&s->locals);
    name_resources(s);
    api_watch_init(s);
    s->metrics = api_metrics_new(s);
    s->auth = api_auth_new();
    s->namespaces = api_namespaces_new(s);
    r = ol_mkdir_p(s->env, s->data_dir, 0700, err);
    if (r == 0 && options->token_file)
        r = api_auth_read_tokens(s->auth, s->env, options->token_file, err);
    if (r == 0)
        r = prepare_files(s, options, err);
    if (r == 0)
        r = open_store(s, err);
    if (r == 0)
        r = open_doors(s, options, err);
    if (r < 0) {
        apiserver_stop(s, NULL, NULL);
        return r;
    }
    api_namespaces_begin(s->namespaces);
    *ret = s;
    return 0;
}

const char *apiserver_url(const struct apiserver *s)
{
    return s->url;
}
