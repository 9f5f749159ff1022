/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <errno.h>

#include "core/cleanup.h"
#include "net/curl-internal.h"

int curl_errno(int code)
{
    static const struct {
        CURLcode code;
        int error;
    } table[] = {
        {CURLE_UNSUPPORTED_PROTOCOL, EINVAL},
        {CURLE_URL_MALFORMAT, EINVAL},
        {CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH},
        {CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH},
        {CURLE_COULDNT_CONNECT, ECONNREFUSED},
        {CURLE_OPERATION_TIMEDOUT, ETIMEDOUT},
        {CURLE_TOO_MANY_REDIRECTS, ELOOP},
        {CURLE_OUT_OF_MEMORY, ENOMEM},
        {CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED},
        {CURLE_GOT_NOTHING, ECONNRESET},
        {CURLE_SEND_ERROR, ECONNRESET},
        {CURLE_RECV_ERROR, ECONNRESET},
        {CURLE_REMOTE_FILE_NOT_FOUND, ENOENT},
        {CURLE_REMOTE_ACCESS_DENIED, EACCES},
    };

    for (size_t i = 0; i < ol_count(table); i++)
        if (table[i].code == (CURLcode)code)
            return table[i].error;
    return EIO;
}
