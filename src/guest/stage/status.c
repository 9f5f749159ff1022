/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/status.h"

#include <math.h>
#include <string.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/stage/report.h"

enum { STATUS_MAX = 32 << 20 };

static const char *const modes[] = {"init", "init-local", "modules-config", "modules-final"};

static struct ol_val *empty_stage(struct ol_arena *a)
{
    struct ol_val *stage = ol_val_new_map(a);

    ol_val_set(a, stage, "errors", ol_val_new_list(a));
    ol_val_set(a, stage, "recoverable_errors", ol_val_new_map(a));
    ol_val_set(a, stage, "start", ol_val_new_null(a));
    ol_val_set(a, stage, "finished", ol_val_new_null(a));
    return stage;
}

static struct ol_val *empty_doc(struct ol_arena *a)
{
    struct ol_val *doc = ol_val_new_map(a), *v1 = ol_val_new_map(a);

    ol_val_set(a, doc, "v1", v1);
    ol_val_set(a, v1, "datasource", ol_val_new_null(a));
    for (size_t i = 0; i < ol_count(modes); i++)
        ol_val_set(a, v1, modes[i], empty_stage(a));
    return doc;
}

/* What is on disk when it has the shape that we count on; else a fresh document. */
static struct ol_val *earlier_doc(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(STATUS_MAX);
    struct ol_val *doc = NULL;

    if (ol_file_read(g->env, path, &text, NULL) < 0
        || ol_json_load(text.data, text.len, g->arena, &doc, NULL) < 0
        || !ol_val_is(ol_val_get(doc, "v1"), OL_VAL_MAP))
        return empty_doc(g->arena);
    return doc;
}

static struct ol_val *uptime(struct guest *g)
{
    double seconds = (double)ol_now_boot(g->env) / (double)OL_SECOND;

    return ol_val_new_float(g->arena, floor(seconds * 100) / 100);
}

static int write_json(struct guest *g, const char *path, const struct ol_val *doc,
                      struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(STATUS_MAX);
    int r = ol_json_dump(doc, &ol_json_cloud_init, &text);

    if (r < 0)
        return ol_err_set(err, -r, "'%s' cannot be written as JSON", path);
    ol_buf_addc(&text, '\n');
    return ol_file_write_buf(g->env, path, &text, 0644, OL_WRITE_ATOMIC, err);
}

const char *status_link(const struct guest *g, const char *path)
{
    return ol_arena_printf(g->arena, "../..%s", path);
}

/* Writes data/NAME and links it into the run directory. */
static int publish(struct guest *g, const char *name, const struct ol_val *doc, struct ol_err *err)
{
    const char *path = guest_cloud_path(g, ol_arena_printf(g->arena, "data/%s", name));
    const char *link = guest_run_path(g, name);
    const char *target = status_link(g, path);
    ol_autofree char *now = NULL;
    int r = write_json(g, path, doc, err);

    if (r < 0)
        return r;
    now = ol_readlink(g->env, link);
    if (now && !strcmp(now, target))
        return 0;
    return ol_symlink(g->env, target, link, err);
}

static int forget_last_boot(struct guest *g, struct ol_err *err)
{
    static const char *const names[] = {"status.json", "result.json"};

    for (size_t i = 0; i < ol_count(names); i++) {
        const char *data = ol_arena_printf(g->arena, "data/%s", names[i]);
        int r = ol_unlink(g->env, guest_run_path(g, names[i]), err);

        if (r == 0)
            r = ol_unlink(g->env, guest_cloud_path(g, data), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool was_interrupted(const struct ol_val *stage)
{
    return ol_val_is_truthy(ol_val_get(stage, "start"))
           && !ol_val_is_truthy(ol_val_get(stage, "finished"));
}

int status_begin(struct guest *g, const char *mode, struct status *ret, struct ol_err *err)
{
    bool is_first = !strcmp(mode, "init-local");
    struct ol_val *v1;
    int r = ol_mkdir_p(g->env, guest_cloud_path(g, "data"), 0755, err);

    if (r == 0)
        r = ol_mkdir_p(g->env, g->paths.run_dir, 0755, err);
    if (r == 0 && is_first)
        r = forget_last_boot(g, err);
    if (r < 0)
        return r;
    ret->mode = mode;
    ret->doc =
        is_first ? empty_doc(g->arena) : earlier_doc(g, guest_cloud_path(g, "data/status.json"));
    v1 = ol_val_get_mut(ret->doc, "v1");
    if (!ol_val_is(ol_val_get(v1, mode), OL_VAL_MAP))
        ol_val_set(g->arena, v1, mode, empty_stage(g->arena));
    ret->stage = ol_val_get_mut(v1, mode);
    if (was_interrupted(ret->stage))
        ol_warn(g->env, "Unexpected start time found for %s. Was this stage restarted?", mode);
    if (!ol_val_is(ol_val_get(ret->stage, "errors"), OL_VAL_LIST))
        ol_val_set(g->arena, ret->stage, "errors", ol_val_new_list(g->arena));
    ol_val_set_str(g->arena, v1, "stage", mode);
    ol_val_set(g->arena, ret->stage, "start", uptime(g));
    return publish(g, "status.json", ret->doc, err);
}

void status_add_error(struct guest *g, struct status *s, const char *text)
{
    ol_val_append(g->arena, ol_val_get_mut(s->stage, "errors"), ol_val_new_str(g->arena, text));
}

struct ol_val *status_result(struct guest *g, const struct ol_val *v1)
{
    struct ol_val *doc = ol_val_new_map(g->arena), *inner = ol_val_new_map(g->arena);
    struct ol_val *errors = ol_val_new_list(g->arena);

    for (size_t i = 0; i < ol_val_count(v1); i++) {
        const struct ol_val *of_stage = ol_val_get(ol_val_pair(v1, i)->value, "errors");

        for (size_t k = 0; k < ol_val_count(of_stage); k++)
            ol_val_append(g->arena, errors, ol_val_copy(g->arena, ol_val_item(of_stage, k)));
    }
    ol_val_set(g->arena, inner, "datasource", ol_val_get_mut((struct ol_val *)v1, "datasource"));
    ol_val_set(g->arena, inner, "errors", errors);
    ol_val_set(g->arena, doc, "v1", inner);
    return doc;
}

static void tell_host(struct guest *g, const struct status *s, const struct ol_val *v1)
{
    static const char *const keys[] = {"start", "finished", "errors", "recoverable_errors"};
    struct ol_val *line = ol_val_new_map(g->arena);

    ol_val_set_str(g->arena, line, "stage", s->mode);
    for (size_t i = 0; i < ol_count(keys); i++)
        ol_val_set(g->arena, line, keys[i], ol_val_copy(g->arena, ol_val_get(s->stage, keys[i])));
    ol_val_set(g->arena, line, "datasource", ol_val_copy(g->arena, ol_val_get(v1, "datasource")));
    ol_val_set_str(g->arena, line, "instance_id", guest_instance_id(g));
    report_to_host(g->env, line);
}

int status_end(struct guest *g, struct status *s, struct stage_log *log)
{
    struct ol_val *v1 = ol_val_get_mut(s->doc, "v1");
    struct ol_err err = OL_ERR_INIT;
    bool is_init = !strcmp(s->mode, "init") || !strcmp(s->mode, "init-local");
    int n_errors;

    if (is_init && guest_ds_get(g, "description"))
        ol_val_set(g->arena, v1, "datasource",
                   ol_val_copy(g->arena, guest_ds_get(g, "description")));
    ol_val_set(g->arena, s->stage, "recoverable_errors", stage_log_take_errors(log, g->arena));
    ol_val_set(g->arena, s->stage, "finished", uptime(g));
    ol_val_set(g->arena, v1, "stage", ol_val_new_null(g->arena));
    n_errors = (int)ol_val_count(ol_val_get(s->stage, "errors"));
    if (publish(g, "status.json", s->doc, &err) < 0
        || (!strcmp(s->mode, "modules-final")
            && publish(g, "result.json", status_result(g, v1), &err) < 0)) {
        ol_error(g->env, "%s", ol_err_text(&err));
        n_errors++;
    }
    tell_host(g, s, v1);
    if (ol_sync(g->env, g->paths.cloud_dir, &err) < 0)
        ol_warn(g->env, "%s", ol_err_text(&err));
    /* An exit status has eight bits: 256 errors must not look like none. */
    return n_errors < 255 ? n_errors : 255;
}
