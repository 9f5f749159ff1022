/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/json-patch.h"
#include "codec/json.h"
#include "codec/merge.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/userdata/userdata-internal.h"

#define JSONP_PREFIX "#cloud-config-jsonp"

struct cloud_config {
    struct guest *g;
    struct ol_val *merged; /* NULL = no part yet */
    struct ol_strv names, failed;
};

struct cloud_config *cloud_config_new(struct guest *g)
{
    struct cloud_config *c = ol_arena_alloc(g->arena, sizeof(*c));

    c->g = g;
    return c;
}

/* A part's name as it can stand in a comment. */
static void note_name(struct ol_strv *to, const char *filename)
{
    ol_autofree char *name = ol_str_stripped(filename);

    ol_str_tr(ol_str_tr(ol_str_tr(name, '\n', ' '), '\r', ' '), '\t', ' ');
    ol_strv_add(to, name);
}

static int load(struct cloud_config *c, const struct userdata_part *part, struct ol_val **ret,
                struct ol_err *err)
{
    int r = ol_yaml_load(part->data, part->size, c->g->arena, ret, err);

    if (r < 0) {
        ol_warn(c->g->env, "Failed loading yaml blob. %s in %s", cfg_yaml_error(c->g->arena, err),
                part->filename);
    } else if (!ol_val_is(*ret, OL_VAL_MAP) && !ol_val_is(*ret, OL_VAL_NULL)) {
        ol_warn(c->g->env,
                "Failed loading yaml blob. Yaml load allows (dict) root types, but got %s instead"
                " in %s",
                ol_val_type_name(*ret), part->filename);
        r = -EINVAL;
    } else if (!ol_val_is_within(*ret, USERDATA_MAX / 2)) {
        ol_warn(c->g->env, "Failed loading yaml blob. It is nested too deep, or in itself, in %s",
                part->filename);
        r = -EINVAL;
    } else if (ol_val_is(*ret, OL_VAL_NULL)) {
        r = -EINVAL;
    }
    return r < 0 ? ol_err_set_domain(err, EINVAL, "ValueError", 0, "empty cloud config") : 0;
}

/* What the part itself says of merging, then its header, else the default. */
static int merger_for(struct cloud_config *c, const struct userdata_part *part,
                      struct ol_merger *merger, struct ol_val **cfg, struct ol_err *err)
{
    const char *header = ol_mime_get(part->mime, "Merge-Type");
    int r = ol_merger_take(merger, *cfg, cfg, err);

    if (!header || !*header)
        header = ol_mime_get(part->mime, "X-Merge-Type");
    if (r == 0 && header && *header)
        r = ol_merger_add_text(merger, header, err);
    if (r == 0 && ol_merger_is_empty(merger))
        r = ol_merger_add_text(merger, ol_merge_parts_default, err);
    return r;
}

static int merge(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
{
    struct ol_merger merger = OL_MERGER_INIT(c->g->arena);
    struct ol_val *cfg = NULL;
    int r = load(c, part, &cfg, err);

    if (r == 0)
        r = merger_for(c, part, &merger, &cfg, err);
    if (r == 0)
        r = ol_merge(&merger, c->merged, cfg, &c->merged, err);
    return r;
}

static int patch(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
{
    const char *text = part->data;
    size_t len = part->size;
    struct ol_val *operations = NULL;
    int r;

    while (len && ol_is_space(*text)) {
        text++;
        len--;
    }
    if (len >= strlen(JSONP_PREFIX) && !strncmp(text, JSONP_PREFIX, strlen(JSONP_PREFIX))) {
        text += strlen(JSONP_PREFIX);
        len -= strlen(JSONP_PREFIX);
    }
    r = ol_json_load(text, len, c->g->arena, &operations, err);
    if (r == 0)
        r = ol_json_patch(operations, c->merged, c->g->arena, &c->merged, err);
    return r;
}

/* Upstream lists the parts that fail with a ValueError; those of a patch are none. */
static bool is_patch_error(const struct ol_err *err)
{
    static const char *const domains[] = {"JsonPatchException", "InvalidJsonPatch", NULL};

    return err && err->domain && ol_str_in(err->domain, domains);
}

static int add(struct cloud_config *c, const struct userdata_part *part,
               int (*how)(struct cloud_config *, const struct userdata_part *, struct ol_err *),
               struct ol_err *err)
{
    int r;

    if (!c->merged || !c->names.n)
        c->merged = ol_val_new_map(c->g->arena);
    r = how(c, part, err);
    if (r == 0)
        note_name(&c->names, part->filename);
    else if (!is_patch_error(err))
        note_name(&c->failed, part->filename);
    if (r < 0)
        return ol_err_prefix(err, r, "Failed at merging in cloud config part from %s",
                             part->filename);
    return 0;
}

int cloud_config_add(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
{
    return add(c, part, merge, err);
}

int cloud_config_patch(struct cloud_config *c, const struct userdata_part *part, struct ol_err *err)
{
    return add(c, part, patch, err);
}

static int write_text(struct cloud_config *c, const char *path, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(USERDATA_MAX);
    int r;

    if (c->merged) {
        ol_buf_adds(&text, "#cloud-config\n\n");
        if (c->names.n)
            ol_buf_printf(&text, "# from %zu files\n", c->names.n);
        ol_strv_each (name, &c->names)
            ol_buf_printf(&text, "# %s\n", *name ? name : "?");
        if (c->names.n)
            ol_buf_addc(&text, '\n');
        ol_strv_each (name, &c->failed)
            ol_buf_printf(&text, "# Cloud-config part ignored SCHEMA_ERROR: %s\n", name);
        r = ol_yaml_dump(c->merged, &ol_yaml_cloud_init, &text);
        if (r < 0)
            return ol_err_set(err, -r, "'%s': the merged cloud-config is too large", path);
    }
    return ol_file_write_buf(c->g->env, path, &text, 0600, 0, err);
}

int cloud_config_write(struct cloud_config *c, const char *path, struct ol_err *err)
{
    int r = write_text(c, path, err);

    ol_strv_done(&c->names);
    ol_strv_done(&c->failed);
    c->merged = NULL;
    return r;
}
