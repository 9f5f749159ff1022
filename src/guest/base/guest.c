/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/guest.h"

#include <string.h>

#include "core/file.h"
#include "guest/distro/distro.h"

const char *guest_cloud_path(const struct guest *g, const char *name)
{
    return ol_arena_printf(g->arena, "%s/%s", g->paths.cloud_dir, name);
}

const char *guest_run_path(const struct guest *g, const char *name)
{
    return ol_arena_printf(g->arena, "%s/%s", g->paths.run_dir, name);
}

const char *guest_instance_path(const struct guest *g, const char *name)
{
    return ol_arena_printf(g->arena, "%s/instance/%s", g->paths.cloud_dir, name);
}

const char *guest_template_path(const struct guest *g, const char *name)
{
    const char *path = ol_arena_printf(g->arena, "%s/%s.tmpl", g->paths.templates_dir, name);

    return ol_is_file(g->env, path) ? path : NULL;
}

const struct ol_val *guest_ds_get(const struct guest *g, const char *key)
{
    const struct ol_val *v = ol_val_get(g->ds.doc, key);

    return ol_val_is(v, OL_VAL_NULL) ? NULL : v;
}

const struct ol_val *guest_metadata(const struct guest *g, const char *key)
{
    return ol_val_get(guest_ds_get(g, "metadata"), key);
}

const char *guest_instance_id(const struct guest *g)
{
    const char *id = ol_val_str(guest_ds_get(g, "instance_id"));

    return id && *id ? id : "iid-datasource-none";
}

static void add_lines(struct ol_arena *a, struct ol_val *to, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\r\n");

        ol_val_append(a, to, ol_val_new_strn(a, text, len));
        text += len;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : *text ? 1 : 0;
    }
}

static void add_all(struct ol_arena *a, struct ol_val *to, const struct ol_val *keys)
{
    for (size_t i = 0; ol_val_is(keys, OL_VAL_LIST) && i < ol_val_count(keys); i++)
        if (ol_val_is_truthy(ol_val_item(keys, i)))
            ol_val_append(a, to, ol_val_copy(a, ol_val_item(keys, i)));
}

const struct ol_val *guest_public_keys(const struct guest *g)
{
    /* OpenStack's own name stays in its metadata (sources/helpers/openstack.py, SourceMixin). */
    bool is_openstack = ol_val_int(guest_ds_get(g, "version"), 0) == 2;
    const struct ol_val *given = guest_metadata(g, is_openstack ? "public_keys" : "public-keys");
    struct ol_val *keys = ol_val_new_list(g->arena);

    if (ol_val_str(given))
        add_lines(g->arena, keys, ol_val_str(given));
    add_all(g->arena, keys, given);
    for (size_t i = 0; ol_val_is(given, OL_VAL_MAP) && i < ol_val_count(given); i++) {
        const struct ol_val *of_name = ol_val_pair(given, i)->value;

        if (ol_val_str(of_name))
            add_lines(g->arena, keys, ol_val_str(of_name));
        else if (ol_val_is(of_name, OL_VAL_LIST))
            add_all(g->arena, keys, of_name);
    }
    return keys;
}

/* An absolute path without slashes at its end, since names are put behind it. */
static const char *path_setting(const struct guest *g, const char *key, const char *fallback)
{
    const char *path = ol_val_str(ol_val_get(ol_val_at(g->cfg, "system_info/paths"), key));
    size_t len = path ? strlen(path) : 0;

    while (len && path[len - 1] == '/')
        len--;
    return len && path[0] == '/' ? ol_arena_memdup(g->arena, path, len) : fallback;
}

void guest_set_config(struct guest *g, const struct ol_val *cfg)
{
    const char *name;

    g->cfg = cfg;
    g->paths.cloud_dir = path_setting(g, "cloud_dir", "/var/lib/cloud");
    g->paths.run_dir = path_setting(g, "run_dir", "/run/cloud-init");
    g->paths.templates_dir = path_setting(g, "templates_dir", "/etc/cloud/templates");
    name = ol_val_str(ol_val_at(cfg, "system_info/distro"));
    g->distro = distro_find(name ? name : "ubuntu");
    if (!g->distro)
        g->distro = distro_find("ubuntu");
}
