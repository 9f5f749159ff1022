/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/merge.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/str.h"
#include "guest/base/cmdline.h"
#include "guest/source/dmi.h"
#include "guest/source/source-internal.h"

const char *source_class(const struct source *s, unsigned have)
{
    for (size_t i = 0; s->classes[i]; i++)
        if (s->needs[i] == have)
            return s->classes[i];
    return s->classes[0];
}

const struct ol_val *source_cfg(const struct guest *g, const char *name)
{
    return ol_val_get(ol_val_get(g->cfg, "datasource"), name);
}

bool source_is_forced(struct guest *g, const char *name)
{
    const struct ol_val *list = ol_val_get(g->cfg, "datasource_list");
    const char *first = ol_val_str(ol_val_item(list, 0));
    const char *second = ol_val_str(ol_val_item(list, 1));

    if (ol_str_eq_nocase(cmdline_datasource(g->arena, guest_cmdline(g), NULL), name))
        return true;
    if (!first || !ol_str_eq_nocase(first, name))
        return false;
    return ol_val_count(list) == 1
           || (ol_val_count(list) == 2 && second && !strcmp(second, "None"));
}

struct ol_val *source_bytes(struct ol_arena *a, const char *data, size_t len)
{
    if (ol_utf8_is_valid(data, len))
        return ol_val_new_strn(a, data, len);
    return ol_val_new_bytes(a, data, len);
}

int source_read(const struct source_files *f, const char *path, struct ol_arena *a,
                struct ol_val **ret, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(SOURCE_FILE_MAX);
    int r = source_files_read(f, path, &b, err);

    if (r < 0)
        return r;
    *ret = source_bytes(a, b.data, b.len);
    return 0;
}

const struct ol_val *source_load_map(struct guest *g, const struct ol_val *text, const char *what)
{
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *v = NULL;

    if (ol_val_is(text, OL_VAL_MAP))
        return text;
    if (!ol_val_is(text, OL_VAL_STR) && !ol_val_is(text, OL_VAL_BYTES))
        return NULL;
    if (ol_yaml_load(text->str.data, text->str.len, g->arena, &v, &err) < 0) {
        ol_warn(g->env,
                "Failed loading yaml blob. Invalid format at line %d column %d: \"%s\" (%s)",
                err.line, err.column, ol_err_text(&err), what);
        return NULL;
    }
    if (ol_val_is(v, OL_VAL_MAP))
        return v;
    if (!ol_val_is(v, OL_VAL_NULL))
        ol_warn(g->env,
                "Failed loading yaml blob. Yaml load allows (<class 'dict'>,) root types, but got "
                "%s instead (%s)",
                ol_val_type_name(v), what);
    return NULL;
}

struct ol_val *source_complete(struct guest *g, const struct ol_val *first,
                               const struct ol_val *second)
{
    const struct ol_val *parts[] = {first, second};
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *merged = NULL;

    if (ol_merge_system(g->arena, parts, ol_count(parts), &merged, &err) >= 0
        && ol_val_is(merged, OL_VAL_MAP))
        return ol_val_copy(g->arena, merged);
    if (err.code)
        ol_warn(g->env, "meta-data cannot be put together: %s", ol_err_text(&err));
    return ol_val_is(first, OL_VAL_MAP) ? ol_val_copy(g->arena, first) : ol_val_new_map(g->arena);
}

const char *source_dsmode(struct guest *g, const struct ol_val *const *candidates, size_t n)
{
    static const char *const valid[] = {"disabled", "local", "net", NULL};

    for (size_t i = 0; i < n; i++) {
        const char *mode = ol_val_str(candidates[i]);

        if (!candidates[i] || ol_val_is(candidates[i], OL_VAL_NULL))
            continue;
        if (mode && ol_str_in(mode, valid))
            return mode;
        ol_warn(g->env, "invalid dsmode '%s', using default=net",
                ol_val_to_text(g->arena, candidates[i]));
        break;
    }
    return "net";
}

const char *source_subplatform(struct guest *g, const char *place)
{
    return ol_arena_printf(g->arena, "%s (%s)",
                           ol_str_starts(place, "/dev") ? "config-disk" : "seed-dir", place);
}

/* A directory gets this name. */
static bool is_usable_iid(const char *iid)
{
    enum { LONGEST = 200 };

    return *iid && strcmp(iid, ".") != 0 && strcmp(iid, "..") != 0 && strlen(iid) <= LONGEST;
}

/* One that cannot be used is as good as none: the machine's data is still its own. */
static const char *read_iid(struct guest *g, const struct source_facts *facts)
{
    static const char unknown[] = "iid-datasource";
    const struct ol_val *given = ol_val_get(facts->metadata, "instance-id");
    const char *iid = given ? ol_val_to_text(g->arena, given) : unknown;

    if (!ol_val_is(given, OL_VAL_LIST) && !ol_val_is(given, OL_VAL_MAP) && is_usable_iid(iid))
        return iid;
    ol_warn(g->env, "%s: instance-id is a %s but has to be text of 1 to 200 bytes; '%s' is used",
            facts->name, ol_val_type_name(given), unknown);
    return unknown;
}

int source_fill(struct guest *g, const struct source_facts *facts, struct ol_val *doc,
                struct ol_err *err)
{
    const char *iid = read_iid(g, facts), *uuid, *cloud_name;
    struct ol_arena *a = g->arena;

    cloud_name = ol_val_str(ol_val_get(facts->metadata, "cloud-name"));
    if (!cloud_name || !*cloud_name)
        cloud_name = facts->cloud_name;
    uuid = dmi_read(g, "system-uuid");
    ol_val_set_str(a, doc, "source", facts->name);
    ol_val_set_str(a, doc, "description", facts->description);
    ol_val_set_str(a, doc, "instance_id", iid);
    ol_val_set_str(a, doc, "dsmode", facts->dsmode);
    ol_val_set_str(a, doc, "platform", facts->platform);
    ol_val_set_str(a, doc, "subplatform", facts->subplatform);
    ol_val_set_str(a, doc, "cloud_name", ol_str_lower(ol_arena_strdup(a, cloud_name)));
    ol_val_set(a, doc, "metadata", facts->metadata);
    if (uuid && *uuid)
        ol_val_set_str(a, doc, "system_uuid", uuid);
    return 0;
}

bool source_iid_is_uuid(struct guest *g, const struct ol_val *doc)
{
    const char *iid = ol_val_str(ol_val_get(doc, "instance_id"));
    const char *uuid = dmi_read(g, "system-uuid");

    return iid && *iid && uuid && ol_str_eq_nocase(iid, uuid);
}
