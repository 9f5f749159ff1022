/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http.h"

#include <errno.h>
#include <string.h>

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
