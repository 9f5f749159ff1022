/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "compute/rpc/transport.h"

const struct rpc_transport *const rpc_transports[] = {
    &rpc_bus,
    &rpc_rabbit,
    NULL,
};

int rpc_transport_find(const char *url, const struct rpc_transport **ret, struct ol_err *err)
{
    size_t len = url ? strcspn(url, ":") : 0;

    if (!url || !url[len])
        return ol_err_set(err, EINVAL, "transport_url has no scheme");
    for (size_t i = 0; rpc_transports[i]; i++) {
        if (strlen(rpc_transports[i]->scheme) != len
            || strncmp(rpc_transports[i]->scheme, url, len) != 0)
            continue;
        *ret = rpc_transports[i];
        return 0;
    }
    return ol_err_set(err, EINVAL, "transport_url: there is no transport for '%.*s:'",
                      len > 20 ? 20 : (int)len, url);
}
