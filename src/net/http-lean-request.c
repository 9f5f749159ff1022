/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "core/num.h"
#include "net/http-lean-internal.h"

/* Printable, without blanks. */
static bool is_plain(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 127)
            return false;
    return true;
}

/* libcurl's variables for http://; what NO_PROXY leaves out is its affair as well. */
static bool may_have_proxy(void)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return true;
    }
    return false;
}

/* Where the host of an authority ends, from its first letter on; NULL: none that is for us. */
static const char *host_end(const char *host, const char *end, bool is_v6)
{
    const char *at = memchr(host, is_v6 ? ']' : ':', (size_t)(end - host));

    if (!at && !is_v6)
        at = end;
    return at && at > host ? at : NULL;
}

/* What is behind the host: nothing, or ":80". */
static bool read_port(const char *text, int *ret)
{
    *ret = 80;
    return !*text || (*text == ':' && ol_parse_int(text + 1, 10, 1, 65535, ret) == 0);
}

/* "host", "host:80", "[::1]:80"; no user, no zone. */
static bool read_authority(const char *s, size_t len, struct lean_url *u)
{
    bool is_v6 = len && *s == '[';
    const char *host, *end;
    int port;

    if (len >= sizeof(u->authority) || memchr(s, '@', len) || memchr(s, '%', len))
        return false;
    snprintf(u->authority, sizeof(u->authority), "%.*s", (int)len, s);
    host = u->authority + is_v6;
    end = host_end(host, u->authority + len, is_v6);
    if (!end || (size_t)(end - host) >= sizeof(u->host) || !read_port(end + is_v6, &port))
        return false;
    snprintf(u->host, sizeof(u->host), "%.*s", (int)(end - host), host);
    snprintf(u->port, sizeof(u->port), "%d", port);
    return true;
}

static bool read_url(const char *url, struct lean_url *u)
{
    const char *start = url + strlen("http://");
    size_t len;

    if (strncasecmp(url, "http://", strlen("http://")) != 0)
        return false;
    len = strcspn(start, "/?#");
    u->path = start + len;
    u->path_len = strcspn(u->path, "#");
    /* libcurl takes "/../" out. */
    return is_plain(start, strlen(start)) && !memmem(u->path, u->path_len, "/.", 2)
           && read_authority(start, len, u);
}

bool lean_takes(const struct ol_http_request *q, struct lean_url *ret)
{
    const char *method = q->method ? q->method : "GET";

    if (!q->keep || !q->is_redirect_refused || !is_plain(method, strlen(method))
        || !strcmp(method, "HEAD") || !read_url(q->url, ret) || may_have_proxy())
        return false;
    for (const char *const *h = q->headers; h && *h; h++)
        if (strpbrk(*h, "\r\n"))
            return false;
    return true;
}

void lean_write_head(const struct ol_http_request *q, const struct lean_url *u, struct ol_buf *to)
{
    const char *method = q->method ? q->method : "GET";

    ol_buf_printf(to, "%s %s%.*s HTTP/1.1\r\nHost: %s\r\n", method, *u->path == '/' ? "" : "/",
                  (int)u->path_len, u->path, u->authority);
    for (const char *const *h = q->headers; h && *h; h++)
        ol_buf_printf(to, "%s\r\n", *h);
    if (q->body || strcmp(method, "GET"))
        ol_buf_printf(to, "Content-Length: %zu\r\n", q->body ? q->body_size : 0);
    ol_buf_adds(to, "\r\n");
}
