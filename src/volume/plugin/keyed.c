/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/strv.h"
#include "kube/base/kind.h"
#include "volume/plugin/plugin-internal.h"

/* kubernetes.io/configmap and kubernetes.io/secret: files from the API, a Secret's in memory. */

enum { DEFAULT_MODE = 0644 };

/* Bytes of a key; false when there is none. */
static bool data_of(const struct kube_data *d, const char *key, struct volume_arg *ret)
{
    const struct kube_datum *v = d->data.v;
    const char *text = kube_map_get(&d->text, key);

    if (text) {
        *ret = (struct volume_arg){text, strlen(text)};
        return true;
    }
    for (uint32_t i = 0; i < d->data.n; i++) {
        if (!strcmp(v[i].key, key)) {
            *ret = (struct volume_arg){v[i].value.size ? (const char *)v[i].value.data : "",
                                       v[i].value.size};
            return true;
        }
    }
    return false;
}

static void add_file(struct volume_plan *to, const char *path, int64_t mode,
                     const struct volume_arg *content)
{
    char octal[24];
    struct volume_arg args[3];

    snprintf(octal, sizeof(octal), "%04llo", (unsigned long long)mode);
    args[0] = (struct volume_arg){path, strlen(path)};
    args[1] = (struct volume_arg){octal, strlen(octal)};
    args[2] = *content;
    volume_plan_add_args(to, VOLUME_FILE, args, 3);
}

/* A key's path stays in the volume: relative, without ".." (validated by API servers, too). */
static bool is_inside(const char *path)
{
    ol_auto(ol_strv_done) struct ol_strv parts = OL_STRV_INIT;

    ol_strv_split(&parts, path, "/");
    if (!*path || *path == '/' || !parts.n)
        return false;
    ol_strv_each (part, &parts) {
        if (!strcmp(part, ".."))
            return false;
    }
    return true;
}

static void add_all(const struct kube_data *d, int64_t mode, struct volume_plan *to)
{
    const struct kube_datum *v = d->data.v;

    for (uint32_t i = 0; i < d->text.n; i++) {
        const char *text = d->text.v[i].value;

        if (is_inside(d->text.v[i].key))
            add_file(to, d->text.v[i].key, mode, &(struct volume_arg){text, strlen(text)});
    }
    for (uint32_t i = 0; i < d->data.n; i++) {
        struct volume_arg content;

        if (is_inside(v[i].key) && data_of(d, v[i].key, &content))
            add_file(to, v[i].key, mode, &content);
    }
}

static int add_items(const struct volume_setup *s, const struct kube_keyed_source *source,
                     const char *kind, struct volume_plan *to, struct ol_err *err)
{
    const struct kube_key_path *items = source->items.v;
    int64_t mode = source->default_mode < 0 ? DEFAULT_MODE : source->default_mode;

    for (uint32_t i = 0; i < source->items.n; i++) {
        struct volume_arg content;

        if (!is_inside(items[i].path))
            return ol_err_set(err, EINVAL, "invalid path \"%s\": must be relative, without \"..\"",
                              items[i].path);
        if (data_of(s->data, items[i].key, &content))
            add_file(to, items[i].path, items[i].mode < 0 ? mode : items[i].mode, &content);
        else if (!source->is_optional)
            return ol_err_set(err, EINVAL, "references non-existent %s key: %s", kind,
                              items[i].key);
    }
    return 0;
}

int volume_plan_payload(const struct volume_setup *s, const struct kube_keyed_source *source,
                        const char *kind, struct volume_plan *to, struct ol_err *err)
{
    int r = 0;

    volume_plan_add(to, VOLUME_PAYLOAD, s->target);
    if (s->data && source->items.n)
        r = add_items(s, source, kind, to, err);
    else if (s->data)
        add_all(s->data, source->default_mode < 0 ? DEFAULT_MODE : source->default_mode, to);
    if (r < 0)
        return r;
    volume_plan_add(to, VOLUME_COMMIT, s->target);
    volume_plan_own(s, s->target, to);
    return 0;
}

static bool owns_config_map(const struct volume_spec *spec)
{
    return !spec->pv && spec->volume->config_map;
}

static bool owns_secret(const struct volume_spec *spec)
{
    return !spec->pv && spec->volume->secret;
}

static void identify(const struct volume_spec *spec, struct ol_buf *to)
{
    ol_buf_adds(to, spec->volume->name);
}

static int set_up_config_map(const struct volume_setup *s, struct volume_plan *to,
                             struct ol_err *err)
{
    volume_plan_add(to, VOLUME_MKDIR, s->target, "0777");
    return volume_plan_payload(s, s->spec->volume->config_map, "config", to, err);
}

static int set_up_secret(const struct volume_setup *s, struct volume_plan *to, struct ol_err *err)
{
    volume_plan_add(to, VOLUME_MKDIR, s->target, "0777");
    volume_plan_add(to, VOLUME_MOUNT, "tmpfs", "tmpfs", s->target, "");
    return volume_plan_payload(s, s->spec->volume->secret, "secret", to, err);
}

/* Nothing in it is the user's: it can be removed with all that it holds. */
static void tear_down(const char *target, bool is_forced, struct volume_plan *to)
{
    volume_plan_add(to, VOLUME_UMOUNT, target, "-");
    volume_plan_add(to, VOLUME_REMOVE_TREE, target);
}

const struct volume_plugin volume_config_map = {
    .name = "kubernetes.io/configmap",
    .flags = VOLUME_TAKES_GROUP | VOLUME_IS_DATA,
    .owns = owns_config_map,
    .identify = identify,
    .set_up = set_up_config_map,
    .tear_down = tear_down,
};

const struct volume_plugin volume_secret = {
    .name = "kubernetes.io/secret",
    .flags = VOLUME_TAKES_GROUP | VOLUME_IS_DATA,
    .owns = owns_secret,
    .identify = identify,
    .set_up = set_up_secret,
    .tear_down = tear_down,
};
