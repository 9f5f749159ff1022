/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/files.h"

/* NoCloud's four documents, put together from the places that hold some of them. Values live in
 * the guest's arena. */
struct seed {
    struct ol_val *metadata;       /* a map, never NULL */
    const struct ol_val *userdata; /* text or bytes; NULL = none */
    const struct ol_val *vendordata;
    const struct ol_val *network; /* a map; NULL = none */
};

void seed_init(struct seed *s, struct guest *g);

/*
 * What 'more' has is added to the metadata where it lacks it and replaces the other documents.
 * Keys as the files' names; text is read as YAML. cloud-init 26.2
 * DataSourceNoCloud._merge_new_seed().
 */
void seed_add(struct seed *s, struct guest *g, const struct ol_val *more);

/*
 * Reads meta-data and user-data (both required), vendor-data and network-config (optional) from a
 * place and adds them. -ENODATA: a required file is missing, the sentence names it and the place.
 */
int seed_add_files(struct seed *s, struct guest *g, const struct source_files *f,
                   struct ol_err *err) __attribute__((warn_unused_result));

/*
 * Reads the four documents from a URL ("http://…/", "file:///…", "/dir/"; "%s" stands for the
 * document's name) and adds them: meta-data completes, the others replace. meta-data and user-data
 * have to be there. cloud-init 26.2 util.read_seeded().
 */
int seed_add_url(struct seed *s, struct guest *g, const char *url, struct ol_err *err)
    __attribute__((warn_unused_result));
