/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compute/object/object.h"

/* Tables of classes; a row without name ends each. */
extern const struct nova_class nova_classes_service[];
extern const struct nova_class nova_classes_instance[];
extern const struct nova_class nova_classes_device[];
extern const struct nova_class nova_classes_request[];
extern const struct nova_class nova_classes_list[];

/* Rows of NovaTimestampObject and NovaPersistentObject. */
#define NOVA_TIMESTAMPS                                                                            \
    {"created_at", NOVA_DATETIME, NOVA_NULLABLE},                                                  \
    {                                                                                              \
        "updated_at", NOVA_DATETIME, NOVA_NULLABLE                                                 \
    }
#define NOVA_PERSISTENT                                                                            \
    NOVA_TIMESTAMPS, {"deleted_at", NOVA_DATETIME, NOVA_NULLABLE},                                 \
    {                                                                                              \
        "deleted", NOVA_BOOLEAN                                                                    \
    }

#define NOVA_KEY_NAME    "nova_object.name"
#define NOVA_KEY_SPACE   "nova_object.namespace"
#define NOVA_KEY_VERSION "nova_object.version"
#define NOVA_KEY_DATA    "nova_object.data"
#define NOVA_KEY_CHANGES "nova_object.changes"

/* NULL when the class has no such field. */
const struct nova_field *nova_field_find(const struct nova_class *c, const char *name);
/* "2.7" against "2.10": <0, 0, >0 as strcmp; what is no version is 0.0. */
int nova_version_compare(const char *a, const char *b);
int nova_version_major(const char *version);
