/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/module/module.h"

/*
 * User-data and vendor-data: from the bytes that the datasource gave to files that later
 * stages read (cloud-config.txt, scripts/, boothooks/ …). The forms and their handlers are
 * rows of a table.
 */

/* Which of the three */
enum userdata_kind {
    USERDATA_USER,
    USERDATA_VENDOR,
    USERDATA_VENDOR2,
};

struct ol_mime_part;

/* All three as flat messages, in the guest's arena. */
struct userdata {
    struct ol_mime_part *messages[3]; /* by enum userdata_kind */
    struct ol_err refused; /* why one of them is taken as empty: it is no data that can be read */
};

/*
 * Realises all three (decompresses, splits, fetches includes) and writes user-data.txt and
 * user-data.txt.i and their vendor siblings, 0600 (cloud-init 26.2 stages.Init.update()).
 * -errno: an include or a compressed part could not be had. Content that is refused (too large,
 * nested too deep) is no error: see 'refused'.
 */
int userdata_store(struct guest *g, struct userdata *ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/*
 * Hands the parts of one to their handlers: those that run per instance and always, or with
 * FREQ_ALWAYS only the latter (Init.consume_data()). Vendor-data obeys vendor_data: {enabled,
 * disabled_handlers} of g->cfg, which therefore has to hold the user's cloud-config already.
 */
int userdata_consume(struct guest *g, const struct userdata *data, enum userdata_kind kind,
                     enum frequency frequency, struct ol_err *err)
    __attribute__((warn_unused_result));
