/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/distro/distro.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

static const char localtime_path[] = "/etc/localtime";

static int copy_file(struct ol_env *env, const char *from, const char *to, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(1 << 20);
    int r = ol_file_read(env, from, &b, err);

    if (r < 0)
        return r;
    return ol_file_write_buf(env, to, &b, 0644, OL_WRITE_KEEP_MODE, err);
}

/* cloud-init 26.2 distros.set_etc_timezone(): a localtime that is a file stays a file. */
static int set_with_name(struct ol_env *env, const char *zone, const char *file, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf name = OL_BUF_INIT(1 << 12);
    int r;

    ol_buf_printf(&name, "%s\n", zone);
    r = ol_file_write_buf(env, "/etc/timezone", &name, 0644, OL_WRITE_PARENTS, err);
    if (r < 0)
        return r;
    if (ol_is_link(env, localtime_path) || !ol_exists(env, localtime_path))
        return ol_symlink(env, file, localtime_path, err);
    return copy_file(env, file, localtime_path, err);
}

/* Where systemd alone reads it: the link says the name. */
static bool has_only_link(const struct distro *d)
{
    static const char *const families[] = {"redhat", "suse", NULL};

    return d && ol_str_in(d->family, families);
}

/* cloud-init 26.2 cc_timezone.py. */
static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const char *given = module_first_arg(g, call->args);
    ol_autofree char *zone = NULL;
    ol_autofree char *file = NULL;

    if (!given && ol_val_is_truthy(ol_val_get(call->cfg, "timezone")))
        given = cfg_str(g->arena, call->cfg, "timezone", NULL);
    if (!given || !*given) {
        ol_debug(g->env, "Skipping module named %s, no 'timezone' specified", call->name);
        return 0;
    }
    zone = ol_str_stripped(given);
    file = ol_path_join("/usr/share/zoneinfo", given);
    if (given[0] == '/' || strstr(given, "..") || !ol_is_file(g->env, file))
        return ol_err_set_domain(err, ENOENT, "OSError", 0,
                                 "Invalid timezone %s, no file found at %s", given, file);
    if (has_only_link(g->distro))
        return ol_symlink(g->env, file, localtime_path, err);
    return set_with_name(g->env, zone, file, err);
}

static const char *const keys[] = {"timezone", NULL};

const struct module module_timezone = {
    .name = "timezone",
    .frequency = FREQ_INSTANCE,
    .keys = keys,
    .run = run,
};
