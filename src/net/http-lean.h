/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/http.h"

/*
 * The blocking transport of daemons that ask services all day: plain http:// is spoken by
 * ourselves, over connections that are kept. libcurl brings some thirty libraries and 5 MiB, so it
 * is loaded for what needs it only: https, proxies, redirects that are followed, requests that keep
 * nothing (http-client.h, whose failures these are, too).
 *
 *     env.http = &ol_http_lean;
 */
extern const struct ol_http ol_http_lean;
