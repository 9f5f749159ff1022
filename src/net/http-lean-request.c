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

/* "host", "host:80", "[::1]:80"; no user, no zone. */
static bool read_authority(const char *s, size_t len, struct lean_url *u)
{
    bool is_v6 = len && *s == '[';
    const char *close = is_v6 ? memchr(s, ']', len) : NULL;
    const char *colon = is_v6 ? (close ? close + 1 : NULL) : memchr(s, ':', len);
    const char *host = s + is_v6, *end = s + len;
    size_t host_len;
    int port = 80;

    if (len >= sizeof(u->authority) || memchr(s, '@', len) || memchr(s, '%', len)
        || (is_v6 && !close))
        return false;
    colon = colon && colon < end ? colon : NULL;
    host_len = (size_t)((is_v6 ? close : colon ? colon : end) - host);
    if (!host_len || host_len >= sizeof(u->host))
        return false;
    snprintf(u->authority, sizeof(u->authority), "%.*s", (int)len, s);
    snprintf(u->host, sizeof(u->host), "%.*s", (int)host_len, host);
    if (colon
        && (*colon != ':' || ol_parse_int(u->authority + (colon + 1 - s), 10, 1, 65535, &port) < 0))
        return false;
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
