/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/source/dmi.h"

#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cmdline.h"

static const char *const files[][2] = {
    {"baseboard-asset-tag", "board_asset_tag"},
    {"baseboard-manufacturer", "board_vendor"},
    {"baseboard-product-name", "board_name"},
    {"baseboard-serial-number", "board_serial"},
    {"baseboard-version", "board_version"},
    {"bios-release-date", "bios_date"},
    {"bios-vendor", "bios_vendor"},
    {"bios-version", "bios_version"},
    {"chassis-asset-tag", "chassis_asset_tag"},
    {"chassis-manufacturer", "chassis_vendor"},
    {"chassis-serial-number", "chassis_serial"},
    {"chassis-version", "chassis_version"},
    {"system-manufacturer", "sys_vendor"},
    {"system-product-name", "product_name"},
    {"system-serial-number", "product_serial"},
    {"system-uuid", "product_uuid"},
    {"system-version", "product_version"},
};

static const char *file_of(const char *key)
{
    for (size_t i = 0; i < ol_count(files); i++)
        if (!strcmp(key, files[i][0]))
            return files[i][1];
    return NULL;
}

/* What never was set reads as ff octets. */
static bool is_unset(const char *s)
{
    for (; *s; s++)
        if (*s != '\xff')
            return false;
    return true;
}

const char *dmi_read(struct guest *g, const char *key)
{
    const char *name = file_of(key);
    ol_autofree char *value = NULL;

    if (!name || guest_is_container(g))
        return NULL;
    value = ol_file_read_line(g->env, ol_arena_printf(g->arena, "/sys/class/dmi/id/%s", name));
    if (!value)
        return NULL;
    if (is_unset(value))
        return "";
    if (!ol_utf8_is_valid(value, strlen(value))) {
        ol_error(g->env, "/sys/class/dmi/id/%s is not UTF-8", name);
        return NULL;
    }
    return ol_arena_strdup(g->arena, value);
}

/* Length of "__dmi.KEY__" at 'at', 0 when it is not one; stores KEY. */
static size_t variable_at(struct ol_arena *a, const char *at, const char **ret_key)
{
    size_t start = strlen("__dmi."), len;

    if (strncmp(at, "__dmi.", start) != 0)
        return 0;
    len = strcspn(at + start, "_");
    if (!len || strncmp(at + start + len, "__", 2) != 0)
        return 0;
    *ret_key = ol_arena_memdup(a, at + start, len);
    return start + len + 2;
}

const char *dmi_substitute(struct guest *g, const char *text)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(64 << 10);

    for (const char *at = text; *at;) {
        const char *key = NULL, *value;
        size_t len = variable_at(g->arena, at, &key);

        if (len && file_of(key)) {
            value = dmi_read(g, key);
            ol_debug(g->env, "Replacing __dmi.%s__ in '%s' with '%s'.", key, text,
                     value ? value : "");
            ol_buf_adds(&b, value ? value : "");
            at += len;
            continue;
        }
        if (len)
            ol_warn(g->env, "Ignoring invalid __dmi.%s__ in %s.", key, text);
        ol_buf_addc(&b, *at++);
    }
    return ol_arena_strdup(g->arena, b.data);
}
