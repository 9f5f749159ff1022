/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/merge.h"
#include "codec/template.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/cmdline.h"
#include "guest/base/instance-vars.h"

enum {
    FILE_MAX = 8 << 20,
    EXPANDED_MAX = 32 << 20, /* bytes of one document when nothing is shared */
};

/* cloud-init's settings.CFG_BUILTIN, as a document. */
static const char builtin_yaml[] =
    "datasource_list: [NoCloud, ConfigDrive, None]\n"
    "def_log_file: /var/log/cloud-init.log\n"
    "log_cfgs: []\n"
    "syslog_fix_perms: ['syslog:adm', 'root:adm', 'root:wheel', 'root:root']\n"
    "system_info:\n"
    "  paths: {cloud_dir: /var/lib/cloud, docs_dir: /usr/share/doc/cloud-init/,\n"
    "    templates_dir: /etc/cloud/templates/}\n"
    "  distro: ubuntu\n"
    "  network: {renderers: null}\n"
    "vendor_data: {enabled: true, prefix: []}\n"
    "vendor_data2: {enabled: true, prefix: []}\n";

/* Sources from the highest priority to the lowest. */
struct sources_list {
    struct ol_arena *arena;
    const struct ol_val **items;
    size_t n, cap;
};

static void add(struct sources_list *to, const struct ol_val *cfg)
{
    size_t cap = to->cap ? 2 * to->cap : 16;

    if (!ol_val_is(cfg, OL_VAL_MAP))
        return;
    if (to->n == to->cap) {
        to->items = ol_arena_grow(to->arena, to->items, to->cap * sizeof(cfg), cap * sizeof(cfg));
        to->cap = cap;
    }
    to->items[to->n++] = cfg;
}

static struct ol_val *merged(struct guest *g, const struct sources_list *list)
{
    struct ol_val *all = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (ol_merge_system(g->arena, list->items, list->n, &all, &err) < 0) {
        ol_warn(g->env, "Failed merging the configuration: %s", ol_err_text(&err));
        return ol_val_new_map(g->arena);
    }
    return all;
}

/* Configuration that is not a mapping counts as none, as util.load_yaml(allowed=(dict,)) has it. */
static struct ol_val *parse(struct guest *g, const char *name, const char *text, size_t len)
{
    struct ol_val *cfg = NULL;
    struct ol_err err = OL_ERR_INIT;

    if (ol_yaml_load(text, len, g->arena, &cfg, &err) < 0) {
        ol_warn(g->env, "Failed loading yaml from %s. %s", name, cfg_yaml_error(g->arena, &err));
        return NULL;
    }
    if (ol_val_is(cfg, OL_VAL_NULL))
        return NULL;
    if (!ol_val_is_within(cfg, EXPANDED_MAX)) {
        ol_warn(g->env, "Failed loading yaml from %s: it is nested too deep, or in itself", name);
        return NULL;
    }
    if (!ol_val_is(cfg, OL_VAL_MAP)) {
        ol_warn(g->env, "%s: Yaml load allows (dict) root types, but got %s instead", name,
                ol_val_type_name(cfg));
        return NULL;
    }
    return cfg;
}

static int read_text(struct guest *g, const char *path, struct ol_buf *text)
{
    struct ol_err err = OL_ERR_INIT;
    int r = ol_file_read(g->env, path, text, &err);

    if (r < 0 && r != -ENOENT && r != -EACCES)
        ol_warn(g->env, "Error accessing file %s", ol_err_text(&err));
    return r;
}

/* One YAML file; NULL when it is missing or broken (then a warning names the place). */
static struct ol_val *read_yaml_file(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);

    return read_text(g, path, &text) < 0 ? NULL : parse(g, path, text.data, text.len);
}

/* One below /etc/cloud may be a jinja template of the instance data; until there are such data,
 * and when it is wrong, it is taken as it stands. cloud-init 26.2 util.read_conf(). */
static struct ol_val *read_etc_file(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    ol_auto(ol_buf_done) struct ol_buf rendered = OL_BUF_INIT(FILE_MAX);
    enum ol_template_kind kind = OL_TEMPLATE_BASIC;
    struct ol_err err = OL_ERR_INIT;
    size_t body;
    int r;

    if (read_text(g, path, &text) < 0)
        return NULL;
    if (ol_template_detect(text.data, text.len, &kind, &body, NULL) < 0
        || kind != OL_TEMPLATE_JINJA)
        return parse(g, path, text.data, text.len);
    g->has_template_cfg = true;
    r = instance_vars_render(g, path, text.data, text.len, &rendered, &err);
    if (r == 0)
        return parse(g, path, rendered.data, rendered.len);
    if (r != -ENOENT)
        ol_warn(g->env, "Failed to render templated yaml config file '%s'. %s", path,
                ol_err_text(&err));
    return parse(g, path, text.data, text.len);
}

/* cloud.cfg.d: names sorted, the last wins. */
static void add_directory(struct guest *g, const char *dir, struct sources_list *to)
{
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (!ol_is_dir(g->env, dir) || ol_list_dir(g->env, dir, &names, NULL) < 0)
        return;
    for (size_t i = names.n; i > 0; i--) {
        ol_autofree char *path = ol_path_join(dir, names.v[i - 1]);

        if (ol_str_ends(path, ".cfg") && ol_is_file(g->env, path))
            add(to, read_etc_file(g, path));
    }
}

static const struct ol_val *etc_config(struct guest *g)
{
    struct sources_list list = {.arena = g->arena};
    struct ol_val *main_cfg = read_etc_file(g, "/etc/cloud/cloud.cfg");
    const struct ol_val *conf_d = ol_val_get(main_cfg, "conf_d");

    if (ol_val_str(conf_d))
        add_directory(g, ol_val_str(conf_d), &list);
    else if (!conf_d)
        add_directory(g, "/etc/cloud/cloud.cfg.d", &list);
    add(&list, main_cfg);
    return merged(g, &list);
}

/* The text has the word, and what follows is another place than the usual one. */
static bool moves_path(const char *text, const char *word, const char *usual)
{
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        const char *value = at + strlen(word);

        value += strspn(value, "'\": ");
        value += strspn(value, "'\"");
        if (strncmp(value, usual, strlen(usual)))
            return true;
        value += strlen(usual);
        value += strspn(value, "/");
        if (*value && !strchr("'\", }\n", *value))
            return true;
    }
    return false;
}

static bool file_moves_paths(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);

    if (ol_file_read(g->env, path, &text, NULL) < 0)
        return false;
    return strstr(text.data, "conf_d") || moves_path(text.data, "cloud_dir", "/var/lib/cloud")
           || moves_path(text.data, "run_dir", "/run/cloud-init");
}

bool config_mentions_paths(struct guest *g)
{
    static const char dir[] = "/etc/cloud/cloud.cfg.d";
    ol_auto(ol_strv_done) struct ol_strv names = OL_STRV_INIT;

    if (file_moves_paths(g, "/etc/cloud/cloud.cfg"))
        return true;
    if (!ol_is_dir(g->env, dir) || ol_list_dir(g->env, dir, &names, NULL) < 0)
        return false;
    ol_strv_each (name, &names) {
        ol_autofree char *path = ol_path_join(dir, name);

        if (ol_str_ends(name, ".cfg") && file_moves_paths(g, path))
            return true;
    }
    return false;
}

static const struct ol_val *cmdline_config(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf yaml = OL_BUF_INIT(64 << 10);

    cmdline_cloud_config(guest_cmdline(g), &yaml);
    return yaml.len ? parse(g, "the kernel command line", yaml.data, yaml.len) : NULL;
}

/* The base: what holds before any instance is known. It does not change while a stage runs, so it
 * is read, and complained about, once; unless it says that it depends on the instance data. */
static const struct ol_val *base_config(struct guest *g)
{
    struct sources_list list = {.arena = g->arena};
    const struct ol_val *base;

    if (g->base_cfg)
        return g->base_cfg;
    add(&list, cmdline_config(g));
    add(&list, read_yaml_file(g, guest_run_path(g, "cloud.cfg")));
    add(&list, etc_config(g));
    add(&list, parse(g, "the built-in configuration", builtin_yaml, sizeof(builtin_yaml) - 1));
    base = merged(g, &list);
    if (!g->has_template_cfg)
        g->base_cfg = base;
    return base;
}

static void add_instance(struct guest *g, struct sources_list *to)
{
    static const char *const names[] = {"cloud-config.txt", "vendor2-cloud-config.txt",
                                        "vendor-cloud-config.txt"};

    for (size_t i = 0; i < ol_count(names); i++)
        add(to, read_yaml_file(g, guest_instance_path(g, names[i])));
}

void config_read(struct guest *g, const struct ol_strv *files)
{
    struct sources_list list = {.arena = g->arena};
    const char *from_env = getenv("CLOUD_CFG");

    if (!g->cfg)
        guest_set_config(g, ol_val_new_map(g->arena)); /* default paths to start from */
    for (size_t i = 0; files && i < files->n; i++)
        add(&list, read_yaml_file(g, files->v[i]));
    if (from_env && *from_env)
        add(&list, read_yaml_file(g, from_env));
    if (g->ds.source)
        add_instance(g, &list);
    add(&list, base_config(g));
    guest_set_config(g, merged(g, &list));
}
