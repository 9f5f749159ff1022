/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/apiserver/api-internal.h"

/* Route and query of a request, or the sentence about what is wrong with them. */
void api_request_route(struct api_request *q, const char *path, const char *query);

/* Handlers of ol_http_server_options: by what the peer shows, and of a socket that is the
 * administrator's. */
void api_http_handle(void *server, struct ol_http_exchange *x);
void api_http_handle_admin(void *server, struct ol_http_exchange *x);
