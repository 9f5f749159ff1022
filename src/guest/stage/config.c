/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/merge.h"
#include "codec/yaml.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"

enum {
    FILE_MAX = 8 << 20,
    MAX_SOURCES = 64,
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
    const struct ol_val *items[MAX_SOURCES];
    size_t n;
};

static void add(struct sources_list *to, const struct ol_val *cfg)
{
    if (ol_val_is(cfg, OL_VAL_MAP) && to->n < MAX_SOURCES)
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
        ol_warn(g->env, "Failed loading yaml from %s. Invalid format at line %d column %d: \"%s\"",
                name, err.line, err.column, ol_err_text(&err));
        return NULL;
    }
    if (ol_val_is(cfg, OL_VAL_NULL))
        return NULL;
    if (!ol_val_is(cfg, OL_VAL_MAP)) {
        ol_warn(g->env, "%s: Yaml load allows (dict) root types, but got %s instead", name,
                ol_val_type_name(cfg));
        return NULL;
    }
    return cfg;
}

struct ol_val *config_read_file(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(FILE_MAX);
    struct ol_err err = OL_ERR_INIT;
    int r = ol_file_read(g->env, path, &text, &err);

    if (r < 0) {
        if (r != -ENOENT && r != -EACCES)
            ol_warn(g->env, "Error accessing file %s", ol_err_text(&err));
        return NULL;
    }
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
            add(to, config_read_file(g, path));
    }
}

static const struct ol_val *etc_config(struct guest *g)
{
    struct sources_list list = {.n = 0};
    struct ol_val *main_cfg = config_read_file(g, "/etc/cloud/cloud.cfg");
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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX decoded, and "\n" written as two characters made a newline. */
static void add_cmdline_token(struct ol_buf *to, const char *s, size_t len)
{
    while (len && ol_is_space(*s)) {
        s++;
        len--;
    }
    if (to->len)
        ol_buf_addc(to, '\n');
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            ol_buf_addc(to, (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2])));
            i += 2;
        } else if (s[i] == '\\' && i + 1 < len && s[i + 1] == 'n') {
            ol_buf_addc(to, '\n');
            i++;
        } else {
            ol_buf_addc(to, s[i]);
        }
    }
}

/* "cc: YAML end_cc", any number of them (util.read_cc_from_cmdline). */
static const struct ol_val *cmdline_config(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf yaml = OL_BUF_INIT(64 << 10);
    ol_autofree char *cmdline = ol_file_read_line(g->env, "/proc/cmdline");
    const char *line = ol_arena_printf(g->arena, " %s", cmdline ? cmdline : "");
    const char *at = strstr(line, " cc:");

    while (at) {
        const char *start = at + strlen(" cc:");
        const char *end = strstr(start, "end_cc");
        size_t len = end ? (size_t)(end - start) : strlen(start);

        add_cmdline_token(&yaml, start, len);
        at = end ? strstr(end, " cc:") : NULL;
    }
    return yaml.len ? parse(g, "the kernel command line", yaml.data, yaml.len) : NULL;
}

/* The base: what holds before any instance is known; --file and $CLOUD_CFG come on top. */
static void add_base(struct guest *g, struct sources_list *to)
{
    add(to, cmdline_config(g));
    add(to, config_read_file(g, guest_run_path(g, "cloud.cfg")));
    add(to, etc_config(g));
    add(to, parse(g, "the built-in configuration", builtin_yaml, sizeof(builtin_yaml) - 1));
}

static void add_instance(struct guest *g, struct sources_list *to)
{
    static const char *const names[] = {"cloud-config.txt", "vendor2-cloud-config.txt",
                                        "vendor-cloud-config.txt"};

    for (size_t i = 0; i < ol_count(names); i++)
        add(to, config_read_file(g, guest_instance_path(g, names[i])));
}

void config_read(struct guest *g, const struct ol_strv *files)
{
    struct sources_list list = {.n = 0};
    const char *from_env = getenv("CLOUD_CFG");

    if (!g->cfg)
        guest_set_config(g, ol_val_new_map(g->arena)); /* default paths to start from */
    for (size_t i = 0; files && i < files->n; i++)
        add(&list, config_read_file(g, files->v[i]));
    if (from_env && *from_env)
        add(&list, config_read_file(g, from_env));
    if (g->ds.source)
        add_instance(g, &list);
    add_base(g, &list);
    guest_set_config(g, merged(g, &list));
}
