/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rpc/rabbit-url.h"
#include "core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_host(const struct rabbit_host *h)
{
    must(h->name[0] && h->user && h->password && h->peer);
    must(h->port >= 1 && h->port <= 65535);
}

/* Whatever is read has hosts with names, ports and something to show. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(4 << 20);
    struct rpc_transport_options o = {.is_durable = false};
    ol_autofree char *text = calloc(1, size + 1);
    struct ol_err err = OL_ERR_INIT;
    struct rabbit_url u;

    memcpy(text, data, size);
    if (rabbit_url_parse(&a, text, &u, &err) < 0) {
        must(err.msg[0]);
        return 0;
    }
    must(u.n_hosts >= 1 && u.n_hosts <= RABBIT_HOSTS_MAX);
    for (size_t i = 0; i < u.n_hosts; i++)
        check_host(&u.hosts[i]);
    must(rabbit_url_apply(&u, &o, &err) >= 0 || err.msg[0]);
    return 0;
}
