/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "codec/mime.h"
#include "guest/userdata/userdata-types.h"
#include "guest/userdata/userdata.h"

enum {
    USERDATA_MAX = 64 << 20,     /* bytes of one blob, also after decompression */
    USERDATA_MAX_INCLUDES = 256, /* over all levels: an include that includes itself ends */
};

/* Content type by the first characters (cloud-init 26.2 handlers.type_from_starts_with): blanks are
 * skipped, case does not count, the longest prefix wins; what follows need not be UTF-8. NULL: none
 * fits. */
const char *userdata_sniff(const char *data, size_t size);

/*
 * Raw data to one multipart/mixed message of parts that handlers take (user_data.py
 * UserDataProcessor.process()). 'raw' is text, bytes, a list of them, or NULL.
 * -errno: an include or a compressed part could not be had.
 */
int userdata_process(struct guest *g, const struct ol_val *raw, struct ol_mime_part **ret,
                     struct ol_err *err) __attribute__((warn_unused_result));

/* One part on its way to a handler. */
struct userdata_part {
    const struct ol_mime_part *mime; /* for its headers */
    const char *type;                /* content type in force */
    const char *filename;
    const char *data; /* decoded; NUL-terminated */
    size_t size;
};

/* Where a kind's results go. */
struct userdata_target {
    const char *cloud_config; /* "cloud-config.txt", below the instance */
    const char *scripts;      /* "scripts", below the instance */
    const char *freq_scripts; /* "scripts", below the cloud directory */
};

/* One consumption of one kind. */
struct userdata_run {
    struct guest *g;
    const struct userdata_target *target;
    enum frequency frequency;
    struct cloud_config *config;
};

/* What to do with a type of part. Const rows in handlers.c. */
struct userdata_handler {
    const char *type;
    enum frequency frequency; /* FREQ_ALWAYS: on every boot */
    bool is_template_target;  /* a jinja template may turn out to be of this type */
    /* -errno with err: logged by the caller, the next part follows. */
    int (*handle)(struct userdata_run *run, const struct userdata_part *part, struct ol_err *err);
};

/* --- cloud-config.c: parts merged into one --- */
struct cloud_config *cloud_config_new(struct guest *g);
int cloud_config_add(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
    __attribute__((warn_unused_result));
int cloud_config_patch(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Writes the file, empty when there was no part. */
int cloud_config_write(struct cloud_config *c, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
