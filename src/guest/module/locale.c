/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/cfg.h"
#include "guest/base/notice.h"
#include "guest/distro/distro.h"
#include "guest/module/locale-text.h"
#include "guest/module/module-internal.h"
#include "guest/module/module.h"

enum { TEXT_MAX = 4 << 20 };

static const char debian_default[] = "C.UTF-8";

/* Text of a file; "" when it cannot be read. In the arena. */
static const char *read_text(struct guest *g, const char *path)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(TEXT_MAX);

    if (ol_file_read(g->env, path, &b, NULL) < 0)
        return "";
    return ol_arena_strdup(g->arena, b.data);
}

static const char *system_locale(struct guest *g)
{
    return locale_assigned(g->arena, read_text(g, g->distro->locale_file), "LANG");
}

static bool needs_generation(const char *locale)
{
    static const char *const builtin[] = {"c", "c.utf-8", "c.utf8", "posix"};

    for (size_t i = 0; i < ol_count(builtin); i++)
        if (ol_str_eq_nocase(locale, builtin[i]))
            return false;
    return true;
}

/* The tools of a locale that is not there yet must not run in it. */
static const char *const tool_environment[] = {"LANGUAGE=C.UTF-8", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                                               NULL};

static int generate(struct guest *g, const char *locale, struct ol_err *err)
{
    static const char path[] = "/etc/locale.gen";
    static const char *const argv[] = {"locale-gen", "--keep-existing", NULL};
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(TEXT_MAX);
    const char *line = locale_gen_line(g->arena, read_text(g, "/usr/share/i18n/SUPPORTED"), locale);
    int r;

    locale_gen_enable(read_text(g, path), line, &text);
    r = ol_file_write_buf(g->env, path, &text, 0644, OL_WRITE_PARENTS, err);
    return r < 0 ? r : module_run_shown(g->env, argv, tool_environment, err);
}

/* cloud-init 26.2 distros/debian.py. */
static int apply_debian(struct guest *g, const char *locale, const char *path, struct ol_err *err)
{
    const char *current = system_locale(g);
    const char *const argv[] = {
        "update-locale",
        ol_arena_printf(g->arena, "--locale-file=%s", path),
        ol_arena_printf(g->arena, "LANG=%s", locale),
        NULL,
    };
    int r = 0;

    if (current && ol_str_eq_nocase(current, locale) && ol_exists(g->env, path)) {
        ol_debug(g->env, "System has 'LANG=%s' requested '%s', skipping regeneration.", current,
                 locale);
        return 0;
    }
    if (needs_generation(locale))
        r = generate(g, locale, err);
    return r < 0 ? r : module_run_shown(g->env, argv, tool_environment, err);
}

static int apply_alpine(struct guest *g, const char *locale, const char *path, struct ol_err *err)
{
    const char *text =
        ol_arena_printf(g->arena,
                        "#\n# This file is created by cloud-init once per new instance boot\n#\n"
                        "export CHARSET=UTF-8\nexport LANG=%s\nexport LC_COLLATE=C\n",
                        locale);

    return ol_file_puts(g->env, path, text, 0644, OL_WRITE_PARENTS, err);
}

static int apply_arch(struct guest *g, const char *locale, const char *path, struct ol_err *err)
{
    static const char *const generate_argv[] = {"locale-gen", NULL};
    const char *const set_argv[] = {"localectl", "set-locale", locale, NULL};
    const char *text =
        ol_arena_printf(g->arena, "%s\n%s UTF-8\n", guest_header(g, "Created"), locale);
    int r;

    if (strcmp(path, g->distro->locale_file) != 0)
        ol_warn(g->env, "Invalid locale_configfile %s, only supported value is %s", path,
                g->distro->locale_file);
    r = ol_file_puts(g->env, "/etc/locale.gen", text, 0644, OL_WRITE_PARENTS, err);
    if (r == 0)
        r = module_run_shown(g->env, generate_argv, NULL, err);
    return r < 0 ? r : module_run_shown(g->env, set_argv, NULL, err);
}

/* Red Hat and SUSE: an assignment in locale.conf (rhel_util.update_sysconfig_file()). */
static int apply_assignment(struct guest *g, const char *locale, const char *path,
                            struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(TEXT_MAX);

    if (!ol_exists(g->env, path))
        ol_buf_printf(&text, "%s\n", guest_header(g, "Created"));
    locale_assign(read_text(g, path), "LANG", locale, &text);
    return ol_file_write_buf(g->env, path, &text, 0644, OL_WRITE_PARENTS, err);
}

/* How each family of distributions keeps its locale. */
static const struct family {
    const char *family;
    const char *fallback; /* when neither configuration nor system name one */
    int (*apply)(struct guest *g, const char *locale, const char *path, struct ol_err *err);
} families[] = {
    {"debian", debian_default, apply_debian},  {"alpine", debian_default, apply_alpine},
    {"arch", "en_US.UTF-8", apply_arch},       {"redhat", "en_US.UTF-8", apply_assignment},
    {"suse", "en_US.UTF-8", apply_assignment},
};

/* It goes into files of shell assignments and into arguments. */
static bool is_name(const char *locale)
{
    static const char chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
    enum { LONGEST = 128 };
    size_t len = strspn(locale, chars);

    return len && !locale[len] && len <= LONGEST && isalpha((unsigned char)locale[0]);
}

/* cloud-init 26.2 cc_locale.py. */
static const struct family *find_family(const struct guest *g)
{
    for (size_t i = 0; g->distro && i < ol_count(families); i++)
        if (!strcmp(families[i].family, g->distro->family))
            return &families[i];
    return NULL;
}

/* What the configuration says, else the system, else what the family falls back to. */
static const char *choose_locale(struct guest *g, const struct ol_val *given,
                                 const struct family *family)
{
    const char *of_system;

    if (given)
        return ol_val_to_text(g->arena, given);
    of_system = system_locale(g);
    return of_system ? of_system : family->fallback;
}

static int run(struct guest *g, const struct module_call *call, struct ol_err *err)
{
    const struct ol_val *given =
        ol_val_count(call->args) ? ol_val_item(call->args, 0) : ol_val_get(call->cfg, "locale");
    const char *path = ol_val_str(ol_val_get(call->cfg, "locale_configfile"));
    const struct family *family = find_family(g);
    const char *locale;

    if (!family)
        return ol_err_set_domain(err, ENOSYS, "NotImplementedError", 0,
                                 "no way to set the locale of this distribution is known");
    if (ol_val_is(given, OL_VAL_NULL))
        given = NULL;
    locale = choose_locale(g, given, family);
    if (given && cfg_is_false(given)) {
        ol_debug(g->env, "Skipping module named %s, disabled by config: %s", call->name, locale);
        return 0;
    }
    if (!*locale)
        return ol_err_set_domain(err, EINVAL, "ValueError", 0, "Failed to provide locale value.");
    if (!is_name(locale))
        return ol_err_set_domain(err, EINVAL, "ValueError", 0,
                                 "'%.200s' is no name of a locale: write one as 'de_DE.UTF-8'",
                                 locale);
    ol_debug(g->env, "Setting locale to %s", locale);
    return family->apply(g, locale, path && *path ? path : g->distro->locale_file, err);
}

const struct module module_locale = {
    .name = "locale",
    .frequency = FREQ_INSTANCE,
    .run = run,
};
