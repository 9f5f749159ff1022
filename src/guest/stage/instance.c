/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/instance.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cfg.h"

enum {
    CACHE_VERSION = 1,
    CACHE_MAX = 64 << 20,
};

#define NO_PREVIOUS "NO_PREVIOUS_INSTANCE_ID"
#define B64_PREFIX  "ci-b64:"

struct instance_verdict instance_decide(const struct instance_facts *f)
{
    if (!f->has_cache)
        return (struct instance_verdict){false, "no cache found"};
    if (f->is_this_boot)
        return (struct instance_verdict){true, "restored from cache with run check"};
    if (f->trust == INSTANCE_TRUST)
        return (struct instance_verdict){true, "restored from cache"};
    if (f->is_same_instance)
        return (struct instance_verdict){true, "restored from checked cache"};
    return (struct instance_verdict){false, "cache invalid in datasource"};
}

/* A text that looks as if it were marked is written as bytes, so that it comes back as it was. */
static struct ol_val *wrapped(struct ol_arena *a, struct ol_val *v)
{
    struct ol_val *to;

    if (ol_val_str(v) && ol_str_starts(ol_val_str(v), B64_PREFIX))
        return ol_val_new_bytes(a, v->str.data, v->str.len);
    if (!ol_val_is(v, OL_VAL_MAP) && !ol_val_is(v, OL_VAL_LIST))
        return v;
    to = ol_val_copy_top(a, v);
    for (size_t i = 0; ol_val_is(to, OL_VAL_MAP) && i < to->map.n; i++)
        to->map.pairs[i].value = wrapped(a, to->map.pairs[i].value);
    for (size_t i = 0; ol_val_is(to, OL_VAL_LIST) && i < to->list.n; i++)
        to->list.items[i] = wrapped(a, to->list.items[i]);
    return to;
}

/* Strings that the writer marked as base64 become what they were: text where it is UTF-8. */
static struct ol_val *unwrapped(struct ol_arena *a, struct ol_val *v)
{
    ol_auto(ol_buf_done) struct ol_buf raw = OL_BUF_INIT(CACHE_MAX);

    if (ol_val_is(v, OL_VAL_MAP)) {
        for (size_t i = 0; i < v->map.n; i++)
            v->map.pairs[i].value = unwrapped(a, v->map.pairs[i].value);
    } else if (ol_val_is(v, OL_VAL_LIST)) {
        for (size_t i = 0; i < v->list.n; i++)
            v->list.items[i] = unwrapped(a, v->list.items[i]);
    }
    if (!ol_val_str(v) || !ol_str_starts(ol_val_str(v), B64_PREFIX))
        return v;
    if (ol_base64_decode(v->str.data + strlen(B64_PREFIX), v->str.len - strlen(B64_PREFIX), 0, &raw,
                         NULL)
        < 0)
        return v;
    if (ol_utf8_is_valid(raw.data, raw.len))
        return ol_val_new_strn(a, raw.data, raw.len);
    return ol_val_new_bytes(a, raw.data, raw.len);
}

int instance_load_cache(struct guest *g, struct ol_val **ret_doc, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CACHE_MAX);
    const char *path = guest_instance_path(g, "obj.json");
    struct ol_val *all = NULL;
    int r = ol_file_read(g->env, path, &text, err);

    if (r < 0)
        return r;
    r = ol_json_load(text.data, text.len, g->arena, &all, err);
    if (r < 0)
        return ol_err_prefix(err, r, "cache '%s'", path);
    if (ol_val_int(ol_val_get(all, "version"), 0) != CACHE_VERSION
        || !ol_val_is(ol_val_get(all, "datasource"), OL_VAL_MAP))
        return ol_err_set(err, EINVAL, "cache '%s' has another version", path);
    *ret_doc = unwrapped(g->arena, ol_val_get_mut(all, "datasource"));
    return 0;
}

int instance_store_cache(struct guest *g, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(CACHE_MAX);
    const char *path = guest_instance_path(g, "obj.json");
    struct ol_val *all = ol_val_new_map(g->arena);
    int r;

    if (cfg_bool(g->cfg, "manual_cache_clean", false)) {
        r = ol_file_puts(g->env, guest_instance_path(g, "manual-clean"), "", 0644, 0, err);
        if (r < 0)
            return r;
    }
    ol_val_set_int(g->arena, all, "version", CACHE_VERSION);
    ol_val_set(g->arena, all, "datasource", wrapped(g->arena, g->ds.doc));
    r = ol_json_dump(all, &ol_json_cloud_init, &text);
    if (r < 0)
        return ol_err_set(err, -r, "cache '%s' cannot be written as JSON", path);
    r = ol_file_write_buf(g->env, path, &text, 0400, OL_WRITE_ATOMIC, err);
    if (r < 0)
        return r;
    /* A cache of the Python program would be stale from now on; it does without one. */
    return ol_unlink(g->env, guest_instance_path(g, "obj.pkl"), err);
}

/* A line of a state file, which has no blanks around it, is this id. */
static bool is_same_id(const char *line, const char *id)
{
    ol_autofree char *stripped = id ? ol_str_stripped(id) : NULL;

    return line && stripped && !strcmp(line, stripped);
}

static bool is_this_boot(struct guest *g, const char *instance_id)
{
    ol_autofree char *id = ol_file_read_line(g->env, guest_run_path(g, ".instance-id"));

    return is_same_id(id, instance_id);
}

struct instance_verdict instance_restore(struct guest *g, enum instance_trust trust)
{
    struct instance_facts facts = {.trust = trust};
    struct instance_verdict verdict;
    struct ol_val *doc = NULL;
    struct ol_err err = OL_ERR_INIT;
    const struct source *source = NULL;
    int r = instance_load_cache(g, &doc, &err);

    if (r < 0 && r != -ENOENT)
        ol_warn(g->env, "%s; the datasource is read again", ol_err_text(&err));
    if (r == 0)
        source = source_find(ol_val_str(ol_val_get(doc, "source")));
    facts.has_cache = source != NULL;
    if (source) {
        facts.is_this_boot = is_this_boot(g, ol_val_str(ol_val_get(doc, "instance_id")));
        facts.is_same_instance = trust == INSTANCE_CHECK && !facts.is_this_boot
                                 && source->is_same_instance && source->is_same_instance(g, doc);
    }
    verdict = instance_decide(&facts);
    if (source)
        verdict.why = ol_arena_printf(g->arena, "%s: %s", verdict.why,
                                      ol_val_to_text(g->arena, ol_val_get(doc, "description")));
    if (verdict.use_cache)
        g->ds = (struct guest_ds){.source = source, .doc = doc};
    return verdict;
}

void instance_compare(struct guest *g)
{
    ol_autofree char *id = ol_file_read_line(g->env, guest_cloud_path(g, "data/instance-id"));

    g->previous_instance_id = ol_arena_strdup(g->arena, id ? id : NO_PREVIOUS);
    g->is_new_instance = !is_same_id(id, guest_instance_id(g));
}

/* A directory name that stays below instances/ whatever the id is. */
static const char *instance_dir(struct guest *g)
{
    char *name = ol_str_tr(ol_arena_strdup(g->arena, guest_instance_id(g)), '/', '_');

    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return guest_cloud_path(g, ol_arena_printf(g->arena, "instances/_%s", name));
    return guest_cloud_path(g, ol_arena_printf(g->arena, "instances/%s", name));
}

static int link_instance(struct guest *g, const char *dir, struct ol_err *err)
{
    const char *link = guest_cloud_path(g, "instance");
    ol_autofree char *now = ol_readlink(g->env, link);
    static const char *const subdirs[] = {"handlers", "scripts", "sem"};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ol_count(subdirs); i++)
        r = ol_mkdir_p(g->env, ol_arena_printf(g->arena, "%s/%s", dir, subdirs[i]), 0755, err);
    if (r < 0)
        return r;
    if (now && !strcmp(now, dir)) {
        ol_info(g->env, "Instance link already exists, not recreating it.");
        return 0;
    }
    return ol_symlink(g->env, dir, link, err);
}

/* One line of state; written only when it changes. */
static int note(struct guest *g, const char *path, const char *line, struct ol_err *err)
{
    ol_autofree char *now = ol_file_read_line(g->env, path);

    if (now && !strcmp(now, line))
        return 0;
    return ol_file_puts(g->env, path, ol_arena_printf(g->arena, "%s\n", line), 0644,
                        OL_WRITE_ATOMIC, err);
}

static int note_datasource(struct guest *g, const char *dir, struct ol_err *err)
{
    const char *description = ol_val_to_text(g->arena, guest_ds_get(g, "description"));
    const char *file = ol_arena_printf(g->arena, "%s/datasource", dir);
    const char *line =
        ol_arena_printf(g->arena, "DataSource%s: %s", g->ds.source->name, description);
    ol_autofree char *previous = ol_file_read_line(g->env, file);
    int r = note(g, file, line, err);

    if (r < 0)
        return r;
    return note(g, guest_cloud_path(g, "data/previous-datasource"),
                previous && *previous ? previous : line, err);
}

int instance_reflect(struct guest *g, struct ol_err *err)
{
    const char *dir = instance_dir(g);
    int r;

    instance_compare(g);
    r = link_instance(g, dir, err);
    if (r == 0)
        r = note_datasource(g, dir, err);
    if (r == 0)
        r = instance_store_cache(g, err);
    if (r == 0)
        r = note(g, guest_cloud_path(g, "data/previous-instance-id"), g->previous_instance_id, err);
    return r;
}

int instance_commit(struct guest *g, struct ol_err *err)
{
    const char *id = guest_instance_id(g);
    int r = note(g, guest_run_path(g, ".instance-id"), id, err);

    if (r < 0)
        return r;
    return note(g, guest_cloud_path(g, "data/instance-id"), id, err);
}
