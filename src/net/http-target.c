/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http-target-internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"
#include "net/http-async-internal.h"

enum { HEAD_SPARE = 1024 }; /* what we add to a request */

struct http_target {
    char *unix_socket, *connect_to, *ca_pem, *cert_pem, *key_pem;
    bool is_insecure;
    bool is_unfit; /* TLS can't be had with these certificates: libcurl says why */
    char *origin;  /* NULL: no URL so far */
    size_t origin_len;
    const char *authority; /* within */
    char *host;
};

static char *copy(const char *s)
{
    return s ? ol_xstrdup(s) : NULL;
}

struct http_target *http_target_new(const struct ol_http_async_options *o)
{
    struct http_target *t;

    if (o->ca_file || o->cert_file || o->key_file)
        return NULL;
    t = ol_xcalloc(1, sizeof(*t));
    t->unix_socket = copy(o->unix_socket);
    t->connect_to = copy(o->connect_to);
    t->ca_pem = copy(o->ca_pem);
    t->cert_pem = copy(o->cert_pem);
    t->key_pem = copy(o->key_pem);
    t->is_insecure = o->is_insecure;
    return t;
}

void http_target_free(struct http_target *t)
{
    if (!t)
        return;
    free(t->unix_socket);
    free(t->connect_to);
    free(t->ca_pem);
    free(t->cert_pem);
    free(t->key_pem);
    free(t->origin);
    free(t->host);
    free(t);
}

const char *http_target_origin(const struct http_target *t)
{
    return t->origin ? t->origin : "";
}

/* --- the server --- */

/* libcurl's variables; NO_PROXY is its affair as well. */
static bool may_have_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};

    for (size_t i = 0; i < ol_count(names); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return true;
    }
    return false;
}

/* "10.0.0.1:6443", "[fd00::1]" into host and port. */
static int split_authority(const char *text, size_t len, int default_port, char **ret_host,
                           int *ret_port)
{
    ol_autofree char *host = ol_xstrndup(text, len);
    bool is_bracketed = *host == '[';
    char *end = is_bracketed ? strchr(host, ']') : host + strcspn(host, ":");

    if (!end || end == host + is_bracketed)
        return -1;
    *ret_port = default_port;
    if (is_bracketed)
        *end++ = '\0';
    if (*end && (*end != ':' || ol_parse_int(end + 1, 10, 1, 65535, ret_port) < 0))
        return -1;
    *end = '\0';
    *ret_host = ol_xstrdup(host + is_bracketed);
    return 0;
}

static int fill_unix(const char *path, struct http_site *site)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&site->sa;
    size_t len = strlen(path);

    if (!len || len >= sizeof(un->sun_path))
        return -1;
    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(un->sun_path, path, len + 1);
    site->sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 0;
}

static int fill_ip(const char *host, int port, struct http_site *site)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(&site->sa, &in, sizeof(in));
        site->sa_len = sizeof(in);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
        return -1;
    memcpy(&site->sa, &in6, sizeof(in6));
    site->sa_len = sizeof(in6);
    return 0;
}

static int fill_address(const struct http_target *t, const char *host, int port,
                        struct http_site *site)
{
    ol_autofree char *other = NULL;

    if (t->unix_socket)
        return fill_unix(t->unix_socket, site);
    if (!t->connect_to)
        return fill_ip(host, port, site);
    if (split_authority(t->connect_to, strlen(t->connect_to), port, &other, &port) < 0)
        return -1;
    return fill_ip(other, port, site);
}

static int fill_tls(struct http_target *t, struct http_site *site)
{
    const struct http_tls_options o = {.ca_pem = t->ca_pem,
                                       .cert_pem = t->cert_pem,
                                       .key_pem = t->key_pem,
                                       .is_insecure = t->is_insecure};

    if (!t->ca_pem && !t->is_insecure)
        return -1; /* the system's certificates */
    t->is_unfit = http_tls_setup_new(&o, &site->tls, NULL) < 0;
    return t->is_unfit ? -1 : 0;
}

/* Where the authority of a URL begins, and how long it is; NULL when it isn't plain. */
static const char *authority_of(const char *url, bool is_tls, size_t *ret_len)
{
    const char *at = url + strlen(is_tls ? "https://" : "http://");

    if (!is_tls && !ol_str_starts(url, "http://"))
        return NULL;
    *ret_len = strcspn(at, "/?");
    return memchr(at, '@', *ret_len) || memchr(at, '%', *ret_len) ? NULL : at;
}

static bool is_proxied(const struct http_target *t, const char *url)
{
    return !t->unix_socket && !http_is_here(url) && may_have_proxy();
}

static int set_origin(struct http_target *t, const char *url, struct http_site *site)
{
    bool is_tls = ol_str_starts(url, "https://");
    size_t len = 0;
    const char *authority = authority_of(url, is_tls, &len);
    ol_autofree char *host = NULL;
    int port;

    if (t->is_unfit || !authority || is_proxied(t, url)
        || split_authority(authority, len, is_tls ? 443 : 80, &host, &port) < 0)
        return -1;
    if (fill_address(t, host, port, site) < 0 || (is_tls && fill_tls(t, site) < 0))
        return -1;
    t->origin_len = (size_t)(authority - url) + len;
    t->origin = ol_xstrndup(url, t->origin_len);
    t->authority = t->origin + (authority - url);
    t->host = ol_take_ptr(host);
    site->host = t->host;
    return 0;
}

/* --- requests --- */

static bool is_url_plain(const char *url)
{
    for (; *url; url++)
        if (*url <= ' ' || *url >= 127 || *url == '#')
            return false;
    return true;
}

/* What would change how the request or its answer is framed is libcurl's. */
static bool is_header_plain(const char *line)
{
    static const char *const framing[] = {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "TE"};
    size_t name = strcspn(line, ":");

    if (!name || !line[name] || line[strcspn(line, "\r\n")])
        return false;
    for (size_t i = 0; i < ol_count(framing); i++)
        if (name == strlen(framing[i]) && strncasecmp(line, framing[i], name) == 0)
            return false;
    return true;
}

static bool is_plain(const struct ol_http_ask *ask)
{
    static const char *const methods[] = {"GET", "PATCH", "PUT", "POST", "DELETE", NULL};
    size_t size = HEAD_SPARE + 2 * strlen(ask->url);

    if (!ol_str_in(ask->method, methods) || !is_url_plain(ask->url))
        return false;
    for (const char *const *line = ask->headers; line && *line; line++) {
        if (!is_header_plain(*line))
            return false;
        size += strlen(*line) + 2;
    }
    return size < HTTP_TARGET_HEAD_MAX;
}

static bool is_of_origin(const struct http_target *t, const char *url)
{
    return strncmp(url, t->origin, t->origin_len) == 0
           && (!url[t->origin_len] || strchr("/?", url[t->origin_len]));
}

bool http_target_takes(struct http_target *t, const struct ol_http_ask *ask, struct http_site *site)
{
    if (!is_plain(ask))
        return false;
    return t->origin ? is_of_origin(t, ask->url) : set_origin(t, ask->url, site) == 0;
}

static void add_line(struct ol_buf *to, const char *name, const char *value)
{
    ol_buf_adds(to, name);
    ol_buf_adds(to, value);
    ol_buf_add(to, "\r\n", 2);
}

void http_target_write_head(const struct http_target *t, const struct ol_http_ask *ask,
                            struct ol_buf *to)
{
    const char *path = ask->url + t->origin_len;
    bool has_accept = false;

    ol_buf_adds(to, ask->method);
    ol_buf_adds(to, *path == '/' ? " " : " /");
    add_line(to, path, " HTTP/1.1");
    add_line(to, "Host: ", t->authority);
    for (const char *const *line = ask->headers; line && *line; line++) {
        has_accept = has_accept || strncasecmp(*line, "Accept:", 7) == 0;
        add_line(to, *line, "");
    }
    if (!has_accept)
        add_line(to, "Accept: */*", "");
    if (ask->body || ask->method[0] == 'P')
        ol_buf_printf(to, "Content-Length: %zu\r\n", ask->body ? ask->size : 0);
    ol_buf_add(to, "\r\n", 2);
}
