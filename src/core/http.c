/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/str.h"

const char *ol_url_shown(const char *url)
{
    const char *host = strstr(url, "://");
    const char *at = host ? memrchr(host + 3, '@', strcspn(host + 3, "/?#")) : NULL;

    return at ? at + 1 : url;
}

int ol_http_fetch(struct ol_env *env, const struct ol_http_request *request,
                  struct ol_http_response *response, struct ol_err *err)
{
    const char *method = request->method ? request->method : "GET";

    if (!env->http)
        return ol_err_set(err, ENOSYS, "'%s': no HTTP here", ol_url_shown(request->url));
    if (strcmp(method, "GET") && strcmp(method, "HEAD")
        && !ol_change(env, method, ol_url_shown(request->url))) {
        response->status = 200;
        return 0;
    }
    return env->http->fetch(env, request, response, err);
}

void ol_http_keep_free(struct ol_env *env, struct ol_http_keep *keep)
{
    if (keep && env->http && env->http->keep_free)
        env->http->keep_free(keep);
}

const char *ol_http_head_get(const struct ol_buf *head, const char *name, size_t *ret_len)
{
    const char *line = head->data, *end = head->data + head->len, *found = NULL;
    size_t n = strlen(name);

    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));

        stop = stop ? stop : end;
        if ((size_t)(stop - line) > n && line[n] == ':' && !strncasecmp(line, name, n))
            found = ol_str_strip(line + n + 1, (size_t)(stop - line) - n - 1, ret_len);
        line = stop + 1;
    }
    return found;
}
