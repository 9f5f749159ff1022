/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/cli/boot-status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"

enum { STATUS_MAX = 32 << 20 };

#define DISABLE_FILE "/etc/cloud/cloud-init.disabled"

const char *boot_running_name(enum boot_running running)
{
    static const char *const names[] = {
        [BOOT_NOT_STARTED] = "not started",
        [BOOT_RUNNING] = "running",
        [BOOT_DONE] = "done",
        [BOOT_DISABLED] = "disabled",
    };

    return names[running];
}

static bool cmdline_has(const char *cmdline, const char *word)
{
    ol_auto(ol_strv_done) struct ol_strv words = OL_STRV_INIT;

    ol_strv_split(&words, cmdline, " \t\n");
    return ol_strv_has(&words, word);
}

/* What decides whether cloud-init runs on this boot at all; the first that holds. */
static void read_boot_code(struct guest *g, struct boot_status *s)
{
    ol_autofree char *read = ol_file_read_line(g->env, "/proc/cmdline");
    const char *cmdline = read ? read : "", *env = getenv("KERNEL_CMDLINE");
    const struct {
        bool holds;
        const char *code, *reason;
        bool is_disabled;
    } rules[] = {
        {!ol_is_dir(g->env, "/run/systemd/system"), "enabled-by-sysvinit",
         "Cloud-init enabled on sysvinit", false},
        {cmdline_has(cmdline, "cloud-init=enabled"), "enabled-by-kernel-command-line",
         "Cloud-init enabled by kernel command line cloud-init=enabled", false},
        {ol_exists(g->env, DISABLE_FILE), "disabled-by-marker-file",
         "Cloud-init disabled by " DISABLE_FILE, true},
        {cmdline_has(cmdline, "cloud-init=disabled"), "disabled-by-kernel-command-line",
         "Cloud-init disabled by kernel parameter cloud-init=disabled", true},
        {env && strstr(env, "cloud-init=disabled"), "disabled-by-environment-variable",
         "Cloud-init disabled by environment variable KERNEL_CMDLINE=cloud-init=disabled", true},
        {ol_exists(g->env, guest_run_path(g, "disabled")), "disabled-by-generator",
         "Cloud-init disabled by cloud-init-generator", true},
        {ol_exists(g->env, guest_run_path(g, "enabled")), "enabled-by-generator",
         "Cloud-init enabled by systemd cloud-init-generator", false},
        {true, "unknown", "Systemd generator may not have run yet.", false},
    };

    for (size_t i = 0; i < ol_count(rules); i++) {
        if (!rules[i].holds)
            continue;
        s->code = rules[i].code;
        s->detail = rules[i].reason;
        s->running = rules[i].is_disabled ? BOOT_DISABLED : BOOT_NOT_STARTED;
        return;
    }
}

static void read_v1(struct guest *g, struct boot_status *s)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(STATUS_MAX);
    struct ol_val *doc = NULL;

    s->v1 = ol_val_new_map(g->arena);
    if (ol_file_read(g->env, guest_run_path(g, "status.json"), &text, NULL) < 0
        || ol_json_load(text.data, text.len, g->arena, &doc, NULL) < 0)
        return;
    if (ol_val_is(ol_val_get(doc, "v1"), OL_VAL_MAP))
        s->v1 = ol_val_get(doc, "v1");
}

static void add_recoverable(struct guest *g, struct boot_status *s, const struct ol_val *of_stage)
{
    for (size_t i = 0; ol_val_is(of_stage, OL_VAL_MAP) && i < ol_val_count(of_stage); i++) {
        const char *level = ol_val_to_text(g->arena, ol_val_pair(of_stage, i)->key);
        const struct ol_val *messages = ol_val_pair(of_stage, i)->value;
        struct ol_val *list = ol_val_get_mut(s->recoverable, level);

        if (!list) {
            list = ol_val_new_list(g->arena);
            ol_val_set(g->arena, s->recoverable, level, list);
        }
        for (size_t k = 0; k < ol_val_count(messages); k++)
            ol_val_append(g->arena, list, ol_val_copy(g->arena, ol_val_item(messages, k)));
    }
}

static double number(const struct ol_val *v)
{
    if (ol_val_is(v, OL_VAL_FLOAT))
        return v->number;
    return (double)ol_val_int(v, 0);
}

/* Collects what every stage says; the latest moment that any of them names, as uptime. */
static double read_stages(struct guest *g, struct boot_status *s)
{
    double latest = 0;

    for (size_t i = 0; i < ol_val_count(s->v1); i++) {
        const struct ol_val *stage = ol_val_pair(s->v1, i)->value;
        const struct ol_val *errors = ol_val_get(stage, "errors");
        double start = number(ol_val_get(stage, "start"));
        double finished = number(ol_val_get(stage, "finished"));

        if (!ol_val_is(stage, OL_VAL_MAP))
            continue;
        for (size_t k = 0; k < ol_val_count(errors); k++)
            ol_val_append(g->arena, s->errors, ol_val_copy(g->arena, ol_val_item(errors, k)));
        add_recoverable(g, s, ol_val_get(stage, "recoverable_errors"));
        latest = start > latest ? start : latest;
        latest = finished > latest ? finished : latest;
    }
    return latest;
}

/* Stages note seconds since boot; people want a date. */
static const char *date_of(struct guest *g, double uptime)
{
    ol_time boot = ol_now_wall(g->env) - ol_now_boot(g->env);
    time_t seconds = (time_t)(boot / OL_SECOND) + (time_t)uptime;
    struct tm tm;
    char text[64];

    if (uptime <= 0)
        return "";
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
    return ol_arena_strdup(g->arena, text);
}

/* "DataSourceNoCloud [seed=…]" is "nocloud". */
static const char *short_name(struct guest *g, const char *description)
{
    char *name = ol_arena_memdup(g->arena, description, strcspn(description, " "));

    ol_str_lower(name);
    return ol_str_starts(name, "datasource") ? name + strlen("datasource") : name;
}

void boot_status_read(struct guest *g, struct boot_status *ret)
{
    struct boot_status s = {.datasource = "", .last_update = ""};
    const char *source, *stage;
    double latest;
    bool has_status, has_result;

    s.errors = ol_val_new_list(g->arena);
    s.recoverable = ol_val_new_map(g->arena);
    read_boot_code(g, &s);
    read_v1(g, &s);
    latest = read_stages(g, &s);
    has_status = ol_exists(g->env, guest_run_path(g, "status.json"));
    has_result = ol_exists(g->env, guest_run_path(g, "result.json"));
    source = ol_val_str(ol_val_get(s.v1, "datasource"));
    stage = ol_val_str(ol_val_get(s.v1, "stage"));
    if (s.running != BOOT_DISABLED && has_status && !has_result)
        s.running = BOOT_RUNNING;
    else if (s.running != BOOT_DISABLED && (latest > 0 || has_result))
        s.running = BOOT_DONE;
    if (source && *source) {
        s.detail = source;
        s.datasource = short_name(g, source);
    } else if (stage) {
        s.detail = ol_arena_printf(g->arena, "Running in stage: %s", stage);
    }
    s.last_update = date_of(g, latest);
    s.condition = ol_val_count(s.errors)        ? BOOT_ERROR
                  : ol_val_count(s.recoverable) ? BOOT_DEGRADED
                                                : BOOT_PEACHY;
    *ret = s;
}
