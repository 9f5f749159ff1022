/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/hostname-set.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/distro/distro.h"

enum { HOSTNAME_MAX = 64 << 10 };

/* One line of a hostname file, cut up. 'name' is empty in a blank line or a comment. */
struct conf_line {
    const char *text; /* whole line without its end */
    size_t len;
    const char *name; /* with the blanks before the comment, which belong to it */
    size_t name_len;
    const char *tail; /* comment, up to the end of the stripped line */
    size_t tail_len;
};

/* Cuts the next line off '*text'; false at the end. */
static bool next_line(const char **text, struct conf_line *ret)
{
    size_t len = strcspn(*text, "\n");
    size_t stripped_len;
    const char *stripped = ol_str_strip(*text, len, &stripped_len);
    const char *comment = memchr(stripped, '#', stripped_len);
    size_t name_len = comment ? (size_t)(comment - stripped) : stripped_len;

    if (!**text)
        return false;
    *ret = (struct conf_line){
        .text = *text,
        .len = len,
        .name = stripped,
        .name_len = name_len,
        .tail = stripped + name_len,
        .tail_len = stripped_len - name_len,
    };
    *text += len + ((*text)[len] == '\n');
    return true;
}

/* How many different names the text has (2 = several); the first into the arena. */
static int find_names(struct ol_arena *a, const char *text, const char **ret_first)
{
    const char *first = NULL;
    struct conf_line line;

    while (next_line(&text, &line)) {
        const char *name;

        if (!line.name_len)
            continue;
        name = ol_arena_memdup(a, line.name, line.name_len);
        if (first && strcmp(first, name) != 0)
            return 2;
        first = name;
    }
    *ret_first = first;
    return first ? 1 : 0;
}

const char *hostname_conf_get(struct ol_arena *a, const char *text)
{
    const char *name = NULL;

    return find_names(a, text, &name) == 1 ? name : NULL;
}

void hostname_conf_set(const char *text, const char *name, struct ol_buf *to)
{
    bool is_replaced = false;
    struct conf_line line;

    while (next_line(&text, &line)) {
        if (line.name_len) {
            ol_buf_adds(to, name);
            ol_buf_add(to, line.tail, line.tail_len);
            is_replaced = true;
        } else {
            ol_buf_add(to, line.text, line.len);
        }
        ol_buf_addc(to, '\n');
    }
    if (!is_replaced)
        ol_buf_printf(to, "%s\n", name);
}

/* A setting that the configuration, or else system_info, makes. */
static bool setting(const struct guest *g, const struct ol_val *cfg, const char *key, bool fallback)
{
    return cfg_bool(cfg, key, cfg_bool(ol_val_get(g->cfg, "system_info"), key, fallback));
}

struct hostname_policy hostname_policy_of(const struct guest *g, const struct ol_val *cfg)
{
    bool habit = g->distro && g->distro->has_update_hostname_fqdn;

    return (struct hostname_policy){
        .is_preserved = cfg_bool(cfg, "preserve_hostname", false),
        .prefer_fqdn = setting(g, cfg, "prefer_fqdn_over_hostname", habit),
        .create_file = setting(g, cfg, "create_hostname_file", true),
    };
}

const char *hostname_file(const struct guest *g)
{
    if (!g->distro || ol_is_dir(g->env, "/run/systemd/system"))
        return "/etc/hostname";
    return g->distro->hostname_file;
}

const char *hostname_read(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(HOSTNAME_MAX);

    if (ol_file_read(g->env, path, &text, NULL) < 0)
        return NULL;
    return hostname_conf_get(g->arena, text.data);
}

int hostname_write(struct guest *g, const char *path, const char *name,
                   const struct hostname_policy *policy, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(HOSTNAME_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(2 * HOSTNAME_MAX);
    const char *first = NULL;
    bool is_sound =
        ol_file_read(g->env, path, &old, NULL) >= 0 && find_names(g->arena, old.data, &first) < 2;

    if (!is_sound && !policy->create_file) {
        ol_info(g->env, "create_hostname_file is False; hostname file not created");
        return 0;
    }
    /* A file with several names is no base to build on: it is written anew. */
    hostname_conf_set(is_sound ? old.data : "", name, &text);
    return ol_file_write_buf(g->env, path, &text, 0644, OL_WRITE_PARENTS, err);
}

void hostname_apply(struct guest *g, const char *name)
{
    ol_debug(g->env, "Non-persistently setting the system hostname to %s", name);
    if (!ol_env_is_host(g->env) || !ol_change(g->env, "sethostname", name))
        return;
    if (sethostname(name, strlen(name)) < 0)
        ol_warn(g->env, "Failed to non-persistently adjust the system hostname to %s: %s", name,
                strerror(errno));
}

const char *hostname_select(const struct guest_hostname *name, const struct hostname_policy *policy)
{
    if (name->fqdn && *name->fqdn && (policy->prefer_fqdn || !name->hostname || !*name->hostname))
        return name->fqdn;
    return name->hostname;
}

/* data/set-hostname: the name that was set last; NULL when there is no (readable) record. */
static const struct ol_val *read_record(struct guest *g)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(HOSTNAME_MAX);
    struct ol_err err = OL_ERR_INIT;
    struct ol_val *record = NULL;
    const char *path = guest_cloud_path(g, "data/set-hostname");

    if (ol_file_read(g->env, path, &text, NULL) < 0 || !text.len)
        return NULL;
    if (ol_json_load(text.data, text.len, g->arena, &record, &err) < 0) {
        ol_warn(g->env, "%s: %s", path, ol_err_text(&err));
        return NULL;
    }
    return record;
}

static int write_record(struct guest *g, const struct guest_hostname *name, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(HOSTNAME_MAX);
    struct ol_val *record = ol_val_new_map(g->arena);
    int r;

    ol_val_set_str(g->arena, record, "hostname", name->hostname);
    ol_val_set_str(g->arena, record, "fqdn", name->fqdn ? name->fqdn : name->hostname);
    r = ol_json_dump(record, &ol_json_cloud_init, &text);
    if (r < 0)
        return ol_err_set(err, -r, "data/set-hostname: %s", strerror(-r));
    ol_buf_addc(&text, '\n');
    return ol_file_write_buf(g->env, guest_cloud_path(g, "data/set-hostname"), &text, 0644,
                             OL_WRITE_ATOMIC | OL_WRITE_PARENTS, err);
}

static bool is_recorded(struct guest *g, const struct guest_hostname *name)
{
    const struct ol_val *record = read_record(g);
    const char *hostname = ol_val_str(ol_val_get(record, "hostname"));
    const char *fqdn = ol_val_str(ol_val_get(record, "fqdn"));

    return hostname && fqdn && !strcmp(hostname, name->hostname)
           && !strcmp(fqdn, name->fqdn ? name->fqdn : name->hostname);
}

static int write_name(struct guest *g, const struct guest_hostname *name,
                      const struct hostname_policy *policy, struct ol_err *err)
{
    const char *chosen = hostname_select(name, policy);
    int r = hostname_write(g, hostname_file(g), chosen, policy, err);

    if (r < 0) {
        err->domain = "SetHostnameError";
        return ol_err_prefix(err, r, "Failed to set the hostname to %s (%s)",
                             name->fqdn ? name->fqdn : name->hostname, name->hostname);
    }
    hostname_apply(g, chosen);
    return write_record(g, name, err);
}

int hostname_set(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
{
    struct hostname_policy policy = hostname_policy_of(g, cfg);
    struct guest_hostname name;

    if (policy.is_preserved) {
        ol_debug(g->env, "Configuration option 'preserve_hostname' is set,"
                         " not setting the hostname in module set_hostname");
        return 0;
    }
    guest_get_hostname(g, cfg, HOSTNAME_TELL, &name);
    if (is_recorded(g, &name)) {
        ol_debug(g->env, "No hostname changes. Skipping set_hostname");
        return 0;
    }
    if (name.is_default && !strcmp(name.hostname, "localhost")) {
        ol_debug(g->env, "Hostname is localhost. Let other services handle this.");
        return 0;
    }
    ol_debug(g->env, "Setting the hostname to %s (%s)", name.fqdn, name.hostname);
    return write_name(g, &name, &policy, err);
}

int set_hostname_now(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
{
    struct guest_hostname name;

    guest_get_hostname(g, cfg, HOSTNAME_METADATA_ONLY, &name);
    if (!name.hostname || !*name.hostname)
        return 0;
    return hostname_set(g, cfg, err);
}
