/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/yaml.h"
#include "core/cleanup.h"
#include "guest/network/eni-parse.h"
#include "guest/network/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render_all(const struct ol_val *config, struct ol_arena *a)
{
    for (size_t i = 0; net_renderers[i]; i++) {
        struct net_notes notes = {.n = 0};
        struct net_render_args args = {.distro = "debian", .notes = &notes};
        struct net_files files = {.n = 0};

        if (net_convert(config, net_renderers[i], &args, a, &files, NULL) < 0)
            continue;
        for (size_t f = 0; f < files.n; f++)
            if (files.items[f].path[0] != '/' || strstr(files.items[f].path, "/../"))
                abort();
    }
}

/* Whatever is in a configuration, it is refused or its files lie where they should. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct net_render_args args = {.distro = "debian"};
    struct ol_val *config, *converted;

    if (net_from_eni((const char *)data, size, &a, &converted, NULL) == 0)
        render_all(converted, &a);
    if (ol_yaml_load((const char *)data, size, &a, &config, NULL) < 0)
        return 0;
    render_all(config, &a);
    if (net_from_network_data(config, &args, &a, &converted, NULL) == 0)
        render_all(converted, &a);
    return 0;
}
