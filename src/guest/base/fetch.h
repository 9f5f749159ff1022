/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/clock.h"
#include "core/env.h"
#include "core/err.h"
#include "core/http.h"

/*
 * Asks again until an answer below status 400 came (cloud-init 26.2 url_helper.readurl()), 'tries'
 * times in all with 'pause' between. "file:" URLs and paths are read below the root. The body is
 * added to 'ret_body'.
 *   -EIO    the server's last answer was an error; err->status has it, domain "UrlError"
 *   -errno  there was no answer
 */
int fetch_url(struct ol_env *env, const struct ol_http_request *request, int tries, ol_time pause,
              struct ol_buf *ret_body, struct ol_err *err) __attribute__((warn_unused_result));
