/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-client.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "net/curl-internal.h"

#define USER_AGENT "Cloud-Init/26.2"

enum {
    MAX_REDIRECTS = 10,
};

/* What is used of libcurl. */
struct curl {
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*perform)(CURL *handle);
    CURLcode (*getinfo)(CURL *handle, CURLINFO info, ...);
    void (*cleanup)(CURL *handle);
    void (*reset)(CURL *handle);
    const char *(*strerror)(CURLcode code);
    struct curl_slist *(*append)(struct curl_slist *list, const char *text);
    void (*free_all)(struct curl_slist *list);
};

/* A handle between two requests; it has the connections. */
struct ol_http_keep {
    struct curl curl;
    CURL *handle;
};

/* One exchange under way. */
struct exchange {
    struct curl curl;
    CURL *handle;
    struct ol_http_keep *keep; /* whose handle it is; NULL = our own */
    struct curl_slist *headers;
    const struct ol_http_request *request;
    struct ol_http_response *response;
    int taken; /* what request.take said in the end */
    char detail[CURL_ERROR_SIZE];
};

static void exchange_done(struct exchange *x)
{
    if (x->keep && x->handle)
        x->curl.reset(x->handle); /* connections stay, pointers to this exchange do not */
    if (x->headers)
        x->curl.free_all(x->headers);
    if (!x->keep && x->handle)
        x->curl.cleanup(x->handle);
}

static void keep_free(struct ol_http_keep *keep)
{
    keep->curl.cleanup(keep->handle);
    free(keep);
}

static int load_curl(const char *library, struct curl *ret, struct ol_err *err)
{
    const struct {
        const char *name;
        void *at;
    } functions[] = {
        {"curl_easy_init", &ret->init},       {"curl_easy_setopt", &ret->setopt},
        {"curl_easy_perform", &ret->perform}, {"curl_easy_getinfo", &ret->getinfo},
        {"curl_easy_cleanup", &ret->cleanup}, {"curl_easy_strerror", &ret->strerror},
        {"curl_slist_append", &ret->append},  {"curl_slist_free_all", &ret->free_all},
        {"curl_easy_reset", &ret->reset},
    };
    /* Stays loaded: libcurl keeps global state, and loading it again costs nothing. */
    void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    for (size_t i = 0; i < ol_count(functions); i++) {
        void *symbol = lib ? dlsym(lib, functions[i].name) : NULL;

        if (!symbol)
            return ol_err_set(err, ELIBACC,
                              "%s, which fetches URLs, cannot be loaded: install the package "
                              "libcurl4 (Debian, Ubuntu) or libcurl (Fedora, SUSE)",
                              library);
        /* dlsym(3): the way to turn its result into a pointer to a function. */
        memcpy(functions[i].at, &symbol, sizeof(symbol));
    }
    return 0;
}

bool ol_http_is_link_local(const char *url)
{
    const char *host = strstr(url, "://");
    const char *at = host ? memrchr(host + 3, '@', strcspn(host + 3, "/?#")) : NULL;
    const char *digit;

    if (!host)
        return false;
    host = at ? at + 1 : host + 3;
    if (ol_str_starts(host, "169.254."))
        return true;
    if (strncasecmp(host, "[fe", 3))
        return false;
    digit = host + 3; /* fe80::/10 is fe8, fe9, fea, feb */
    return *digit && strchr("89abAB", *digit);
}

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    struct ol_buf *body = &x->response->body;
    long status = 0;

    x->curl.getinfo(x->handle, CURLINFO_RESPONSE_CODE, &status);
    if (x->request->take && status >= 200 && status < 300) {
        x->taken = x->request->take(x->request->take_ctx, data, size * n);
        return x->taken < 0 ? 0 : n;
    }
    ol_buf_add(body, data, size * n);
    return ol_buf_status(body) < 0 ? 0 : n; /* fewer than n: curl stops */
}

static size_t take_head(char *data, size_t size, size_t n, void *ctx)
{
    struct ol_buf *head = ctx;

    if (size * n >= 5 && !memcmp(data, "HTTP/", 5))
        ol_buf_clear(head); /* of an answer after a redirect or "100 Continue" */
    ol_buf_add(head, data, size * n);
    return ol_buf_status(head) < 0 ? 0 : n;
}

static bool has_header(const struct ol_http_request *request, const char *name)
{
    size_t len = strlen(name);

    for (const char *const *h = request->headers; h && *h; h++)
        if (!strncasecmp(*h, name, len))
            return true;
    return false;
}

static int add_header(struct exchange *x, const char *text)
{
    struct curl_slist *longer = x->curl.append(x->headers, text);

    if (!longer)
        return -ENOMEM;
    x->headers = longer;
    return 0;
}

/* The request's headers; "Name:" keeps curl from sending its own. */
static int add_headers(struct exchange *x, const struct ol_http_request *request)
{
    int r = add_header(x, "Expect:");

    if (r == 0 && !has_header(request, "Content-Type:"))
        r = add_header(x, "Content-Type:");
    if (r == 0 && !has_header(request, "User-Agent:"))
        r = add_header(x, "User-Agent: " USER_AGENT);
    for (const char *const *h = request->headers; h && *h && r == 0; h++)
        r = add_header(x, *h);
    return r;
}

static void set_method(struct exchange *x, const struct ol_http_request *request)
{
    const char *method = request->method ? request->method : "GET";
    bool has_body = strcmp(method, "GET") && strcmp(method, "HEAD");

    if (!strcmp(method, "HEAD"))
        x->curl.setopt(x->handle, CURLOPT_NOBODY, 1L);
    if (!has_body)
        return;
    x->curl.setopt(x->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    x->curl.setopt(x->handle, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    x->curl.setopt(x->handle, CURLOPT_CUSTOMREQUEST, method);
}

static void set_tls(struct exchange *x, const struct ol_http_tls *tls)
{
    if (tls->ca_file)
        x->curl.setopt(x->handle, CURLOPT_CAINFO, tls->ca_file);
    if (tls->cert_file)
        x->curl.setopt(x->handle, CURLOPT_SSLCERT, tls->cert_file);
    if (tls->key_file)
        x->curl.setopt(x->handle, CURLOPT_SSLKEY, tls->key_file);
    if (tls->is_insecure) {
        x->curl.setopt(x->handle, CURLOPT_SSL_VERIFYPEER, 0L);
        x->curl.setopt(x->handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_limits(struct exchange *x, const struct ol_http_request *request)
{
    long timeout_ms = (long)((request->timeout ? request->timeout : 10 * OL_SECOND) / OL_MS);
    long idle = (long)((request->idle + OL_SECOND - 1) / OL_SECOND);

    x->curl.setopt(x->handle, CURLOPT_NOSIGNAL, 1L);
    x->curl.setopt(x->handle, CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 1L);
    if (idle) {
        x->curl.setopt(x->handle, CURLOPT_CONNECTTIMEOUT, idle);
        x->curl.setopt(x->handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
        x->curl.setopt(x->handle, CURLOPT_LOW_SPEED_TIME, idle);
    }
}

static int prepare(struct exchange *x, const struct ol_http_request *request)
{
    int r = add_headers(x, request);

    if (r < 0)
        return r;
    x->curl.setopt(x->handle, CURLOPT_URL, request->url);
    x->curl.setopt(x->handle, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
    x->curl.setopt(x->handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    x->curl.setopt(x->handle, CURLOPT_FOLLOWLOCATION, request->is_redirect_refused ? 0L : 1L);
    x->curl.setopt(x->handle, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    x->curl.setopt(x->handle, CURLOPT_HTTPHEADER, x->headers);
    x->curl.setopt(x->handle, CURLOPT_WRITEFUNCTION, take_body);
    x->curl.setopt(x->handle, CURLOPT_WRITEDATA, x);
    if (x->response->head) {
        x->curl.setopt(x->handle, CURLOPT_HEADERFUNCTION, take_head);
        x->curl.setopt(x->handle, CURLOPT_HEADERDATA, x->response->head);
    }
    x->curl.setopt(x->handle, CURLOPT_ERRORBUFFER, x->detail);
    if (ol_http_is_link_local(request->url))
        x->curl.setopt(x->handle, CURLOPT_NOPROXY, "*");
    set_limits(x, request);
    if (request->tls)
        set_tls(x, request->tls);
    set_method(x, request);
    return 0;
}

/* The kept handle, or a new one, which is kept when that is wanted. */
static int get_handle(struct exchange *x, struct ol_http_keep **keep)
{
    if (keep && *keep) {
        x->keep = *keep;
        x->handle = x->keep->handle;
        return 0;
    }
    x->handle = x->curl.init();
    if (!x->handle)
        return -ENOMEM;
    if (keep) {
        *keep = x->keep = ol_xcalloc(1, sizeof(*x->keep));
        *x->keep = (struct ol_http_keep){.curl = x->curl, .handle = x->handle};
    }
    return 0;
}

static int fail_fetch(const struct exchange *x, const struct ol_http_request *request,
                      CURLcode code, struct ol_err *err)
{
    return ol_err_set_domain(err, curl_errno((int)code), "curl", (int)code, "%s '%.256s': %s",
                             request->method ? request->method : "GET", ol_url_shown(request->url),
                             *x->detail ? x->detail : x->curl.strerror(code));
}

static int fetch_remote(const char *library, const struct ol_http_request *request,
                        struct ol_http_response *response, struct ol_err *err)
{
    ol_auto(exchange_done) struct exchange x = {.request = request, .response = response};
    bool is_ftp = !strncasecmp(request->url, "ftp", 3);
    long status = 0;
    CURLcode code;
    int r = load_curl(library, &x.curl, err);

    if (r < 0)
        return r;
    if (get_handle(&x, request->keep) < 0 || prepare(&x, request) < 0)
        return ol_err_set(err, ENOMEM, "fetch a URL: out of memory");
    code = x.curl.perform(x.handle);
    if (x.taken < 0)
        return ol_err_set(err, -x.taken, "'%.256s': what came cannot be kept: %s",
                          ol_url_shown(request->url), strerror(-x.taken));
    if (ol_buf_status(&response->body) < 0)
        return ol_err_set(err, EFBIG, "'%.256s': the answer has more than %zu bytes",
                          ol_url_shown(request->url), response->body.max);
    if (code != CURLE_OK)
        return fail_fetch(&x, request, code, err);
    x.curl.getinfo(x.handle, CURLINFO_RESPONSE_CODE, &status);
    response->status = is_ftp ? 200 : status;
    return 0;
}

/* cloud-init 26.2 url_helper.py read_file_or_url(): the path as it stands, nothing decoded. */
static int fetch_file(struct ol_env *env, const struct ol_http_request *request,
                      struct ol_http_response *response, struct ol_err *err)
{
    const char *path = request->url + strlen("file://");
    ol_autofree char *copy = NULL;
    int r;

    path += strcspn(path, "/?#");
    copy = strndup(path, strcspn(path, "?#"));
    if (!copy)
        return ol_err_set(err, ENOMEM, "'%s': out of memory", request->url);
    if (*copy != '/' || (request->method && strcmp(request->method, "GET")))
        return ol_err_set(err, EINVAL, "'%s' is not a file that can be fetched", request->url);
    r = ol_file_read(env, copy, &response->body, err);
    if (r < 0)
        return r;
    response->status = 200;
    return 0;
}

int ol_http_fetch_by(const char *library, struct ol_env *env, const struct ol_http_request *request,
                     struct ol_http_response *response, struct ol_err *err)
{
    static const char *const schemes[] = {"http://", "https://", "ftp://", "ftps://"};
    size_t start = response->body.len;
    int r;

    if (!strncasecmp(request->url, "file://", strlen("file://")))
        return fetch_file(env, request, response, err);
    for (size_t i = 0; i < ol_count(schemes); i++)
        if (!strncasecmp(request->url, schemes[i], strlen(schemes[i]))) {
            r = fetch_remote(library, request, response, err);
            if (r < 0)
                ol_buf_truncate(&response->body, start);
            return r;
        }
    return ol_err_set(err, EINVAL, "'%.256s' is not a URL of http, https, ftp or file",
                      ol_url_shown(request->url));
}

static int fetch(struct ol_env *env, const struct ol_http_request *request,
                 struct ol_http_response *response, struct ol_err *err)
{
    return ol_http_fetch_by("libcurl.so.4", env, request, response, err);
}

const struct ol_http ol_http_real = {.fetch = fetch, .keep_free = keep_free};
