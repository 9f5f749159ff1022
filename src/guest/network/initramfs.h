/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/network/nics.h"

/*
 * What the initramfs has configured, as a version 1 configuration: the files /run/net-*.conf and
 * /run/net6-*.conf of klibc's ipconfig, when the kernel command line has ip= or ip6= or the root is
 * on iSCSI. *ret is NULL when there is nothing. cloud-init 26.2 net/cmdline.py.
 * -EINVAL: a file without DEVICE, or with a PROTO that is none.
 */
int net_from_initramfs(struct guest *g, const struct nics *nics, const struct ol_val **ret,
                       struct ol_err *err) __attribute__((warn_unused_result));

/* One such file. Pure. 'nics' gives the MAC of its device. */
int net_klibc_entry(const char *text, const struct nics *nics, struct ol_arena *a,
                    struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
