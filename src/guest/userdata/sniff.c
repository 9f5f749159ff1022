/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/str.h"
#include "guest/userdata/userdata-internal.h"

/* Longest first. */
static const struct {
    const char *prefix, *type;
} prefixes[] = {
    {"#cloud-config-archive", "text/cloud-config-archive"},
    {"#cloud-config-jsonp", "text/cloud-config-jsonp"},
    {"## template: jinja", "text/jinja2"},
    {"#cloud-boothook", "text/cloud-boothook"},
    {"#cloud-config", "text/cloud-config"},
    {"#include-once", "text/x-include-once-url"},
    {"#part-handler", "text/part-handler"},
    {"#include", "text/x-include-url"},
    {"#!", "text/x-shellscript"},
};

const char *const userdata_known_types[] = {
    "cloud-boothook",
    "cloud-config",
    "cloud-config-archive",
    "cloud-config-jsonp",
    "jinja2",
    "part-handler",
    "x-include-once-url",
    "x-include-url",
    "x-shellscript",
    "x-shellscript-per-boot",
    "x-shellscript-per-instance",
    "x-shellscript-per-once",
    NULL,
};

const char *userdata_sniff(const char *data, size_t size)
{
    size_t at = 0;

    while (at < size && ol_is_space(data[at]))
        at++;
    for (size_t i = 0; i < ol_count(prefixes); i++) {
        size_t len = strlen(prefixes[i].prefix);

        if (len <= size - at && !strncasecmp(data + at, prefixes[i].prefix, len))
            return prefixes[i].type;
    }
    return NULL;
}
