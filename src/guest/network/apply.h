/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"

/* Bits of the flags of net_apply() */
enum net_apply_flag {
    NET_APPLY_BRING_UP = 1 << 0, /* start the interfaces too, not only write files */
};

/*
 * Finds the network configuration that holds for this machine (the datasource's, else DHCP on the
 * interface that most likely is connected) and, on a new instance, writes it in the form of the
 * first renderer that this tree has. -errno: it makes no sense, or a file cannot be written.
 */
int net_apply(struct guest *g, unsigned flags, struct ol_err *err)
    __attribute__((warn_unused_result));
