/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "codec/template.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "guest/base/cfg.h"
#include "guest/base/hostname.h"
#include "guest/base/notice.h"
#include "guest/distro/distro.h"
#include "guest/module/hosts.h"
#include "guest/module/module.h"

enum { HOSTS_MAX = 4 << 20 };

static const char hosts_file[] = "/etc/hosts";

/* False, with a warning, when the machine has no name. */
static bool find_name(struct guest *g, const struct ol_val *cfg, struct guest_hostname *ret)
{
    guest_get_hostname(g, cfg, 0, ret);
    if (ret->hostname && *ret->hostname)
        return true;
    ol_warn(g->env, "Option 'manage_etc_hosts' was set, but no hostname was found");
    return false;
}

/* Writes the file unless it has this very text, as it has on every boot but the first. */
static int write_hosts(struct guest *g, const struct ol_buf *text, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(HOSTS_MAX);

    if (ol_buf_status(text) < 0)
        return ol_err_set(err, EFBIG, "%s would be too large", hosts_file);
    if (ol_file_read(g->env, hosts_file, &old, NULL) >= 0 && old.len == text->len
        && !memcmp(old.data, text->data, text->len))
        return 0;
    return ol_file_write_buf(g->env, hosts_file, text, 0644, OL_WRITE_PARENTS, err);
}

static int from_template(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
{
    const char *family = g->distro ? g->distro->family : "debian";
    const char *path = guest_template_path(g, ol_arena_printf(g->arena, "hosts.%s", family));
    ol_auto(ol_buf_done) struct ol_buf form = OL_BUF_INIT(HOSTS_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(HOSTS_MAX);
    struct ol_val *vars = ol_val_new_map(g->arena);
    struct guest_hostname name;
    int r;

    if (!find_name(g, cfg, &name))
        return 0;
    if (!path)
        return ol_err_set_domain(err, ENOENT, "RuntimeError", 0,
                                 "No hosts template could be found for distro %s", family);
    ol_val_set_str(g->arena, vars, "hostname", name.hostname);
    ol_val_set_str(g->arena, vars, "fqdn", name.fqdn);
    r = ol_file_read(g->env, path, &form, err);
    if (r >= 0)
        r = ol_template_render(form.data, form.len, vars, &text, err);
    if (r < 0)
        return ol_err_prefix(err, r, "%s", path);
    return write_hosts(g, &text, err);
}

static int name_own_address(struct guest *g, const struct ol_val *cfg, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf old = OL_BUF_INIT(HOSTS_MAX);
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(HOSTS_MAX);
    const char *address = g->distro ? g->distro->own_address : "127.0.1.1";
    struct guest_hostname name;
    int r;

    if (!find_name(g, cfg, &name))
        return 0;
    ol_debug(g->env, "Managing localhost in %s", hosts_file);
    if (ol_exists(g->env, hosts_file)) {
        r = ol_file_read(g->env, hosts_file, &old, err);
        if (r < 0)
            return r;
    } else {
        ol_buf_printf(&text, "%s\n", guest_header(g, "Added"));
    }
    if (!hosts_set_own(old.data, address, name.fqdn, name.hostname, &text))
        return 0;
    ol_buf_addc(&text, '\n');
    return write_hosts(g, &text, err);
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const char *mode = cfg_str(g->arena, call->cfg, "manage_etc_hosts", "False");

    if (!strcmp(mode, "template"))
        guest_deprecated(g, "Value 'template' for key 'manage_etc_hosts'", 22, 2,
                         "Use 'true' instead.");
    if (!strcmp(mode, "template") || cfg_is_true(ol_val_get(call->cfg, "manage_etc_hosts")))
        return from_template(g, call->cfg, err);
    if (!strcmp(mode, "localhost"))
        return name_own_address(g, call->cfg, err);
    ol_debug(g->env,
             "Configuration option 'manage_etc_hosts' is not set, not managing %s in module %s",
             hosts_file, call->name);
    return 0;
}

static const char *const keys[] = {"manage_etc_hosts", NULL};

const struct module module_update_etc_hosts = {
    .name = "update_etc_hosts",
    .frequency = FREQ_ALWAYS,
    .keys = keys,
    .run = run,
};
