/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/fetch.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

static int fetch_once(struct ol_env *env, const struct ol_http_request *request,
                      struct ol_http_response *response, struct ol_err *err)
{
    int r = ol_http_fetch(env, request, response, err);

    if (r < 0)
        return r;
    if (response->status >= 400)
        return ol_err_set_domain(err, EIO, "UrlError", (int)response->status,
                                 "'%s' answered with status %ld", ol_url_shown(request->url),
                                 response->status);
    return 0;
}

int fetch_url(struct ol_env *env, const struct ol_http_request *request, int tries, ol_time pause,
              struct ol_buf *ret_body, struct ol_err *err)
{
    struct ol_http_response response = {.body = OL_BUF_INIT(ret_body->max)};
    int r = -EIO;

    if (request->url[0] == '/' || ol_str_starts(request->url, "file://"))
        return ol_file_read(env, request->url[0] == '/' ? request->url : request->url + 7, ret_body,
                            err);
    for (int i = 0; i == 0 || i < tries; i++) {
        if (i)
            env->clock->sleep(env->clock->ctx, pause);
        ol_buf_clear(&response.body);
        r = fetch_once(env, request, &response, err);
        if (r == 0 || r == -ENOSYS)
            break;
        ol_debug(env, "Please wait %ld seconds while we wait to try again: try %d of %d failed",
                 (long)(pause / OL_SECOND), i + 1, tries);
    }
    if (r == 0)
        ol_buf_add(ret_body, response.body.data, response.body.len);
    ol_buf_done(&response.body);
    return r;
}
