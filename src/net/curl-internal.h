/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What our two HTTP clients share; none of it calls libcurl, which the one loads and the other
 * links. */

/* Positive errno of a CURLcode; EIO where none fits. */
int curl_errno(int code);
