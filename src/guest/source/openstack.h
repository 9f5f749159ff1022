/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/files.h"

/*
 * What OpenStack says about an instance, in either layout of a config drive. Values live in the
 * guest's arena; NULL = the drive has no such file. cloud-init 26.2
 * sources/helpers/openstack.py.
 */
struct openstack_data {
    int version;             /* 2, or 1 for the layout of 2011 with meta.js */
    struct ol_val *metadata; /* a map; with local-hostname and instance-id as the rest names them */
    struct ol_val *userdata; /* text or bytes */
    struct ol_val *vendordata, *vendordata2, *networkdata; /* map, list or text */
    struct ol_val *ec2_metadata;                           /* a map */
    struct ol_val *network_eni;                            /* text of an interfaces file */
    struct ol_val *files;                                  /* map: path in the guest → content */
    const struct ol_val *dsmode;                           /* as the user's "meta" gives it */
};

/*
 * Reads the newest known version below openstack/, else the old layout.
 *   -ENODATA  not a config drive; the sentence names the file that is missing
 *   -EINVAL   it is one, but broken; the sentence names the file
 */
int openstack_read(struct guest *g, const struct source_files *f, struct openstack_data *ret,
                   struct ol_err *err) __attribute__((warn_unused_result));

/* vendor_data.json as vendor-data: text and lists as they are, of a map its "cloud-init"; NULL when
 * there is nothing. -EINVAL: neither. sources.convert_vendordata(). */
int openstack_vendordata(const struct ol_val *v, const struct ol_val **ret, struct ol_err *err)
    __attribute__((warn_unused_result));
