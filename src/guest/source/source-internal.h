/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest/base/guest.h"
#include "guest/source/files.h"
#include "guest/source/source.h"

/* What the datasources share. */

extern const struct source source_nocloud, source_configdrive, source_none;

/* Upstream's class name of the row of 's' that equals 'have': "DataSourceNoCloudNet". */
const char *source_class(const struct source *s, unsigned have);
/* The configuration's datasource: NAME: … map; NULL when there is none. */
const struct ol_val *source_cfg(const struct guest *g, const char *name);
/* The kernel command line names it, or datasource_list has it alone (perhaps with None). */
bool source_is_forced(struct guest *g, const char *name);

/* Bytes as a value: text when they are UTF-8. */
struct ol_val *source_bytes(struct ol_arena *a, const char *data, size_t len);
/* A file's content as such a value. Errors as source_files_read(). */
int source_read(const struct source_files *f, const char *path, struct ol_arena *a,
                struct ol_val **ret, struct ol_err *err) __attribute__((warn_unused_result));
/* A map out of YAML text; NULL for nothing. What is no YAML map is warned about in cloud-init's
 * words and gives NULL too (util.load_yaml()). 'what' names the text. */
const struct ol_val *source_load_map(struct guest *g, const struct ol_val *text, const char *what);
/* 'first', completed by what only 'second' has, maps within maps too (util.mergemanydict()). Either
 * may be NULL. Never NULL; what cannot be merged is warned about and left out. */
struct ol_val *source_complete(struct guest *g, const struct ol_val *first,
                               const struct ol_val *second);

/* The first candidate that is given; a wrong one is warned about and gives "net". */
const char *source_dsmode(struct guest *g, const struct ol_val *const *candidates, size_t n);

/*
 * Sets what every document has: source, description, instance_id (metadata's), dsmode, platform,
 * subplatform, cloud_name, metadata, system_uuid.
 */
struct source_facts {
    const char *name;        /* "NoCloud" */
    const char *description; /* str() of upstream's object */
    const char *dsmode;
    const char *platform;
    const char *subplatform;
    const char *cloud_name;
    struct ol_val *metadata; /* a map */
};

/* -EINVAL: the instance-id cannot be one ("", "..", a list). */
int source_fill(struct guest *g, const struct source_facts *facts, struct ol_val *doc,
                struct ol_err *err) __attribute__((warn_unused_result));

/* "config-disk (/dev/sr0)" or "seed-dir (…)" as the place says. */
const char *source_subplatform(struct guest *g, const char *place);
/* The doc's instance-id equals DMI's system-uuid, whatever the case. */
bool source_iid_is_uuid(struct guest *g, const struct ol_val *doc);
