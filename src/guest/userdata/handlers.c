/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/num.h"
#include "core/path.h"
#include "core/spawn.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/instance-vars.h"
#include "guest/userdata/userdata-internal.h"

/* A file name from foreign hands: a slash becomes '_', anything but [-_.()A-Za-z0-9] goes. */
static const char *clean_filename(struct ol_arena *a, const char *name)
{
    char *clean = ol_arena_strdup(a, name), *to = clean;

    for (const char *from = name; *from; from++) {
        bool is_kept = strchr("-_.()", *from) || (*from >= '0' && *from <= '9')
                       || (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z');

        if (*from == '/')
            *to++ = '_';
        else if (is_kept)
            *to++ = *from;
    }
    *to = '\0';
    /* Nothing that is left of these could be a file of ours. */
    return !*clean || !strcmp(clean, ".") || !strcmp(clean, "..") ? "part" : clean;
}

/* CRLF to LF when the first line ends so (util.dos2unix). */
static const char *unix_text(struct ol_arena *a, const char *data, size_t *size)
{
    const char *first = memchr(data, '\n', *size);
    char *text, *to;

    if (!first || first == data || first[-1] != '\r')
        return data;
    to = text = ol_arena_alloc(a, *size + 1);
    for (size_t i = 0; i < *size; i++)
        if (data[i] != '\r' || i + 1 == *size || data[i + 1] != '\n')
            *to++ = data[i];
    *size = (size_t)(to - text);
    return text;
}

static int write_script(struct userdata_run *run, const char *dir, const struct userdata_part *part,
                        struct ol_err *err)
{
    size_t size = part->size;
    const char *text = unix_text(run->g->arena, part->data, &size);
    const char *name = clean_filename(run->g->arena, part->filename);
    const char *path = ol_arena_printf(run->g->arena, "%s/%s", dir, name);

    return ol_file_write(run->g->env, path, text, size, 0700, OL_WRITE_PARENTS, err);
}

static int handle_cloud_config(struct userdata_run *run, const struct userdata_part *part,
                               struct ol_err *err)
{
    return cloud_config_add(run->config, part, err);
}

static int handle_jsonp(struct userdata_run *run, const struct userdata_part *part,
                        struct ol_err *err)
{
    return cloud_config_patch(run->config, part, err);
}

static int handle_script(struct userdata_run *run, const struct userdata_part *part,
                         struct ol_err *err)
{
    return write_script(run, guest_instance_path(run->g, run->target->scripts), part, err);
}

/* text/x-shellscript-per-WHEN: the directory is named as the type ends. */
static int handle_freq_script(struct userdata_run *run, const struct userdata_part *part,
                              struct ol_err *err)
{
    const char *when = part->type + strlen("text/x-shellscript-");
    const char *dir = guest_cloud_path(
        run->g, ol_arena_printf(run->g->arena, "%s/%s", run->target->freq_scripts, when));
    struct userdata_part named = *part;

    named.filename = ol_path_base(part->filename);
    return write_script(run, dir, &named, err);
}

static int run_boothook(struct userdata_run *run, const char *path, struct ol_err *err)
{
    const char *const argv[] = {path, NULL};
    const char *const env[] = {
        ol_arena_printf(run->g->arena, "INSTANCE_ID=%s", guest_instance_id(run->g)), NULL};
    ol_auto(ol_spawn_result_done) struct ol_spawn_result result = OL_SPAWN_RESULT_INIT;
    const struct ol_spawn spawn = {.argv = argv, .env = env, .flags = OL_SPAWN_INHERIT};
    int r = ol_spawn_run(run->g->env, &spawn, &result, err);

    if (r == 0 && result.status)
        r = ol_err_set_domain(err, EIO, "ProcessExecutionError", result.status,
                              "Boothooks script %s execution error: exit status %d", path,
                              result.status);
    return r;
}

static int handle_boothook(struct userdata_run *run, const struct userdata_part *part,
                           struct ol_err *err)
{
    static const char prefix[] = "#cloud-boothook";
    struct ol_arena *a = run->g->arena;
    size_t size = part->size;
    const char *text = unix_text(a, part->data, &size);
    const char *name = clean_filename(a, part->filename);
    const char *path = guest_instance_path(run->g, ol_arena_printf(a, "boothooks/%s", name));
    int r;

    if (size >= sizeof(prefix) - 1 && !strncmp(text, prefix, sizeof(prefix) - 1)) {
        text += sizeof(prefix) - 1;
        size -= sizeof(prefix) - 1;
    }
    while (size && ol_is_space(*text)) {
        text++;
        size--;
    }
    r = ol_file_write(run->g->env, path, text, size, 0700, OL_WRITE_PARENTS, err);
    return r < 0 ? r : run_boothook(run, path, err);
}

/* Where upstart is the init, it gets its job; elsewhere nobody would run it. */
static bool is_upstart(struct ol_env *env)
{
    ol_autofree char *initctl = ol_which(env, "initctl");

    return initctl && ol_is_dir(env, "/etc/init") && !ol_is_dir(env, "/run/systemd/system");
}

static int handle_upstart(struct userdata_run *run, const struct userdata_part *part,
                          struct ol_err *err)
{
    static const char *const reload[] = {"initctl", "reload-configuration", NULL};
    struct ol_arena *a = run->g->arena;
    const char *name = clean_filename(a, part->filename);
    const char *path =
        ol_arena_printf(a, "/etc/init/%s%s", name, ol_str_ends(name, ".conf") ? "" : ".conf");
    int r = ol_file_write(run->g->env, path, part->data, part->size, 0644, 0, err);

    return r < 0 ? r : ol_run(run->g->env, reload, NULL, err);
}

static int handle_jinja(struct userdata_run *run, const struct userdata_part *part,
                        struct ol_err *err);

/* clang-format off */
static const struct userdata_handler handlers[] = {
    {"text/cloud-config", FREQ_ALWAYS, true, handle_cloud_config},
    {"text/cloud-config-jsonp", FREQ_ALWAYS, true, handle_jsonp},
    {"text/x-shellscript", FREQ_ALWAYS, true, handle_script},
    {"text/x-shellscript-per-boot", FREQ_ALWAYS, false, handle_freq_script},
    {"text/x-shellscript-per-instance", FREQ_ALWAYS, false, handle_freq_script},
    {"text/x-shellscript-per-once", FREQ_ALWAYS, false, handle_freq_script},
    {"text/cloud-boothook", FREQ_ALWAYS, true, handle_boothook},
    {"text/jinja2", FREQ_ALWAYS, false, handle_jinja},
    {"text/upstart-job", FREQ_INSTANCE, false, handle_upstart},
};
/* clang-format on */

static const struct userdata_handler *find_handler(const char *type)
{
    for (size_t i = 0; i < ol_count(handlers); i++)
        if (!strcmp(handlers[i].type, type))
            return &handlers[i];
    return NULL;
}

static int handle_jinja(struct userdata_run *run, const struct userdata_part *part,
                        struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(USERDATA_MAX);
    struct userdata_part rendered = *part;
    const struct userdata_handler *h;
    const char *type;
    int r = instance_vars_render(run->g, part->filename, part->data, part->size, &text, err);

    if (r < 0)
        return ol_err_prefix(err, r, "Ignoring jinja template for %s", part->filename);
    if (!text.len)
        return 0;
    type = userdata_sniff(text.data, text.len);
    h = type ? find_handler(type) : NULL;
    if (!h || !h->is_template_target) {
        ol_warn(run->g->env,
                "Ignoring jinja template for %s. Could not find supported sub-handler for type %s",
                part->filename, type ? type : "None");
        return 0;
    }
    rendered.type = type;
    rendered.data = ol_arena_memdup(run->g->arena, text.data, text.len);
    rendered.size = text.len;
    return h->handle(run, &rendered, err);
}

/* What nobody takes may hold a secret, so the log says its size and not how it begins. */
static void say_unhandled(struct userdata_run *run, const struct userdata_part *part)
{
    struct ol_env *env = run->g->env;

    if (!strcmp(part->type, "text/part-handler"))
        ol_warn(env,
                "Failed at registering python file: %s (part handler 0): part-handlers in Python"
                " are not supported",
                part->filename);
    else if (!part->size)
        ol_debug(env, "Empty payload of type %s", part->type);
    else if (!strcmp(part->type, "text/x-not-multipart"))
        ol_warn(env,
                "Unhandled non-multipart (%s) userdata: %zu bytes; text without a byte order mark,"
                " whose first line is '#cloud-config' or '#!/bin/sh', would be understood",
                part->type, part->size);
    else
        ol_warn(env, "Unhandled unknown content-type (%s) userdata: %zu bytes", part->type,
                part->size);
}

static void handle_part(struct userdata_run *run, const struct userdata_part *part)
{
    const struct userdata_handler *h = find_handler(part->type);
    struct ol_err err = OL_ERR_INIT;

    if (h && h->handle == handle_upstart && !is_upstart(run->g->env))
        h = NULL;
    if (!h) {
        say_unhandled(run, part);
        return;
    }
    if (h->frequency != FREQ_ALWAYS && run->frequency == FREQ_ALWAYS)
        return;
    ol_debug(run->g->env, "Calling handler %s (%s) with frequency %s", h->type, part->filename,
             frequency_name(run->frequency));
    if (h->handle(run, part, &err) < 0)
        ol_warn(run->g->env, "%s", ol_err_text(&err));
}

/* A part without Launch-Index is for everyone, one with it for that instance only. */
static bool is_for_us(const struct guest *g, const struct ol_mime_part *part)
{
    const struct ol_val *ours = guest_metadata(g, "launch-index");
    const char *index = ol_mime_get(part, "Launch-Index");
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(64 << 10);
    int64_t wanted, given;

    if (!ours || ol_parse_i64(ol_val_to_text(&a, ours), 10, &wanted) < 0 || !index)
        return true;
    return ol_parse_i64(index, 10, &given) == 0 && given == wanted;
}

static bool is_excluded(const struct ol_val *excluded, const char *type)
{
    for (size_t i = 0; i < ol_val_count(excluded); i++) {
        const char *name = ol_val_str(ol_val_item(excluded, i));

        if (name && !strcmp(name, type))
            return true;
    }
    return false;
}

static void walk(struct userdata_run *run, enum userdata_kind kind, struct ol_mime_part *message,
                 const struct ol_val *excluded)
{
    struct ol_arena *a = run->g->arena;
    size_t n = 0;
    struct ol_mime_part **parts = ol_mime_walk(a, message, &n);
    int number = 0;

    for (size_t i = 0; i < n; i++) {
        struct userdata_part part = {.mime = parts[i]};

        if (parts[i]->n_parts || ol_mime_is_container(a, parts[i])
            || (kind == USERDATA_USER && !is_for_us(run->g, parts[i])))
            continue;
        part.type = ol_mime_content_type(a, parts[i]);
        part.filename = ol_mime_filename(a, parts[i]);
        if (!part.filename || !*part.filename)
            part.filename = ol_arena_printf(a, "part-%03d", number);
        part.data = ol_mime_payload(a, parts[i], &part.size);
        if (!part.data)
            part.data = "";
        number++;
        if (is_excluded(excluded, part.type))
            ol_debug(run->g->env, "content_type \"%s\" is excluded", part.type);
        else
            handle_part(run, &part);
    }
}

static const struct {
    const char *raw, *setting;
    struct userdata_target target;
} kinds[] = {
    [USERDATA_USER] = {"userdata_raw", NULL, {"cloud-config.txt", "scripts", "scripts"}},
    [USERDATA_VENDOR] = {"vendordata_raw",
                         "vendor_data",
                         {"vendor-cloud-config.txt", "scripts/vendor", "scripts/vendor"}},
    [USERDATA_VENDOR2] = {"vendordata2_raw",
                          "vendor_data2",
                          {"vendor2-cloud-config.txt", "scripts/vendor", "scripts/vendor"}},
};

/* Vendor-data is taken only when there is some and the configuration lets it. */
static bool is_wanted(struct guest *g, enum userdata_kind kind, const struct ol_val **ret_excluded)
{
    const struct ol_val *setting;

    if (kind == USERDATA_USER)
        return true;
    if (!ol_val_is_truthy(guest_ds_get(g, kinds[kind].raw))) {
        ol_debug(g->env, "no %s from datasource", kinds[kind].setting);
        return false;
    }
    setting = ol_val_get(g->cfg, kinds[kind].setting);
    if (setting && !ol_val_is(setting, OL_VAL_MAP)) {
        ol_warn(g->env, "invalid %s setting. resetting to: {'enabled': False}",
                kinds[kind].setting);
        return false;
    }
    if (!cfg_is_true(ol_val_get(setting, "enabled"))) {
        ol_debug(g->env, "%s consumption is disabled.", kinds[kind].setting);
        return false;
    }
    *ret_excluded = ol_val_get(setting, "disabled_handlers");
    return true;
}

int userdata_consume(struct guest *g, const struct userdata *data, enum userdata_kind kind,
                     enum frequency frequency, struct ol_err *err)
{
    const struct ol_val *excluded = NULL;
    struct userdata_run run = {.g = g, .target = &kinds[kind].target, .frequency = frequency};

    if (!is_wanted(g, kind, &excluded))
        return 0;
    run.config = cloud_config_new(g);
    walk(&run, kind, data->messages[kind], excluded);
    return cloud_config_write(run.config, guest_instance_path(g, run.target->cloud_config), err);
}
