/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/console.h"
#include "guest/base/notice.h"
#include "guest/base/version.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

enum { MESSAGE_MAX = 1 << 20 };

static const char default_message[] =
    "## template: jinja\n"
    "Cloud-init v. {{version}} finished at {{timestamp}}. Datasource {{datasource}}.  "
    "Up {{uptime}} seconds";

/* What the message may name, each also in capitals. */
struct final_facts {
    const char *uptime, *timestamp, *version, *datasource;
};

static const struct ol_val *make_vars(struct ol_arena *a, const struct final_facts *facts)
{
    const struct {
        const char *name, *capitals, *value;
    } vars[] = {
        {"uptime", "UPTIME", facts->uptime},
        {"timestamp", "TIMESTAMP", facts->timestamp},
        {"version", "VERSION", facts->version},
        {"datasource", "DATASOURCE", facts->datasource},
    };
    struct ol_val *map = ol_val_new_map(a);

    for (size_t i = 0; i < ol_count(vars); i++) {
        ol_val_set_str(a, map, vars[i].name, vars[i].value);
        ol_val_set_str(a, map, vars[i].capitals, vars[i].value);
    }
    return map;
}

static void say(struct guest *g, const struct module_call *call, const struct final_facts *facts)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(MESSAGE_MAX);
    const char *arg = module_first_arg(g, call->args);
    ol_autofree char *given =
        ol_str_stripped(arg ? arg : cfg_str(g->arena, call->cfg, "final_message", ""));
    const char *message = *given ? given : default_message;
    struct ol_err err = OL_ERR_INIT;
    int r = ol_template_render(message, strlen(message), make_vars(g->arena, facts), &text, &err);

    if (r < 0) {
        bool is_syntax = err.domain && !strcmp(err.domain, "TemplateSyntaxError");

        ol_warn(g->env, "Failed to render %s: %s",
                is_syntax ? "templated final message" : "final message template",
                ol_err_text(&err));
        return;
    }
    ol_buf_addc(&text, '\n');
    console_write(g, text.data, CONSOLE_STDERR, OL_LOG_DEBUG);
}

static bool is_fallback_alone(const struct guest *g)
{
    const struct ol_val *list = ol_val_get(g->cfg, "datasource_list");
    const char *only = ol_val_str(ol_val_item(list, 0));

    return ol_val_count(list) == 1 && only && !strcmp(only, "None");
}

/* cloud-init 26.2 cc_final_message.py. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf line = OL_BUF_INIT(1 << 12);
    ol_time up = ol_now_boot(g->env) / (10 * OL_MS);
    const char *description = ol_val_str(guest_ds_get(g, "description"));
    const char *source = ol_val_str(guest_ds_get(g, "source"));
    const char *path = guest_instance_path(g, "boot-finished");
    const struct final_facts facts = {
        .uptime =
            ol_arena_printf(g->arena, "%lld.%02lld", (long long)(up / 100), (long long)(up % 100)),
        .timestamp = guest_timestamp(g),
        .version = GUEST_VERSION,
        .datasource = description ? description : "DataSourceNone",
    };
    struct ol_err why = OL_ERR_INIT;

    (void)err;
    say(g, call, &facts);
    ol_buf_printf(&line, "%s - %s - v. %s\n", facts.uptime, facts.timestamp, facts.version);
    if (ol_file_write_buf(g->env, path, &line, 0644, 0, &why) < 0)
        ol_warn(g->env, "Failed to write boot finished file %s: %s", path, ol_err_text(&why));
    if (source && !strcmp(source, "None") && !is_fallback_alone(g))
        ol_warn(g->env, "Used fallback datasource");
    return 0;
}

const struct module module_final_message = {
    .name = "final_message",
    .frequency = FREQ_ALWAYS,
    .run = run,
};
