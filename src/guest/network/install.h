/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/network/network.h"

/* The first renderer of the configuration's list, else in upstream's order, that the tree has the
 * programs for; NULL when there is none. *ret_list shows the list as Python does; in the arena. */
const struct net_renderer *net_pick_renderer(struct guest *g, const char **ret_list);
/* The tree has the renderer's programs and files. */
bool net_renderer_is_available(struct guest *g, const struct net_renderer *renderer);

/* Bits of 'flags' */
enum net_install_flag {
    /* Remove what an earlier instance's configuration left, whichever renderer wrote it: files that
     * match its patterns, say that they are generated, and are not written now. */
    NET_INSTALL_PURGE = 1 << 0,
};

/* Writes the files with their modes and owners. *ret_is_changed: one of them is new or other than
 * before. */
int net_install(struct guest *g, const struct net_files *files, unsigned flags,
                bool *ret_is_changed, struct ol_err *err) __attribute__((warn_unused_result));
